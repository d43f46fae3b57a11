import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { type Random, SeededRandom } from "../../src/base/ambient.ts";
import { type Endpoint, formatEndpoint } from "../../src/base/endpoint.ts";
import type { InfoHash, PeerId } from "../../src/base/ids.ts";
import { ConnectError, type Network } from "../../src/net/transport.ts";
import { PeerList } from "../../src/peer/peer_list.ts";
import { Dialer, type ReadyPeer } from "../../src/torrent/dialer.ts";
import type { Sighting } from "../../src/torrent/discovery.ts";
import { acceptHandshake, type OurHandshake } from "../../src/torrent/handshaking.ts";
import { encodeHandshake } from "../../src/wire/handshake.ts";
import type { EncryptionMode } from "../../src/wire/mse.ts";
import { ManualClock } from "../sim/manual_clock.ts";
import { SimNetwork } from "../sim/sim_network.ts";

const US: OurHandshake = {
  infoHash: new Uint8Array(20).fill(1) as InfoHash,
  peerId: new Uint8Array(20).fill(2) as PeerId,
};
const NO_FLAGS = { fast: false, extended: false, dht: false };
const THEM = { ...US, peerId: new Uint8Array(20).fill(3) as PeerId };

const TICK_MS = 500;
/** A web server, which is not needed now. */
const WEB_SEED: Endpoint = { host: "10.9.9.9", port: 80 };
/** Whoever tells us to meet others. */
const SOMEBODY = { host: "10.0.9.9", port: 6881 };

interface Bench {
  readonly clock: ManualClock;
  readonly random: Random;
  readonly sim: SimNetwork;
  readonly dialer: Dialer;
  readonly peerList: PeerList;
  readonly ready: ReadyPeer[];
  /** Dials under way. */
  open: number;
  mostOpen: number;
  started: number;
  /** What keeps us from any dial: the system has no socket, or the proxy is gone. */
  lacks: "limit" | "proxy" | undefined;
  wanted: number;
  hasUtp: boolean;
  isDeafToUtp: boolean;
  /** Whoever is refused by TCP is tried by uTP for so long, in vain. */
  byUtpAfterTcp: number;
  /** While TCP is tried, nobody answers by uTP for so long. */
  utpTimeoutMs: number;
  /** Somebody can be asked to bring us together with others. */
  hasRelay: boolean;
  /** Whom a peer is to bring us together with. */
  readonly unreachable: string[];
  /** Endpoints that were dialled by uTP alone. */
  readonly byUtp: string[];
}

/** A dialer whose network counts; the peers that it yields pile up in `ready`. */
function createBench(wanted = 80, encryption: EncryptionMode = "off"): Bench {
  const clock = new ManualClock(), sim = new SimNetwork(clock), random = new SeededRandom(1);
  const peerList = new PeerList({ random });
  const network: Network = {
    ...sim.host("10.0.0.1"),
    get hasUtp() {
      return bench.hasUtp;
    },
    connect: async (to, options) => {
      bench.started++;
      if (options.onlyUtp) bench.byUtp.push(formatEndpoint(to));
      bench.mostOpen = Math.max(bench.mostOpen, ++bench.open);
      try {
        if (bench.lacks) throw new ConnectError(bench.lacks, "Cannot connect: it is not to be had");
        if (options.onlyUtp && bench.isDeafToUtp) {
          throw new ConnectError("timeout", "Cannot connect: no answer");
        }
        void clock.sleep(bench.utpTimeoutMs, options.signal).then(() => {
          if (!options.signal.aborted) options.onUtpTimeout?.();
        });
        const connection = await sim.host("10.0.0.1").connect(to, options);
        return options.onlyUtp ? Object.assign(connection, { isUtp: true }) : connection;
      } catch (error) {
        if (bench.byUtpAfterTcp > 0 && error instanceof ConnectError) {
          options.onTcpFailure?.(error);
          await clock.sleep(bench.byUtpAfterTcp, options.signal);
        }
        throw error;
      } finally {
        bench.open--;
      }
    },
  };
  const dialer = new Dialer({
    network,
    clock,
    random,
    encryption,
    peerList,
    ourHandshake: US,
    webSeeds: {
      has: ({ host }) => host === WEB_SEED.host,
      open: () => Promise.resolve(void bench.started++),
    },
    onUnreachable: (endpoint) => {
      bench.unreachable.push(formatEndpoint(endpoint));
      return bench.hasRelay;
    },
    wanted: () => bench.wanted - bench.ready.length,
  });
  const bench: Bench = {
    clock,
    random,
    sim,
    dialer,
    peerList,
    ready: [],
    open: 0,
    mostOpen: 0,
    started: 0,
    lacks: undefined,
    wanted,
    hasRelay: true,
    unreachable: [],
    hasUtp: false,
    byUtpAfterTcp: 0,
    utpTimeoutMs: Infinity,
    isDeafToUtp: false,
    byUtp: [],
  };
  return bench;
}

async function run(bench: Bench, endpoints: readonly Endpoint[]): Promise<void> {
  const collecting = async () => {
    for await (const peer of bench.dialer.connect(naming(endpoints))) bench.ready.push(peer);
  };
  void collecting();
  await bench.clock.run(() => false, 0);
}

/** As a torrent does. */
async function tick(bench: Bench, durationMs: number): Promise<void> {
  for (let passedMs = 0; passedMs < durationMs; passedMs += TICK_MS) {
    await bench.clock.run(() => false, TICK_MS);
    bench.dialer.dial();
  }
}

/** Nothing that is sent to them is answered. */
function silence({ sim }: Bench, endpoints: readonly Endpoint[]): void {
  for (const { host } of endpoints) {
    sim.setLink(host, { latencyMs: 1, bytesPerSecond: 1, isBlackHole: true });
  }
}

async function* naming(endpoints: readonly Endpoint[]): AsyncIterable<Sighting> {
  yield await Promise.resolve({ endpoints, source: "named" });
}

function hosts(count: number): Endpoint[] {
  return Array.from({ length: count }, (_, index) => ({ host: `10.0.1.${index}`, port: 1 }));
}

async function serve(
  bench: Bench,
  host: string,
  ours: OurHandshake,
  encryption: EncryptionMode = "off",
): Promise<void> {
  const listener = bench.sim.host(host).listen({ ports: [1] });
  for await (const connection of listener) {
    const hosted = { find: () => ours, findByTorrentHash: () => ours };
    const { clock, random } = bench;
    acceptHandshake(connection, hosted, { clock, random, encryption })
      .catch(() => connection.close());
  }
}

Deno.test("dial() has at most 100 half-open connections when nobody answers", async () => {
  const bench = createBench();
  const endpoints = hosts(200);
  silence(bench, endpoints);
  await run(bench, endpoints);
  await tick(bench, 60_000);
  strictEqual(bench.mostOpen, 100);
  bench.dialer.close();
});

Deno.test("dial() reaches 40 peers within 6 s when 90 others do not answer", async () => {
  const bench = createBench();
  const endpoints = hosts(130);
  const [there, silent] = [endpoints.slice(0, 40), endpoints.slice(40)];
  silence(bench, silent);
  for (const { host } of there) void serve(bench, host, THEM);
  await run(bench, endpoints);
  await tick(bench, 6_000);
  strictEqual(bench.ready.length, 40);
  bench.dialer.close();
});

Deno.test("dial() counts on those that it dials, and no more once they were silent for 3 s", async () => {
  const bench = createBench(5);
  silence(bench, hosts(30));
  await run(bench, hosts(30));
  await tick(bench, 2_500);
  strictEqual(bench.started, 5);
  await tick(bench, 1_000);
  strictEqual(bench.started, 10);
  bench.dialer.close();
});

Deno.test("dial() starts at most 30 dials a second after the first 30 when all are refused", async () => {
  const bench = createBench();
  await run(bench, hosts(250));
  await tick(bench, 5_000);
  ok(bench.started <= 30 + 5 * 30, `${bench.started} dials in 5 s`);
  ok(bench.started >= 150, `${bench.started} dials in 5 s`);
  bench.dialer.close();
});

Deno.test("S8 dial() blames no peer when no socket is free, and pauses before it tries again", async () => {
  const bench = createBench();
  const endpoints = hosts(40);
  for (const { host } of endpoints) void serve(bench, host, THEM);
  bench.lacks = "limit";
  await run(bench, endpoints);
  await tick(bench, 60_000);
  await bench.clock.run(() => bench.open === 0, 100);
  const count = bench.started;
  ok(count >= 30 + 60 && count <= 30 + 60 * 15, `${count} dials in a minute`);
  deepStrictEqual(bench.dialer.failures, { "limit": count });
  deepStrictEqual(bench.peerList.counts.unreachable, 0);
  bench.lacks = undefined;
  await tick(bench, 3_500);
  strictEqual(bench.ready.length, 40);
  bench.dialer.close();
});

Deno.test("dial() blames no peer when the proxy is gone, and asks it for one a second at most", async () => {
  const bench = createBench();
  const endpoints = hosts(40);
  for (const { host } of endpoints) void serve(bench, host, THEM);
  bench.lacks = "proxy";
  await run(bench, endpoints);
  const atOnce = bench.started;
  ok(atOnce <= 30, `${atOnce} dials at once`);
  await tick(bench, 20 * 60_000);
  await bench.clock.run(() => bench.open === 0, 100);
  const count = bench.started - atOnce;
  ok(count >= 80 && count <= 20 * 60, `${count} dials in twenty minutes`);
  deepStrictEqual(bench.dialer.failures, { "proxy": bench.started });
  deepStrictEqual(bench.peerList.counts.unreachable, 0);
  bench.lacks = undefined;
  // Two seconds until it is asked again, and as many for the dials.
  await tick(bench, 4_000);
  strictEqual(bench.ready.length, 40);
  bench.dialer.close();
});

for (
  const [answer, isThere, link, [least, most]] of [
    ["refuse after a second", false, { latencyMs: 500 }, [100, 240]],
    ["let us connect and say nothing", true, { latencyMs: 1 }, [100, 240]],
    ["do not answer, one each three seconds", false, { latencyMs: 1, isBlackHole: true }, [2, 3]],
  ] as const
) {
  Deno.test(`dial() goes on when the proxy is back, though peers ${answer}`, async () => {
    const bench = createBench(1_000), endpoints = hosts(200);
    for (const { host } of endpoints) {
      bench.sim.setLink(host, { bytesPerSecond: Infinity, ...link });
      if (isThere) bench.sim.host(host).listen({ ports: [1] });
    }
    bench.lacks = "proxy";
    await run(bench, endpoints);
    await tick(bench, 10_000);
    bench.lacks = undefined;
    const before = bench.started;
    await tick(bench, 8_000);
    const count = bench.started - before;
    ok(count >= least && count <= most, `${count} dials in eight seconds`);
    bench.dialer.close();
  });
}

Deno.test("dial() does not take the proxy for back because of a web seed", async () => {
  const bench = createBench();
  bench.lacks = "proxy";
  await run(bench, [...hosts(200), WEB_SEED]);
  await tick(bench, 5_000);
  const failed = () => bench.dialer.failures["proxy"]!;
  for (let passedMs = 0; passedMs < 10 * 60_000; passedMs += TICK_MS) {
    const before = failed();
    await tick(bench, TICK_MS);
    ok(failed() - before <= 1, `${failed() - before} dials in half a second`);
  }
  ok(bench.started > failed(), "the web seed was never asked");
  bench.dialer.close();
});

Deno.test("S8 dial() pauses as long when one dial alone found no socket", async () => {
  const bench = createBench();
  void serve(bench, "10.0.1.0", THEM);
  bench.lacks = "limit";
  await run(bench, hosts(1));
  await tick(bench, 60_000);
  ok(bench.started <= 2 + 60 && bench.started >= 30, `${bench.started} dials in a minute`);
  bench.lacks = undefined;
  await tick(bench, 2_000);
  strictEqual(bench.ready.length, 1);
  bench.dialer.close();
});

Deno.test("dial() stops when there are peers enough", async () => {
  const bench = createBench(3);
  for (const { host } of hosts(10)) void serve(bench, host, THEM);
  await run(bench, hosts(10));
  await bench.clock.run(() => false, 60_000);
  strictEqual(bench.ready.length, 3);
  strictEqual(bench.started, 3);
  bench.dialer.close();
});

Deno.test("meet() dials at once, wanted or not, and once; help is sought for those dialled in turn", async () => {
  const bench = createBench();
  const [first, second, stranger] = hosts(3) as [Endpoint, Endpoint, Endpoint];
  bench.hasUtp = true;
  silence(bench, [stranger]);
  await run(bench, [first, second]);
  await tick(bench, 1_000);
  deepStrictEqual(bench.unreachable.toSorted(), [first, second].map(formatEndpoint));
  bench.wanted = 0;
  for (const endpoint of [first, stranger, stranger]) bench.dialer.meet(endpoint, second);
  await tick(bench, 60_000);
  deepStrictEqual(bench.byUtp, [first, stranger].map(formatEndpoint));
  deepStrictEqual(bench.unreachable.length, 2, "nobody is asked again because of a meeting");
  bench.dialer.close();
  bench.dialer.meet(second, first);
  deepStrictEqual(bench.byUtp.length, 2);
});

/** One that TCP does not lead to, help for which was sought after 4.3 seconds. */
async function dialSilent(bench: Bench): Promise<Endpoint> {
  const [endpoint] = hosts(1) as [Endpoint];
  bench.hasUtp = true;
  bench.utpTimeoutMs = 4_300;
  silence(bench, [endpoint]);
  await run(bench, [endpoint]);
  await tick(bench, 4_000);
  bench.dialer.meet({ ...endpoint }, SOMEBODY);
  await tick(bench, 500);
  deepStrictEqual(bench.byUtp, [], "uTP is still tried, or was not yet");
  deepStrictEqual(bench.unreachable, [formatEndpoint(endpoint)]);
  return endpoint;
}

Deno.test("meet() dials by uTP alone whom TCP has not led to, once help was sought", async () => {
  const bench = createBench();
  const endpoint = await dialSilent(bench);
  bench.sim.setLink(endpoint.host, { latencyMs: 1, bytesPerSecond: Infinity });
  void serve(bench, endpoint.host, THEM);
  for (let times = 0; times < 2; times++) bench.dialer.meet({ ...endpoint }, SOMEBODY);
  await tick(bench, 500);
  deepStrictEqual([bench.ready.length, bench.byUtp], [1, [formatEndpoint(endpoint)]]);
  deepStrictEqual([bench.dialer.failures, bench.open], [{}, 0]);
  bench.dialer.close();
});

Deno.test("meet() that leads to nobody either is one failure, and no help is sought again", async () => {
  const bench = createBench();
  const endpoint = await dialSilent(bench);
  bench.dialer.meet(endpoint, SOMEBODY);
  await tick(bench, 20_000);
  deepStrictEqual([bench.dialer.failures, bench.unreachable.length], [{ timeout: 1 }, 1]);
  bench.dialer.close();
});

Deno.test("dial() seeks help once for whom neither way leads to", async () => {
  const bench = createBench();
  await dialSilent(bench);
  await tick(bench, 15_000);
  deepStrictEqual([bench.dialer.failures, bench.unreachable.length], [{ timeout: 1 }, 1]);
  bench.dialer.close();
});

Deno.test("dial() seeks help again when it fails if nobody could be asked before", async () => {
  const bench = createBench();
  bench.hasRelay = false;
  const endpoint = await dialSilent(bench);
  bench.hasRelay = true;
  await tick(bench, 15_000);
  deepStrictEqual(bench.unreachable, [endpoint, endpoint].map(formatEndpoint));
  bench.dialer.close();
});

Deno.test("meet() dials by uTP alone whom TCP has not led to also when nobody could be asked", async () => {
  const bench = createBench();
  bench.hasRelay = false;
  const endpoint = await dialSilent(bench);
  bench.dialer.meet(endpoint, SOMEBODY);
  await tick(bench, 500);
  deepStrictEqual(bench.byUtp, [formatEndpoint(endpoint)]);
  bench.dialer.close();
});

Deno.test("dial() reaches who answers by TCP after help was sought in vain", async () => {
  const bench = createBench();
  const [endpoint] = hosts(1) as [Endpoint];
  bench.utpTimeoutMs = 4_300;
  bench.sim.setLink(endpoint.host, { latencyMs: 3_000, bytesPerSecond: Infinity });
  void serve(bench, endpoint.host, THEM);
  await run(bench, [endpoint]);
  await tick(bench, 25_000);
  deepStrictEqual([bench.unreachable.length, bench.ready.length], [1, 1]);
  bench.dialer.close();
});

Deno.test("dial() counts on nobody whom TCP does not lead to, and tells why at once", async () => {
  const bench = createBench(1);
  const endpoints = hosts(21);
  void serve(bench, endpoints.at(-1)!.host, THEM);
  bench.byUtpAfterTcp = 3_000;
  await run(bench, endpoints);
  await tick(bench, 500);
  strictEqual(bench.ready.length, 1, "those that are refused hold up nobody");
  const { underWayCount, unansweredCount, failures } = bench.dialer;
  deepStrictEqual([unansweredCount, failures], [
    0,
    underWayCount ? { refused: underWayCount } : {},
  ]);
  await tick(bench, 3_000);
  deepStrictEqual([bench.dialer.underWayCount, bench.dialer.failures], [0, failures]);
  bench.dialer.close();
});

Deno.test("meet() dials nobody who was banned, nor more than 100 at once", async () => {
  const bench = createBench(0);
  bench.hasUtp = true;
  const [banned, ...others] = hosts(121) as [Endpoint, ...Endpoint[]];
  silence(bench, others);
  bench.peerList.ban(banned);
  await run(bench, []);
  for (const endpoint of [banned, ...others]) bench.dialer.meet(endpoint, others[0]!);
  await bench.clock.run(() => false, 0);
  deepStrictEqual([bench.open, bench.byUtp.includes(formatEndpoint(banned))], [100, false]);
  bench.dialer.close();
});

Deno.test("S8 meet() and dial() seek no help when it was we who could not dial", async () => {
  const bench = createBench();
  bench.lacks = "limit";
  await run(bench, hosts(1));
  await tick(bench, 1_000);
  deepStrictEqual(bench.unreachable, []);
  bench.dialer.close();
});

Deno.test("connect() yields a peer that shares our torrent", async () => {
  const bench = createBench();
  void serve(bench, "10.0.1.0", THEM);
  await run(bench, hosts(1));
  await bench.clock.run(() => bench.ready.length > 0, 1_000);
  deepStrictEqual(bench.ready[0]!.handshake.peerId, THEM.peerId);
  strictEqual(bench.ready[0]!.isIncoming, false);
  strictEqual(bench.peerList.counts.connected, 1);
  bench.dialer.close();
});

Deno.test("P3 connect() never dials an endpoint again when it answered with our own peer id", async () => {
  const bench = createBench();
  const listener = bench.sim.host("10.0.1.0").listen({ ports: [1] });
  const mirror = async () => {
    for await (const connection of listener) {
      await connection.write(encodeHandshake({ ...US, flags: NO_FLAGS }));
    }
  };
  void mirror();
  await run(bench, hosts(1));
  for (let minute = 0; minute < 60; minute++) {
    await bench.clock.run(() => false, 60_000);
    bench.dialer.dial();
  }
  strictEqual(bench.started, 1);
  strictEqual(bench.ready.length, 0);
  bench.dialer.close();
});

Deno.test("failures counts why dials failed", async () => {
  const bench = createBench();
  bench.sim.setLink("10.0.1.0", { latencyMs: 1, bytesPerSecond: 1, isBlackHole: true });
  void serve(bench, "10.0.1.2", { ...THEM, infoHash: new Uint8Array(20).fill(9) as InfoHash });
  await run(bench, hosts(3));
  await bench.clock.run(() => bench.open === 0, 20_000);
  await bench.clock.run(() => false, 100);
  deepStrictEqual(Object.keys(bench.dialer.failures).sort(), [
    "refused",
    "timeout",
    "wrong-info-hash",
  ]);
  strictEqual(bench.dialer.failures["timeout"], 1);
  bench.dialer.close();
});

Deno.test("close() ends dials under way and the stream of peers", async () => {
  const bench = createBench();
  bench.sim.setLink("10.0.1.0", { latencyMs: 1, bytesPerSecond: 1, isBlackHole: true });
  await run(bench, hosts(1));
  strictEqual(bench.open, 1);
  bench.dialer.close();
  await bench.clock.run(() => false, 0);
  strictEqual(bench.open, 0);
  strictEqual(bench.clock.now(), 0);
});

/** Dials one peer at 10.0.1.0 until it is ready or `durationMs` have passed. */
async function dialOne(bench: Bench, durationMs = 1_000): Promise<void> {
  await run(bench, hosts(1));
  await bench.clock.run(() => bench.ready.length > 0, durationMs);
}

/** The peer hangs up, and we dial it again when its turn comes. */
async function dialAgain(bench: Bench): Promise<void> {
  const [peer] = bench.ready.splice(0) as [ReadyPeer];
  peer.connection.close();
  const end = { reason: "remote-closed", wasUseful: true } as const;
  bench.peerList.disconnected(peer, end, bench.clock.now());
  await bench.clock.run(() => false, 2_000);
  bench.dialer.dial();
  await bench.clock.run(() => bench.ready.length > 0, 1_000);
}

const MEETINGS: readonly {
  readonly ours: EncryptionMode;
  readonly theirs: EncryptionMode;
  /** Until the peer is ready: at first, and when it comes again. */
  readonly dials: readonly [number, number] | undefined;
}[] = [
  { ours: "off", theirs: "off", dials: [1, 1] },
  { ours: "off", theirs: "prefer", dials: [1, 1] },
  { ours: "off", theirs: "require", dials: undefined },
  { ours: "prefer", theirs: "off", dials: [2, 1] },
  { ours: "prefer", theirs: "prefer", dials: [1, 1] },
  { ours: "prefer", theirs: "require", dials: [2, 1] },
  { ours: "require", theirs: "off", dials: undefined },
  { ours: "require", theirs: "prefer", dials: [1, 1] },
  { ours: "require", theirs: "require", dials: [1, 1] },
];

for (const { ours, theirs, dials } of MEETINGS) {
  const outcome = dials ? `after ${dials[0]} and later ${dials[1]}` : "never";
  Deno.test(`P31 dial() that would ${ours} encryption reaches a peer that would ${theirs}: ${outcome}`, async () => {
    const bench = createBench(80, ours);
    void serve(bench, "10.0.1.0", THEM, theirs);
    await dialOne(bench);
    if (dials === undefined) {
      strictEqual(bench.ready.length, 0);
      strictEqual(bench.started, 1);
      // Only whoever requires encryption knows why.
      const failure = ours === "require" ? "no-encryption" : "remote-closed";
      deepStrictEqual(bench.dialer.failures, { [failure]: 1 });
    } else {
      strictEqual(bench.started, dials[0]);
      deepStrictEqual(bench.dialer.failures, {});
      await dialAgain(bench);
      strictEqual(bench.ready.length, 1);
      strictEqual(bench.started, dials[0] + dials[1]);
    }
    bench.dialer.close();
  });
}

Deno.test("P31 dial() counts one failure, and dials twice, when a peer hangs up on everybody", async () => {
  const bench = createBench(80, "prefer");
  const rude = async () => {
    for await (const connection of bench.sim.host("10.0.1.0").listen({ ports: [1] })) {
      connection.close();
    }
  };
  void rude();
  await dialOne(bench);
  strictEqual(bench.started, 2);
  deepStrictEqual(bench.dialer.failures, { "remote-closed": 1 });
  bench.dialer.close();
});

Deno.test("dial() tries uTP alone in the next turn of a peer that took up TCP and hung up, and then TCP again", async () => {
  const bench = createBench();
  bench.hasUtp = true;
  const [endpoint] = hosts(1) as [Endpoint];
  const listener = bench.sim.host(endpoint.host).listen({ ports: [endpoint.port] });
  const hangUp = async () => {
    for await (const connection of listener) connection.close();
  };
  void hangUp();
  bench.isDeafToUtp = true;
  await run(bench, [endpoint]);
  const turns: boolean[] = [];
  for (let seen = 0; turns.length < 3; seen = bench.byUtp.length) {
    const { started } = bench;
    await tick(bench, TICK_MS);
    if (bench.started > started) turns.push(bench.byUtp.length > seen);
  }
  deepStrictEqual(turns, [true, false, true]);
  deepStrictEqual(Object.keys(bench.dialer.failures), ["remote-closed"], "it says nothing new");
  bench.dialer.close();
  listener.close();
});

Deno.test("P31 dial() waits with the fallback for another turn when a peer says nothing to encryption", async () => {
  const bench = createBench(80, "prefer");
  const wordless = async () => {
    for await (const connection of bench.sim.host("10.0.1.0").listen({ ports: [1] })) {
      const first = new Uint8Array(1);
      await connection.read(first);
      if (first[0] !== 0x13) continue;
      await connection.write(encodeHandshake({ ...THEM, flags: NO_FLAGS }));
    }
  };
  void wordless();
  await dialOne(bench, 11_000);
  strictEqual(bench.started, 1);
  deepStrictEqual(bench.dialer.failures, { "handshake-timeout": 1 });
  await bench.clock.run(() => false, 30_000);
  bench.dialer.dial();
  await bench.clock.run(() => false, 1_000);
  strictEqual(bench.started, 2);
  strictEqual(bench.ready.length, 1);
  bench.dialer.close();
});

Deno.test("P31 dial() blames no lack of encryption when a peer is silent, or knows encryption", async () => {
  const mute = createBench(80, "require");
  void (async () => {
    for await (const connection of mute.sim.host("10.0.1.0").listen({ ports: [1] })) {
      await connection.read(new Uint8Array(1));
    }
  })();
  await dialOne(mute, 11_000);
  deepStrictEqual(mute.dialer.failures, { "handshake-timeout": 1 });
  mute.dialer.close();

  const knowing = createBench(80, "require");
  const another = { ...THEM, infoHash: new Uint8Array(20).fill(9) as InfoHash };
  void (async () => {
    for await (const connection of knowing.sim.host("10.0.1.0").listen({ ports: [1] })) {
      const hosted = { find: () => another, findByTorrentHash: () => undefined };
      const { clock, random } = knowing;
      acceptHandshake(connection, hosted, { clock, random, encryption: "require" })
        .catch(() => connection.close());
    }
  })();
  await dialOne(knowing);
  deepStrictEqual(knowing.dialer.failures, { "remote-closed": 1 });
  knowing.dialer.close();
});

Deno.test("Dialer tries a web seed again that is not needed now, and counts no failure", async () => {
  const bench = createBench();
  await run(bench, [WEB_SEED]);
  deepStrictEqual([bench.started, bench.dialer.failures], [1, {}]);
  await tick(bench, 60_000);
  ok(bench.started > 3 && bench.started < 10, `${bench.started} times in a minute`);
  deepStrictEqual(bench.dialer.failures, {});
  bench.dialer.close();
});
