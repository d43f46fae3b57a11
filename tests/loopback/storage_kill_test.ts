/** D10: a storage that is killed at any moment claims no piece that is not on disk. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import { diskPaths } from "../../src/metainfo/paths.ts";
import { checkFiles } from "../../src/storage/check_files.ts";
import { ResumeFile } from "../../src/storage/resume.ts";
import { DiskTarget } from "../storage/disk_target.ts";
import { WRITTEN } from "./storage_writer.ts";

const KILLS = 20;
/** Kills happen after up to so many of its signs, however slow this machine is, and so long. */
const MAX_SIGNS_BEFORE_KILL = 12, MAX_KILL_DELAY_MS = 20;

const { metainfo } = WRITTEN;
const SUBJECT = {
  infoHashHex: metainfo.infoHashHex,
  pieceCount: metainfo.layout.pieceCount,
  fileCount: metainfo.files.length,
};

/** Starts the writer, and kills it once it is some way on; false when it was done. */
async function writeAndKill(target: DiskTarget, random: SeededRandom): Promise<boolean> {
  const writer = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-lock",
      "-A",
      new URL("./storage_writer.ts", import.meta.url).href,
      target.folder,
      `${random.below(2 ** 31)}`,
    ],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = new Response(writer.stderr).text();
  const reader = writer.stdout.getReader();
  const signs = 1 + random.below(MAX_SIGNS_BEFORE_KILL);
  for (let seen = 0; seen < signs;) {
    const { value, done } = await reader.read();
    if (done) break;
    seen += value.length;
  }
  await new Promise((resolve) => setTimeout(resolve, random.below(MAX_KILL_DELAY_MS)));
  try {
    writer.kill("SIGKILL");
  } catch {
    // It was done.
  }
  const { success, signal } = await writer.status;
  await reader.cancel();
  ok(success || signal === "SIGKILL", await errors);
  await errors;
  return !success;
}

/** Pieces that are on disk, byte for byte, whatever any state says. */
async function goodPieces(target: DiskTarget): Promise<Set<number>> {
  const { pieces } = await checkFiles({
    metainfo,
    paths: diskPaths(metainfo, "linux"),
    outputDir: target.outputDir,
    pool: target.pool,
    onProgress: () => {},
    signal: new AbortController().signal,
  });
  return new Set(pieces.keys().filter((piece) => pieces[piece] === "good"));
}

async function claimedPieces(target: DiskTarget): Promise<number[]> {
  const state = await new ResumeFile(target.stateDir, SUBJECT).load((warning) =>
    ok(false, warning)
  );
  return [...state?.claimed.ones() ?? []];
}

Deno.test("D10 no piece is claimed that is not on disk, after 20 kills", async () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  const random = new SeededRandom(seed);
  let target = new DiskTarget(WRITTEN);
  let kills = 0, kept = 0;
  try {
    while (kills < KILLS) {
      if (!await writeAndKill(target, random)) {
        target.assertContents();
        await target[Symbol.asyncDispose]();
        target = new DiskTarget(WRITTEN);
        continue;
      }
      kills++;
      const good = await goodPieces(target);
      deepStrictEqual((await claimedPieces(target)).filter((piece) => !good.has(piece)), []);
      await using run = await target.run();
      const have = [...run.have.ones()];
      deepStrictEqual(have.filter((piece) => !good.has(piece)), []);
      // Nothing that reached the disk is lost either: the journal tells where to look.
      strictEqual(have.length, good.size);
      deepStrictEqual(run.warnings, []);
      kept = Math.max(kept, have.length);
    }
    ok(kept > 0, "no kill came after the first piece");
    await target.complete();
    target.assertContents();
  } catch (error) {
    throw new Error(`seed ${seed}, kill ${kills}`, { cause: error });
  } finally {
    await target[Symbol.asyncDispose]();
  }
});
