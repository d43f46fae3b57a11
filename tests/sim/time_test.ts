/** Clocks that are set, and processes that are stopped: time that passes otherwise than expected. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import type { Torrent } from "../../src/torrent/torrent.ts";
import { Lab } from "./lab.ts";
import { type SimDisk, SimStorage } from "./sim_storage.ts";

const PIECES = 60;
const PIECE_LENGTH = 32_768;
const MINUTE_MS = 60_000, HOUR_MS = 60 * MINUTE_MS, DAY_MS = 24 * HOUR_MS;
const LINK = { latencyMs: 20, bytesPerSecond: 50_000 };

interface Running {
  readonly lab: Lab;
  readonly torrent: Torrent;
  readonly disk: SimDisk;
  readonly result: Promise<void>;
}

/** A download from two seeds, which takes twenty seconds or so. */
async function download(run: (running: Running) => Promise<void>): Promise<void> {
  const random = new SeededRandom(1);
  const lab = new Lab(random.bytes(PIECES * PIECE_LENGTH), PIECE_LENGTH, random);
  for (const host of ["10.0.1.1", "10.0.1.2"]) lab.addSeed(host, LINK);
  const disk = lab.createDisk();
  const storage = new SimStorage(lab.metainfo, disk, lab.clock, { latencyMs: 1 });
  const torrent = lab.addTorrent(lab.createClient("10.0.0.1"), storage, {});
  const result = torrent.download();
  result.catch(() => {});
  try {
    await run({ lab, torrent, disk, result });
  } finally {
    await lab.end();
  }
}

/** What people are told; no rate is below zero, and no time to go is absurd. */
function figures(torrent: Torrent): number[] {
  const { bytes, downRate, upRate, etaMs = 0 } = torrent.snapshot();
  for (const rate of [downRate, upRate]) ok(rate >= 0 && rate < 200_000, `${rate} B/s`);
  ok(etaMs >= 0 && etaMs < HOUR_MS, `${etaMs} ms to go`);
  return [bytes, downRate, upRate, etaMs];
}

/** What is known of a download at every second, until it is complete. */
async function course({ lab, torrent, result }: Running, atSecond: (second: number) => void) {
  const seen: number[][] = [];
  for (let second = 0; second < 120; second++) {
    if (await lab.settled(result, 1_000)) return [...seen, [lab.clock.now()]];
    atSecond(second);
    seen.push(figures(torrent));
  }
  throw new Error("not complete after two minutes");
}

Deno.test("S5 download() takes no notice when the clock on the wall is set", async () => {
  const undisturbed: number[][] = [], disturbed: number[][] = [];
  await download(async (running) => {
    undisturbed.push(...await course(running, () => {}));
  });
  await download(async (running) => {
    const steps = [-DAY_MS, 3_653 * DAY_MS, -2 * HOUR_MS, 8 * HOUR_MS];
    const set = (second: number) => running.lab.clock.stepWall(steps[second % steps.length]!);
    disturbed.push(...await course(running, set));
  });
  deepStrictEqual(disturbed, undisturbed);
});

for (const [name, durationMs] of [["ten minutes", 10 * MINUTE_MS], ["a day", DAY_MS]] as const) {
  Deno.test(`S5 S11 download() goes on when the process stood still for ${name}`, async () => {
    await download(async ({ lab, torrent, disk, result }) => {
      ok(!await lab.settled(result, 5_000));
      const before = torrent.snapshot().bytes;
      ok(before > 0);
      lab.clock.standStill(durationMs);
      ok(!await lab.settled(result, 100));
      ok(figures(torrent)[0]! >= before);
      ok(await lab.settled(result, 2 * MINUTE_MS), torrent.verdict().detail);
      await result;
      for (const [piece, data] of disk.pieces) deepStrictEqual(data, lab.contentOf(piece));
    });
  });
}
