import { deepStrictEqual, ok, rejects } from "node:assert/strict";
import { createHash } from "node:crypto";
import { SumsError } from "../../src/base/errors.ts";
import type { FileIndex } from "../../src/base/ids.ts";
import type { DigestWish, KnownDigest } from "../../src/storage/file_digests.ts";
import { FileDigests } from "../../src/storage/file_digests.ts";
import { DiskTarget, sampleData } from "./disk_target.ts";
import { LocalJobs } from "./local_jobs.ts";

/** `a` lies in pieces of its own, `b` and `c` are whole within one, `d` is empty. */
const SAMPLE = sampleData("t", { a: 600_000, b: 1_000, c: 2_000, d: 0 }, 65_536);
const SUMS = new Map([...SAMPLE.contents.values()].map((bytes, file) => [file, sha256(bytes)]));
const EXPECTED = SUMS as ReadonlyMap<number, string> as ReadonlyMap<FileIndex, string>;
const ANY = wish(undefined);

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function wish(
  expected: DigestWish["expected"],
  known: ReadonlyMap<FileIndex, KnownDigest> = new Map(),
): DigestWish {
  return { expected, known: () => known };
}

function wrongSum(file: number): ReadonlyMap<FileIndex, string> {
  return new Map([...EXPECTED, [file as FileIndex, "0".repeat(64)]]);
}

Deno.test("DiskStorage gives no name before all sums hold, and gives all of them then", async () => {
  await using target = new DiskTarget(SAMPLE);
  {
    await using run = await target.run({ digests: wish(EXPECTED) });
    await target.writeAll(run.storage);
    // The empty file is made meanwhile: it may be there already.
    const withBytes = target.listing().filter((path) => path !== "t/d");
    deepStrictEqual(withBytes, ["t/a.part", "t/b.part", "t/c.part"]);
    await run.storage.finish();
    deepStrictEqual(target.listing(), ["t/a", "t/b", "t/c", "t/d"]);
    const { outputDir, files } = await run.storage.finishedTarget();
    deepStrictEqual(outputDir, target.outputDir);
    deepStrictEqual(files.map(({ path, sha256 }) => [path, sha256]), [
      ["t/a", SUMS.get(0)],
      ["t/b", SUMS.get(1)],
      ["t/c", SUMS.get(2)],
      ["t/d", SUMS.get(3)],
    ]);
    for (const { path, size, modifiedMs } of files) {
      const info = await Deno.stat(`${target.outputDir}/${path}`);
      deepStrictEqual([size, modifiedMs], [info.size, info.mtime!.getTime()]);
    }
  }
  await using again = await target.run();
  ok(again.have.isFull);
  deepStrictEqual(again.checkedBytes, 0);
});

Deno.test("DiskStorage names the files whose sum does not hold, and gives no name, however often", async () => {
  await using target = new DiskTarget(SAMPLE);
  {
    await using run = await target.run({ digests: wish(wrongSum(1)) });
    await target.writeAll(run.storage);
    await rejects(run.storage.finish(), new SumsError(["t/b"]));
  }
  {
    await using run = await target.run({ digests: wish(wrongSum(0)) });
    deepStrictEqual(run.checkedBytes <= 3 * 65_536, true, "all was saved before it was hashed");
    await rejects(run.storage.finish(), new SumsError(["t/a"]));
    deepStrictEqual(target.listing(), ["t/a.part", "t/b.part", "t/c.part", "t/d"]);
  }
  await using run = await target.run({ digests: wish(EXPECTED) });
  await run.storage.finish();
  deepStrictEqual(target.listing(), ["t/a", "t/b", "t/c", "t/d"]);
});

Deno.test("DiskStorage leaves names that were given before to files whose sum does not hold", async () => {
  await using target = new DiskTarget(SAMPLE);
  await target.complete();
  await using run = await target.run({ digests: wish(wrongSum(2)) });
  await rejects(run.storage.finish(), new SumsError(["t/c"]));
  deepStrictEqual(target.listing(), ["t/a", "t/b", "t/c", "t/d"]);
});

Deno.test("DiskStorage names files as they come when digests are only wanted", async () => {
  await using target = new DiskTarget(SAMPLE);
  await using run = await target.run({ digests: ANY, selected: target.select("b", "c") });
  await target.writeAll(run.storage, [9]);
  await run.storage.finish();
  const { files } = await run.storage.finishedTarget();
  deepStrictEqual(files.map(({ path, sha256 }) => [path, sha256]), [
    ["t/b", SUMS.get(1)],
    ["t/c", SUMS.get(2)],
  ]);
});

Deno.test("FileDigests.make() hashes only what is not known, and what is known to be wrong once more", async () => {
  await using target = new DiskTarget(SAMPLE);
  await target.complete();
  const known = new Map<FileIndex, KnownDigest>();
  for (const [file, name] of ["a", "b", "c", "d"].entries()) {
    const info = await Deno.stat(`${target.outputDir}/t/${name}`);
    const facts = { size: info.size, modifiedMs: info.mtime!.getTime() };
    known.set(file as FileIndex, { ...facts, sha256: SUMS.get(file)! });
  }
  const hashes = async (expected: DigestWish["expected"]): Promise<number> => {
    const jobs = new LocalJobs(), plan = target.plan();
    for (const file of [...plan.files, ...plan.emptyFiles]) plan.setFinal(file, true);
    const { signal } = new AbortController();
    const digests = new FileDigests({ plan, pool: jobs, wish: wish(expected, known), signal });
    await digests.make();
    deepStrictEqual([...SUMS.keys()].map((file) => digests.of(file as FileIndex)), [
      ...SUMS.values(),
    ]);
    await jobs.forget();
    return jobs.kinds.filter((kind) => kind === "sha256").length;
  };
  deepStrictEqual(await hashes(EXPECTED), 0);
  // A receipt that lies cannot make a good file fail.
  known.set(1 as FileIndex, { ...known.get(1 as FileIndex)!, sha256: "1".repeat(64) });
  deepStrictEqual(await hashes(EXPECTED), 1);
  known.set(1 as FileIndex, { ...known.get(1 as FileIndex)!, modifiedMs: 5 });
  deepStrictEqual(await hashes(undefined), 1);
});

Deno.test("DiskStorage stops hashing when it is told to, and all that is here stays", async () => {
  await using target = new DiskTarget(SAMPLE);
  const stopping = new AbortController();
  {
    await using run = await target.run({ digests: wish(EXPECTED), signal: stopping.signal });
    await target.writeAll(run.storage);
    stopping.abort(new Error("stopped"));
    await rejects(run.storage.finish(), /stopped/);
  }
  await using again = await target.run();
  ok(again.have.isFull);
});

Deno.test("FileDigests.make() hashes no more in a job than eight megabytes and a file", async () => {
  const megabyte = 1 << 20;
  const lengths = { a: 5 * megabyte, b: 4 * megabyte, c: 1, d: 9 * megabyte, e: 1, f: 1 };
  await using target = new DiskTarget(sampleData("t", lengths, megabyte));
  const plan = target.plan();
  for (const file of plan.files) plan.setFinal(file, true);
  for (const path of Object.keys(lengths)) target.put(`t/${path}`);
  const jobs = new LocalJobs(), batchLengths: number[] = [];
  jobs.fault = (job) => {
    if (job.kind === "sha256") batchLengths.push(job.files.length);
    return undefined;
  };
  const { signal } = new AbortController();
  await new FileDigests({ plan, pool: jobs, wish: ANY, signal }).make();
  await jobs.forget();
  deepStrictEqual(batchLengths, [2, 2, 2]);
});
