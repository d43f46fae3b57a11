import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import type { PieceIndex } from "../../src/base/ids.ts";
import type { Job, JobOf, ReplyTo } from "../../src/workers/protocol.ts";
import type { PieceOutcome } from "../../src/storage/storage.ts";
import { DiskTarget, readBytes, type Run, sampleData } from "./disk_target.ts";
import { LocalJobs } from "./local_jobs.ts";

const KIB = 1024;

/** Pieces of 16 KiB: `a` is 0–6, `b` 6–12, `c` 12–14; 6 and 12 are shared. */
const THREE = sampleData("t", { a: 100_000, b: 100_000, c: 40_000 }, 16 * KIB);
const ONE = sampleData("one.bin", 100_000, 16 * KIB);

function have(run: Run): number[] {
  return [...run.have.ones()];
}

/** Bytes of a file that take room on the disk. */
function usedBytes(path: string): number {
  return Deno.statSync(path).blocks! * 512;
}

/** Workers that give names, and do not say so until they are told to. */
class SilentFinish extends LocalJobs {
  readonly finished = Promise.withResolvers<void>();
  readonly told = Promise.withResolvers<void>();

  override async run<Kind extends Job["kind"]>(
    job: JobOf<Kind>,
    beforeSending?: () => void,
  ): Promise<ReplyTo<Kind>> {
    const reply = await super.run<Kind>(job, beforeSending);
    if (job.kind !== "finish") return reply;
    this.finished.resolve();
    await this.told.promise;
    return reply;
  }
}

Deno.test("DiskStorage stores several files, and finds them complete the next time", async () => {
  const files = {
    "a.bin": 100_000,
    "empty": 0,
    ".pad/31072": 31_072,
    "sub/b.bin": 5_000,
    "sub/c.bin": 300_000,
    "sub/deep/d": 1,
  };
  await using target = new DiskTarget(sampleData("several", files, 64 * KIB));
  {
    await using run = await target.run();
    strictEqual(run.have.count, 0);
    await target.writeAll(run.storage);
    await run.storage.finish();
    deepStrictEqual(run.done.toSorted(), [
      "several/a.bin 100000",
      "several/empty 0",
      "several/sub/b.bin 5000",
      "several/sub/c.bin 300000",
      "several/sub/deep/d 1",
    ]);
  }
  target.assertContents();
  strictEqual(target.listing().length, 5);
  await using again = await target.run();
  ok(again.have.isFull);
  deepStrictEqual([again.checkedBytes, again.done, again.warnings], [0, [], []]);
  await again.storage.finish();
});

Deno.test("DiskStorage stores any layout of files, in any order of pieces", async () => {
  const lengths = fc.array(fc.oneof(fc.nat(10), fc.nat(3_000)), { minLength: 1, maxLength: 8 });
  const pieceLength = fc.integer({ min: 200, max: 1_500 });
  const property = fc.asyncProperty(lengths, pieceLength, fc.infiniteStream(fc.nat()), async (
    lengths,
    pieceLength,
    keys,
  ) => {
    const files = Object.fromEntries(lengths.map((length, index) => [
      index % 3 === 2 ? `.pad/${index}` : `${index % 2}/${index}`,
      length,
    ]));
    files["last"] = 1;
    await using target = new DiskTarget(sampleData("any", files, pieceLength));
    const order = [...Array(target.sample.metainfo.layout.pieceCount).keys()]
      .map((piece) => ({ piece, key: keys.next().value! }))
      .toSorted((a, b) => a.key - b.key).map(({ piece }) => piece);
    const half = order.length >> 1;
    {
      await using run = await target.run();
      await target.writeAll(run.storage, order.slice(0, half));
      if (keys.next().value! % 2 === 0) await run.storage.checkpoint();
    }
    {
      await using run = await target.run();
      // Padding that fills a piece is nothing to have.
      const written = order.slice(0, half).filter((piece) => hasFile(target, piece));
      deepStrictEqual(have(run), written.toSorted((a, b) => a - b));
      await target.writeAll(run.storage, order.slice(half));
      await run.storage.finish();
    }
    target.assertContents();
    ok(!target.listing().some((path) => path.endsWith(".part")));
  });
  await fc.assert(property, { numRuns: 15 });
});

function hasFile(target: DiskTarget, piece: number): boolean {
  return target.sample.metainfo.layout.filesOf(piece as PieceIndex).length > 0;
}

Deno.test("D16 a file is a sparse part of full length until all of it is verified", async () => {
  const sample = sampleData("big.bin", 64 * 1024 * KIB, 64 * KIB);
  await using target = new DiskTarget(sample);
  await using run = await target.run();
  await target.writeAll(run.storage, [700]);
  const path = `${target.outputDir}/big.bin.part`;
  strictEqual(Deno.statSync(path).size, 64 * 1024 * KIB);
  ok(usedBytes(path) < 1024 * KIB, `${usedBytes(path)} bytes used`);
  deepStrictEqual(target.listing(), ["big.bin.part"]);
});

Deno.test("files take their names one by one, as soon as they are complete", async () => {
  await using target = new DiskTarget(THREE);
  {
    await using run = await target.run();
    await target.writeAll(run.storage, [0, 1, 2, 3, 4, 5, 6]);
  }
  deepStrictEqual(target.listing(), ["t/a", "t/b.part"]);
});

Deno.test("write() of a piece that is here does no harm while its file gets its name", async () => {
  await using target = new DiskTarget(THREE);
  const pool = new SilentFinish();
  await using run = await target.run({ pool });
  await target.writeAll(run.storage, [0, 1, 2, 3, 4, 5, 6]);
  await pool.finished.promise;
  deepStrictEqual(target.listing(), ["t/a", "t/b.part"]);
  deepStrictEqual(run.done, [], "that it has its name is not known yet");
  await target.writeAll(run.storage, [3, 6]);
  pool.told.resolve();
  await target.writeAll(run.storage);
  await run.storage.finish();
  target.assertContents();
  strictEqual(target.listing().length, 3);
});

Deno.test("D10 a piece is in the journal before a worker has it, though pieces wait for each other", async () => {
  await using target = new DiskTarget(ONE);
  const jobs = new LocalJobs();
  await using run = await target.run({ pool: jobs });
  const journaled: (readonly number[])[] = [];
  jobs.fault = (job) => {
    if (job.kind === "write") journaled.push(target.journaled());
    return undefined;
  };
  await Promise.all(
    [3, 1, 2].map((piece) => run.storage.write(piece as PieceIndex, target.piece(piece), false)),
  );
  deepStrictEqual(journaled, [[3, 1, 2], [3, 1, 2], [3, 1, 2]]);
});

Deno.test("nothing of a corrupt piece reaches the disk", async () => {
  await using target = new DiskTarget(ONE);
  await using run = await target.run();
  const data = target.piece(2);
  data[5]! ^= 1;
  const outcome = await run.storage.write(2 as PieceIndex, data, false);
  ok(outcome.kind === "corrupt");
  strictEqual(outcome.buffer.byteLength, 16 * KIB);
  deepStrictEqual(target.listing(), []);
});

Deno.test("write() gives digests of good blocks when they are wanted", async () => {
  await using target = new DiskTarget(sampleData("one.bin", 100_000, 64 * KIB));
  await using run = await target.run();
  const data = target.piece(1);
  const digests = [0, 16 * KIB, 32 * KIB].map((start) =>
    createHash("sha1").update(data.subarray(start, start + 16 * KIB)).digest("hex")
  );
  const outcome = await run.storage.write(1 as PieceIndex, data, true);
  ok(outcome.kind === "good");
  deepStrictEqual(outcome.digests, digests);
});

Deno.test("read() gives bytes of a piece under either name of its files", async () => {
  await using target = new DiskTarget(THREE);
  await using run = await target.run();
  const expected = target.piece(6).subarray(1_000, 14_000);
  await target.writeAll(run.storage, [6]);
  const read = () => readBytes(run.storage, 6, 1_000, 13_000);
  deepStrictEqual(await read(), expected);
  await target.writeAll(run.storage, [0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14]);
  // The files are being named while it is read.
  for (const bytes of await Promise.all([read(), read(), run.storage.finish().then(read)])) {
    deepStrictEqual(bytes, expected);
  }
});

Deno.test("D5 read() gives nothing of a file that somebody has shortened", async () => {
  await using target = new DiskTarget(ONE);
  await using run = await target.run();
  await target.writeAll(run.storage);
  await run.storage.finish();
  await Deno.truncate(`${target.outputDir}/one.bin`, 50_000);
  await rejects(readBytes(run.storage, 5, 0, 100), {
    name: "StorageError",
    reason: "missing",
  });
  await rejects(readBytes(run.storage, 0, 0, 9), { name: "StorageError", reason: "changed" });
});

Deno.test("D5 read() tells which pieces are lost when a file was edited or taken away", async () => {
  await using target = new DiskTarget(THREE);
  await target.complete();
  await using run = await target.run();
  const path = `${target.outputDir}/t/a`;
  const before = Deno.statSync(path).mtime!;
  await Deno.utime(path, before, new Date(before.getTime() + 1));
  const edited = await run.storage.read({ piece: 6 as PieceIndex, begin: 0, length: 16 * KIB });
  ok(edited.kind === "failed");
  deepStrictEqual([edited.error.reason, edited.lost], ["changed", [0, 1, 2, 3, 4, 5, 6]]);
  await Deno.remove(`${target.outputDir}/t/c`);
  const gone = await run.storage.read({ piece: 13 as PieceIndex, begin: 0, length: 16 * KIB });
  ok(gone.kind === "failed");
  deepStrictEqual([gone.error.reason, gone.lost], ["missing", [12, 13, 14]]);
  deepStrictEqual(await readBytes(run.storage, 7, 0, 16 * KIB), target.piece(7));
});

Deno.test("D3 read() tells that a piece is lost that the disk cannot read", async () => {
  await using target = new DiskTarget(THREE);
  await target.complete();
  const jobs = new LocalJobs();
  await using run = await target.run({ pool: jobs });
  jobs.fault = ({ kind }) => kind === "frame" ? { reason: "io", path: "/x" } : undefined;
  const outcome = await run.storage.read({ piece: 6 as PieceIndex, begin: 0, length: 16 * KIB });
  ok(outcome.kind === "failed");
  deepStrictEqual([outcome.error.reason, outcome.lost], ["io", [6]]);
});

Deno.test("read() gives bytes of a file that is being written, and of one resumed", async () => {
  await using target = new DiskTarget(ONE);
  {
    await using run = await target.run();
    await target.writeAll(run.storage, [0, 1]);
    await run.storage.checkpoint();
  }
  await using run = await target.run();
  const reads = [readBytes(run.storage, 1, 0, 16 * KIB)];
  for (const piece of [2, 3, 4]) {
    reads.push(target.write(run.storage, piece).then(() => readBytes(run.storage, 0, 0, 16 * KIB)));
    reads.push(readBytes(run.storage, 0, 0, 16 * KIB));
  }
  for (const [index, bytes] of (await Promise.all(reads)).entries()) {
    deepStrictEqual(bytes, target.piece(index === 0 ? 1 : 0));
  }
});

Deno.test("a selection creates nothing else, and its neighbours' bytes are kept aside", async () => {
  await using target = new DiskTarget(THREE);
  const selected = target.select("b");
  {
    await using run = await target.run({ selected });
    await target.writeAll(run.storage, [6, 7, 8, 9, 10, 11, 12]);
    await run.storage.finish();
    deepStrictEqual(run.done, ["t/b 100000"]);
    const whole = await readBytes(run.storage, 6, 0, 16 * KIB);
    deepStrictEqual(whole, target.piece(6));
  }
  deepStrictEqual(target.listing(), ["t/b"]);
  const edges = `${target.stateDir}/${THREE.metainfo.infoHashHex}.edges`;
  ok(usedBytes(edges) <= 64 * KIB, `${usedBytes(edges)} bytes used`);
  await using again = await target.run({ selected });
  deepStrictEqual([have(again), again.checkedBytes], [[6, 7, 8, 9, 10, 11, 12], 0]);
});

Deno.test("a larger selection takes over what was kept aside", async () => {
  await using target = new DiskTarget(THREE);
  {
    await using run = await target.run({ selected: target.select("b") });
    await target.writeAll(run.storage, [6, 7, 8, 9, 10, 11, 12]);
    await run.storage.finish();
  }
  await using run = await target.run();
  deepStrictEqual(have(run), [6, 7, 8, 9, 10, 11, 12]);
  // Its share of piece 6 is now in `a` itself.
  await Deno.remove(`${target.stateDir}/${THREE.metainfo.infoHashHex}.edges`);
  await target.writeAll(run.storage, [0, 1, 2, 3, 4, 5, 13, 14]);
  await run.storage.finish();
  target.assertContents();
});

Deno.test("a smaller selection keeps aside what it still needs of the others", async () => {
  await using target = new DiskTarget(THREE);
  {
    await using run = await target.run();
    await target.writeAll(run.storage, [5, 6, 7, 12]);
    await run.storage.checkpoint();
  }
  await using run = await target.run({ selected: target.select("b") });
  deepStrictEqual(have(run), [6, 7, 12]);
  deepStrictEqual(await readBytes(run.storage, 6, 0, 16 * KIB), target.piece(6));
  await Deno.remove(`${target.outputDir}/t/a.part`);
  deepStrictEqual(await readBytes(run.storage, 6, 0, 16 * KIB), target.piece(6));
});

Deno.test("a selection uses neighbours that another client has left", async () => {
  await using target = new DiskTarget(THREE);
  for (const name of ["a", "b"]) target.put(`t/${name}`);
  await using run = await target.run({ selected: target.select("b") });
  deepStrictEqual(have(run), [6, 7, 8, 9, 10, 11]);
  deepStrictEqual(target.listing(), ["t/a", "t/b.part"]);
});

Deno.test("all of a complete target is complete for any selection of it, and stays so", async () => {
  await using target = new DiskTarget(THREE);
  await target.complete();
  {
    await using run = await target.run({ selected: target.select("a", "c") });
    deepStrictEqual(have(run), [0, 1, 2, 3, 4, 5, 6, 12, 13, 14]);
    await run.storage.finish();
  }
  await using run = await target.run();
  ok(run.have.isFull);
});

Deno.test("a smaller selection of a complete target changes none of its files", async () => {
  await using target = new DiskTarget(THREE);
  await target.complete();
  const paths = ["a", "b", "c"].map((name) => `${target.outputDir}/t/${name}`);
  for (const path of paths) await Deno.utime(path, 1_000_000_000, 1_000_000_000);
  await using run = await target.run({ selected: target.select("a", "c") });
  await run.storage.finish();
  deepStrictEqual(paths.map((path) => Deno.statSync(path).mtime!.getTime()), [1e12, 1e12, 1e12]);
});

Deno.test("a run that is stopped before it is restored saves nothing, and closes", async () => {
  await using target = new DiskTarget(ONE);
  const storage = await target.open();
  deepStrictEqual(await storage.checkpoint(), { kind: "saved" });
  await storage.close();
  await target.complete();
});

Deno.test("D14 a second run on the same target is refused, and the first goes on", async () => {
  await using target = new DiskTarget(ONE);
  await using run = await target.run();
  await rejects(target.open(), { name: "StorageError", reason: "locked" });
  await target.writeAll(run.storage);
  await run.storage.finish();
});

Deno.test("D8 nothing is written through links that wait in the output folder", async () => {
  const traps: Record<string, (target: DiskTarget, outside: string) => void> = {
    "the root": (target, outside) => Deno.symlinkSync(outside, `${target.outputDir}/t`),
    "a part": (target, outside) => {
      Deno.mkdirSync(`${target.outputDir}/t`);
      Deno.symlinkSync(`${outside}/x`, `${target.outputDir}/t/a.part`);
    },
    "a file": (target, outside) => {
      Deno.mkdirSync(`${target.outputDir}/t`);
      Deno.symlinkSync(`${outside}/secret`, `${target.outputDir}/t/b`);
    },
    "the edges": (target, outside) => {
      Deno.mkdirSync(target.stateDir);
      const edges = `${target.stateDir}/${THREE.metainfo.infoHashHex}.edges`;
      Deno.symlinkSync(`${outside}/secret`, edges);
    },
  };
  for (const [what, set] of Object.entries(traps)) {
    await using target = new DiskTarget(THREE);
    const outside = `${target.folder}/outside`;
    Deno.mkdirSync(target.outputDir);
    Deno.mkdirSync(outside);
    Deno.writeTextFileSync(`${outside}/secret`, "secret");
    set(target, outside);
    await rejects(target.run(), { name: "StorageError", reason: "symlink" }, what);
    deepStrictEqual([...Deno.readDirSync(outside)].map(({ name }) => name), ["secret"], what);
    strictEqual(Deno.readTextFileSync(`${outside}/secret`), "secret");
  }
});

Deno.test("D4 a folder where a file should be is told before anything is downloaded", async () => {
  await using target = new DiskTarget(ONE);
  Deno.mkdirSync(`${target.outputDir}/one.bin`, { recursive: true });
  await rejects(target.run(), { reason: "not-regular", path: `${target.outputDir}/one.bin` });
});

Deno.test("D4 a file where a folder should be is told before anything is downloaded", async () => {
  await using target = new DiskTarget(THREE);
  target.put("t", new Uint8Array(5));
  await rejects(target.run(), { reason: "not-regular", path: `${target.outputDir}/t` });
});

Deno.test("D3 a flush that fails takes pieces back, and they can be written again", async () => {
  await using target = new DiskTarget(THREE);
  const jobs = new LocalJobs();
  {
    await using run = await target.run({ pool: jobs });
    await target.writeAll(run.storage, [0, 7]);
    await run.storage.checkpoint();
    await target.writeAll(run.storage, [1, 2, 3, 4, 5, 6, 8]);
    jobs.fault = ({ kind }) => kind === "flush" ? { reason: "io", path: "/x" } : undefined;
    const outcome = await run.storage.checkpoint();
    ok(outcome.kind === "failed");
    // `a` had its name, and was flushed, before that; 6 is `b`'s as well.
    deepStrictEqual([outcome.error.reason, outcome.lost], ["io", [6, 8]]);
    deepStrictEqual(run.done, ["t/a 100000"]);
    jobs.fault = () => undefined;
    await target.writeAll(run.storage, [6, 8]);
    strictEqual((await run.storage.checkpoint()).kind, "saved");
  }
  await using run = await target.run();
  deepStrictEqual(have(run), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
  await target.writeAll(run.storage);
  await run.storage.finish();
  target.assertContents();
});

Deno.test("D3 a flush that fails while a file is named ends the download", async () => {
  await using target = new DiskTarget(THREE);
  const jobs = new LocalJobs();
  await using run = await target.run({ pool: jobs });
  jobs.fault = ({ kind }) =>
    kind === "finish" ? { reason: "io", path: "/x", isFlush: true } : undefined;
  await target.writeAll(run.storage);
  await rejects(run.storage.finish(), { name: "StorageError", reason: "io" });
  jobs.fault = () => undefined;
  await target.writeAll(run.storage);
  await run.storage.finish();
  target.assertContents();
});

Deno.test("D3 write() fails when a flush of the same file fails meanwhile, until the piece comes again", async () => {
  await using target = new DiskTarget(ONE);
  const jobs = new LocalJobs();
  await using run = await target.run({ pool: jobs });
  await run.storage.checkpoint();
  await target.writeAll(run.storage, [0]);
  let late: Promise<PieceOutcome> | undefined;
  jobs.fault = ({ kind }) => {
    if (kind !== "flush") return undefined;
    late = target.write(run.storage, 1);
    jobs.fault = () => undefined;
    return { reason: "io", path: "/x" };
  };
  strictEqual((await run.storage.checkpoint()).kind, "failed");
  const written = await late!;
  ok(written.kind === "failed");
  strictEqual(written.error.reason, "io");
  strictEqual((await run.storage.checkpoint()).kind, "saved");
  deepStrictEqual(target.journaled(), []);
  await target.writeAll(run.storage, [0, 2, 3, 4, 5, 6]);
  await rejects(run.storage.finish(), { name: "StorageError", reason: "io" });
  deepStrictEqual(run.done, []);
  await target.writeAll(run.storage, [1]);
  await run.storage.finish();
  target.assertContents();
});

Deno.test("D3 finish() rejects when a checkpoint under way took pieces back, until they come again", async () => {
  await using target = new DiskTarget(ONE);
  const jobs = new LocalJobs();
  await using run = await target.run({ pool: jobs });
  await run.storage.checkpoint();
  await target.writeAll(run.storage, [0, 1]);
  jobs.fault = ({ kind }) => kind === "flush" ? { reason: "io", path: "/x" } : undefined;
  const checkpoint = run.storage.checkpoint().finally(() => jobs.fault = () => undefined);
  // What is written meanwhile may be dropped as well.
  await Promise.all([2, 3, 4, 5, 6].map((piece) => target.write(run.storage, piece)));
  await rejects(run.storage.finish(), { name: "StorageError", reason: "io" });
  const outcome = await checkpoint;
  ok(outcome.kind === "failed");
  deepStrictEqual(outcome.lost, [0, 1, 2, 3, 4, 5, 6]);
  deepStrictEqual(run.done, []);
  deepStrictEqual(target.journaled(), [], "the next run does not look for them");
  await target.writeAll(run.storage);
  await run.storage.finish();
  target.assertContents();
});

Deno.test("D5 a part that is deleted while it grows is noticed, and nothing of it is claimed", async () => {
  await using target = new DiskTarget(THREE);
  {
    await using run = await target.run();
    await target.writeAll(run.storage, [0, 7]);
    await run.storage.checkpoint();
    await target.writeAll(run.storage, [1, 8]);
    await Deno.remove(`${target.outputDir}/t/b.part`);
    const written = await target.write(run.storage, 9);
    ok(written.kind === "failed");
    strictEqual(written.error.reason, "missing");
    const outcome = await run.storage.checkpoint();
    ok(outcome.kind === "failed");
    deepStrictEqual([outcome.error.reason, outcome.lost.toSorted()], ["missing", [1, 8]]);
  }
  await using run = await target.run();
  deepStrictEqual(have(run).filter((piece) => piece > 1), []);
  await target.writeAll(run.storage);
  await run.storage.finish();
  target.assertContents();
});

Deno.test("D5 a part that is shortened while it grows is noticed, and checked by the next run", async () => {
  await using target = new DiskTarget(THREE);
  {
    await using run = await target.run();
    await target.writeAll(run.storage, [0, 7]);
    strictEqual((await run.storage.checkpoint()).kind, "saved");
    await target.writeAll(run.storage, [8]);
    await Deno.truncate(`${target.outputDir}/t/b.part`, 10);
    const written = await target.write(run.storage, 9);
    ok(written.kind === "failed");
    match(written.error.message, /someone else has shortened it/);
    const outcome = await run.storage.checkpoint();
    ok(outcome.kind === "failed");
    deepStrictEqual(outcome.lost, [8]);
  }
  await using run = await target.run();
  deepStrictEqual(have(run).filter((piece) => piece > 5), []);
  await target.writeAll(run.storage);
  await run.storage.finish();
  target.assertContents();
});

Deno.test("D5 a part that is shortened is noticed by a worker that does not have it open", async () => {
  await using target = new DiskTarget(ONE);
  const jobs = new LocalJobs();
  await using run = await target.run({ pool: jobs });
  await target.writeAll(run.storage, [0, 1]);
  await jobs.forget();
  await Deno.truncate(`${target.outputDir}/one.bin.part`, 0);
  const written = await target.write(run.storage, 2);
  ok(written.kind === "failed");
  match(written.error.message, /someone else has shortened it/);
});

Deno.test("a part that was found short is resumed, by all workers at once", async () => {
  await using target = new DiskTarget(ONE);
  target.put("one.bin.part", target.piece(0));
  await using run = await target.run();
  deepStrictEqual(have(run), [0]);
  await target.writeAll(run.storage, [6, 5, 4]);
  await target.writeAll(run.storage, [3, 2, 1]);
  await run.storage.finish();
  target.assertContents();
});

Deno.test("a file that replaced another is what is read from then on", async () => {
  await using target = new DiskTarget(ONE);
  target.put("one.bin", new Uint8Array(100_000).fill(5));
  await using run = await target.run({ overwrite: true });
  await target.writeAll(run.storage);
  await run.storage.finish();
  for (let piece = 0; piece < 6; piece++) {
    deepStrictEqual(
      await readBytes(run.storage, piece, 0, 10),
      target.piece(piece).slice(0, 10),
    );
  }
});

Deno.test("2,000 files in one piece or two each take their names", async () => {
  const files = Object.fromEntries(
    Array.from({ length: 2_000 }, (_, index) => [`${index % 20}/${index}`, 1_000 + index % 3]),
  );
  await using target = new DiskTarget(sampleData("many", files, 64 * KIB));
  {
    await using run = await target.run();
    await target.writeAll(run.storage);
    await run.storage.finish();
    strictEqual(run.done.length, 2_000);
  }
  strictEqual(target.listing().filter((path) => !path.endsWith(".part")).length, 2_000);
  await using again = await target.run();
  deepStrictEqual([again.have.isFull, again.checkedBytes], [true, 0]);
});

Deno.test("S4 a missing permission is told with the flag that grants it", async () => {
  await using target = new DiskTarget(ONE);
  Deno.mkdirSync(target.outputDir);
  const folders = new URL("../../src/storage/target_folders.ts", import.meta.url);
  const main = `${target.folder}/main.ts`;
  Deno.writeTextFileSync(
    main,
    `import { prepareFolders } from "${folders}";
    await prepareFolders(${JSON.stringify(target.outputDir)}, ${JSON.stringify(target.stateDir)})
      .catch((error) => console.log(error.reason, error.message));`,
  );
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-lock", "--no-prompt", `--allow-read=${target.folder}`, main],
  }).output();
  const text = new TextDecoder().decode(stdout);
  ok(text.startsWith("permission "), text);
  ok(text.includes(`--allow-write=${target.outputDir}`), text);
});
