/**
 * One honest seed in a crowd that would keep it out: known peers are met in rounds, so the download
 * completes within a time that grows with the crowd, whatever the crowd does.
 */
import { strictEqual } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import { Lab } from "./lab.ts";
import type { Behaviour } from "./scripted_peer.ts";
import { SimStorage } from "./sim_storage.ts";

const PIECE_LENGTH = 65_536;
/** More than a crowd that gives slowly gives before the seed must be here. */
const PIECES = 240;
const SECOND_MS = 1_000;
/** Whoever is on trial has so long before others may take its place, … */
const TRIAL_MS = 30 * SECOND_MS;
/** … a quarter of all places at a time. */
const ROUND_MS = 4 * TRIAL_MS;
/** For the dials, and for the download itself once the seed is here. */
const DOWNLOAD_MS = 120 * SECOND_MS;

const CROWDS: Readonly<Record<string, readonly Behaviour[]>> = {
  flapping: [{ kind: "flapping", everyMs: 2_500 }],
  mute: [{ kind: "mute", keepsAlive: true }],
  choking: [{ kind: "choking", keepsAlive: true }],
  refusing: [{ kind: "refusing" }],
  trickling: [{ kind: "trickling", everyMs: 15 * SECOND_MS }],
  parting: [{ kind: "parting" }],
  dribbling: [{ kind: "dribbling", everyMs: 3 * SECOND_MS }],
  spoiling: [{ kind: "trickling", everyMs: 15 * SECOND_MS, lies: true }],
};
const MIXED = Object.values(CROWDS).flat();

/** When the honest seed must have been met, and all be here. */
function limitMs(crowd: number, maxPeers: number): number {
  return TRIAL_MS + Math.ceil(crowd / maxPeers) * ROUND_MS + DOWNLOAD_MS;
}

async function assertCompletes(
  behaviours: readonly Behaviour[],
  crowd: number,
  maxPeers: number,
  seed: number,
): Promise<void> {
  const random = new SeededRandom(seed);
  const lab = new Lab(random.bytes(PIECES * PIECE_LENGTH), PIECE_LENGTH, random);
  lab.addSeed("10.0.1.1", { latencyMs: 20, bytesPerSecond: 1e6 });
  for (let n = 0; n < crowd; n++) {
    const behaviour = behaviours[n % behaviours.length]!;
    lab.addScripted(`10.0.${2 + Math.floor(n / 250)}.${1 + n % 250}`, behaviour);
  }
  const storage = new SimStorage(lab.metainfo, lab.createDisk(), lab.clock, { latencyMs: 1 });
  const torrent = lab.addTorrent(lab.createClient("10.0.0.1"), storage, {
    maxPeers,
    memoryBudgetBytes: 2 ** 23,
  });
  const download = torrent.download();
  download.catch(() => {}); // stopped by the lab
  const isComplete = await lab.settled(download, limitMs(crowd, maxPeers));
  const { have, peers } = torrent.snapshot();
  await lab.end();
  strictEqual(isComplete, true, `seed ${seed}: ${JSON.stringify({ have, peers })}`);
}

for (const [name, behaviours] of Object.entries({ ...CROWDS, mixed: MIXED })) {
  Deno.test(`download() completes when one seed is among 120 ${name} peers`, async () => {
    await assertCompletes(behaviours, 120, 80, 3);
  });
}

Deno.test("download() completes when one seed is among 120 peers that give a block each half minute, with --max-peers 20", async () => {
  const behaviour: Behaviour = { kind: "trickling", everyMs: 30 * SECOND_MS };
  for (let seed = 1; seed <= 3; seed++) await assertCompletes([behaviour], 120, 20, seed);
});

for (const [crowd, maxPeers] of [[120, 20], [500, 80]] as const) {
  Deno.test(`download() completes when one seed is among ${crowd} peers of all kinds, with --max-peers ${maxPeers}`, async () => {
    for (let seed = 1; seed <= 2; seed++) await assertCompletes(MIXED, crowd, maxPeers, seed);
  });
}

for (
  const [seeds, bytesPerSecond, joined] of [[20, 2e6, 20], [50, 2e6, 31], [60, 5e3, 60]] as const
) {
  Deno.test(`download() meets ${joined} of ${seeds} seeds that give ${bytesPerSecond} bytes a second`, async () => {
    const random = new SeededRandom(1);
    const lab = new Lab(random.bytes(PIECES * PIECE_LENGTH), PIECE_LENGTH, random);
    for (let n = 0; n < seeds; n++) lab.addSeed(`10.0.1.${n}`, { latencyMs: 5, bytesPerSecond });
    const storage = new SimStorage(lab.metainfo, lab.createDisk(), lab.clock, { latencyMs: 1 });
    const torrent = lab.addTorrent(lab.createClient("10.0.0.1"), storage, {
      memoryBudgetBytes: 2 ** 23,
    });
    strictEqual(await lab.settled(torrent.download(), DOWNLOAD_MS), true);
    strictEqual(torrent.verdict().evidence.peersEverConnected, joined);
    await lab.end();
  });
}

for (
  const [name, options, maxDownloadRate] of [
    ["mute", { maxDownloads: 1 }, undefined],
    ["trickling", { maxDownloads: 1 }, undefined],
    ["mute", {}, 65_536],
    ["trickling", {}, 65_536],
    ["mute", { maxPeers: 1 }, undefined],
    ["trickling", { maxPeers: 1 }, undefined],
  ] as const
) {
  const few = JSON.stringify({ ...options, maxDownloadRate });
  Deno.test(`download() completes when one seed is among 20 ${name} peers, with ${few}`, async () => {
    const random = new SeededRandom(1);
    const lab = new Lab(random.bytes(40 * PIECE_LENGTH), PIECE_LENGTH, random);
    for (let n = 0; n < 20; n++) lab.addScripted(`10.0.2.${n}`, CROWDS[name]![0]!);
    lab.addSeed("10.0.1.1", { latencyMs: 20, bytesPerSecond: 1e6 });
    const storage = new SimStorage(lab.metainfo, lab.createDisk(), lab.clock, { latencyMs: 1 });
    const limits = maxDownloadRate === undefined ? {} : { maxDownloadRate };
    const torrent = lab.addTorrent(lab.createClient("10.0.0.1", limits), storage, options);
    const download = torrent.download();
    download.catch(() => {}); // stopped by the lab
    const isComplete = await lab.settled(download, 20 * TRIAL_MS + DOWNLOAD_MS);
    await lab.end();
    strictEqual(isComplete, true);
  });
}

Deno.test("download() uses the rate of one seed among 79 mute peers, with --memory 1M", async () => {
  const random = new SeededRandom(1);
  const lab = new Lab(random.bytes(400 * PIECE_LENGTH), PIECE_LENGTH, random);
  for (let n = 0; n < 79; n++) lab.addScripted(`10.0.2.${n}`, CROWDS["mute"]![0]!);
  lab.addSeed("10.0.1.1", { latencyMs: 20, bytesPerSecond: 1e6 });
  const storage = new SimStorage(lab.metainfo, lab.createDisk(), lab.clock, { latencyMs: 1 });
  const torrent = lab.addTorrent(lab.createClient("10.0.0.1"), storage, {});
  const download = torrent.download();
  // 26 seconds of data, once the seed is met.
  strictEqual(await lab.settled(download, TRIAL_MS + 30 * SECOND_MS), true);
  await lab.end();
});

Deno.test("download() asks slow seeds for no more than they give, with --memory 1M", async () => {
  const random = new SeededRandom(1);
  const lab = new Lab(random.bytes(100 * PIECE_LENGTH), PIECE_LENGTH, random);
  for (let n = 0; n < 60; n++) lab.addSeed(`10.0.1.${n}`, { latencyMs: 20, bytesPerSecond: 2_000 });
  const storage = new SimStorage(lab.metainfo, lab.createDisk(), lab.clock, { latencyMs: 1 });
  const download = lab.addTorrent(lab.createClient("10.0.0.1"), storage, {}).download();
  // 55 seconds of data; what many pieces that are half here hold up comes twice.
  strictEqual(await lab.settled(download, 110 * SECOND_MS), true);
  await lab.end();
});

Deno.test("download() asks more seeds at once while they leave some of --max-download-rate", async () => {
  const random = new SeededRandom(1);
  const lab = new Lab(random.bytes(40 * PIECE_LENGTH), PIECE_LENGTH, random);
  for (let n = 0; n < 20; n++) lab.addSeed(`10.0.1.${n}`, { latencyMs: 20, bytesPerSecond: 5_000 });
  const storage = new SimStorage(lab.metainfo, lab.createDisk(), lab.clock, { latencyMs: 1 });
  const client = lab.createClient("10.0.0.1", { maxDownloadRate: 65_536 });
  // Two at a time would take 260 seconds.
  const download = lab.addTorrent(client, storage, {}).download();
  strictEqual(await lab.settled(download, 150 * SECOND_MS), true);
  await lab.end();
});
