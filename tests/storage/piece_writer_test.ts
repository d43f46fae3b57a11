import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import type { Clock } from "../../src/base/ambient.ts";
import { Bitfield } from "../../src/base/bitfield.ts";
import type { FileIndex, PieceIndex } from "../../src/base/ids.ts";
import { writePiece, type WriteResult } from "../../src/storage/piece_writer.ts";
import { DiskTarget, sampleData } from "./disk_target.ts";
import { LocalJobs } from "./local_jobs.ts";

const SAMPLE = sampleData("t", { a: 15, b: 3, c: 12 }, 10);
const SECOND = 1 as PieceIndex;

/** Time passes only where somebody waits for it, and then at once. */
class ImpatientClock implements Clock {
  #now = 0;

  now(): number {
    return this.#now;
  }

  wallTime(): number {
    return this.#now;
  }

  sleep(durationMs: number): Promise<void> {
    this.#now += durationMs;
    return Promise.resolve();
  }
}

class Writing {
  readonly jobs = new LocalJobs();
  readonly clock = new ImpatientClock();
  readonly target = new DiskTarget(SAMPLE);
  readonly plan = this.target.plan();
  readonly have = new Bitfield(SAMPLE.metainfo.layout.pieceCount);
  /** Jobs that were done before each one was sent. */
  readonly sentAfter: number[] = [];

  write(data = this.target.piece(1), wantDigests = false): Promise<WriteResult> {
    const context = {
      plan: this.plan,
      pool: this.jobs,
      clock: this.clock,
      have: this.have,
      beforeSending: () => this.sentAfter.push(this.jobs.performedCount),
    };
    return writePiece(context, SECOND, data, wantDigests);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.jobs.forget();
    await this.target[Symbol.asyncDispose]();
  }
}

Deno.test("writePiece() tells which files a piece completed by itself", async () => {
  await using writing = new Writing();
  const result = await writing.write();
  ok(result.kind === "good");
  deepStrictEqual(result.finished.map(([file, { size }]) => [file, size]), [[1, 3]]);
  deepStrictEqual(writing.target.listing(), ["t/a.part", "t/b", "t/c.part"]);
  strictEqual(result.digests, undefined);
});

Deno.test("writePiece() passes digests on when they are wanted", async () => {
  await using writing = new Writing();
  const result = await writing.write(undefined, true);
  ok(result.kind === "good");
  strictEqual(result.digests?.length, 1);
});

Deno.test("writePiece() does not try a corrupt piece again", async () => {
  await using writing = new Writing();
  const result = await writing.write(new Uint8Array(10));
  ok(result.kind === "corrupt");
  deepStrictEqual([result.digests.length, result.buffer.byteLength], [1, 10]);
  deepStrictEqual(writing.jobs.kinds, ["write"]);
});

Deno.test("D1 writePiece() tries again when the disk is full, and then reports", async () => {
  await using writing = new Writing();
  writing.jobs.fault = () => ({ reason: "no-space", path: "/x" });
  const result = await writing.write();
  ok(result.kind === "failed");
  deepStrictEqual([result.error.reason, result.error.path], ["no-space", "/x"]);
  strictEqual(result.buffer.byteLength, 10);
  strictEqual(writing.jobs.kinds.length, 3);
  strictEqual(writing.clock.now(), 1_000);
});

Deno.test("writePiece() succeeds when the failure passes", async () => {
  await using writing = new Writing();
  writing.jobs.fault = () =>
    writing.jobs.kinds.length < 3 ? { reason: "io", path: "/x" } : undefined;
  strictEqual((await writing.write()).kind, "good");
  strictEqual(writing.jobs.kinds.length, 3);
  deepStrictEqual(writing.sentAfter, [0, 1, 2]);
});

Deno.test("writePiece() verifies a piece that is here already, and writes nothing of it", async () => {
  await using writing = new Writing();
  const { have, target } = writing;
  have.set(SECOND);
  const result = await writing.write(undefined, true);
  ok(result.kind === "good");
  deepStrictEqual([result.finished, result.digests?.length], [[], 1]);
  strictEqual((await writing.write(new Uint8Array(10))).kind, "corrupt");
  deepStrictEqual(target.listing(), []);
});

Deno.test("writePiece() makes no file anew that was there and is gone", async () => {
  await using writing = new Writing();
  const { plan, jobs } = writing;
  const [first] = plan.files as [FileIndex];
  plan.setPresent(first);
  const result = await writing.write();
  ok(result.kind === "failed");
  deepStrictEqual([result.error.reason, jobs.kinds.length], ["missing", 1]);
});

Deno.test("writePiece() does not repeat what cannot succeed", async () => {
  await using writing = new Writing();
  for (const reason of ["denied", "permission", "symlink", "read-only"] as const) {
    writing.jobs.kinds.length = 0;
    writing.jobs.fault = () => ({ reason, path: "/x" });
    const result = await writing.write();
    ok(result.kind === "failed" && result.error.reason === reason);
    strictEqual(writing.jobs.kinds.length, 1);
  }
});

Deno.test("writePiece() has a new buffer where a crashed worker took the old one", async () => {
  await using writing = new Writing();
  const { plan, clock, have, target } = writing;
  const beforeSending = () => {};
  target.pool.close();
  const context = { plan, pool: target.pool, clock, have, beforeSending };
  const early = target.piece(1);
  const refused = await writePiece(context, SECOND, early, false);
  ok(refused.kind === "failed");
  strictEqual(refused.buffer, early.buffer);

  await using other = new DiskTarget(SAMPLE);
  const taken = writePiece(
    { plan, clock, have, beforeSending, pool: other.pool },
    SECOND,
    other.piece(1),
    false,
  );
  other.pool.close();
  const lost = await taken;
  ok(lost.kind === "failed");
  deepStrictEqual([lost.error.reason, lost.buffer.byteLength], ["io", 10]);
});

Deno.test("writePiece() takes a short piece in a long buffer, from its start", async () => {
  await using writing = new Writing();
  writing.jobs.fault = () =>
    writing.jobs.kinds.length < 3 ? { reason: "io", path: "/x" } : undefined;
  const data = new Uint8Array(new ArrayBuffer(20), 0, 10);
  data.set(writing.target.piece(1));
  const result = await writing.write(data);
  deepStrictEqual([result.kind, result.buffer.byteLength], ["good", 20]);
  const late = new Uint8Array(new ArrayBuffer(20), 10);
  const { plan, jobs, clock, have } = writing;
  await rejects(
    writePiece({ plan, pool: jobs, clock, have, beforeSending: () => {} }, SECOND, late, false),
    {
      name: "BugError",
    },
  );
});
