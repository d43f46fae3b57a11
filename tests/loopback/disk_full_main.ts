/**
 * Fills a small disk with a download, makes room, and goes on; prints what happened as JSON.
 * Run by `disk_full_test.ts` where a small disk is mounted.
 */
import { DiskTarget, sampleData } from "../storage/disk_target.ts";

const MIB = 1024 * 1024;

/** What became of a download on a disk that was full for a while. */
export interface FullDiskReport {
  /** Kinds of outcomes of the first run, and reasons of failures. */
  readonly outcomes: Record<string, number>;
  readonly checkpoint: string;
  readonly goodPieces: number;
  readonly restoredPieces: number;
  readonly checkedBytes: number;
  readonly isComplete: boolean;
}

async function fillAndGoOn(disk: string): Promise<FullDiskReport> {
  const filler = `${disk}/filler`;
  await Deno.writeFile(filler, new Uint8Array(12 * MIB));
  const target = new DiskTarget(sampleData("full", { a: 5 * MIB, b: 3 * MIB }, 64 * 1024), {
    folder: disk,
  });
  const outcomes: Record<string, number> = {};
  let checkpoint = "";
  {
    await using run = await target.run();
    for (let piece = 0; piece < run.have.length; piece++) {
      const outcome = await target.write(run.storage, piece);
      const kind = outcome.kind === "failed" ? outcome.error.reason : outcome.kind;
      outcomes[kind] = (outcomes[kind] ?? 0) + 1;
      if (outcome.kind === "failed") break;
    }
    const saved = await run.storage.checkpoint();
    checkpoint = saved.kind === "failed" ? saved.error.reason : saved.kind;
  }
  await Deno.remove(filler);
  let restoredPieces = 0, checkedBytes = 0;
  {
    await using run = await target.run();
    restoredPieces = run.have.count;
    checkedBytes = run.checkedBytes;
    await target.writeAll(run.storage);
    await run.storage.finish();
  }
  target.assertContents();
  target.pool.close();
  const goodPieces = outcomes["good"] ?? 0;
  return { outcomes, checkpoint, goodPieces, restoredPieces, checkedBytes, isComplete: true };
}

if (import.meta.main) {
  const report = await fillAndGoOn(Deno.args[0]!);
  await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(report)));
}
