import { deepStrictEqual, ok } from "node:assert/strict";
import { noMetadata, searchStatus } from "../../../src/cli/source/no_metadata.ts";
import type { MetadataStatus } from "../../../src/torrent/metadata_search.ts";
import { makeSearchStatus } from "../fake_engine.ts";

const TIMEOUT = { kind: "metadata-timeout", waitedMs: 20_000 } as const;

function tracker(url: string, failure?: string): MetadataStatus["trackers"][number] {
  const hasAnswered = failure === undefined;
  return { url, state: "failing", hasAnswered, ...failure !== undefined && { failure } };
}

Deno.test("searchStatus() says whom it knows, whom it asked, and what is here", () => {
  deepStrictEqual(
    searchStatus(makeSearchStatus()),
    "looking for the metadata: 0 peers known, 0 connected",
  );
  const changes = { peersKnown: 3, peersConnected: 1, nodesAsked: 45, bytes: 16_384 };
  deepStrictEqual(
    searchStatus(makeSearchStatus({ ...changes, size: 32_768 })),
    "looking for the metadata: 3 peers known, 1 connected, 45 DHT nodes asked, 16 KiB of 32 KiB here",
  );
  ok(searchStatus(makeSearchStatus(changes)).endsWith("asked, 16 KiB here"));
});

const HASHES_MISSING = {
  peersKnown: 1,
  peersConnected: 1,
  peersTried: 1,
  peersReached: 1,
  peersWithMetadata: 1,
  bytes: 238,
  size: 28_942,
  pieceHashes: { here: 3, needed: 900 },
};

Deno.test("searchStatus() tells piece hashes from the metadata that names them", () => {
  deepStrictEqual(
    searchStatus(makeSearchStatus(HASHES_MISSING)),
    "looking for the piece hashes: 1 peer known, 1 connected, 3 of 900 here",
  );
});

Deno.test("noMetadata() says that the metadata is here, and how many of its piece hashes", () => {
  const wordsOf = (changes: Partial<MetadataStatus>) =>
    noMetadata(makeSearchStatus({ ...HASHES_MISSING, ...changes }), TIMEOUT).message;
  const tail = "; try again later or with more time, or name a peer that gives them with --peer";
  const head = "the metadata is here, but of its 900 piece hashes only 3 came in 20s: ";
  const cases: [Partial<MetadataStatus>, string][] = [
    [{}, "1 of 1 known peer tried, 1 had the metadata"],
    // Those that gave it came by themselves, or were sent away.
    [{ peersWithMetadata: 0 }, "1 of 1 known peer tried, 1 reached"],
    [{ peersBanned: 2 }, "1 of 1 known peer tried, 1 had the metadata, 2 banned for false data"],
    [{ peersWithMetadata: 0, peersReached: 0 }, "1 of 1 known peer tried, none reached"],
  ];
  for (const [changes, words] of cases) deepStrictEqual(wordsOf(changes), head + words + tail);
});

Deno.test("noMetadata() tells how many were banned for false metadata", () => {
  const status = makeSearchStatus({
    peersKnown: 1,
    peersTried: 1,
    peersReached: 1,
    peersWithMetadata: 6,
    peersBanned: 5,
  });
  ok(
    noMetadata(status, TIMEOUT).message.includes(
      "1 of 1 known peer tried, 6 had it, 5 banned for false metadata; try again later",
    ),
    noMetadata(status, TIMEOUT).message,
  );
});

Deno.test("noMetadata() is exit 10 with nodes, peers and the trackers' own words", () => {
  const status = makeSearchStatus({
    peersKnown: 3,
    peersTried: 2,
    peersReached: 1,
    nodesAsked: 45,
    trackers: [
      tracker("http://a/…", "it says no"),
      tracker("http://b/…"),
      tracker("http://c/…", "timeout"),
      tracker("http://d/…", "timeout"),
      tracker("http://e/…", "timeout"),
    ],
  });
  const { failure } = noMetadata(status, TIMEOUT);
  const { verdict, exitCode, retryable, detail, evidence } = failure;
  deepStrictEqual([verdict, exitCode, retryable], ["no-metadata", 10, true]);
  deepStrictEqual(
    detail,
    "no metadata came in 20s: 2 of 3 known peers tried, 1 reached, none had it, 45 DHT nodes asked; " +
      "http://a/…: it says no; http://c/…: timeout; http://d/…: timeout; 1 tracker answered; " +
      "1 more tracker did not; try again later or with more time, or name a peer that has it " +
      "with --peer",
  );
  // As every other verdict says it of trackers.
  const trackers = status.trackers.map(({ state: _state, ...tracker }) => tracker);
  deepStrictEqual(evidence, { ...status, trackers, waitedMs: 20_000, limit: "metadata-timeout" });
});

Deno.test("noMetadata() tells a deadline, peers that had it, and that there was nobody", () => {
  const words = (changes: Partial<MetadataStatus>, limit: Parameters<typeof noMetadata>[1]) =>
    noMetadata(makeSearchStatus(changes), limit).message;
  const late = words({}, { kind: "deadline", waitedMs: 60_000 });
  ok(late.startsWith("no metadata came in 1m 00s, the deadline: no peers are known; "), late);
  const stalled = words({}, { kind: "stall", waitedMs: 60_000 });
  ok(stalled.startsWith("no metadata came in 1m 00s (--stall): no peers"), stalled);
  const dead = words({ peersKnown: 3, peersTried: 3 }, TIMEOUT);
  ok(dead.includes("3 of 3 known peers tried, none reached; "), dead);
  const reached = { peersKnown: 1, peersTried: 1, peersReached: 1 };
  const half = { ...reached, peersWithMetadata: 1, bytes: 16_384, size: 65_536 };
  const slow = words(half, TIMEOUT);
  ok(slow.includes("1 of 1 known peer tried, 1 had it, 16 KiB of 64 KiB here; "), slow);
  const alone = words({}, { kind: "nobody-to-ask", waitedMs: 0 });
  ok(alone.includes("switched off; name a peer with --peer"), alone);
});
