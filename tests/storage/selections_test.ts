/** Any sequence of selections: what was verified once is found again, wherever it was put. */
import { deepStrictEqual, ok } from "node:assert/strict";
import fc from "fast-check";
import type { StorageError } from "../../src/base/errors.ts";
import type { FileIndex, PieceIndex } from "../../src/base/ids.ts";
import type { FailedReply, Job, JobOf, JobRunner, ReplyTo } from "../../src/workers/protocol.ts";
import { DiskTarget, type Run, sampleData } from "./disk_target.ts";
import { LocalJobs } from "./local_jobs.ts";

/** One run: which files, which of the pieces that it lacks it gets, and how it ends. */
interface Step {
  /** A bit for each file. */
  readonly selected: number;
  /** A bit for each piece. */
  readonly fetched: number;
  readonly ending: "finished" | "stopped" | "killed";
  /** Jobs of the workers that a run which is killed gets done. */
  readonly jobCount: number;
  readonly trustState: boolean;
  /** What the user deletes afterwards: a file of the torrent, the edges, or nothing. */
  readonly deleted: number;
}

const STEP: fc.Arbitrary<Step> = fc.record({
  selected: fc.nat(),
  fetched: fc.nat(),
  ending: fc.constantFrom("finished", "stopped", "killed"),
  jobCount: fc.nat(20),
  trustState: fc.boolean(),
  deleted: fc.nat(20),
});

const LAST_STEP: Step = {
  selected: -1,
  fetched: -1,
  ending: "finished",
  jobCount: 0,
  trustState: true,
  deleted: 20,
};

/** The workers of a run that is killed: from some job on nothing is done, of a write one half. */
class KilledJobs implements JobRunner {
  readonly size = 2;
  readonly #jobs = new LocalJobs();
  #left: number;

  constructor(jobCount: number) {
    this.#left = jobCount;
  }

  async run<Kind extends Job["kind"]>(
    job: JobOf<Kind>,
    beforeSending?: () => void,
  ): Promise<ReplyTo<Kind>> {
    if (this.#left > 0) {
      this.#left--;
      return await this.#jobs.run<Kind>(job, beforeSending);
    }
    beforeSending?.();
    const asked = job as Job;
    if (asked.kind === "write") {
      const half = { ...asked, data: asked.data.slice(), spans: asked.spans.slice(0, 1) };
      if (this.#left === 0) await this.#jobs.run<"write">(half);
    }
    this.#left = -1;
    const failed: FailedReply = { kind: "failed", reason: "permission", path: "", message: "" };
    const reply = asked.kind === "write" ? { ...failed, buffer: asked.data.buffer } : failed;
    return reply as ReplyTo<Kind>;
  }

  /** Something was asked for and not done. */
  get isDead(): boolean {
    return this.#left < 0;
  }

  async forget(): Promise<void> {
    await this.#jobs.forget();
  }
}

Deno.test("no sequence of selections loses a piece, refuses what is ours, or spoils a file", async () => {
  const lengths = fc.array(fc.oneof(fc.nat(10), fc.nat(60)), { minLength: 2, maxLength: 6 });
  const steps = fc.array(STEP, { minLength: 2, maxLength: 7 });
  const property = fc.asyncProperty(lengths, steps, async (lengths, steps) => {
    const files = Object.fromEntries(lengths.map((length, index) => [`${index}`, length + 1]));
    await using target = new DiskTarget(sampleData("any", files, 20));
    const known = new Set<number>(), tried = new Set<number>();
    for (const step of [...steps, LAST_STEP]) await follow(target, step, known, tried);
    target.assertContents();
    deepStrictEqual(target.listing(), Object.keys(files).map((name) => `any/${name}`));
  });
  await fc.assert(property, { numRuns: 60 });
});

/**
 * `known` are pieces that a run has verified and put on the disk, `tried` others that may be there
 * too. Both are those after this run in the end.
 */
async function follow(
  target: DiskTarget,
  step: Step,
  known: Set<number>,
  tried: Set<number>,
): Promise<void> {
  const { files, layout } = target.sample.metainfo;
  const chosen = [...files.keys()].filter((file) => hasBit(step.selected, file));
  const selected = new Set((chosen.length > 0 ? chosen : [0]) as FileIndex[]);
  const wanted = [...Array(layout.pieceCount).keys()].filter((piece) =>
    layout.filesOf(piece as PieceIndex).some((file) => selected.has(file))
  );
  const isKilled = step.ending === "killed";
  const pool = new KilledJobs(isKilled ? step.jobCount : Infinity);
  try {
    await using run = await target.run({ selected, trustState: step.trustState, pool });
    const found = have(run);
    if (pool.isDead) return;
    ok(found.every((piece) => known.has(piece) || tried.has(piece)));
    deepStrictEqual(wanted.filter((piece) => known.has(piece) && !found.includes(piece)), []);
    for (const piece of found) known.add(piece);
    const isAll = step.ending === "finished";
    for (const piece of wanted) {
      if (known.has(piece) || !(isAll || hasBit(step.fetched, piece))) continue;
      tried.add(piece);
      const outcome = await target.write(run.storage, piece);
      if (outcome.kind === "failed") throw outcome.error;
      known.add(piece);
    }
    if (isAll) {
      await run.storage.finish();
      target.assertContents(...[...selected].map((file) => `${file}`));
    }
    if (!isKilled) deepStrictEqual((await run.storage.checkpoint()).kind, "saved");
  } catch (error) {
    if (!isKilled || (error as Partial<StorageError>).reason !== "permission") throw error;
  }
  if (step.deleted <= files.length) await deleteFile(target, step.deleted, known, tried);
}

/** As a user does; what was of it is known no more, and may be found all the same. */
async function deleteFile(
  target: DiskTarget,
  file: number,
  known: Set<number>,
  tried: Set<number>,
) {
  const { infoHashHex, files, layout } = target.sample.metainfo;
  const isEdges = file === files.length;
  const path = `${target.outputDir}/any/${file}`;
  const paths = isEdges ? [`${target.stateDir}/${infoHashHex}.edges`] : [path, `${path}.part`];
  for (const path of paths) await Deno.remove(path).catch(() => {}); // Not all are there.
  for (const piece of known) {
    const of = layout.filesOf(piece as PieceIndex);
    if (isEdges ? of.length > 1 : of.includes(file as FileIndex)) {
      known.delete(piece);
      tried.add(piece);
    }
  }
}

function hasBit(bits: number, index: number): boolean {
  return (bits >> (index % 31) & 1) === 1;
}

function have(run: Run): number[] {
  return [...run.have.ones()];
}
