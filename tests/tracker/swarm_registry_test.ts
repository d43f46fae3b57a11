import { deepStrictEqual, equal, ok } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import { formatEndpoint } from "../../src/base/endpoint.ts";
import type { ReceivedAnnounce } from "../../src/tracker/announce.ts";
import { SwarmRegistry } from "../../src/tracker/swarm_registry.ts";
import { infoHash, peerId } from "./announce_samples.ts";

const MINUTE = 60_000;

function makeRegistry(allowed?: ReadonlySet<string>, intervalMs = 30 * MINUTE): SwarmRegistry {
  return new SwarmRegistry({
    random: new SeededRandom(1),
    intervalMs,
    ...(allowed === undefined ? {} : { allowed }),
  });
}

/** An announce of `host:port`; the peers that it is told of, or the refusal. */
function announce(
  registry: SwarmRegistry,
  { host = "10.0.0.1", maxPeers = 200, now = 0, ...changes }: Partial<ReceivedAnnounce> & {
    host?: string;
    maxPeers?: number;
    now?: number;
  } = {},
): string[] | string {
  const received = {
    infoHash,
    peerId,
    port: 6881,
    isSeeder: false,
    event: undefined,
    numWant: undefined,
    ...changes,
  };
  const announced = registry.announce(received, host, maxPeers, now);
  if ("refusal" in announced) return announced.refusal;
  return announced.peers.map(({ endpoint }) => formatEndpoint(endpoint)).toSorted();
}

function hashNumber(number: number): Uint8Array {
  const hash = new Uint8Array(20);
  new DataView(hash.buffer).setUint32(0, number);
  return hash;
}

Deno.test("SwarmRegistry tells peers of each other and not of themselves", () => {
  const registry = makeRegistry();
  deepStrictEqual(announce(registry), []);
  deepStrictEqual(announce(registry, { port: 6882 }), ["10.0.0.1:6881"]);
  deepStrictEqual(announce(registry), ["10.0.0.1:6882"]);
  deepStrictEqual(announce(registry, { infoHash: hashNumber(1) }), [], "another torrent");
});

Deno.test("SwarmRegistry tells IPv4 peers of IPv4 peers, and IPv6 of IPv6", () => {
  const registry = makeRegistry();
  announce(registry, { host: "10.0.0.1" });
  announce(registry, { host: "2001:db8::1" });
  deepStrictEqual(announce(registry, { host: "10.0.0.2" }), ["10.0.0.1:6881"]);
  deepStrictEqual(announce(registry, { host: "2001:db8::2" }), ["[2001:db8::1]:6881"]);
  deepStrictEqual(registry.counts(infoHash, 0), { seeders: 0, leechers: 4, downloaded: 0 });
});

Deno.test("SwarmRegistry does not tell seeders of seeders", () => {
  const registry = makeRegistry();
  announce(registry, { port: 1001, isSeeder: true });
  announce(registry, { port: 1002 });
  deepStrictEqual(announce(registry, { port: 1003, isSeeder: true }), ["10.0.0.1:1002"]);
  equal(announce(registry, { port: 1004 }).length, 3);
});

Deno.test("SwarmRegistry gives as many peers as are wanted, and no more than the limit", () => {
  const registry = makeRegistry();
  for (let port = 1; port <= 300; port++) announce(registry, { port });
  equal(announce(registry, { numWant: 7 }).length, 7);
  equal(announce(registry, { numWant: 0 }).length, 0);
  equal(announce(registry).length, 50);
  equal(announce(registry, { numWant: 1_000_000 }).length, 200);
  equal(announce(registry, { numWant: 100, maxPeers: 75 }).length, 75);
});

Deno.test("SwarmRegistry counts seeders, leechers and completions, each once", () => {
  const registry = makeRegistry();
  announce(registry, { port: 1, event: "started" });
  announce(registry, { port: 2, event: "started", isSeeder: true });
  announce(registry, { port: 1, event: "completed", isSeeder: true });
  announce(registry, { port: 1, event: "completed", isSeeder: true });
  deepStrictEqual(registry.counts(infoHash, 0), { seeders: 2, leechers: 0, downloaded: 1 });
  announce(registry, { port: 1, event: "stopped" });
  announce(registry, { port: 1, event: "stopped" });
  deepStrictEqual(registry.counts(infoHash, 0), { seeders: 1, leechers: 0, downloaded: 1 });
  deepStrictEqual(registry.counts(hashNumber(9), 0), { seeders: 0, leechers: 0, downloaded: 0 });
});

Deno.test("SwarmRegistry forgets a peer that misses two announces", () => {
  const registry = makeRegistry();
  announce(registry, { port: 1 });
  announce(registry, { port: 2, now: 40 * MINUTE });
  deepStrictEqual(announce(registry, { now: 60 * MINUTE - 1 }), ["10.0.0.1:1", "10.0.0.1:2"]);
  deepStrictEqual(announce(registry, { now: 61 * MINUTE }), ["10.0.0.1:2"]);
  equal(registry.counts(infoHash, 600 * MINUTE).leechers, 0);
});

Deno.test("SwarmRegistry keeps a peer that announces every five minutes, as ours does at the most", () => {
  const registry = makeRegistry(undefined, 10_000);
  announce(registry, { port: 1 });
  deepStrictEqual(announce(registry, { now: 10 * MINUTE - 1 }), ["10.0.0.1:1"]);
  deepStrictEqual(announce(registry, { port: 2, now: 10 * MINUTE + 10_000 }), ["10.0.0.1:6881"]);
});

Deno.test("SwarmRegistry serves the allowed torrents alone", () => {
  const registry = makeRegistry(new Set([infoHash.toHex()]));
  deepStrictEqual(announce(registry), []);
  equal(announce(registry, { infoHash: hashNumber(1) }), "this torrent is not served here");
});

Deno.test("SwarmRegistry keeps the completions of a torrent without peers", () => {
  const registry = makeRegistry();
  announce(registry, { event: "completed", isSeeder: true });
  announce(registry, { event: "stopped" });
  equal(registry.counts(infoHash, 24 * 60 * MINUTE).downloaded, 1);
});

Deno.test("SwarmRegistry survives a flood of torrents", () => {
  const registry = makeRegistry();
  announce(registry);
  for (let number = 1; number < 10_000; number++) {
    deepStrictEqual(announce(registry, { infoHash: hashNumber(number) }), []);
  }
  equal(announce(registry, { infoHash: hashNumber(10_000) }), "the tracker is full");
  deepStrictEqual(announce(registry, { port: 7 }), ["10.0.0.1:6881"], "known ones are served");
  equal(announce(registry, { infoHash: hashNumber(20_000), event: "stopped" }).length, 0);
  const later = 61 * MINUTE;
  deepStrictEqual(announce(registry, { infoHash: hashNumber(10_000), now: later }), []);
});

Deno.test("SwarmRegistry makes room in a full swarm at the cost of a random peer", () => {
  const registry = makeRegistry();
  for (let number = 0; number < 6_000; number++) {
    announce(registry, { host: `10.0.${number >> 8}.${number & 255}`, numWant: 0 });
  }
  equal(registry.counts(infoHash, 0).leechers, 5_000);
  announce(registry, { host: "2001:db8::1" });
  equal(registry.counts(infoHash, 0).leechers, 5_000);
  deepStrictEqual(announce(registry, { host: "2001:db8::2" }), ["[2001:db8::1]:6881"]);
});

Deno.test("SwarmRegistry takes no more peers in all than it may", () => {
  const registry = makeRegistry();
  let taken = 0;
  for (let swarm = 0; swarm < 21; swarm++) {
    // Of the first, 500 make way for others in their swarm.
    for (let number = 0; number < (swarm === 0 ? 5_500 : 5_000); number++) {
      const host = `10.0.${number >> 8}.${number & 255}`;
      if (announce(registry, { infoHash: hashNumber(swarm), host, numWant: 0 }).length === 0) {
        taken++;
      }
    }
  }
  equal(taken, 100_500);
  ok(announce(registry, { infoHash: hashNumber(0), host: "10.0.0.1" }) !== "the tracker is full");
});

Deno.test("SwarmRegistry counts torrents that somebody takes part in, and peers", () => {
  const registry = makeRegistry();
  deepStrictEqual(registry.totals(0), { torrents: 0, seeders: 0, leechers: 0 });
  announce(registry, { isSeeder: true });
  announce(registry, { port: 6882, infoHash: hashNumber(1), event: "completed" });
  announce(registry, { port: 6883, infoHash: hashNumber(1) });
  deepStrictEqual(registry.totals(0), { torrents: 2, seeders: 1, leechers: 2 });
  deepStrictEqual(registry.totals(61 * MINUTE), { torrents: 0, seeders: 0, leechers: 0 });
});
