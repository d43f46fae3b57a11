import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { type Cause, type Evidence, judge } from "../../src/torrent/verdict.ts";

/** A torrent that has just been joined, and about which nothing is known. */
const NOTHING: Evidence = {
  isComplete: false,
  trackers: [],
  namedPeers: 0,
  peersKnown: 0,
  peersConnected: 0,
  peersEverConnected: 0,
  peersChoking: 0,
  peersBanned: 0,
  dialFailures: {},
  piecesMissing: 10,
  piecesUnavailable: 10,
  piecesOnlyCorrupt: 0,
};
const DEAD_TRACKER = { url: "http://a/announce", hasAnswered: false, failure: "refused" };
const EMPTY_TRACKER = { url: "http://b/announce", hasAnswered: true };
const CONNECTED = { peersKnown: 3, peersConnected: 2, peersEverConnected: 2, piecesUnavailable: 0 };

const CASES: readonly [string, Partial<Evidence>, Cause, number, RegExp][] = [
  ["all is here", { isComplete: true }, "complete", 0, /complete/],
  [
    "every tracker failed",
    { trackers: [DEAD_TRACKER] },
    "trackers-failed",
    11,
    /http:\/\/a\/announce: refused/,
  ],
  [
    "one of two trackers answered without peers",
    { trackers: [DEAD_TRACKER, EMPTY_TRACKER] },
    "no-peers",
    12,
    /2 trackers 1 answered/,
  ],
  ["there is no source of peers", {}, "no-peers", 12, /--peer/],
  [
    "every tracker failed, and no DHT node answers",
    { trackers: [DEAD_TRACKER], dht: { asked: 3, answered: 0 } },
    "trackers-failed",
    11,
    /of 3 DHT nodes asked 0 answered/,
  ],
  [
    "every tracker failed, and the DHT knows nobody",
    { trackers: [DEAD_TRACKER], dht: { asked: 30, answered: 20 } },
    "no-peers",
    12,
    /of 30 DHT nodes asked 20 answered/,
  ],
  [
    "every tracker failed, and nobody answers where the user pointed",
    { trackers: [DEAD_TRACKER], namedPeers: 1, peersKnown: 1, dialFailures: { refused: 4 } },
    "peers-unreachable",
    13,
    /1 known peer .*4 × refused/,
  ],
  ["all choke us", { ...CONNECTED, peersChoking: 2 }, "all-choked", 14, /2 peers/],
  [
    "a piece is at no peer",
    { ...CONNECTED, piecesUnavailable: 1 },
    "swarm-incomplete",
    15,
    /1 piece of 10 missing/,
  ],
  [
    "every peer has left",
    { peersKnown: 3, peersEverConnected: 1 },
    "swarm-incomplete",
    15,
    /every peer has left/,
  ],
  [
    "only bad data came, and its senders are banned",
    { peersKnown: 3, peersEverConnected: 3, peersBanned: 3, piecesOnlyCorrupt: 2 },
    "only-bad-data",
    16,
    /2 pieces .*3 peers banned/,
  ],
  ["pieces were still coming", { ...CONNECTED, sinceProgressMs: 1_000 }, "deadline", 17, /kept/],
];

for (const [when, facts, cause, exitCode, detail] of CASES) {
  Deno.test(`judge() says ${cause} when ${when}`, () => {
    const evidence = { ...NOTHING, ...facts };
    const verdict = judge(evidence);
    strictEqual(verdict.cause, cause);
    strictEqual(verdict.exitCode, exitCode);
    strictEqual(verdict.retryable, cause !== "complete");
    match(verdict.detail, detail);
    deepStrictEqual(verdict.evidence, evidence);
  });
}

Deno.test("judge() takes no old piece for progress when that long was waited in vain", () => {
  const evidence = { ...NOTHING, ...CONNECTED, peersChoking: 2, sinceProgressMs: 6_000 };
  strictEqual(judge(evidence).cause, "deadline");
  strictEqual(judge(evidence, 5_000).cause, "all-choked");
});

Deno.test("judge() names three trackers and counts the rest when many failed", () => {
  const trackers = Array.from(
    { length: 86 },
    (_, index) => ({ ...DEAD_TRACKER, url: `u${index}` }),
  );
  match(judge({ ...NOTHING, trackers }).detail, /u0: refused; u1: .* and 83 more/);
});
