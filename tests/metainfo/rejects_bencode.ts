/** Asserts a `BencodeError` at `offset` that says `problem`. */
import { equal, ok, throws } from "node:assert/strict";
import { BencodeError, decode } from "../../src/metainfo/bencode.ts";
import { latin1Bytes } from "./latin1_bytes.ts";

export function rejectsBencode(text: string, offset: number, problem: RegExp): void {
  throws(() => decode(latin1Bytes(text)), (error) => {
    ok(error instanceof BencodeError, `${error}`);
    equal(error.offset, offset, `${text.slice(0, 30)}: ${error.message}`);
    ok(problem.test(error.message), error.message);
    ok(error.message.startsWith("Cannot decode bencode: "));
    return true;
  });
}
