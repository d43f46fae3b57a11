/** What a run finds of the runs before it. Everything goes through DiskStorage and the pool. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { DiskTarget, type Run, sampleData } from "./disk_target.ts";

const KIB = 1024;
/** Pieces of 16 KiB: `a` is 0–6, `b` 6–12, `c` 12–14; 6 and 12 are shared. */
const FILES = { a: 100_000, b: 100_000, c: 40_000, empty: 0 };
const SAMPLE = sampleData("t", FILES, 16 * KIB);
const PIECES = SAMPLE.metainfo.layout.pieceCount;

function have(run: Run): number[] {
  return [...run.have.ones()];
}

/** Writes some pieces, saves, and ends as after a signal. */
async function interrupted(target: DiskTarget, pieces: readonly number[]): Promise<void> {
  await using run = await target.run();
  await target.writeAll(run.storage, pieces);
  deepStrictEqual(await run.storage.checkpoint(), { kind: "saved" });
}

function partOf(target: DiskTarget, name: string): string {
  return `${target.outputDir}/t/${name}.part`;
}

/** Changes one byte, and neither size nor time. */
async function corrupt(path: string, offset: number): Promise<void> {
  const { mtime, atime } = await Deno.stat(path);
  using file = await Deno.open(path, { write: true, read: true });
  const byte = new Uint8Array(1);
  await file.seek(offset, Deno.SeekMode.Start);
  await file.read(byte);
  byte[0]! ^= 1;
  await file.seek(offset, Deno.SeekMode.Start);
  await file.write(byte);
  await Deno.utime(path, atime!, mtime!);
}

/** Changes every byte that is there, and not the length. */
async function damage(path: string): Promise<void> {
  const bytes = await Deno.readFile(path);
  await Deno.writeFile(path, bytes.map((byte) => byte === 0 ? 0 : byte ^ 255));
}

Deno.test("restore() goes on where a run was interrupted, with a look at a sample", async () => {
  await using target = new DiskTarget(SAMPLE);
  await interrupted(target, [0, 1, 6, 7, 12]);
  await using run = await target.run();
  deepStrictEqual(have(run), [0, 1, 6, 7, 12]);
  // One piece of each of three files at most.
  ok(run.checkedBytes > 0 && run.checkedBytes <= 3 * 16 * KIB, `${run.checkedBytes}`);
  deepStrictEqual(run.warnings, []);
});

Deno.test("D10 restore() finds what was written after the last checkpoint of a killed run", async () => {
  await using target = new DiskTarget(SAMPLE);
  await interrupted(target, [0, 1]);
  {
    await using run = await target.run();
    await target.writeAll(run.storage, [2, 7]);
    // No checkpoint: this is all that a kill leaves out.
  }
  await using run = await target.run();
  deepStrictEqual(have(run), [0, 1, 2, 7]);
  ok(run.checkedBytes <= 4 * 16 * KIB, `${run.checkedBytes}`);
});

Deno.test("D10 restore() does not claim what was noted and not written", async () => {
  await using target = new DiskTarget(SAMPLE);
  {
    await using run = await target.run();
    await target.writeAll(run.storage, [0]);
    const outcome = await run.storage.write(3 as never, new Uint8Array(16 * KIB), false);
    strictEqual(outcome.kind, "corrupt");
  }
  await using run = await target.run();
  deepStrictEqual(have(run), [0]);
});

Deno.test("D5 restore() checks the file that somebody has changed, and only that", async () => {
  await using target = new DiskTarget(SAMPLE);
  await interrupted(target, [...Array(PIECES).keys()].slice(0, 14));
  await corrupt(partOf(target, "c"), 0);
  await Deno.utime(partOf(target, "c"), 5, 5);
  await using run = await target.run();
  // Pieces 12 to 14 hold `c`; 12 begins in `b`.
  deepStrictEqual(have(run), [...Array(12).keys(), 13]);
  ok(run.checkedBytes <= 5 * 16 * KIB, `${run.checkedBytes}`);
});

Deno.test("D5 restore() does without a file that is gone, or shorter than it was", async () => {
  await using target = new DiskTarget(SAMPLE);
  await interrupted(target, [0, 1, 6, 7, 8, 12, 13]);
  await Deno.truncate(partOf(target, "b"), 35_000);
  {
    await using run = await target.run();
    deepStrictEqual(have(run), [0, 1, 6, 7, 13]);
  }
  await Deno.remove(partOf(target, "a"));
  await using run = await target.run();
  deepStrictEqual(have(run), [7, 13]);
});

Deno.test("D12 restore() checks everything when the state is damaged, and says so", async () => {
  await using target = new DiskTarget(SAMPLE);
  await interrupted(target, [0, 1, 6, 7, 12]);
  const resume = `${target.stateDir}/${SAMPLE.metainfo.infoHashHex}.resume`;
  await Deno.truncate(resume, 10);
  await using run = await target.run();
  deepStrictEqual(have(run), [0, 1, 6, 7, 12]);
  strictEqual(run.warnings.length, 1);
  ok(run.checkedBytes > 10 * 16 * KIB);
});

Deno.test("D13 restore() believes no claim once a sample is not what the state says", async () => {
  await using target = new DiskTarget(SAMPLE);
  await interrupted(target, [3, 9]);
  await corrupt(partOf(target, "b"), 9 * 16 * KIB - 100_000);
  await using run = await target.run();
  deepStrictEqual(have(run), [3]);
  strictEqual(run.checkedBytes, 2 * 2 * 16 * KIB, "the sample, and all once more");
  strictEqual(run.warnings.length, 1);
});

Deno.test("restore() goes on with a part although something as long as its file bears the name", async () => {
  await using target = new DiskTarget(SAMPLE);
  await interrupted(target, [0, 1, 7]);
  target.put("t/a", new Uint8Array(FILES.a));
  await using run = await target.run();
  deepStrictEqual(have(run), [0, 1, 7]);
});

Deno.test("restore() trusts nothing when it is told so, and finds the same", async () => {
  await using target = new DiskTarget(SAMPLE);
  await interrupted(target, [0, 1, 6, 7, 12]);
  await using run = await target.run({ trustState: false });
  deepStrictEqual(have(run), [0, 1, 6, 7, 12]);
  ok(run.checkedBytes > 10 * 16 * KIB);
});

Deno.test("restore() uses the data of another client, whatever part of it is good", async () => {
  await using target = new DiskTarget(SAMPLE);
  target.put("t/a");
  const half = SAMPLE.contents.get("b")!.slice(0, 70_000);
  half[0]! ^= 1;
  target.put("t/b", half);
  await using run = await target.run();
  // Piece 6 ends with the first bytes of `b`.
  deepStrictEqual(have(run), [0, 1, 2, 3, 4, 5, 7, 8, 9]);
  deepStrictEqual(target.listing(), ["t/a.part", "t/b.part", "t/empty"]);
  await target.writeAll(run.storage, [6, 10, 11, 12, 13, 14]);
  await run.storage.finish();
  target.assertContents();
  deepStrictEqual(target.listing(), ["t/a", "t/b", "t/c", "t/empty"]);
});

Deno.test("restore() finds complete data without a state, and leaves it where it is", async () => {
  await using target = new DiskTarget(SAMPLE);
  for (const name of ["a", "b", "c", "empty"]) target.put(`t/${name}`);
  {
    await using run = await target.run();
    ok(run.have.isFull);
    await run.storage.finish();
    deepStrictEqual(run.done, []);
  }
  await using again = await target.run();
  deepStrictEqual([again.have.isFull, again.checkedBytes], [true, 0]);
});

Deno.test("D7 restore() refuses a target that holds something else, before anything is lost", async () => {
  await using target = new DiskTarget(SAMPLE);
  const other = new Uint8Array(100_000).fill(5);
  target.put("t/a", other);
  await rejects(target.run(), { name: "StorageError", reason: "occupied" });
  deepStrictEqual(await Deno.readFile(`${target.outputDir}/t/a`), other);
  await target.complete({ overwrite: true });
  target.assertContents();
});

Deno.test("restore() does not say what becomes of a file that it refuses to touch", async () => {
  await using target = new DiskTarget(SAMPLE);
  target.put("t/a", new Uint8Array(120_000).fill(5));
  const warnings: string[] = [];
  const onWarning = (message: string) => warnings.push(message);
  await rejects(target.run({ onWarning }), { name: "StorageError", reason: "occupied" });
  deepStrictEqual(warnings, []);
  await using _run = await target.run({ onWarning, overwrite: true });
  strictEqual(warnings.length, 1);
});

Deno.test("D7 restore() refuses a stranger's part, whatever runs have done with a file of its name", async () => {
  const runs: [string, (target: DiskTarget) => Promise<void>][] = [
    ["nothing", () => Promise.resolve()],
    ["finished it", (target) => target.complete()],
    ["were interrupted", (target) => interrupted(target, [0, 1, 7, 8, 13])],
    ["were killed", async (target) => {
      await interrupted(target, [0, 7, 13]);
      await using run = await target.run();
      await target.writeAll(run.storage, [1, 8, 14]);
    }],
  ];
  const hourMs = 3_600_000, now = Date.now();
  const ofOtherLength: [string, size: number, ageMs: number][] = [
    ["shorter", 9, 0],
    ["longer", 120_000, 0],
    ["longer and old", 120_000, hourMs],
  ];
  // Where a run has left a part, nobody can tell these from a copy of it.
  const asLong: typeof ofOtherLength = [
    ["as long, and put there later", 100_000, -hourMs],
    ["as long, and older", 100_000, hourMs],
  ];
  for (const [history, doRun] of runs) {
    const isPartLeft = history.startsWith("were ");
    for (const [what, size, ageMs] of isPartLeft ? ofOtherLength : [...ofOtherLength, ...asLong]) {
      await using target = new DiskTarget(SAMPLE);
      await doRun(target);
      for (const path of [`${target.outputDir}/t/b`, partOf(target, "b")]) {
        await Deno.remove(path).catch(() => {}); // One of them is not there.
      }
      const other = new Uint8Array(size).fill(5), modified = new Date(now - ageMs);
      target.put("t/b.part", other);
      await Deno.utime(partOf(target, "b"), modified, modified);
      for (const trustState of [true, false, true]) {
        const refused = { reason: "occupied", path: partOf(target, "b") };
        await rejects(target.run({ trustState }), refused, `${what}; runs before: ${history}`);
      }
      deepStrictEqual(await Deno.readFile(partOf(target, "b")), other);
      await target.complete({ overwrite: true });
      target.assertContents();
    }
  }
});

Deno.test("D10 restore() goes on with a part of ours that has no good piece, however many runs add none", async () => {
  for (const piece of [0, 6, 9]) {
    await using target = new DiskTarget(SAMPLE);
    {
      await using run = await target.run();
      await target.writeAll(run.storage, [piece]);
      // As a run leaves it that is killed while it writes.
      for (const name of target.listing()) {
        if (name.endsWith(".part")) await damage(`${target.outputDir}/${name}`);
      }
    }
    for (const trustState of [true, true, false, true]) {
      await using run = await target.run({ trustState });
      deepStrictEqual(have(run), []);
      await run.storage.checkpoint();
    }
    await target.complete();
    target.assertContents();
  }
});

Deno.test("D10 restore() goes on with a part of ours that has no good piece, whatever its times are", async () => {
  // All of what `b` has is in pieces that `a` shares, or half written.
  const runs: [string, (target: DiskTarget) => Promise<void>][] = [
    ["interrupted", (target) => interrupted(target, [0, 1, 2, 3, 4, 5, 6])],
    ["killed in its first piece", async (target) => {
      await interrupted(target, [0]);
      await using run = await target.run();
      await target.writeAll(run.storage, [7]);
    }],
  ];
  for (const [history, doRun] of runs) {
    for (const ageMs of [-3_600_000, 3_600_000]) {
      await using target = new DiskTarget(SAMPLE);
      await doRun(target);
      for (const name of ["a", "a.part"]) {
        await Deno.remove(`${target.outputDir}/t/${name}`).catch(() => {}); // One is not there.
      }
      await Deno.writeFile(partOf(target, "b"), new Uint8Array(100_000).fill(5));
      setTimes(partOf(target, "b"), ageMs);
      for (const trustState of [true, false, true]) {
        await using run = await target.run({ trustState });
        deepStrictEqual(have(run), [], history);
      }
      await target.complete();
      target.assertContents();
    }
  }
});

/** As a copy has them, or another clock. */
function setTimes(path: string, ageMs: number): void {
  const modified = new Date(Date.now() - ageMs);
  Deno.utimeSync(path, modified, modified);
}

Deno.test("D7 a file of which nobody can tell is not replaced by something else", async () => {
  const sample = sampleData("t", { a: 10_000, b: 10_000 }, 64 * KIB);
  await using target = new DiskTarget(sample);
  // Both share the only piece, and `b` is missing: is this `a`?
  const other = new Uint8Array(10_000).fill(5);
  target.put("t/a", other);
  {
    await using run = await target.run();
    deepStrictEqual(have(run), []);
    const outcome = await target.write(run.storage, 0);
    ok(outcome.kind === "failed");
    strictEqual(outcome.error.reason, "occupied");
  }
  deepStrictEqual(await Deno.readFile(`${target.outputDir}/t/a`), other);
  target.put("t/a");
  await target.complete();
  target.assertContents();
});

Deno.test("D6 restore() cuts a file that is too long only once it is verified", async () => {
  await using target = new DiskTarget(SAMPLE);
  const long = new Uint8Array(120_000);
  long.set(SAMPLE.contents.get("a")!);
  target.put("t/a", long);
  {
    await using run = await target.run();
    deepStrictEqual(have(run), [0, 1, 2, 3, 4, 5]);
    strictEqual(run.warnings.length, 1);
    strictEqual((await Deno.stat(partOf(target, "a"))).size, 120_000);
  }
  await target.complete();
  target.assertContents();

  target.put("t/a", long);
  await using run = await target.run();
  await run.storage.finish();
  target.assertContents();
});

Deno.test("D9 restore() warns of a part that has other names", async () => {
  await using target = new DiskTarget(SAMPLE);
  await interrupted(target, [0]);
  await Deno.link(partOf(target, "a"), `${target.folder}/other`);
  await using run = await target.run();
  strictEqual(run.warnings.filter((text) => text.includes("hard links")).length, 1);
});

Deno.test("restore() ends when it is asked to", async () => {
  await using target = new DiskTarget(SAMPLE);
  await interrupted(target, [0, 1]);
  const storage = await target.open({ trustState: false });
  const aborter = new AbortController();
  aborter.abort(new Error("enough"));
  await rejects(storage.restore(() => {}, aborter.signal), { message: "enough" });
  await storage.close();
});

Deno.test("restore() finishes files that a killed run had complete and not named", async () => {
  await using target = new DiskTarget(SAMPLE);
  await target.complete();
  await Deno.rename(`${target.outputDir}/t/b`, partOf(target, "b"));
  await using run = await target.run();
  ok(run.have.isFull);
  await run.storage.finish();
  deepStrictEqual(run.done, ["t/b 100000"]);
  target.assertContents();
});
