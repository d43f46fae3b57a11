import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { ProtocolError } from "../../src/base/errors.ts";
import {
  checkHandshakeStart,
  encodeHandshake,
  HANDSHAKE_LENGTH,
  parseHandshake,
} from "../../src/wire/handshake.ts";
import { fuzz } from "./mutation.ts";

function isRefused(parse: () => void): boolean {
  try {
    parse();
    return false;
  } catch (error) {
    ok(error instanceof ProtocolError && error.reason === "malformed-handshake");
    return true;
  }
}

Deno.test("fuzz: parseHandshake() throws only ProtocolError, as early as it can", () => {
  fuzz({
    corpus: "handshake",
    check(input) {
      const whole = new Uint8Array(HANDSHAKE_LENGTH);
      whole.set(input.subarray(0, HANDSHAKE_LENGTH));
      const refused = isRefused(() => checkHandshakeStart(whole));
      strictEqual(isRefused(() => parseHandshake(whole)), refused);
      if (input.length <= HANDSHAKE_LENGTH && isRefused(() => checkHandshakeStart(input))) {
        ok(refused, "what is refused early stays refused");
      }
      if (refused) return;
      const handshake = parseHandshake(whole);
      deepStrictEqual(parseHandshake(encodeHandshake(handshake)), handshake);
    },
  });
});
