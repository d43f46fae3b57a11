import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { Bitfield } from "../../src/base/bitfield.ts";
import type { FileIndex, PieceIndex } from "../../src/base/ids.ts";
import { Finisher } from "../../src/storage/finisher.ts";
import { Turns } from "../../src/storage/turns.ts";
import { DiskTarget, sampleData } from "./disk_target.ts";
import { LocalJobs } from "./local_jobs.ts";

/** Pieces of 10 bytes: `a` is 0–2, `b` 2–4, `c` 5; every part is on disk. */
const SAMPLE = sampleData("t", { a: 25, b: 25, c: 10 }, 10);
const A = 0 as FileIndex;

class Finishing {
  readonly target = new DiskTarget(SAMPLE);
  readonly jobs = new LocalJobs();
  readonly plan = this.target.plan();
  readonly finished: number[] = [];
  readonly flushFailures: string[] = [];
  readonly finisher: Finisher;

  constructor(...have: number[]) {
    for (const name of ["a", "b", "c"]) this.target.put(`t/${name}.part`);
    const field = new Bitfield(6);
    for (const piece of have) field.set(piece);
    this.finisher = new Finisher({
      plan: this.plan,
      pool: this.jobs,
      turns: new Turns(),
      have: field,
      onFinished: (file) => {
        this.plan.setFinal(file, true);
        this.finished.push(file);
      },
      onFlushFailure: ({ reason }) => this.flushFailures.push(reason),
    });
  }

  add(...pieces: number[]): void {
    for (const piece of pieces) this.finisher.add(piece as PieceIndex);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.jobs.forget();
    await this.target[Symbol.asyncDispose]();
  }
}

Deno.test("Finisher names a file when its last piece has come, and not before", async () => {
  await using finishing = new Finishing();
  const { finisher, target, finished } = finishing;
  finisher.start([]);
  finishing.add(0, 2, 4, 3);
  await finisher.idle();
  deepStrictEqual(finished, [1]);
  deepStrictEqual(target.listing(), ["t/a.part", "t/b", "t/c.part"]);
  finishing.add(1, 5);
  await finisher.settle();
  deepStrictEqual(finished, [1, 0, 2]);
  deepStrictEqual(target.listing(), ["t/a", "t/b", "t/c"]);
});

Deno.test("Finisher begins with what was complete already", async () => {
  await using finishing = new Finishing(0, 1, 2);
  finishing.finisher.start([]);
  await finishing.finisher.idle();
  deepStrictEqual(finishing.finished, [0]);
});

Deno.test("D6 Finisher cuts a file that is too long once all of it is verified", async () => {
  await using finishing = new Finishing(0, 1);
  const { finisher, target, plan } = finishing;
  target.put("t/a", new Uint8Array(30));
  plan.setFinal(A, true);
  finisher.start([A]);
  await finisher.idle();
  strictEqual(Deno.statSync(`${target.outputDir}/t/a`).size, 30);
  finishing.add(2);
  await finisher.settle();
  strictEqual(Deno.statSync(`${target.outputDir}/t/a`).size, 25);
});

Deno.test("Finisher does not name a file of which a piece was lost", async () => {
  await using finishing = new Finishing();
  const { finisher, finished } = finishing;
  finishing.add(0, 1);
  finisher.remove(1 as PieceIndex);
  finishing.add(2);
  await finisher.settle();
  deepStrictEqual(finished, []);
  finishing.add(1);
  await finisher.settle();
  deepStrictEqual(finished, [0]);
});

Deno.test("Finisher names the others when one file fails, and tries that again in the end", async () => {
  await using finishing = new Finishing();
  const { finisher, target, finished } = finishing;
  target.put("t/a", new Uint8Array(25));
  finishing.add(0, 1, 2, 3, 4, 5);
  await finisher.idle();
  deepStrictEqual(finished, [1, 2]);
  await rejects(finisher.settle(), { reason: "occupied" });
  Deno.removeSync(`${target.outputDir}/t/a`);
  await finisher.settle();
  deepStrictEqual(finished, [1, 2, 0]);
  deepStrictEqual(finishing.flushFailures, []);
});

Deno.test("D3 Finisher tells of a flush that failed, and goes on when its pieces come again", async () => {
  await using finishing = new Finishing();
  const { finisher, jobs, finished } = finishing;
  jobs.fault = () => ({ reason: "io", path: "/x", isFlush: true });
  finishing.add(0, 1, 2);
  await finisher.idle();
  deepStrictEqual([finished, finishing.flushFailures], [[], ["io"]]);
  jobs.fault = () => undefined;
  finisher.remove(0 as PieceIndex);
  await finisher.settle();
  deepStrictEqual(finished, []);
  finishing.add(0);
  await finisher.settle();
  deepStrictEqual(finished, [0]);
});

Deno.test("Finisher names all others of a batch, and says what is in the way, when one name is taken", async () => {
  await using finishing = new Finishing(0, 1, 2, 3, 4, 5);
  const { finisher, target, finished } = finishing;
  target.put("t/b", new Uint8Array(7));
  finisher.start([]);
  await finisher.idle();
  deepStrictEqual(finished, [0, 2]);
  await rejects(finisher.settle(), { reason: "occupied" });
  deepStrictEqual(finishing.flushFailures, []);
  await Deno.remove(`${target.outputDir}/t/b`);
  await finisher.settle();
  deepStrictEqual(finished, [0, 2, 1]);
});

Deno.test("Finisher does a batch again one by one when it failed for another reason than its flush", async () => {
  await using finishing = new Finishing(0, 1, 2, 3, 4, 5);
  const { finisher, jobs, finished } = finishing;
  jobs.fault = () => jobs.performedCount === 1 ? { reason: "io", path: "/x" } : undefined;
  finisher.start([]);
  await finisher.idle();
  deepStrictEqual([finished, finishing.flushFailures], [[0, 1, 2], []]);
});

for (const reason of ["io", "no-space"] as const) {
  Deno.test(`D3 Finisher names no file of a batch when its flush failed with "${reason}"`, async () => {
    await using finishing = new Finishing(0, 1, 2, 3, 4, 5);
    const { finisher, jobs, finished } = finishing;
    // The system tells of lost data once.
    jobs.fault = () =>
      jobs.performedCount === 1 ? { reason, path: "/x", isFlush: true } : undefined;
    finisher.start([]);
    await finisher.idle();
    deepStrictEqual([finished, finishing.flushFailures], [[], [reason]]);
    strictEqual(jobs.performedCount, 1);
  });
}
