import { deepStrictEqual } from "node:assert/strict";
import { ParoledPiece } from "../../src/piece/paroled_piece.ts";
import { NO_PEER } from "../../src/piece/partial_piece.ts";
import { Requester } from "../../src/piece/requester.ts";

const KNOWN_MS = 50;

Deno.test("mayOwn() lets quick peers first that did not contribute, in the end everybody", () => {
  const paroled = new ParoledPiece(1_000);
  paroled.failed([1, 2], 1_000);
  const suspect = peer(1, KNOWN_MS), slow = peer(3, 2_000), slowSuspect = peer(2, 2_000);
  const mayOwn = (requester: Requester, isSnubbed = false) =>
    [1_000, 2_000, 3_000, 4_000].map((now) => Number(paroled.mayOwn(requester, isSnubbed, now)))
      .join("");
  deepStrictEqual(mayOwn(peer(4, KNOWN_MS)), "1111");
  deepStrictEqual(mayOwn(suspect), "0111");
  deepStrictEqual(mayOwn(slow), "0011");
  deepStrictEqual(mayOwn(peer(5, KNOWN_MS), true), "0011");
  deepStrictEqual(mayOwn(new Requester(6)), "0011");
  deepStrictEqual(mayOwn(slowSuspect), "0001");
});

Deno.test("there is one owner at a time, until it is lost or the piece is wrong again", () => {
  const paroled = new ParoledPiece(1_000);
  paroled.failed([1, 2], 0);
  paroled.own(1, 1_000);
  deepStrictEqual([paroled.owner, paroled.mayOwn(peer(4, KNOWN_MS), false, 9_000)], [1, false]);
  paroled.disown();
  deepStrictEqual([paroled.owner, paroled.mayOwn(peer(4, KNOWN_MS), false, 9_000)], [
    NO_PEER,
    true,
  ]);
  paroled.own(4, 9_000);
  paroled.failed([4], 9_500);
  const mayOwn = (key: number, now: number) => paroled.mayOwn(peer(key, KNOWN_MS), false, now);
  deepStrictEqual([paroled.owner, mayOwn(4, 10_500), mayOwn(2, 10_500)], [NO_PEER, false, true]);
});

Deno.test("mayHelp() is granted later to suspects, to larger pieces, and after each failure", () => {
  const firstHelpMs = (pieceSize: number, failureCount: number, key: number) => {
    const paroled = new ParoledPiece(pieceSize);
    for (let failure = 0; failure < failureCount; failure++) paroled.failed([1, 2], 0);
    const ownedAt = 1_000_000;
    paroled.own(3, ownedAt);
    let now = ownedAt;
    while (!paroled.mayHelp(peer(key, KNOWN_MS), now)) now += 1_000;
    return now - ownedAt;
  };
  deepStrictEqual([firstHelpMs(0, 1, 4), firstHelpMs(0, 1, 1)], [5_000, 10_000]);
  deepStrictEqual(firstHelpMs(2 ** 20, 1, 4), 9_000);
  deepStrictEqual([2, 3, 4, 5, 6, 60].map((failures) => firstHelpMs(0, failures, 4)), [
    10_000,
    20_000,
    40_000,
    80_000,
    80_000,
    80_000,
  ]);
});

function peer(key: number, responseMs: number): Requester {
  const requester = new Requester(key);
  requester.answeredAfter(responseMs);
  return requester;
}
