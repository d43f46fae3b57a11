/** D10: a download that is killed again and again still ends, and fetches little twice. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { SeededRandom } from "../../src/base/ambient.ts";
import { assertExit, Checkout } from "./checkout.ts";
import { type MadeTorrent, makeTorrent, randomBytes } from "./content.ts";
import { Lab } from "./lab.ts";
import { ScriptedSeeder } from "./scripted_seeder.ts";

const KILLS = 20;
const LENGTH = 64 * 1024 * 1024;
const PIECE_LENGTH = 64 * 1024;
/** Bytes a second: slow enough that there is something left to kill. */
const UPLOAD_RATE = 4 * 1024 * 1024;
/** Kills happen up to so long after the start, or after up to so many bytes. */
const MAX_KILL_DELAY_MS = 800, MAX_BYTES_BEFORE_KILL = 3 * 1024 * 1024;
const POLL_INTERVAL_MS = 5;
const MAX_FETCHED_TWICE = 0.05;
/** A kill loses what is in memory: so little that all kills together stay below that. */
const MEMORY = "128K";

/** Pieces that are in the file byte for byte, whatever any state says. */
async function piecesOnDisk(path: string, { data }: MadeTorrent): Promise<Set<number>> {
  const there = Buffer.from(await Deno.readFile(path).catch(() => new Uint8Array(0)));
  const isSame = (piece: number) => {
    const begin = piece * PIECE_LENGTH, end = begin + PIECE_LENGTH;
    return there.subarray(begin, end).equals(data.subarray(begin, end));
  };
  return new Set(Array.from({ length: LENGTH / PIECE_LENGTH }, (_, piece) => piece).filter(isSame));
}

Deno.test("D10 get ends byte-identical after 20 kills, having fetched under 5 % twice, and nothing that was on disk", async (t) => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  const random = new SeededRandom(seed);
  const torrent = makeTorrent("killed.bin", randomBytes(LENGTH, 1), { pieceLength: PIECE_LENGTH });
  await using seeder = new ScriptedSeeder({ ...torrent, uploadRate: UPLOAD_RATE });
  await using lab = await Lab.open();
  const checkout = await Checkout.make(lab);
  await Deno.writeFile(checkout.path("x.torrent"), torrent.bytes);
  const args = ["get", "--json", "-o", "download", "--no-tracker", "--peer", seeder.endpoint];
  args.push("--memory", MEMORY);

  let kept = new Set<number>();
  const assertNothingAgain = async (run: () => Promise<void>) => {
    const before = seeder.asked.length;
    await run();
    const again = seeder.asked.slice(before).filter(({ piece }) => kept.has(piece));
    deepStrictEqual(again, [], `seed ${seed}`);
    kept = await piecesOnDisk(checkout.path("download", "killed.bin.part"), torrent);
  };
  const runAndKill = async (kill: number) => {
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
  };
  for (let kill = 1; kill <= KILLS; kill++) await assertNothingAgain(() => runAndKill(kill));
  ok(kept.size > 0, `seed ${seed}: no kill came after the first piece`);

  await assertNothingAgain(async () =>
    assertExit(await checkout.run(...args, "x.torrent"), 0, `seed ${seed}`)
  );
  const arrived = await Deno.readFile(checkout.path("download", "killed.bin"));
  ok(arrived.every((byte, index) => byte === torrent.data[index]), `seed ${seed}: not identical`);
  const twice = (seeder.servedBytes - LENGTH) / LENGTH;
  ok(twice >= 0 && twice < MAX_FETCHED_TWICE, `seed ${seed}: ${twice} of all bytes came twice`);
});
