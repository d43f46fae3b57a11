/**
 * Writes a download to a folder, in random order, and saves now and then, until it is complete
 * or killed: `storage_kill_test.ts` kills it. Gives a sign when it begins to write, and whenever
 * some pieces are written.
 */
import { SeededRandom, shuffle } from "../../src/base/ambient.ts";
import { DiskTarget, sampleData } from "../storage/disk_target.ts";

/** Large and small files, some smaller than a piece and some in two. */
export const WRITTEN = sampleData("killed", {
  large: 6_000_000,
  ...Object.fromEntries(
    Array.from({ length: 60 }, (_, index) => [`small/${index}`, 3_000 + 977 * index]),
  ),
  ".pad/10000": 10_000,
  last: 1_000_000,
}, 32_768);

const PIECES_IN_FLIGHT = 8;
const PIECES_PER_CHECKPOINT = 40;
const SIGN = new TextEncoder().encode(".");

async function writeUntilKilled(folder: string, seed: number): Promise<void> {
  const target = new DiskTarget(WRITTEN, { folder });
  await using run = await target.run();
  const missing = [...Array(run.have.length).keys()].filter((piece) => !run.have.has(piece));
  shuffle(missing, new SeededRandom(seed));
  await Deno.stdout.write(SIGN);
  for (let start = 0; start < missing.length; start += PIECES_IN_FLIGHT) {
    await target.writeAll(run.storage, missing.slice(start, start + PIECES_IN_FLIGHT));
    await Deno.stdout.write(SIGN);
    // Not waited for, as in a download.
    if (start % PIECES_PER_CHECKPOINT === 0) run.storage.checkpoint();
  }
  await run.storage.finish();
}

if (import.meta.main) {
  const [folder, seed] = Deno.args as [string, string];
  await writeUntilKilled(folder, Number(seed));
  Deno.exit(0);
}
