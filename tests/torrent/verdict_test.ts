import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { type Cause, CAUSES, type Evidence, judge } from "../../src/torrent/verdict.ts";
import { DEAD_TRACKER, EMPTY_TRACKER, makeEvidence } from "./evidence.ts";

/** Two peers that could give everything. */
const CONNECTED = { peersKnown: 3, peersConnected: 2, peersEverConnected: 2, piecesUnavailable: 0 };

const CASES: readonly [string, Partial<Evidence>, Cause, number][] = [
  ["all is here", { isComplete: true }, "complete", 0],
  ["every tracker failed", { trackers: [DEAD_TRACKER] }, "trackers-failed", 11],
  [
    "every tracker failed, and no DHT node answers",
    { trackers: [DEAD_TRACKER], dht: { asked: 3, answered: 0 } },
    "trackers-failed",
    11,
  ],
  [
    "every tracker failed, and the DHT knows nobody",
    { trackers: [DEAD_TRACKER], dht: { asked: 30, answered: 20 } },
    "no-peers",
    12,
  ],
  ["one tracker answers nobody", { trackers: [DEAD_TRACKER, EMPTY_TRACKER] }, "no-peers", 12],
  [
    "trackers name only ourselves",
    { trackers: [EMPTY_TRACKER], peersOurselves: 1 },
    "no-peers",
    12,
  ],
  ["there is no source of peers", {}, "no-peers", 12],
  [
    "somebody came, gave nothing and left, and nobody else is known",
    { trackers: [EMPTY_TRACKER], peersEverConnected: 1, departures: { "remote-closed": 1 } },
    "no-peers",
    12,
  ],
  [
    "every tracker failed, and nobody answers where the user pointed",
    { trackers: [DEAD_TRACKER], namedPeers: 1, peersKnown: 1, dialFailures: { refused: 4 } },
    "peers-unreachable",
    13,
  ],
  ["the user named ourselves", { namedPeers: 1, peersOurselves: 1 }, "peers-unreachable", 13],
  ["nobody has answered yet", { peersKnown: 2, dialsUnderWay: 2 }, "peers-unreachable", 13],
  [
    "whoever connected broke the protocol",
    { peersKnown: 1, peersEverConnected: 3, departures: { "malformed-message": 3 } },
    "all-choked",
    14,
  ],
  [
    "more broke the protocol than could not be reached",
    { peersKnown: 3, dialFailures: { refused: 1 }, departures: { "request-flood": 2 } },
    "all-choked",
    14,
  ],
  [
    "as many could not be reached as broke the protocol",
    { peersKnown: 2, dialFailures: { refused: 1 }, departures: { "request-flood": 1 } },
    "peers-unreachable",
    13,
  ],
  [
    "one broke the protocol, and the others do not answer",
    {
      peersKnown: 50,
      dialFailures: { timeout: 48 },
      dialsUnderWay: 1,
      departures: { "malformed-message": 1 },
    },
    "peers-unreachable",
    13,
  ],
  [
    "one broke the protocol, and the others have not answered yet",
    { peersKnown: 50, dialsUnderWay: 49, departures: { "malformed-message": 1 } },
    "peers-unreachable",
    13,
  ],
  [
    "somebody broke the protocol whom nobody knows now",
    { trackers: [EMPTY_TRACKER], departures: { "malformed-message": 1 } },
    "no-peers",
    12,
  ],
  [
    "whoever connected hung up",
    { peersKnown: 1, peersEverConnected: 3, departures: { "remote-closed": 3 } },
    "peers-unreachable",
    13,
  ],
  ["all choke us", { ...CONNECTED, peersChoking: 2 }, "all-choked", 14],
  ["they let us ask and send nothing", { ...CONNECTED, peersMute: 2 }, "all-choked", 14],
  [
    "one chokes us, and the other has nothing for us",
    { ...CONNECTED, peersChoking: 1, peersEmpty: 1 },
    "all-choked",
    14,
  ],
  [
    "one chokes us, and some pieces are at nobody",
    { ...CONNECTED, peersChoking: 1, peersEmpty: 1, piecesUnavailable: 5 },
    "all-choked",
    14,
  ],
  [
    "nobody has what we lack, however recently pieces came",
    { ...CONNECTED, peersEmpty: 2, piecesUnavailable: 5, piecesMissing: 5, sinceProgressMs: 10 },
    "swarm-incomplete",
    15,
  ],
  [
    "every peer has left",
    { peersKnown: 3, peersEverConnected: 1, peersContributed: 1 },
    "swarm-incomplete",
    15,
  ],
  [
    "only bad data came, and its senders are banned",
    { peersEverConnected: 3, peersContributed: 3, peersBanned: 3, ...corrupt(2) },
    "only-bad-data",
    16,
  ],
  [
    "only bad data came of a piece, and who is left lacks it and chokes us",
    { ...CONNECTED, peersChoking: 2, ...corrupt(1) },
    "only-bad-data",
    16,
  ],
  [
    "data comes and is corrupt again and again",
    { ...CONNECTED, peersGiving: 2, ...corrupt(2), piecesOnlyCorrupt: 0, hashFailures: 9 },
    "only-bad-data",
    16,
  ],
  [
    "what was corrupt may yet come from somebody who chokes us",
    { ...CONNECTED, peersChoking: 2, ...corrupt(1), piecesOnlyCorrupt: 0 },
    "all-choked",
    14,
  ],
  ["data comes", { ...CONNECTED, peersGiving: 1, peersEmpty: 1 }, "deadline", 17],
  [
    "data comes, though some pieces are at nobody, and one was corrupt",
    {
      ...CONNECTED,
      peersGiving: 2,
      piecesUnavailable: 3,
      ...corrupt(1),
      hashFailures: 5,
      sinceProgressMs: 2_000,
    },
    "deadline",
    17,
  ],
];

function corrupt(pieces: number): Partial<Evidence> {
  return { piecesCorrupt: pieces, piecesOnlyCorrupt: pieces, hashFailures: pieces };
}

for (const [when, facts, cause, exitCode] of CASES) {
  Deno.test(`judge() says ${cause} when ${when}`, () => {
    const evidence = makeEvidence(facts);
    const verdict = judge(evidence);
    strictEqual(verdict.cause, cause, verdict.detail);
    deepStrictEqual([verdict.exitCode, verdict.retryable], [exitCode, cause !== "complete"]);
    deepStrictEqual(verdict.evidence, evidence);
    ok(verdict.situation !== "" && verdict.detail.startsWith(verdict.situation));
  });
}

Deno.test("judge() takes no old piece for progress when that long was waited in vain", () => {
  const facts = { ...CONNECTED, peersGiving: 2, ...corrupt(1), piecesOnlyCorrupt: 0 };
  const evidence = makeEvidence({ ...facts, hashFailures: 3, sinceProgressMs: 6_000 });
  strictEqual(judge(evidence).cause, "deadline");
  strictEqual(judge(evidence, 5_000).cause, "only-bad-data");
});

Deno.test("CAUSES says of every cause whether trying again makes sense, as README.md does", async () => {
  const readme = await Deno.readTextFile(new URL("../../README.md", import.meta.url));
  const section = /^## Exit codes\n(.*?)^## /ms.exec(readme)![1]!;
  const rows = new Map<number, boolean>();
  for (const [, codes = "", advice = ""] of section.matchAll(/^\| ([\d, ]+) +\|.*\| (.*) \|$/gm)) {
    for (const code of codes.split(",")) rows.set(Number(code), advice.startsWith("yes"));
  }
  match(section, /2 +\| usage/);
  for (const [cause, { exitCode, retryable }] of Object.entries(CAUSES)) {
    deepStrictEqual([cause, rows.get(exitCode)], [cause, retryable]);
  }
});
