import { deepStrictEqual, fail, ok, rejects, strictEqual } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import type { Bytes } from "../../src/base/bytes.ts";
import type { Endpoint } from "../../src/base/endpoint.ts";
import { StoppedError } from "../../src/base/errors.ts";
import type { InfoHash, PeerId, Sha256InfoHash } from "../../src/base/ids.ts";
import type { DhtSearch } from "../../src/dht/service.ts";
import { shortInfoHash } from "../../src/metainfo/info_hash.ts";
import { parseMetainfo } from "../../src/metainfo/metainfo.ts";
import { type FetchOptions, type FetchResult, HttpError } from "../../src/net/http.ts";
import { Bans } from "../../src/peer/bans.ts";
import { type MetadataOptions, MetadataSearch } from "../../src/torrent/metadata_search.ts";
import { RateLimit } from "../../src/torrent/rate_limit.ts";
import type { TorrentEvent } from "../../src/torrent/snapshot.ts";
import type { Dht, Surroundings } from "../../src/torrent/torrent_options.ts";
import { dataOf, sha256, version2Torrent } from "../metainfo/version_2_torrent.ts";
import { ManualClock } from "../sim/manual_clock.ts";
import {
  type MetadataBehaviour,
  type MetadataPeerOptions,
  playMetadataPeer,
} from "../sim/metadata_peer.ts";
import { SimNetwork } from "../sim/sim_network.ts";
import { sha1 } from "../sim/sim_storage.ts";
import { readyPeer } from "./ready_peer.ts";

const PORT = 6881;
const OURS = "10.0.0.1";
const PIECE = 16_384;

/** Scripted peers, and one search among them, in simulated time. */
class Scene {
  readonly clock = new ManualClock();
  readonly network = new SimNetwork(this.clock);
  readonly random: SeededRandom;
  readonly metadata: Bytes;
  readonly infoHash: InfoHash;
  readonly endpoints: Endpoint[] = [];
  readonly events: TorrentEvent[] = [];
  /** What the HTTP trackers heard. */
  readonly heard: string[] = [];
  /** How often its peers were dialled. */
  connectionCount = 0;
  readonly #listeners: { close(): void }[] = [];
  #hosts = 0;

  constructor(metadata: Bytes, seed = 1) {
    this.random = new SeededRandom(seed);
    this.metadata = metadata;
    this.infoHash = sha1(metadata) as InfoHash;
  }

  /** A peer that the search is told of, unless `isHidden`. */
  add(behaviour: MetadataBehaviour, options: Partial<MetadataPeerOptions> & {
    isHidden?: boolean;
  } = {}): Endpoint {
    const endpoint = { host: `10.1.${this.#hosts >> 8}.${this.#hosts++ & 255}`, port: PORT };
    if (!options.isHidden) this.endpoints.push(endpoint);
    this.network.setLink(endpoint.host, { latencyMs: 20, bytesPerSecond: 1e6 });
    const listener = this.network.host(endpoint.host).listen({ ports: [PORT] });
    this.#listeners.push(listener);
    const serve = async () => {
      for await (const connection of listener) {
        this.connectionCount++;
        void playMetadataPeer(connection, {
          infoHash: this.infoHash,
          peerId: this.random.bytes(20) as PeerId,
          behaviour,
          metadata: this.metadata,
          named: [],
          clock: this.clock,
          delayMs: 5,
          ...options,
        });
      }
    };
    void serve();
    return endpoint;
  }

  search({ dht, ...options }: Partial<MetadataOptions> & { dht?: Dht } = {}): MetadataSearch {
    const surroundings: Surroundings = {
      network: this.network.host(OURS),
      fetch: (url, options) => this.#answer(url, options),
      clock: this.clock,
      random: this.random,
      encryption: "off",
      peerId: this.random.bytes(20) as PeerId,
      bans: new Bans(),
      onJoined: () => {},
      onLeft: () => {},
      listen: () => PORT,
      portFor: () => PORT,
      udpPortFor: (_, port) => port,
      clientName: "starling 0.0.0",
      downloadLimit: new RateLimit(undefined, this.clock),
      uploadLimit: new RateLimit(undefined, this.clock),
      dht: () => dht,
      lsd: () => undefined,
    };
    return new MetadataSearch({
      infoHash: this.infoHash,
      trackers: [],
      peers: this.endpoints,
      sources: { trackers: true, dht: true, pex: true, lsd: true },
      maxPeers: 80,
      onEvent: (event) => this.events.push(event),
      ...options,
    }, surroundings);
  }

  /** Every host is a tracker that names nobody, but `8.8.4.4`. */
  async #answer(url: string, { signal }: FetchOptions): Promise<FetchResult> {
    const { host, searchParams } = new URL(url);
    this.heard.push(`${host} ${searchParams.get("event")}`);
    if (host === "8.8.4.4") await this.clock.sleep(1_000_000, signal);
    await this.clock.sleep(10, signal);
    if (signal.aborted) throw new HttpError("aborted", "Cannot fetch: cancelled");
    return { status: 200, bytes: new TextEncoder().encode("d8:intervali1800e5:peers0:e"), url };
  }

  /** What is found, and when; fails when that takes longer than `limitMs`. */
  async find(search: MetadataSearch, limitMs: number) {
    const finding = search.find();
    ok(await this.settled(finding, limitMs), `found within ${limitMs} ms`);
    return { ...await finding, atMs: this.clock.now() };
  }

  async settled(promise: Promise<unknown>, limitMs: number): Promise<boolean> {
    let isSettled = false;
    const settle = () => void (isSettled = true);
    promise.then(settle, settle);
    return await this.clock.run(() => isSettled, limitMs);
  }

  /** Lets everything that is under way come to its end. */
  async end(): Promise<void> {
    for (const listener of this.#listeners) listener.close();
    await this.clock.run(() => false, 1_000_000);
  }
}

function makeMetadata(size: number): Bytes {
  return new Uint8Array(size).map((_, index) => Math.imul(index + size, 0x9e3779b1) >>> 13);
}

function garbageFor(metadata: Bytes): Bytes {
  return metadata.map((byte) => byte ^ 0xff);
}

Deno.test("MetadataSearch.find() gets metadata of any size from one peer", async () => {
  for (const size of [1, PIECE - 1, PIECE, 4 * PIECE, 100 * PIECE + 5]) {
    const scene = new Scene(makeMetadata(size));
    const giver = scene.add("giving");
    const { infoBytes, peers, atMs } = await scene.find(scene.search(), 10_000);
    deepStrictEqual(infoBytes, scene.metadata);
    deepStrictEqual(peers, [giver]);
    ok(atMs < 3_000, `${size} bytes after ${atMs} ms`);
    await scene.end();
  }
});

Deno.test("MetadataSearch copes with what seeds say before the layout is known", async () => {
  const scene = new Scene(makeMetadata(3 * PIECE));
  scene.add("talkative");
  deepStrictEqual((await scene.find(scene.search(), 1_000)).infoBytes, scene.metadata);
  await scene.end();
});

Deno.test("P27 MetadataSearch finds an honest peer among liars of every kind, soon", async () => {
  const scene = new Scene(makeMetadata(9 * PIECE));
  const liars: Endpoint[] = [];
  for (let count = 0; count < 4; count++) {
    liars.push(scene.add("giving", { metadata: garbageFor(scene.metadata) }));
    liars.push(scene.add("giving", { metadata: makeMetadata(9 * PIECE + 1 + count) }));
    scene.add("mute", { metadata: new Uint8Array(9_000_000 - count) });
    for (
      const behaviour of [
        "mute",
        "silent",
        "rejecting",
        "old",
        "leaving",
        "malformed",
        "blocks",
        "naming",
      ] as const
    ) scene.add(behaviour);
  }
  const honest = scene.add("giving", { delayMs: 100 });
  const search = scene.search();
  const { infoBytes, peers, atMs } = await scene.find(search, 60_000);
  deepStrictEqual(infoBytes, scene.metadata);
  ok(atMs < 10_000, `after ${atMs} ms`);
  const banned = scene.events.flatMap((event) =>
    event.kind === "peer-banned" ? event.endpoint : []
  );
  ok(banned.length > 0);
  deepStrictEqual(search.status().peersBanned, banned.length);
  for (const endpoint of banned) ok(liars.includes(endpoint) && !peers.includes(endpoint));
  deepStrictEqual(peers[0], honest);
  await scene.end();
});

for (const maxPeers of [200, 20]) {
  Deno.test(`P27 MetadataSearch finds one honest peer among 60 mute ones, with --max-peers ${maxPeers}`, async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const scene = new Scene(makeMetadata(40_000), seed);
      for (let count = 0; count < 60; count++) scene.add("mute");
      scene.add("giving");
      const { infoBytes } = await scene.find(scene.search({ maxPeers }), 900_000);
      deepStrictEqual(infoBytes, scene.metadata);
      await scene.end();
    }
  });
}

Deno.test("P27 MetadataSearch dials no sooner whoever sends nonsense when it gave a piece before", async () => {
  const counts: number[] = [];
  for (const behaviour of ["malformed", "contradicting"] as const) {
    const scene = new Scene(makeMetadata(2 * PIECE));
    scene.add(behaviour);
    const search = scene.search();
    const finding = search.find();
    ok(!await scene.settled(finding, 60_000));
    strictEqual(search.status().bytes, behaviour === "contradicting" ? PIECE : 0);
    counts.push(scene.connectionCount);
    void search.stop();
    await rejects(finding, StoppedError);
    await scene.end();
  }
  strictEqual(counts[1], counts[0]);
});

Deno.test("MetadataSearch asks peers that only another peer names (BEP 11)", async () => {
  const scene = new Scene(makeMetadata(20_000));
  const hidden = scene.add("giving", { isHidden: true });
  scene.add("naming", { named: [hidden] });
  const { peers } = await scene.find(scene.search(), 5_000);
  deepStrictEqual(peers[0], hidden);
  await scene.end();
});

Deno.test("MetadataSearch hears of no other peers when PEX is off", async () => {
  const scene = new Scene(makeMetadata(20_000));
  scene.add("naming", { named: [scene.add("giving", { isHidden: true })] });
  const search = scene.search({ sources: { trackers: true, dht: true, pex: false, lsd: true } });
  const finding = search.find();
  ok(!await scene.settled(finding, 120_000));
  strictEqual(search.status().peersKnown, 1);
  const stopping = search.stop();
  ok(await scene.settled(stopping, 1_000));
  await rejects(finding, StoppedError);
  await scene.end();
});

Deno.test("MetadataSearch lets useless peers make way when there is no room", async () => {
  const scene = new Scene(makeMetadata(20_000));
  for (let count = 0; count < 30; count++) scene.add("silent");
  scene.add("giving");
  const search = scene.search({ maxPeers: 4 });
  const finding = search.find();
  await scene.clock.run(() => false, 30_000);
  strictEqual(search.status().peersConnected, 4);
  ok(await scene.settled(finding, 90_000));
  await scene.end();
});

Deno.test("MetadataSearch takes peers that find it", async () => {
  const scene = new Scene(makeMetadata(20_000));
  const search = scene.search();
  const finding = search.find();
  await scene.clock.run(() => false, 1_000);
  const endpoint = scene.add("giving", { isHidden: true });
  const connection = await connectAs(scene, endpoint);
  const peer = readyPeer(connection, { isIncoming: true });
  ok(search.admit(peer));
  ok(await scene.settled(finding, 5_000));
  deepStrictEqual((await finding).infoBytes, scene.metadata);
  ok(!search.admit(peer), "not after the end");
  await scene.end();
});

Deno.test("P3 MetadataSearch keeps one connection of each direction with a peer", async () => {
  const [peerId, other] = [1, 2].map((byte) => new Uint8Array(20).fill(byte) as PeerId);
  const scene = new Scene(makeMetadata(20_000));
  const host = scene.add("mute", { peerId: peerId! });
  const search = scene.search();
  const finding = search.find();
  await scene.clock.run(() => false, 1_000);
  const connected: number[] = [];
  for (const comer of [peerId!, peerId!, other!]) {
    const connection = await connectAs(scene, host);
    ok(search.admit(readyPeer(connection, { peerId: comer, isIncoming: true })));
    await scene.clock.run(() => false, 100);
    connected.push(search.status().peersConnected);
  }
  deepStrictEqual(connected, [2, 2, 3], "beside the one that was dialled");
  void search.stop();
  await rejects(finding, StoppedError);
  await scene.end();
});

/** A connection on which the handshakes are over. */
async function connectAs(scene: Scene, endpoint: Endpoint) {
  const signal = new AbortController().signal;
  const connecting = scene.network.host(OURS).connect(endpoint, { timeoutMs: 1_000, signal });
  ok(await scene.settled(connecting, 1_000));
  const connection = await connecting;
  await connection.write(new Uint8Array(68));
  const reading = connection.read(new Uint8Array(68));
  ok(await scene.settled(reading, 1_000));
  strictEqual(await reading, 68);
  return connection;
}

Deno.test("MetadataSearch asks the DHT, and tells it of the nodes that peers name (BEP 5)", async () => {
  const scene = new Scene(makeMetadata(20_000));
  const endpoint = scene.add("talkative", { isHidden: true });
  const nodes: Endpoint[] = [];
  const dht: Dht = {
    port: 4_000,
    search(): DhtSearch {
      return {
        asked: 7,
        answered: 5,
        wake() {},
        async *[Symbol.asyncIterator]() {
          await scene.clock.sleep(1_000);
          yield [endpoint];
        },
      };
    },
    addNode: (node) => nodes.push(node),
  };
  const search = scene.search({ dht });
  const { peers } = await scene.find(search, 5_000);
  deepStrictEqual(peers, [endpoint]);
  deepStrictEqual(nodes, [{ host: endpoint.host, port: 6_881 }]);
  strictEqual(search.status().nodesAsked, 7);
  await scene.end();
});

Deno.test("MetadataSearch leaves the DHT alone when it is off", async () => {
  const scene = new Scene(makeMetadata(20_000));
  scene.add("talkative");
  const dht: Dht = {
    port: 4_000,
    search: () => fail("nobody is to be asked"),
    addNode: () => fail("nobody is to be named"),
  };
  const sources = { trackers: true, dht: false, pex: true, lsd: true };
  await scene.find(scene.search({ sources, dht }), 5_000);
  await scene.end();
});

Deno.test("MetadataSearch.status() tells the piece hashes that are missing from what is here", async () => {
  const { infoBytes } = parseMetainfo(version2Torrent({ a: dataOf(100_000) }));
  const infoHash = sha256(infoBytes) as Sha256InfoHash;
  const scene = new Scene(infoBytes);
  // It has nothing but the info dictionary.
  scene.add("giving", { infoHash: shortInfoHash(infoHash) });
  const search = scene.search({ infoHash });
  const finding = search.find();
  finding.catch(() => {}); // it is stopped
  ok(!await scene.settled(finding, 5_000));
  const { bytes, size, pieceHashes, sinceProgressMs } = search.status();
  ok(sinceProgressMs! > 4_500 && sinceProgressMs! < 5_000, `${sinceProgressMs}`);
  deepStrictEqual(pieceHashes, { here: 0, needed: 4 });
  deepStrictEqual([bytes, size], [infoBytes.length, infoBytes.length + 4 * 32]);
  await search.stop();
  await scene.end();
});

Deno.test("MetadataSearch.status() tells what was tried", async () => {
  const scene = new Scene(makeMetadata(20_000));
  const search = scene.search();
  deepStrictEqual(search.status(), {
    peersKnown: 0,
    peersConnected: 0,
    peersTried: 0,
    peersReached: 0,
    peersWithMetadata: 0,
    peersBanned: 0,
    bytes: 0,
    size: undefined,
    pieceHashes: undefined,
    sinceProgressMs: undefined,
    nodesAsked: 0,
    trackers: [],
  });
  scene.add("mute");
  scene.add("silent");
  scene.endpoints.push({ host: "10.9.9.9", port: 1_234 });
  const finding = search.find();
  ok(!await scene.settled(finding, 5_000));
  const { nodesAsked: _, trackers: __, ...rest } = search.status();
  deepStrictEqual(rest, {
    peersKnown: 3,
    peersConnected: 2,
    peersTried: 3,
    peersReached: 2,
    peersWithMetadata: 1,
    peersBanned: 0,
    bytes: 0,
    size: 20_000,
    pieceHashes: undefined,
    sinceProgressMs: undefined,
  });
  const stopping = search.stop();
  ok(await scene.settled(stopping, 1_000));
  await stopping;
  await rejects(finding, StoppedError);
  strictEqual(search.status().peersConnected, 0);
  await scene.end();
});

Deno.test("MetadataSearch.find() rejects when it was stopped before", async () => {
  const scene = new Scene(makeMetadata(1));
  const search = scene.search();
  await search.stop();
  await rejects(search.find(), StoppedError);
});

const TRACKERS = [["http://8.8.8.8/"], ["http://8.8.4.4/"]];

/** A search that has found everything, of which the trackers were told. */
async function foundByTrackers() {
  const scene = new Scene(makeMetadata(20_000));
  scene.add("giving");
  const search = scene.search({ trackers: TRACKERS });
  await scene.find(search, 5_000);
  deepStrictEqual(scene.heard, ["8.8.8.8 started", "8.8.4.4 started"]);
  return { scene, search };
}

Deno.test("MetadataSearch.stop() says stopped to trackers that answered when all was found before", async () => {
  const { scene, search } = await foundByTrackers();
  const startedAt = scene.clock.now();
  ok(await scene.settled(search.stop(), 4_000));
  ok(scene.clock.now() - startedAt < 100, "nobody waits for the dead one");
  deepStrictEqual(scene.heard.slice(2), ["8.8.8.8 stopped"]);
  await scene.end();
});

Deno.test("MetadataSearch says stopped by itself when nobody goes on, and nothing after handOver()", async () => {
  const left = await foundByTrackers();
  await left.scene.clock.run(() => false, 29_000);
  deepStrictEqual(left.scene.heard.length, 2);
  await left.scene.clock.run(() => false, 2_000);
  deepStrictEqual(left.scene.heard.slice(2), ["8.8.8.8 stopped"]);
  await left.scene.end();
  deepStrictEqual(left.scene.heard.length, 3);

  const { scene, search } = await foundByTrackers();
  ok(await scene.settled(search.handOver(), 100));
  ok(await scene.settled(search.over, 100));
  ok(await scene.settled(search.stop(), 100));
  await scene.end();
  deepStrictEqual(scene.heard.length, 2);
});

Deno.test("MetadataSearch.handOver() does nothing while it searches", async () => {
  const scene = new Scene(makeMetadata(20_000));
  const search = scene.search({ trackers: TRACKERS });
  const failing = rejects(search.find(), StoppedError);
  await scene.clock.run(() => false, 1_000);
  await search.handOver();
  ok(!await scene.settled(search.over, 1_000));
  ok(await scene.settled(search.stop(), 5_000));
  await failing;
  deepStrictEqual(scene.heard.slice(2), ["8.8.8.8 stopped"]);
  await scene.end();
});
