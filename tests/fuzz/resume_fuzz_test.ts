import { deepStrictEqual, ok } from "node:assert/strict";
import { encodeResume, parseResume, ResumeError } from "../../src/storage/resume_codec.ts";
import { plain, SUBJECT } from "../storage/resume_text.ts";
import { fuzz } from "./mutation.ts";

/** What is accepted must be the same when it is written and read again. */
function check(input: Uint8Array): void {
  // What is kept is sealed.
  const [line = ""] = new TextDecoder().decode(input).split("\n");
  try {
    const state = parseResume(line, SUBJECT);
    deepStrictEqual(plain(parseResume(encodeResume(SUBJECT, state), SUBJECT)), plain(state));
  } catch (error) {
    ok(error instanceof ResumeError, "only its typed error");
  }
}

Deno.test("fuzz: parseResume() throws only ResumeError", () => {
  fuzz({ corpus: "resume", check });
});
