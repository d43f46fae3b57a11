import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { SeededRandom } from "../../src/base/ambient.ts";
import type { InfoHash } from "../../src/base/ids.ts";
import { KEY_LENGTH, KeyPair } from "../../src/wire/diffie_hellman.ts";
import { PayloadMethod } from "../../src/wire/mse.ts";
import {
  BAD_KEYS,
  EITHER,
  INFO_HASH,
  initiate,
  initiatorWords,
  receive,
  refusalOf,
  type Script,
  tell,
} from "./mse_talk.ts";

const { plaintext: PLAINTEXT, rc4: RC4 } = PayloadMethod;
const MALFORMED = "malformed-handshake";

/** Why a receiver that accepts `accepted` refuses what a peer says; undefined when it agrees. */
function meet(script: Script, accepted: number): string | undefined {
  const receiver = receive({ accepted });
  const keys = new KeyPair(new SeededRandom(3));
  tell(receiver, keys.publicKey);
  const ourKey = receiver.drain()!.subarray(0, KEY_LENGTH);
  const refusal = refusalOf(receiver, initiatorWords(keys, ourKey, script));
  const answer = receiver.drain();
  if (refusal === undefined) ok(receiver.result && answer);
  else strictEqual(answer, undefined, "what is refused gets no answer");
  return refusal;
}

const OTHER = new Uint8Array(20).fill(8) as InfoHash;
const CASES: readonly (readonly [string, Script, number, string | undefined])[] = [
  ["offers both", { methods: EITHER }, EITHER, undefined],
  ["offers what there is not beside RC4", { methods: 0x80000000 | RC4 }, RC4, undefined],
  ["offers plaintext, which is not accepted", { methods: PLAINTEXT }, RC4, MALFORMED],
  ["offers nothing", { methods: 0 }, EITHER, MALFORMED],
  ["offers only what there is not", { methods: 4 }, EITHER, MALFORMED],
  ["pads with all that it may", { firstPad: 512, secondPad: 512 }, EITHER, undefined],
  ["pads its key too much", { firstPad: 513 }, EITHER, MALFORMED],
  ["pads its offer too much", { secondPad: 513 }, EITHER, MALFORMED],
  ["says pads without measure", { secondPad: 65_535 }, EITHER, MALFORMED],
  ["has a wrong verification constant", { verification: 1 }, EITHER, MALFORMED],
  ["sends a long payload", { payload: new Uint8Array(16_384) }, EITHER, undefined],
  ["says too long a payload", { payloadLength: 16_385 }, EITHER, MALFORMED],
  ["wants a torrent that is not ours", { infoHash: OTHER }, EITHER, "wrong-info-hash"],
];

for (const [what, script, accepted, expected] of CASES) {
  Deno.test(`P31 MseReceiver ${expected ? "refuses" : "takes"} a peer that ${what}`, () => {
    strictEqual(meet(script, accepted), expected);
  });
}

Deno.test("P31 MseReceiver refuses public keys that are none, without an answer", () => {
  for (const key of BAD_KEYS) {
    const receiver = receive();
    strictEqual(refusalOf(receiver, key), MALFORMED);
    strictEqual(receiver.drain(), undefined);
  }
});

Deno.test("P31 MseReceiver has heard 532 bytes and an offer at most when the hash never comes", () => {
  const receiver = receive();
  tell(receiver, new KeyPair(new SeededRandom(3)).publicKey);
  let heard = 0, reason: unknown;
  while (reason === undefined) {
    const space = receiver.space();
    heard += space.length;
    try {
      receiver.advance(space.length);
    } catch (error) {
      reason = (error as { reason: unknown }).reason;
    }
  }
  strictEqual(reason, MALFORMED);
  ok(heard <= 512 + 20 + 34, `${heard} bytes`);
});

/** Lets both talk, in reads of these lengths, and what they then say to each other. */
function talk(offer: number, accepted: number, payload: Uint8Array, lengths: readonly number[]) {
  const initiator = initiate({ offer, payload, seed: lengths[0]! }),
    receiver = receive({ accepted });
  const reads = lengths.values();
  strictEqual(tell(receiver, initiator.drain()!, reads).length, 0);
  strictEqual(tell(initiator, receiver.drain()!, reads).length, 0);
  strictEqual(tell(receiver, initiator.drain()!, reads).length, 0);
  // What follows at once must be left alone.
  const answer = receiver.drain()!;
  const next = new Uint8Array([1, 2, 3]);
  const sent = new Uint8Array(answer.length + 3);
  sent.set(answer);
  sent.set(next, answer.length);
  deepStrictEqual(tell(initiator, sent, reads), next);
  return { ours: initiator.result!, theirs: receiver.result! };
}

const METHODS = fc.constantFrom(
  [PLAINTEXT, EITHER, false] as const,
  [EITHER, EITHER, false] as const,
  [EITHER, RC4, true] as const,
  [RC4, EITHER, true] as const,
  [RC4, RC4, true] as const,
);

Deno.test("MseInitiator and MseReceiver agree in whatever parts their words come", () => {
  fc.assert(
    fc.property(
      METHODS,
      fc.uint8Array({ maxLength: 100 }),
      fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 3000 }),
      ([offer, accepted, isEncrypted], payload, lengths) => {
        const { ours, theirs } = talk(offer, accepted, payload, lengths);
        deepStrictEqual(theirs.received, payload);
        deepStrictEqual(theirs.infoHash, INFO_HASH);
        strictEqual(ours.ciphers !== undefined, isEncrypted);
        strictEqual(theirs.ciphers !== undefined, isEncrypted);
        const said = new Uint8Array(50).fill(9), back = said.slice();
        ours.ciphers?.outgoing.apply(said);
        theirs.ciphers?.outgoing.apply(back);
        if (isEncrypted) ok(said.some((byte) => byte !== 9) && said.toHex() !== back.toHex());
        theirs.ciphers?.incoming.apply(said);
        ours.ciphers?.incoming.apply(back);
        deepStrictEqual([...said, ...back], new Array(100).fill(9));
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("MseInitiator and MseReceiver agree when every byte comes alone", () => {
  const { theirs } = talk(EITHER, EITHER, new Uint8Array(68).fill(5), new Array(5000).fill(1));
  deepStrictEqual(theirs.received, new Uint8Array(68).fill(5));
});
