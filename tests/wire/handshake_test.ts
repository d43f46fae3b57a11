import { deepStrictEqual, notStrictEqual, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { concatBytes } from "../../src/base/bytes.ts";
import type { InfoHash, PeerId } from "../../src/base/ids.ts";
import {
  checkHandshakeStart,
  encodeHandshake,
  HANDSHAKE_LENGTH,
  type HandshakeFlags,
  parseHandshake,
} from "../../src/wire/handshake.ts";

const INFO_HASH = new Uint8Array(20).fill(0xaa) as InfoHash;
const PEER_ID = new TextEncoder().encode("-ST0001-abcdefghijkl") as PeerId;
const NO_FLAGS: HandshakeFlags = { extended: false, fast: false, dht: false };
const TEXT = new TextEncoder();

function encode(flags: Partial<HandshakeFlags> = {}): Uint8Array {
  const all = { ...NO_FLAGS, ...flags };
  return encodeHandshake({ infoHash: INFO_HASH, peerId: PEER_ID, flags: all });
}

Deno.test("encodeHandshake() writes 68 bytes as BEP 3 has them", () => {
  strictEqual(
    encode().toHex(),
    "13" + TEXT.encode("BitTorrent protocol").toHex() + "0000000000000000" + "aa".repeat(20) +
      PEER_ID.toHex(),
  );
});

Deno.test("encodeHandshake() sets the reserved bits of BEP 5, 6 and 10", () => {
  const reserved = (flags: Partial<HandshakeFlags>) => encode(flags).subarray(20, 28).toHex();
  strictEqual(reserved({ extended: true }), "0000000000100000");
  strictEqual(reserved({ fast: true }), "0000000000000004");
  strictEqual(reserved({ dht: true }), "0000000000000001");
  strictEqual(reserved({ extended: true, fast: true, dht: true }), "0000000000100005");
});

Deno.test("parseHandshake() gives what was encoded", () => {
  const bytes = fc.uint8Array({ minLength: 20, maxLength: 20 });
  const flag = fc.boolean();
  fc.assert(fc.property(bytes, bytes, flag, flag, flag, (hash, id, extended, fast, dht) => {
    const handshake = {
      infoHash: hash as InfoHash,
      peerId: id as PeerId,
      flags: { extended, fast, dht },
    };
    deepStrictEqual(parseHandshake(encodeHandshake(handshake)), handshake);
  }));
});

Deno.test("parseHandshake() ignores reserved bits that we do not know", () => {
  const bytes = encode();
  bytes.set(Uint8Array.fromHex("ffffffffffeffffa"), 20);
  deepStrictEqual(parseHandshake(bytes).flags, NO_FLAGS);
  // BEP 52: "I know this hybrid's version 2 too"; we do not, and answer as if it were not there.
  bytes.set(Uint8Array.fromHex("0000000000000010"), 20);
  deepStrictEqual(parseHandshake(bytes).flags, NO_FLAGS);
});

Deno.test("parseHandshake() gives bytes of its own", () => {
  const bytes = encode();
  const { infoHash, peerId } = parseHandshake(bytes);
  bytes.fill(0);
  deepStrictEqual([infoHash, peerId], [INFO_HASH, PEER_ID]);
  notStrictEqual(infoHash.buffer, bytes.buffer);
});

Deno.test("parseHandshake() asserts that all 68 bytes are there", () => {
  throws(() => parseHandshake(encode().subarray(0, HANDSHAKE_LENGTH - 1)), /BugError/);
});

Deno.test("checkHandshakeStart() accepts every beginning of a handshake", () => {
  const bytes = encode({ extended: true });
  for (let length = 0; length <= bytes.length; length++) {
    checkHandshakeStart(bytes.subarray(0, length));
  }
});

Deno.test("P1 checkHandshakeStart() refuses other protocols by their first bytes", () => {
  const others = [
    TEXT.encode("GET / HTTP/1.1\r\n"),
    Uint8Array.fromHex("1603010200010001fc0303"), // a TLS hello
    Uint8Array.of(0),
    Uint8Array.of(18),
    Uint8Array.of(255),
    TEXT.encode("\x13BitTorrent Protocol"),
    TEXT.encode("\x13BitTorrenT"),
    TEXT.encode("BitTorrent protocol"),
  ];
  for (const bytes of others) {
    throws(() => checkHandshakeStart(bytes), {
      name: "ProtocolError",
      reason: "malformed-handshake",
    });
    const padded = concatBytes(bytes, new Uint8Array(HANDSHAKE_LENGTH - bytes.length));
    throws(() => parseHandshake(padded), { reason: "malformed-handshake" });
  }
});

Deno.test("P1 checkHandshakeStart() refuses at the first wrong byte, wherever it is", () => {
  for (let at = 0; at < 20; at++) {
    const bytes = encode().subarray(0, at + 1);
    bytes[at]! ^= 1;
    throws(() => checkHandshakeStart(bytes), { reason: "malformed-handshake" });
  }
});
