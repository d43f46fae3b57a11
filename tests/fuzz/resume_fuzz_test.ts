import { deepStrictEqual, ok } from "node:assert/strict";
import { encodeResume, parseResume, ResumeError } from "../../src/storage/resume_codec.ts";
import { plain, resign, SUBJECT, textOf } from "../storage/resume_text.ts";
import { fuzz } from "./mutation.ts";

/** What is accepted must be the same when it is written and read again. */
function check(input: Uint8Array): void {
  try {
    const state = parseResume(input, SUBJECT);
    deepStrictEqual(plain(parseResume(encodeResume(SUBJECT, state), SUBJECT)), plain(state));
  } catch (error) {
    ok(error instanceof ResumeError, "only its typed error");
  }
}

Deno.test("fuzz: parseResume() throws only ResumeError", () => {
  fuzz({ corpus: "resume", check });
});

Deno.test("fuzz: parseResume() throws only ResumeError behind a good checksum", () => {
  fuzz({ corpus: "resume", check: (input) => check(resign(textOf(input).split("\n")[0]!)) });
});
