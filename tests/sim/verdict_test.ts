/** Each cause that a torrent can have, as the engine finds it in a simulated swarm. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import { StorageError } from "../../src/base/errors.ts";
import type { PeerId, PieceIndex } from "../../src/base/ids.ts";
import { failureOf } from "../../src/cli/output/failure.ts";
import { noMetadata } from "../../src/cli/source/no_metadata.ts";
import { DhtService } from "../../src/dht/service.ts";
import { openDatagramSockets } from "../../src/net/datagram_sockets.ts";
import type { FetchBounded } from "../../src/net/http.ts";
import type { ClientOptions } from "../../src/torrent/client.ts";
import type { TorrentOptions } from "../../src/torrent/torrent_options.ts";
import { type Cause, CAUSES, type Evidence, type Verdict } from "../../src/torrent/verdict.ts";
import { encodeHandshake } from "../../src/wire/handshake.ts";
import { fullBitfield, Lab, PORT } from "./lab.ts";
import { SimStorage } from "./sim_storage.ts";

const PIECES = 20;
const PIECE_LENGTH = 32_768;
const FAST = { latencyMs: 5, bytesPerSecond: 2_000_000 };
const SLOW = { latencyMs: 20, bytesPerSecond: 20_000 };
const OURS = "10.0.0.1";
const SILENT_HOST = "10.0.9.9";
const SECOND_MS = 1_000;
const HTTP_TRACKER = "http://10.0.9.1/announce";
const UDP_TRACKER = `udp://${SILENT_HOST}:80/announce`;
const ALL_SOURCES = { trackers: true, dht: true, pex: true, lsd: false };

/** One download among whoever the test puts there. */
class World {
  readonly random = new SeededRandom(1);
  readonly lab = new Lab(this.random.bytes(PIECES * PIECE_LENGTH), PIECE_LENGTH, this.random);

  /** What a torrent would be given up with after this time. */
  async verdictAfter(
    durationMs: number,
    options: Partial<TorrentOptions> & Partial<ClientOptions> & {
      readonly trackers?: readonly string[];
      readonly windowMs?: number;
      readonly meanwhile?: () => Promise<void>;
    } = {},
  ): Promise<Verdict> {
    const { lab } = this;
    const { trackers = [], windowMs, meanwhile, fetch, openDht, maxDownloadRate, ...rest } =
      options;
    const client = lab.createClient(OURS, {
      ...fetch && { fetch },
      ...openDht && { openDht },
      ...maxDownloadRate && { maxDownloadRate },
    });
    const storage = new SimStorage(lab.metainfo, lab.createDisk(), lab.clock, { latencyMs: 1 });
    const metainfo = { ...lab.metainfo, trackers: trackers.map((url) => [url]) };
    const torrent = lab.addTorrent(client, storage, { metainfo, sources: ALL_SOURCES, ...rest });
    const result = torrent.download();
    result.catch(() => {}); // given up below
    ok(!await lab.settled(result, durationMs), "is not complete by then");
    if (meanwhile !== undefined) {
      await meanwhile();
      ok(!await lab.settled(result, durationMs), "is not complete by then");
    }
    const verdict = torrent.verdict(windowMs);
    assertCounts(verdict.evidence);
    return verdict;
  }

  /** Some pieces of the torrent, given to everybody. */
  addPartialSeed(host: string, pieces: number): void {
    const { lab } = this;
    const disk = lab.createDisk();
    for (let piece = 0; piece < pieces; piece++) {
      disk.claimed.set(piece);
      disk.pieces.set(piece as PieceIndex, lab.contentOf(piece as PieceIndex));
    }
    lab.network.setLink(host, FAST);
    const storage = new SimStorage(lab.metainfo, disk, lab.clock, { latencyMs: 1 });
    const options = { peers: [], uploadSlots: 8, keepSeeding: true, sharesOnly: true };
    lab.addTorrent(lab.createClient(host), storage, { ...options, onEvent: () => {} })
      .download().catch(() => {}); // ends with the lab
    lab.endpoints.push({ host, port: PORT });
  }

  /** Our DHT node, which begins at this host. */
  dhtFrom(host: string): Pick<ClientOptions, "openDht"> {
    const { network, clock } = this.lab;
    const bootstrap = [{ host, port: PORT }];
    return {
      openDht: (port) =>
        new DhtService({
          network: network.host(OURS),
          sockets: openDatagramSockets(network.host(OURS), { port }),
          clock,
          random: this.random,
          bootstrap,
        }),
    };
  }

  /** A DHT node that knows nobody. */
  addNode(host: string): void {
    const { network, clock } = this.lab;
    this.nodes.push(
      new DhtService({
        network: network.host(host),
        sockets: openDatagramSockets(network.host(host), { port: PORT }),
        clock,
        random: this.random,
        bootstrap: [],
      }),
    );
  }

  readonly nodes: DhtService[] = [];

  /** A stranger dials us, shakes hands, and breaks the protocol. */
  async comeMalformed(host: string): Promise<void> {
    const { lab, random } = this;
    const come = async () => {
      const options = { timeoutMs: SECOND_MS, signal: new AbortController().signal };
      const to = { host: OURS, port: PORT };
      const connection = await lab.network.host(host).connect(to, options);
      const { infoHash } = lab.metainfo, peerId = random.bytes(20) as PeerId;
      const flags = { fast: true, extended: false, dht: false };
      await connection.write(encodeHandshake({ infoHash, peerId, flags }));
      // A choke of two bytes.
      await connection.write(Uint8Array.of(0, 0, 0, 2, 0, 0));
      while (await connection.read(new Uint8Array(1_024)) !== null);
      connection.close();
    };
    const coming = come();
    ok(await lab.settled(coming, 10 * SECOND_MS), "is hung up on");
    await coming;
  }
}

/** Every connected peer stands in exactly one way to us. */
function assertCounts(evidence: Evidence): void {
  const { peersConnected, peersGiving, peersChoking, peersMute, peersEmpty } = evidence;
  strictEqual(peersGiving + peersChoking + peersMute + peersEmpty, peersConnected);
  ok(evidence.piecesOnlyCorrupt <= evidence.piecesCorrupt);
  ok(evidence.piecesCorrupt <= evidence.hashFailures);
}

/** An HTTP server that says the same to everybody. */
function saying(text: string, status = 200): { fetch: FetchBounded } {
  const bytes = new TextEncoder().encode(text);
  return { fetch: (url) => Promise.resolve({ status, bytes, url }) };
}

const NOBODY = saying("d8:intervali1800e5:peers0:e");

interface Case {
  readonly when: string;
  readonly cause: Cause;
  readonly run: (world: World) => Promise<Verdict>;
}

const CASES: readonly Case[] = [
  {
    when: "a tracker says 404, the other one nothing, and no DHT node answers",
    cause: "trackers-failed",
    run: (world) =>
      world.verdictAfter(60 * SECOND_MS, {
        trackers: [HTTP_TRACKER, UDP_TRACKER],
        ...saying("not found", 404),
        ...world.dhtFrom(SILENT_HOST),
      }),
  },
  {
    when: "the tracker refuses in words",
    cause: "trackers-failed",
    run: (world) =>
      world.verdictAfter(2 * SECOND_MS, {
        trackers: [HTTP_TRACKER],
        ...saying("d14:failure reason4:gonee"),
      }),
  },
  {
    when: "the tracker names nobody",
    cause: "no-peers",
    run: (world) => world.verdictAfter(2 * SECOND_MS, { trackers: [HTTP_TRACKER], ...NOBODY }),
  },
  {
    when: "the tracker names only us",
    cause: "no-peers",
    run: (world) => {
      const peers = saying(`d5:peersld2:ip${OURS.length}:${OURS}4:porti${PORT}eeee`);
      return world.verdictAfter(5 * SECOND_MS, { trackers: [HTTP_TRACKER], ...peers });
    },
  },
  {
    when: "no tracker answers, and the DHT answers and knows nobody",
    cause: "no-peers",
    run: (world) => {
      world.addNode("10.0.8.1");
      const dht = world.dhtFrom("10.0.8.1");
      return world.verdictAfter(30 * SECOND_MS, { trackers: [UDP_TRACKER], ...dht });
    },
  },
  {
    when: "peers refuse, are black holes, and speak something else",
    cause: "peers-unreachable",
    run: (world) => {
      world.lab.endpoints.push({ host: "10.0.2.1", port: PORT }, { host: "10.0.2.2", port: PORT });
      world.lab.network.setLink("10.0.2.2", { ...FAST, isBlackHole: true });
      world.lab.addScripted("10.0.2.3", { kind: "garbage" });
      return world.verdictAfter(60 * SECOND_MS, {});
    },
  },
  {
    when: "the only peer is leaving",
    cause: "peers-unreachable",
    run: (world) => {
      world.lab.addScripted("10.0.2.1", { kind: "leaving" });
      return world.verdictAfter(5 * SECOND_MS);
    },
  },
  {
    when: "the only peer is malformed",
    cause: "all-choked",
    run: (world) => {
      world.lab.addScripted("10.0.2.1", { kind: "malformed" });
      return world.verdictAfter(5 * SECOND_MS);
    },
  },
  ...([
    { cause: "peers-unreachable", known: 50, strangers: 1 },
    { cause: "peers-unreachable", known: 1, strangers: 20 },
    { cause: "no-peers", known: 0, strangers: 1 },
  ] as const).map(({ cause, known, strangers }): Case => ({
    when: `of ${known} known peers none answers, and strangers (${strangers}) break the protocol`,
    cause,
    run: async (world) => {
      for (let n = 1; n <= known; n++) {
        world.lab.network.setLink(`10.0.3.${n}`, { ...FAST, isBlackHole: true });
        world.lab.endpoints.push({ host: `10.0.3.${n}`, port: PORT });
      }
      const verdict = await world.verdictAfter(60 * SECOND_MS, {
        meanwhile: async () => {
          for (let n = 1; n <= strangers; n++) await world.comeMalformed(`10.0.2.${n}`);
        },
      });
      strictEqual(verdict.evidence.peersEverConnected, strangers);
      ok(!verdict.detail.includes("malformed-message"), verdict.detail);
      return verdict;
    },
  })),
  {
    when: "the user named us",
    cause: "peers-unreachable",
    run: (world) => world.verdictAfter(5 * SECOND_MS, { peers: [{ host: OURS, port: PORT }] }),
  },
  {
    when: "all choke us",
    cause: "all-choked",
    run: (world) => {
      world.lab.addScripted("10.0.2.1", { kind: "choking" });
      world.lab.addScripted("10.0.2.2", { kind: "choking" });
      return world.verdictAfter(60 * SECOND_MS);
    },
  },
  {
    when: "one chokes us, and the others have nothing",
    cause: "all-choked",
    run: (world) => {
      world.lab.addScripted("10.0.2.1", { kind: "choking" });
      world.lab.addScripted("10.0.2.2", { kind: "empty" });
      return world.verdictAfter(5 * SECOND_MS);
    },
  },
  ...([
    { kind: "mute" },
    { kind: "rejecting" },
    { kind: "refusing" },
    { kind: "flapping", everyMs: 100 },
  ] as const).map((behaviour): Case => ({
    when: `a ${behaviour.kind} peer lets us ask`,
    cause: "all-choked",
    run: (world) => {
      world.lab.addScripted("10.0.2.1", behaviour);
      return world.verdictAfter(5 * SECOND_MS);
    },
  })),
  {
    when: "a peer stops in the middle, and a stall is long enough",
    cause: "all-choked",
    run: (world) => {
      world.lab.addSeed("10.0.1.1", { ...FAST, stallsAfterBytes: 100_000 });
      return world.verdictAfter(8 * SECOND_MS, { windowMs: 5 * SECOND_MS });
    },
  },
  {
    when: "there is only a partial seed, and all that it has came a moment ago",
    cause: "swarm-incomplete",
    run: (world) => {
      world.addPartialSeed("10.0.1.1", 7);
      return world.verdictAfter(5 * SECOND_MS);
    },
  },
  {
    when: "nobody has anything",
    cause: "swarm-incomplete",
    run: (world) => {
      world.lab.addScripted("10.0.2.1", { kind: "empty" });
      world.lab.addScripted("10.0.2.2", { kind: "silent" });
      return world.verdictAfter(5 * SECOND_MS);
    },
  },
  {
    when: "the only seed has left",
    cause: "swarm-incomplete",
    run: (world) => {
      const seed = world.lab.addSeed("10.0.1.1", SLOW);
      const meanwhile = async () => {
        await world.lab.settled(seed.stop(), 10 * SECOND_MS);
      };
      return world.verdictAfter(5 * SECOND_MS, { meanwhile });
    },
  },
  {
    when: "there are only liars",
    cause: "only-bad-data",
    run: (world) => {
      for (const host of ["10.0.1.1", "10.0.1.2", "10.0.1.3"]) {
        world.lab.addSeed(host, FAST, () => true);
      }
      return world.verdictAfter(60 * SECOND_MS);
    },
  },
  {
    when: "a piece came only corrupt, and who is left is a partial seed without it",
    cause: "only-bad-data",
    run: (world) => {
      world.lab.addSeed("10.0.1.1", FAST, () => true);
      world.addPartialSeed("10.0.1.2", 3);
      return world.verdictAfter(60 * SECOND_MS);
    },
  },
  {
    when: "the deadline comes while data comes slowly",
    cause: "deadline",
    run: (world) => {
      world.lab.addSeed("10.0.1.1", SLOW);
      return world.verdictAfter(5 * SECOND_MS);
    },
  },
  {
    when: "our own limit of the rate is used up by a handshake, and long before a piece is here",
    cause: "deadline",
    run: async (world) => {
      world.lab.addSeed("10.0.1.1", FAST);
      const verdict = await world.verdictAfter(40 * SECOND_MS, { maxDownloadRate: 1 });
      strictEqual(verdict.evidence.peersHeldBack, 1);
      return verdict;
    },
  },
  {
    when: "the deadline comes while data comes, though there is a liar, and one who chokes us",
    cause: "deadline",
    run: (world) => {
      world.lab.addSeed("10.0.1.1", SLOW);
      world.lab.addSeed("10.0.1.2", FAST, () => true);
      world.lab.addScripted("10.0.2.1", { kind: "choking" });
      return world.verdictAfter(10 * SECOND_MS);
    },
  },
];

for (const { when, cause, run } of CASES) {
  Deno.test(`${CAUSES[cause].exitCode} ${cause} when ${when}`, async () => {
    const world = new World();
    try {
      const verdict = await run(world);
      strictEqual(verdict.cause, cause, `${verdict.detail} ${JSON.stringify(verdict.evidence)}`);
    } finally {
      for (const node of world.nodes) node.close();
      await world.lab.end();
    }
  });
}

Deno.test("5 disk when it is full, with what is here kept", async () => {
  const { lab } = new World();
  try {
    lab.addSeed("10.0.1.1", FAST);
    const disk = lab.createDisk();
    const storage = new SimStorage(lab.metainfo, disk, lab.clock, { latencyMs: 1, capacity: 4 });
    const result = lab.addTorrent(lab.createClient(OURS), storage, {}).download();
    ok(await lab.settled(result, 60 * SECOND_MS));
    const error = await result.then(() => undefined, (error) => error);
    ok(error instanceof StorageError);
    const { verdict, exitCode, retryable, detail } = failureOf(error);
    deepStrictEqual([verdict, exitCode, retryable], ["disk", 5, true]);
    ok(detail.endsWith("make room and run it again: what is here is kept"), detail);
    strictEqual(disk.claimed.count, 4);
  } finally {
    await lab.end();
  }
});

Deno.test("10 no-metadata when no peer of a magnet has any", async () => {
  const { lab } = new World();
  try {
    lab.addScripted("10.0.2.1", { kind: "choking" });
    const search = lab.createClient(OURS).findMetadata({
      infoHash: lab.metainfo.infoHash,
      trackers: [],
      peers: lab.endpoints,
      sources: { trackers: false, dht: false, pex: false, lsd: false },
      maxPeers: 80,
      onEvent: () => {},
    });
    const result = search.find();
    result.catch(() => {}); // stopped by the lab
    ok(!await lab.settled(result, 30 * SECOND_MS));
    const { failure } = noMetadata(search.status(), { kind: "deadline", waitedMs: 30_000 });
    deepStrictEqual([failure.verdict, failure.exitCode], ["no-metadata", 10]);
    ok(failure.detail.includes("1 of 1 known peer tried, 1 reached, none had it"), failure.detail);
  } finally {
    await lab.end();
  }
});

Deno.test("0 complete when all is here", async () => {
  const { lab } = new World();
  try {
    const disk = lab.createDisk();
    disk.claimed = fullBitfield(PIECES);
    const storage = new SimStorage(lab.metainfo, disk, lab.clock, { latencyMs: 1 });
    const torrent = lab.addTorrent(lab.createClient(OURS), storage, {});
    ok(await lab.settled(torrent.download(), SECOND_MS));
    const { cause, exitCode, retryable } = torrent.verdict();
    deepStrictEqual([cause, exitCode, retryable], ["complete", 0, false]);
  } finally {
    await lab.end();
  }
});
