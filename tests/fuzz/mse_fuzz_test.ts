import { deepStrictEqual, ok } from "node:assert/strict";
import type { Random } from "../../src/base/ambient.ts";
import { ProtocolError } from "../../src/base/errors.ts";
import { KEY_LENGTH } from "../../src/wire/diffie_hellman.ts";
import type { MseSide } from "../../src/wire/mse_side.ts";
import { initiate, receive, tell } from "../wire/mse_talk.ts";
import { fuzz } from "./mutation.ts";

/** Bytes of a key, two pads, two hashes, an offer and a payload. */
const LARGEST_HANDSHAKE = KEY_LENGTH + 512 + 20 + 20 + 14 + 512 + 2 + 16 * 1024;

function outcome(side: MseSide, input: Uint8Array, lengths?: Iterator<number>): unknown {
  try {
    const rest = tell(side, input, lengths);
    ok(input.length - rest.length <= LARGEST_HANDSHAKE);
    const { result } = side;
    return { rest, received: result?.received, isEncrypted: result?.ciphers !== undefined };
  } catch (error) {
    ok(error instanceof ProtocolError, "only its typed error");
    return error.reason;
  }
}

function* anyLengths(random: Random): IterableIterator<number> {
  while (true) yield 1 + random.below(100);
}

Deno.test("fuzz: MseReceiver throws only ProtocolError, and says the same in any reads", () => {
  fuzz({
    corpus: "mse_receiver",
    check(input, random) {
      deepStrictEqual(outcome(receive(), input, anyLengths(random)), outcome(receive(), input));
    },
  });
});

Deno.test("fuzz: MseInitiator throws only ProtocolError, and says the same in any reads", () => {
  fuzz({
    corpus: "mse_initiator",
    check(input, random) {
      deepStrictEqual(outcome(initiate(), input, anyLengths(random)), outcome(initiate(), input));
    },
  });
});
