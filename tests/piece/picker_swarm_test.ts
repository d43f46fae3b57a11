import { deepStrictEqual, ok } from "node:assert/strict";
import fc from "fast-check";
import { SeededRandom } from "../../src/base/ambient.ts";
import { BLOCK_LENGTH } from "../../src/metainfo/layout.ts";
import { type SimulatedPeer, Swarm, type SwarmOptions } from "./swarm.ts";

const KIB = 1024, MIB = 1024 * KIB;
const SEED: SimulatedPeer = { rate: MIB, latencyMs: 50 };

const anyPeer = fc.record({
  rate: fc.oneof(fc.constantFrom(0, 2 * KIB, 20 * KIB), fc.integer({ min: KIB, max: 4 * MIB })),
  latencyMs: fc.integer({ min: 1, max: 3_000 }),
  modulus: fc.integer({ min: 1, max: 5 }),
  remainder: fc.nat(4),
  lies: fc.constantFrom(0, 0, 0.02, 0.5, 1),
  chokeEveryMs: fc.constantFrom(undefined, undefined, 700, 5_000),
  joinsAt: fc.nat(10_000),
  staysMs: fc.constantFrom(300, 5_000, Infinity),
}).map(({ modulus, remainder, staysMs, chokeEveryMs, ...peer }): SimulatedPeer => ({
  ...peer,
  ...chokeEveryMs === undefined ? {} : { chokeEveryMs },
  has: (piece) => piece % modulus >= remainder % modulus,
  leavesAt: peer.joinsAt + staysMs,
}));

const anySwarm = fc.record({
  seed: fc.nat(),
  pieceCount: fc.integer({ min: 1, max: 40 }),
  pieceLength: fc.constantFrom(1_000, BLOCK_LENGTH, BLOCK_LENGTH + 1, 100_001, 256 * KIB),
  budgetPieces: fc.integer({ min: 1, max: 6 }),
  sequential: fc.boolean(),
  peers: fc.array(anyPeer, { maxLength: 10 }),
});

Deno.test("a torrent completes with one honest seed, whatever the other peers do", () => {
  fc.assert(
    fc.property(anySwarm, ({ seed, budgetPieces, peers, ...options }) => {
      const swarm = new Swarm({
        ...options,
        random: new SeededRandom(seed),
        budgetBytes: budgetPieces * options.pieceLength,
        peers: [SEED, ...peers],
      });
      swarm.run(600_000);
      ok(swarm.isComplete, `${swarm.table.missing.count} pieces are missing`);
    }),
    { numRuns: 150 },
  );
});

Deno.test("the honest seed's rate is used, whatever the other peers do", () => {
  const idlers = Array.from({ length: 30 }, (_, index): SimulatedPeer => ({
    rate: index % 3 === 0 ? 0 : 2 * KIB,
    latencyMs: 500,
    has: (piece) => piece % 30 !== index,
  }));
  const swarm = run({ pieceCount: 64, peers: [SEED, ...idlers], budgetBytes: 4 * 256 * KIB });
  ok(swarm.now < 1.3 * 16_000, `16 MiB at 1 MiB/s took ${swarm.now} ms`);
});

Deno.test("P21 a peer that trickles does not hold the end up for longer than seconds", () => {
  const trickler: SimulatedPeer = { rate: BLOCK_LENGTH / 9, latencyMs: 1_000 };
  const swarm = run({ pieceCount: 16, peers: [SEED, trickler, trickler] });
  ok(swarm.now < 4_000 + 2_000, `4 MiB at 1 MiB/s took ${swarm.now} ms`);
});

Deno.test("P20 a peer that never answers does not hold the end up for longer than seconds", () => {
  const silent: SimulatedPeer = { rate: 0, latencyMs: 1 };
  const swarm = run({ pieceCount: 16, peers: [SEED, silent, silent, silent] });
  ok(swarm.now < 4_000 + 2_000, `4 MiB at 1 MiB/s took ${swarm.now} ms`);
});

Deno.test("P20 dozens of peers that never answer do not keep the last block from one that does", () => {
  for (const count of [30, 80]) {
    const silent = Array.from({ length: count }, (_, index): SimulatedPeer => ({
      rate: 0,
      latencyMs: 1,
      joinsAt: 10_000 * index / count,
    }));
    const peers = [...silent, { ...SEED, joinsAt: 30_000 }];
    const swarm = run({ pieceCount: 1, pieceLength: BLOCK_LENGTH, peers }, 60_000);
    ok(swarm.now < 30_000 + 2_000, `${count} are silent: 16 KiB took ${swarm.now} ms`);
  }
});

Deno.test("P16 blocks that come twice near the end are few", () => {
  const peers = Array.from({ length: 20 }, (_, index): SimulatedPeer => ({
    rate: 200 * KIB,
    latencyMs: 200 + 20 * index,
  }));
  const swarm = run({ pieceCount: 128, peers });
  ok(swarm.wastedCount < swarm.receivedCount / 100, `${swarm.wastedCount} are wasted`);
});

Deno.test("slow peers cost the quick ones neither memory nor time", () => {
  const slow = Array.from({ length: 60 }, (): SimulatedPeer => ({
    rate: 12 * KIB,
    latencyMs: 300,
  }));
  const quick = [1, 2].map((): SimulatedPeer => ({ rate: 4 * MIB, latencyMs: 40 }));
  const swarm = run({ pieceCount: 256, peers: [...quick, ...slow], budgetBytes: 16 * 256 * KIB });
  ok(swarm.now < 10_000, `64 MiB at 8.7 MiB/s took ${swarm.now} ms`);
  ok(swarm.wastedCount < swarm.receivedCount / 20, `${swarm.wastedCount} are wasted`);
});

Deno.test("S9 several peers share pieces of 16 MiB when four of them fit into memory", () => {
  const peers = Array.from({ length: 20 }, (): SimulatedPeer => ({
    rate: MIB,
    latencyMs: 100,
  }));
  const swarm = run({ pieceCount: 12, pieceLength: 16 * MIB, budgetBytes: 64 * MIB, peers });
  ok(swarm.now < 1.3 * 9_600, `192 MiB at 20 MiB/s took ${swarm.now} ms`);
});

Deno.test("few quick peers give each piece, also when there is no memory for one of each peer", () => {
  const peers = Array.from({ length: 20 }, (_, index): SimulatedPeer => ({
    rate: (4 + index % 5) * MIB,
    latencyMs: 30 + 10 * (index % 3),
  }));
  for (const [budgetPieces, mostPerPiece] of [[40, 2], [16, 3]] as const) {
    const options = { pieceCount: 128, pieceLength: 4 * MIB, budgetBytes: budgetPieces * 4 * MIB };
    const { contributorCounts, now, wastedCount, receivedCount } = run({ ...options, peers });
    const total = contributorCounts.reduce((sum, count) => sum + count, 0);
    ok(total < mostPerPiece * 128, `${total} times a peer gave a part of 128 pieces`);
    ok(now < 1.1 * 4_270, `512 MiB at 120 MiB/s took ${now} ms`);
    ok(wastedCount < receivedCount / 50, `${wastedCount} are wasted`);
  }
});

Deno.test("quick peers have few blocks refused when only one of them can have a piece", () => {
  const peers = Array.from({ length: 5 }, (_, index): SimulatedPeer => ({
    rate: (4 + 2 * index) * MIB,
    latencyMs: 5 * (1 + index % 3),
  }));
  const swarm = run({ pieceCount: 128, pieceLength: MIB, budgetBytes: MIB, peers });
  ok(swarm.wastedCount < swarm.receivedCount / 50, `${swarm.wastedCount} are wasted`);
});

Deno.test("thousands of tiny pieces of odd length survive peers that come and go", () => {
  const random = new SeededRandom(3);
  const peers = Array.from({ length: 30 }, (_, index): SimulatedPeer => ({
    rate: 100 * KIB,
    latencyMs: 100 + 50 * index,
    has: (piece) => (piece * 7 + index) % 3 !== 0,
    joinsAt: random.below(5_000),
    leavesAt: index % 2 === 0 ? Infinity : 6_000 + random.below(10_000),
  }));
  const swarm = run({ pieceCount: 2_500, pieceLength: BLOCK_LENGTH + 1, peers });
  ok(swarm.isComplete && swarm.now < 35_000, `40 MiB at 1.5 to 3 MiB/s took ${swarm.now} ms`);
  ok(swarm.wastedCount < swarm.receivedCount / 50, `${swarm.wastedCount} are wasted`);
});

Deno.test("P17 among honest peers exactly the liars are banned, with little fetched again", () => {
  for (const lies of [0.01, 0.3, 1]) {
    const honest = Array.from({ length: 6 }, (): SimulatedPeer => ({ rate: MIB, latencyMs: 60 }));
    const liar: SimulatedPeer = { rate: MIB, latencyMs: 50, lies };
    const swarm = run({ pieceCount: 128, peers: [...honest, liar, liar], seed: 7 });
    ok(swarm.liarKeys.length > 0);
    deepStrictEqual(swarm.bannedKeys, swarm.liarKeys);
    ok(swarm.now < 1.5 * 32_000 / 6, `32 MiB at 6 MiB/s took ${swarm.now} ms`);
  }
});

Deno.test("P18 when all peers lie, all are banned and nothing is complete", () => {
  const liar: SimulatedPeer = { rate: MIB, latencyMs: 50, lies: 1 };
  const swarm = run({ pieceCount: 8, peers: [liar, liar, liar] }, 60_000);
  deepStrictEqual([swarm.bannedKeys, swarm.table.have.count], [[0, 1, 2], 0]);
});

Deno.test("sequential mode completes pieces nearly in order", () => {
  const peers = [SEED, { ...SEED, latencyMs: 20 }, { ...SEED, rate: 4 * MIB }];
  const { completed } = run({ pieceCount: 64, peers, sequential: true });
  const distance = completed.map((piece, index) => Math.abs(piece - index));
  ok(Math.max(...distance) <= 6, completed.join(" "));
});

function run(
  options: Partial<SwarmOptions> & Pick<SwarmOptions, "peers"> & { readonly seed?: number },
  maxMs = 600_000,
): Swarm {
  const swarm = new Swarm({
    pieceCount: 64,
    pieceLength: 256 * KIB,
    budgetBytes: 64 * MIB,
    random: new SeededRandom(options.seed ?? 1),
    ...options,
  });
  swarm.run(maxMs);
  return swarm;
}
