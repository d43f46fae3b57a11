import { deepStrictEqual, ok } from "node:assert/strict";
import type { Random } from "../../src/base/ambient.ts";
import { ProtocolError } from "../../src/base/errors.ts";
import type { Message } from "../../src/wire/message.ts";
import { decodeStream } from "../wire/decode_stream.ts";
import { fuzz } from "./mutation.ts";

/** The messages of a stream, or why it is refused. */
function outcome(stream: Uint8Array, readLengths: Iterable<number>): Message[] | string {
  try {
    return decodeStream(stream, readLengths);
  } catch (error) {
    ok(error instanceof ProtocolError, "only its typed error");
    return error.reason;
  }
}

function* anyLengths(random: Random): IterableIterator<number> {
  while (true) yield 1 + random.below(100);
}

Deno.test("fuzz: MessageDecoder throws only ProtocolError, and says the same in any reads", () => {
  fuzz({
    corpus: "wire_decoder",
    check(input, random) {
      deepStrictEqual(outcome(input, anyLengths(random)), outcome(input, []));
    },
  });
});
