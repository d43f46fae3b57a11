import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import { concatBytes } from "../../src/base/bytes.ts";
import { KEY_LENGTH, KeyPair } from "../../src/wire/diffie_hellman.ts";
import { encodeHandshake } from "../../src/wire/handshake.ts";
import { PayloadMethod } from "../../src/wire/mse.ts";
import type { PeerId } from "../../src/base/ids.ts";
import {
  BAD_KEYS,
  INFO_HASH,
  initiate,
  receiverWords,
  refusalOf,
  type Script,
} from "./mse_talk.ts";

const { plaintext: PLAINTEXT, rc4: RC4 } = PayloadMethod;
const MALFORMED = "malformed-handshake";

/** Why an initiator that offers `offer` refuses what a peer says; undefined when it has agreed. */
function meet(script: Script, offer: number): string | undefined {
  const initiator = initiate({ offer });
  const words = receiverWords(
    new KeyPair(new SeededRandom(3)),
    initiator.drain()!.subarray(0, KEY_LENGTH),
    script,
  );
  const refusal = refusalOf(initiator, words);
  if (refusal === undefined) ok(initiator.result);
  ok(initiator.hasTheirKey);
  return refusal;
}

const CASES: readonly (readonly [string, Script, number, string | undefined])[] = [
  ["selects what was offered alone", { methods: PLAINTEXT }, PLAINTEXT, undefined],
  ["selects RC4 of both", { methods: RC4 }, PLAINTEXT | RC4, undefined],
  ["selects plaintext of both", { methods: PLAINTEXT }, PLAINTEXT | RC4, undefined],
  ["selects plaintext, which is not allowed", { methods: PLAINTEXT }, RC4, MALFORMED],
  ["selects RC4, which was not offered", { methods: RC4 }, PLAINTEXT, MALFORMED],
  ["selects both", { methods: PLAINTEXT | RC4 }, PLAINTEXT | RC4, MALFORMED],
  ["selects nothing", { methods: 0 }, PLAINTEXT | RC4, MALFORMED],
  ["selects what there is not", { methods: 0x80000000 }, PLAINTEXT | RC4, MALFORMED],
  ["says more beside the one", { methods: 4 | RC4 }, PLAINTEXT | RC4, MALFORMED],
  ["pads with all that it may", { methods: RC4, firstPad: 512, secondPad: 512 }, RC4, undefined],
  ["pads its key too much", { methods: RC4, firstPad: 513 }, RC4, MALFORMED],
  ["pads its answer too much", { methods: RC4, secondPad: 513 }, RC4, MALFORMED],
  ["says pads without measure", { methods: RC4, secondPad: 65_535 }, RC4, MALFORMED],
];
for (const [what, script, offer, expected] of CASES) {
  Deno.test(`P31 MseInitiator ${expected ? "refuses" : "takes"} a peer that ${what}`, () => {
    strictEqual(meet(script, offer), expected);
  });
}

Deno.test("P31 MseInitiator has heard 520 bytes at most when a verification never comes", () => {
  const initiator = initiate();
  const { publicKey } = new KeyPair(new SeededRandom(3));
  strictEqual(refusalOf(initiator, publicKey), undefined);
  ok(initiator.hasTheirKey);
  const noise = new Uint8Array(2000);
  let heard = 0;
  const hear = () => {
    while (true) {
      const space = initiator.space();
      heard += space.length;
      space.set(noise.subarray(0, space.length));
      initiator.advance(space.length);
    }
  };
  let reason: unknown;
  try {
    hear();
  } catch (error) {
    reason = (error as { reason: unknown }).reason;
  }
  strictEqual(reason, MALFORMED);
  ok(heard <= 512 + 8 + 6, `${heard} bytes`);
});

Deno.test("P31 MseInitiator refuses public keys that are none, as if it had heard none", () => {
  for (const key of BAD_KEYS) {
    const initiator = initiate();
    strictEqual(refusalOf(initiator, key), MALFORMED);
    strictEqual(initiator.hasTheirKey, false);
  }
});

Deno.test("P31 MseInitiator sees that a peer speaks without encryption", () => {
  const initiator = initiate();
  const flags = { fast: false, extended: false, dht: false };
  const peerId = new Uint8Array(20) as PeerId;
  const plain = encodeHandshake({ infoHash: INFO_HASH, peerId, flags });
  strictEqual(refusalOf(initiator, concatBytes(plain, new Uint8Array(100))), MALFORMED);
  strictEqual(initiator.hasTheirKey, false);
});

Deno.test("MseInitiator pads its key with anything up to 512 bytes", () => {
  const lengths = Array.from({ length: 200 }, (_, seed) => initiate({ seed }).drain()!.length);
  ok(Math.min(...lengths) >= KEY_LENGTH && Math.max(...lengths) <= KEY_LENGTH + 512);
  ok(new Set(lengths).size > 100);
  deepStrictEqual(initiate().drain()!.length, initiate().drain()!.length);
});
