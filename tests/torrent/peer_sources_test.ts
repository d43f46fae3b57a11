import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import { Channel } from "../../src/base/channel.ts";
import type { Endpoint } from "../../src/base/endpoint.ts";
import type { InfoHash, PeerId } from "../../src/base/ids.ts";
import type { Sighting } from "../../src/torrent/discovery.ts";
import {
  allowedSources,
  PeerSources,
  type PeerSourcesOptions,
  type SourceSwitches,
} from "../../src/torrent/peer_sources.ts";
import { RateLimit } from "../../src/torrent/rate_limit.ts";
import type { Dht, LocalPeers, Surroundings } from "../../src/torrent/torrent_options.ts";
import { Bans } from "../../src/peer/bans.ts";
import { ManualClock } from "../sim/manual_clock.ts";
import { SimNetwork } from "../sim/sim_network.ts";
import { ascii } from "../tracker/announce_samples.ts";
import { FakeNetwork, silentWebHost, webHost } from "../tracker/fake_network.ts";

const ALL: SourceSwitches = { trackers: true, dht: true, pex: true, lsd: true };
const PEER: Endpoint = { host: "10.0.0.1", port: 1 };
const NODE: Endpoint = { host: "10.0.0.9", port: 9 };
const INFO_HASH = new Uint8Array(20).fill(7) as InfoHash;

/** A DHT and a local search that each name one peer, and remember what they were asked. */
class Neighbours {
  readonly nodes: Endpoint[] = [];
  readonly asked: string[] = [];
  readonly dht: Dht = {
    port: 6881,
    addNode: (node) => this.nodes.push(node),
    search: () => {
      this.asked.push("dht");
      const found = yielding([PEER]);
      return Object.assign(found, { asked: 3, answered: 2, wake: () => this.asked.push("wake") });
    },
  };
  readonly lsd: LocalPeers = {
    search: () => {
      this.asked.push("lsd");
      return yielding([PEER]);
    },
  };
}

async function* yielding(...all: (readonly Endpoint[])[]): AsyncIterable<readonly Endpoint[]> {
  yield* all;
}

function surroundings(neighbours: Neighbours): Surroundings {
  const clock = new ManualClock();
  return {
    network: new SimNetwork(clock).host("10.0.0.2"),
    fetch: () => Promise.reject(new Error("there is no HTTP here")),
    clock,
    random: new SeededRandom(1),
    encryption: "off",
    peerId: new Uint8Array(20) as PeerId,
    bans: new Bans(),
    listen: () => 6881,
    portFor: () => 6881,
    udpPortFor: (_, port) => port,
    onJoined: () => {},
    onLeft: () => {},
    clientName: "test",
    downloadLimit: new RateLimit(undefined, clock),
    uploadLimit: new RateLimit(undefined, clock),
    dht: () => neighbours.dht,
    lsd: () => neighbours.lsd,
  };
}

function create(neighbours: Neighbours, options: Partial<PeerSourcesOptions>): PeerSources {
  return new PeerSources({
    infoHash: INFO_HASH,
    trackers: [],
    nodes: [NODE],
    known: [],
    sources: ALL,
    surroundings: surroundings(neighbours),
    numbers: () => ({ uploaded: 0, downloaded: 0, left: 1 }),
    isHungry: () => true,
    isAlone: () => true,
    onEvent: () => {},
    ...options,
  });
}

async function collect(sources: PeerSources): Promise<string[]> {
  const streams = sources.sightings();
  await sources.close();
  const all: Sighting[] = [];
  for (const stream of streams) for await (const sighting of stream) all.push(sighting);
  return all.map(({ source, endpoints }) => `${source} ${endpoints.length}`);
}

Deno.test("PeerSources asks the DHT and the local network, and says whom each has named", async () => {
  const neighbours = new Neighbours();
  const sources = create(neighbours, { known: [{ endpoints: [PEER], source: "named" }] });
  sources.addPexPeers([PEER, NODE], NODE);
  ok(sources.isAny);
  deepStrictEqual(neighbours.nodes, [NODE]);
  deepStrictEqual(sources.evidence().dht, { asked: 3, answered: 2 });
  sources.wake();
  deepStrictEqual((await collect(sources)).toSorted(), ["dht 1", "lsd 1", "named 1", "pex 2"]);
  deepStrictEqual(neighbours.asked.toSorted(), ["dht", "lsd", "wake"]);
});

Deno.test("M25 PeerSources asks nobody but trackers when the torrent is private", async () => {
  const neighbours = new Neighbours();
  const sources = create(neighbours, { sources: allowedSources(ALL, true) });
  sources.addPexPeers([PEER], NODE);
  ok(!sources.isAny);
  strictEqual(sources.evidence().dht, undefined);
  deepStrictEqual(await collect(sources), []);
  deepStrictEqual([neighbours.asked, neighbours.nodes], [[], []]);
});

Deno.test("PeerSources asks nobody whom the user has switched off", async () => {
  const neighbours = new Neighbours();
  const none = { trackers: false, dht: false, pex: false, lsd: false };
  const sources = create(neighbours, {
    sources: none,
    trackers: [["http://tracker.invalid/announce"]],
  });
  deepStrictEqual(await collect(sources), []);
  deepStrictEqual(neighbours.asked, []);
  deepStrictEqual(sources.evidence(), { trackers: [], webSeedFaults: [] });
});

Deno.test("close() waits no more than four seconds for a tracker to answer its farewell", async () => {
  const clock = new ManualClock(), web = new FakeNetwork(clock);
  const nobody = webHost(ascii("d8:intervali1800e5:peers0:e"));
  web.webHosts.set(
    "198.51.100.1",
    (url, options) =>
      url.searchParams.get("event") === "started" ? nobody(url, options) : silentWebHost(),
  );
  const sources = create(new Neighbours(), {
    sources: { trackers: true, dht: false, pex: false, lsd: false },
    trackers: [["http://198.51.100.1/announce"]],
    surroundings: { ...surroundings(new Neighbours()), clock, fetch: web.fetch },
  });
  sources.sightings();
  await clock.run(() => sources.evidence().trackers[0]!.hasAnswered, 1_000);
  const closedAt = clock.now();
  let isClosed = false;
  void sources.close().then(() => isClosed = true);
  await clock.run(() => isClosed, 60_000);
  deepStrictEqual([web.fetched.length, clock.now() - closedAt], [2, 4_000]);
});

Deno.test("PeerSources names web seeds, and needs nobody else, until it ends", async () => {
  const none = { trackers: false, dht: false, pex: false, lsd: false };
  const sighted = new Channel<Sighting>(1);
  sighted.tryPush({ endpoints: [PEER], source: "torrent" });
  const faults = [{ server: "a:80", fault: "it has no such file" }];
  const webSeeds = { isAny: true, sightings: () => sighted, close: () => sighted.close(), faults };
  const sources = create(new Neighbours(), { sources: none, webSeeds });
  ok(sources.isAny);
  deepStrictEqual(sources.evidence().webSeedFaults, faults);
  deepStrictEqual(await collect(sources), ["torrent 1"]);
});
