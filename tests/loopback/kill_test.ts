/** D10: a download that is killed again and again still ends, and fetches little twice. */
import { ok } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import { assertExit, Checkout } from "./checkout.ts";
import { makeTorrent, randomBytes } from "./content.ts";
import { Lab } from "./lab.ts";
import { ScriptedSeeder } from "./scripted_seeder.ts";

const KILLS = 20;
const LENGTH = 64 * 1024 * 1024;
const PIECE_LENGTH = 64 * 1024;
/** Bytes a second: slow enough that there is something left to kill. */
const UPLOAD_RATE = 4 * 1024 * 1024;
/** Kills happen up to so long after the start, or after up to so many bytes. */
const MAX_KILL_DELAY_MS = 800, MAX_BYTES_BEFORE_KILL = 3 * 1024 * 1024;
const MAX_FETCHED_TWICE = 0.05;
const POLL_INTERVAL_MS = 5;

Deno.test("D10 get ends byte-identical after 20 kills, having fetched under 5 % twice", async (t) => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  const random = new SeededRandom(seed);
  const torrent = makeTorrent("killed.bin", randomBytes(LENGTH, 1), { pieceLength: PIECE_LENGTH });
  await using seeder = new ScriptedSeeder({ ...torrent, uploadRate: UPLOAD_RATE });
  await using lab = await Lab.open();
  const checkout = await Checkout.make(lab);
  await Deno.writeFile(checkout.path("x.torrent"), torrent.bytes);
  const args = ["get", "--json", "-o", "download", "--no-tracker", "--peer", seeder.endpoint];

  for (let kill = 1; kill <= KILLS; kill++) {
    const startedAt = performance.now();
    const servedBefore = seeder.servedBytes;
    const process = checkout.start(...args, "x.torrent");
    // Half of the kills fall into the start, where state is read, and half into the download.
    const delayMs = kill % 2 === 0 ? random.below(MAX_KILL_DELAY_MS) : Infinity;
    const bytes = kill % 2 === 0 ? Infinity : random.below(MAX_BYTES_BEFORE_KILL);
    while (
      process.isRunning && performance.now() - startedAt < delayMs &&
      seeder.servedBytes - servedBefore <= bytes
    ) await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
    ok(process.isRunning, `${t.name}, seed ${seed}: ended before kill ${kill}: ${process.log}`);
    process.kill("SIGKILL");
    await process.exit;
  }

  assertExit(await checkout.run(...args, "x.torrent"), 0, `seed ${seed}`);
  const arrived = await Deno.readFile(checkout.path("download", "killed.bin"));
  ok(arrived.every((byte, index) => byte === torrent.data[index]), `seed ${seed}: not identical`);
  const twice = (seeder.servedBytes - LENGTH) / LENGTH;
  ok(twice >= 0 && twice < MAX_FETCHED_TWICE, `seed ${seed}: ${twice} of all bytes came twice`);
});
