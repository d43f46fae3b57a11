import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import type { Endpoint } from "../../src/base/endpoint.ts";
import type { InfoHash, PeerId } from "../../src/base/ids.ts";
import type { Network } from "../../src/net/transport.ts";
import { PeerList } from "../../src/peer/peer_list.ts";
import { Dialer, type ReadyPeer } from "../../src/torrent/dialer.ts";
import type { Sighting } from "../../src/torrent/discovery.ts";
import { type Introduction, welcome } from "../../src/torrent/handshaking.ts";
import { encodeHandshake } from "../../src/wire/handshake.ts";
import { ManualClock } from "../sim/manual_clock.ts";
import { SimNetwork } from "../sim/sim_network.ts";

const US: Introduction = {
  infoHash: new Uint8Array(20).fill(1) as InfoHash,
  peerId: new Uint8Array(20).fill(2) as PeerId,
};
const NO_FLAGS = { fast: false, extended: false, dht: false };
const THEM = { ...US, peerId: new Uint8Array(20).fill(3) as PeerId };

interface Bench {
  readonly clock: ManualClock;
  readonly sim: SimNetwork;
  readonly dialer: Dialer;
  readonly peerList: PeerList;
  readonly ready: ReadyPeer[];
  /** Dials under way. */
  open: number;
  mostOpen: number;
  started: number;
  wanted: number;
}

/** A dialer whose network counts; the peers that it yields pile up in `ready`. */
function createBench(wanted = 80): Bench {
  const clock = new ManualClock(), sim = new SimNetwork(clock);
  const peerList = new PeerList({ random: new SeededRandom(1) });
  const network: Network = {
    ...sim.host("10.0.0.1"),
    connect: async (to, options) => {
      bench.started++;
      bench.mostOpen = Math.max(bench.mostOpen, ++bench.open);
      try {
        return await sim.host("10.0.0.1").connect(to, options);
      } finally {
        bench.open--;
      }
    },
  };
  const dialer = new Dialer({
    network,
    clock,
    peerList,
    introduction: US,
    wanted: () => bench.wanted - bench.ready.length,
  });
  const bench: Bench = {
    clock,
    sim,
    dialer,
    peerList,
    ready: [],
    open: 0,
    mostOpen: 0,
    started: 0,
    wanted,
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

async function* naming(endpoints: readonly Endpoint[]): AsyncIterable<Sighting> {
  yield await Promise.resolve({ endpoints, source: "named" });
}

function hosts(count: number): Endpoint[] {
  return Array.from({ length: count }, (_, index) => ({ host: `10.0.1.${index}`, port: 1 }));
}

async function serve(bench: Bench, host: string, introduction: Introduction): Promise<void> {
  const listener = bench.sim.host(host).listen({ ports: [1] });
  for await (const connection of listener) {
    welcome(connection, () => introduction, bench.clock).catch(() => connection.close());
  }
}

Deno.test("dial() has at most 30 half-open connections when nobody answers", async () => {
  const bench = createBench();
  const endpoints = hosts(200);
  for (const { host } of endpoints) {
    bench.sim.setLink(host, { latencyMs: 1, bytesPerSecond: 1, isBlackHole: true });
  }
  await run(bench, endpoints);
  await bench.clock.run(() => false, 60_000);
  strictEqual(bench.mostOpen, 30);
  bench.dialer.close();
});

Deno.test("dial() starts at most 30 dials a second after the first 30 when all are refused", async () => {
  const bench = createBench();
  await run(bench, hosts(250));
  const ticks = async () => {
    for (let tick = 0; tick < 10; tick++) {
      await bench.clock.run(() => false, 500);
      bench.dialer.dial();
    }
  };
  await ticks();
  ok(bench.started <= 30 + 5 * 30, `${bench.started} dials in 5 s`);
  ok(bench.started >= 150, `${bench.started} dials in 5 s`);
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
