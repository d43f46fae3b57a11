import { deepStrictEqual, ok } from "node:assert/strict";
import { Bitfield } from "../../src/base/bitfield.ts";
import type { FileIndex, PieceIndex } from "../../src/base/ids.ts";
import { BlockReader } from "../../src/storage/block_reader.ts";
import type { FilePlan } from "../../src/storage/file_plan.ts";
import { Turns } from "../../src/storage/turns.ts";
import { VerifiedFiles } from "../../src/storage/verified_files.ts";
import type { FileFacts } from "../../src/workers/protocol.ts";
import { blocksOf, DiskTarget, sampleData } from "./disk_target.ts";
import { LocalJobs } from "./local_jobs.ts";

const KIB = 1024;
/** Pieces of 64 KiB: 0 and 1, of which the last 31,072 bytes are padding, then 2. */
const SAMPLE = sampleData("t", { a: 100_000, ".pad/31072": 31_072, b: 5_000 }, 64 * KIB);
const A = 0 as FileIndex, B = 2 as FileIndex;

function factsOf(path: string): FileFacts {
  const { size, mtime } = Deno.statSync(path);
  return { size, modifiedMs: mtime!.getTime(), links: 1 };
}

class Bench {
  readonly jobs = new LocalJobs();
  readonly plan: FilePlan;
  readonly verified: VerifiedFiles;
  readonly reader: BlockReader;

  constructor(target: DiskTarget) {
    target.put("t/a");
    target.put("t/b.part");
    const plan = this.plan = target.plan();
    plan.setFinal(A, true);
    const files = new Map([
      [A, { final: factsOf(`${target.outputDir}/t/a`), part: undefined }],
      [B, { final: undefined, part: factsOf(`${target.outputDir}/t/b.part`) }],
    ]);
    const have = new Bitfield(3);
    have.setAll();
    const verified = this.verified = new VerifiedFiles(plan, { files, edges: undefined }, []);
    this.reader = new BlockReader({ plan, pool: this.jobs, turns: new Turns(), verified, have });
  }

  read(piece: number, begin: number, length: number, buffer?: ArrayBuffer) {
    return this.reader.read({ piece: piece as PieceIndex, begin, length }, buffer);
  }
}

Deno.test("read() gives the messages of blocks, with zeros where padding is", async () => {
  await using target = new DiskTarget(SAMPLE);
  const bench = new Bench(target);
  // A buffer that was used before.
  const buffer = new Uint8Array(48 * KIB + 3 * 13).fill(7).buffer;
  const outcome = await bench.read(1, 16 * KIB, 48 * KIB, buffer);
  ok(outcome.kind === "read");
  deepStrictEqual(
    blocksOf(outcome.messages),
    [1, 2, 3].map((block) => ({
      index: 1,
      begin: block * 16 * KIB,
      block: target.piece(1).slice(block * 16 * KIB, (block + 1) * 16 * KIB),
    })),
  );
  const last = await bench.read(2, 0, 5_000);
  ok(last.kind === "read");
  deepStrictEqual(blocksOf(last.messages)[0]!.block, target.piece(2));
});

Deno.test("read() asks again when a file was named or written to meanwhile", async () => {
  await using target = new DiskTarget(SAMPLE);
  const bench = new Bench(target);
  bench.jobs.fault = () => {
    bench.jobs.fault = () => undefined;
    Deno.renameSync(`${target.outputDir}/t/b.part`, `${target.outputDir}/t/b`);
    bench.plan.setFinal(B, true);
    return { reason: "missing", path: `${target.outputDir}/t/b.part` };
  };
  deepStrictEqual((await bench.read(2, 0, 5_000)).kind, "read");
  bench.jobs.fault = () => {
    bench.jobs.fault = () => undefined;
    bench.verified.touched(2 as PieceIndex);
    return { reason: "changed", path: `${target.outputDir}/t/b` };
  };
  deepStrictEqual((await bench.read(2, 0, 5_000)).kind, "read");
});

Deno.test("D5 read() gives up all of a file that changed, and that alone", async () => {
  await using target = new DiskTarget(SAMPLE);
  const bench = new Bench(target);
  target.put("t/a", new Uint8Array(100_001));
  const outcome = await bench.read(0, 0, 16 * KIB);
  ok(outcome.kind === "failed");
  deepStrictEqual([outcome.error.reason, outcome.lost], ["changed", [0, 1]]);
  deepStrictEqual((await bench.read(2, 0, 5_000)).kind, "read");
});

Deno.test("D3 read() gives up the piece that the disk cannot read", async () => {
  await using target = new DiskTarget(SAMPLE);
  const bench = new Bench(target);
  bench.jobs.fault = () => ({ reason: "io", path: "/x" });
  const outcome = await bench.read(1, 0, 16 * KIB);
  ok(outcome.kind === "failed");
  deepStrictEqual([outcome.error.reason, outcome.lost], ["io", [1]]);
});
