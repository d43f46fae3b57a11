import { deepStrictEqual, notDeepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import { sha1 } from "../sim/sim_storage.ts";
import { concatBytes } from "../../src/base/bytes.ts";
import type { InfoHash } from "../../src/base/ids.ts";
import {
  createCiphers,
  createPad,
  malformed,
  maskHash,
  MAX_PAD_LENGTH,
  syncHash,
  torrentHash,
} from "../../src/wire/mse.ts";
import { Rc4 } from "../../src/wire/rc4.ts";

const SECRET = new Uint8Array(96).fill(3);
const INFO_HASH = new Uint8Array(20).fill(7) as InfoHash;

function textBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

Deno.test("syncHash(), torrentHash() and maskHash() hash what the specification says", () => {
  deepStrictEqual(syncHash(SECRET), new Uint8Array(sha1(concatBytes(textBytes("req1"), SECRET))));
  const named = torrentHash(INFO_HASH);
  deepStrictEqual(named, new Uint8Array(sha1(concatBytes(textBytes("req2"), INFO_HASH))));
  const mask = sha1(concatBytes(textBytes("req3"), SECRET));
  const masked = maskHash(named, SECRET);
  deepStrictEqual([...masked], [...named].map((byte, index) => byte ^ mask[index]!));
  deepStrictEqual(maskHash(masked, SECRET), named);
});

Deno.test("createCiphers() discards 1024 bytes of the streams of keyA and keyB", () => {
  const { ofInitiator, ofReceiver } = createCiphers(SECRET, INFO_HASH);
  for (const [name, cipher] of [["keyA", ofInitiator], ["keyB", ofReceiver]] as const) {
    const stream = new Uint8Array(1124), tail = new Uint8Array(100);
    new Rc4(sha1(concatBytes(textBytes(name), SECRET, INFO_HASH))).apply(stream);
    cipher.apply(tail);
    deepStrictEqual(tail, stream.subarray(1024));
  }
});

Deno.test("createPad() is random, and as long as it may be", () => {
  const random = new SeededRandom(1);
  const pads = Array.from({ length: 3000 }, () => createPad(random));
  strictEqual(Math.max(...pads.map(({ length }) => length)), MAX_PAD_LENGTH);
  strictEqual(Math.min(...pads.map(({ length }) => length)), 0);
  const [a, b] = pads.filter(({ length }) => length > 100) as [Uint8Array, Uint8Array];
  notDeepStrictEqual(a.subarray(0, 100), b.subarray(0, 100));
});

Deno.test("malformed() is a sentence for people", () => {
  const { reason, message } = malformed("its key is none");
  strictEqual(reason, "malformed-handshake");
  ok(message === "Cannot use the peer: its key is none");
});
