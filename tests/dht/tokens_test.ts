import { deepStrictEqual, equal, notDeepStrictEqual, ok } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import { Tokens } from "../../src/dht/tokens.ts";
import { hashOf } from "./samples.ts";

const MINUTE = 60_000;
const HASH = hashOf(1);
const HOST = "8.8.8.8";

Deno.test("H4 isValid() takes a token of the same address and torrent alone", () => {
  const tokens = new Tokens({ random: new SeededRandom(1) });
  const token = tokens.issue(HOST, HASH, 0);
  equal(token.length, 8);
  ok(tokens.isValid(token, HOST, HASH, 0));
  equal(tokens.isValid(token, "8.8.8.9", HASH, 0), false);
  equal(tokens.isValid(token, HOST, hashOf(2), 0), false);
  equal(tokens.isValid(token.subarray(1), HOST, HASH, 0), false);
  equal(tokens.isValid(new Uint8Array(0), HOST, HASH, 0), false);
  for (let byte = 0; byte < 8; byte++) {
    const forged = token.slice();
    forged[byte]! ^= 1;
    equal(tokens.isValid(forged, HOST, HASH, 0), false);
  }
});

Deno.test("H4 isValid() takes a token for 5 to 10 minutes", () => {
  const tokens = new Tokens({ random: new SeededRandom(1) });
  const early = tokens.issue(HOST, HASH, 0), late = tokens.issue(HOST, HASH, 5 * MINUTE - 1);
  deepStrictEqual(early, late, "of one slot");
  ok(tokens.isValid(late, HOST, HASH, 10 * MINUTE - 1));
  equal(tokens.isValid(late, HOST, HASH, 10 * MINUTE), false);
  notDeepStrictEqual(tokens.issue(HOST, HASH, 5 * MINUTE), late);
});

Deno.test("issue() depends on a secret", () => {
  const [a, b] = [1, 2].map((seed) => new Tokens({ random: new SeededRandom(seed) }));
  notDeepStrictEqual(a!.issue(HOST, HASH, 0), b!.issue(HOST, HASH, 0));
});
