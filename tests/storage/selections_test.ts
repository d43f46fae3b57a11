/** Any sequence of selections: what was verified once is found again, wherever it was put. */
import { deepStrictEqual, ok } from "node:assert/strict";
import fc from "fast-check";
import type { StorageError } from "../../src/base/errors.ts";
import type { FileIndex, PieceIndex } from "../../src/base/ids.ts";
import type { FailedReply, Job, JobOf, JobRunner, ReplyTo } from "../../src/workers/protocol.ts";
import { DiskTarget, type OpenOptions, type Run, sampleData } from "./disk_target.ts";
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
  /** Where the user puts something then: in place of a file of the torrent, or nowhere. */
  readonly replaced: number;
  /** At its `.part` name, and not at its final one. */
  readonly isPartReplaced: boolean;
  readonly replacement: Replacement;
}

/** Nothing of `other` is right, `longer` and `shorter` begin rightly, `holed` ends so. */
type Replacement = "same" | "other" | "longer" | "shorter" | "holed";

/** What is true of the disk. */
interface Knowledge {
  /** Pieces that a run has verified and put there. */
  readonly known: Set<number>;
  /** Others that may be there too. */
  readonly tried: Set<number>;
  /** What the user has put in place of files, and is not right. */
  readonly strangers: Map<number, Stranger>;
}

interface Stranger {
  readonly path: string;
  readonly bytes: Uint8Array;
}

const STEP: fc.Arbitrary<Step> = fc.record({
  selected: fc.nat(),
  fetched: fc.nat(),
  ending: fc.constantFrom("finished", "stopped", "killed"),
  jobCount: fc.nat(20),
  trustState: fc.boolean(),
  deleted: fc.nat(20),
  replaced: fc.nat(20),
  isPartReplaced: fc.boolean(),
  replacement: fc.constantFrom("same", "other", "longer", "shorter", "holed"),
});

const LAST_STEP: Step = {
  selected: -1,
  fetched: -1,
  ending: "finished",
  jobCount: 0,
  trustState: true,
  deleted: 20,
  replaced: 20,
  isPartReplaced: false,
  replacement: "same",
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

Deno.test("D20 no sequence of selections loses a piece, refuses what is ours, or spoils a file", async () => {
  const lengths = fc.array(fc.oneof(fc.nat(10), fc.nat(60)), { minLength: 2, maxLength: 6 });
  const steps = fc.array(STEP, { minLength: 2, maxLength: 7 });
  const property = fc.asyncProperty(
    lengths,
    steps,
    (lengths, steps) => followAll(lengths.map((length) => length + 1), steps),
  );
  await fc.assert(property, { numRuns: 60 });
});

Deno.test("D20 a run that is killed leaves no part of a file that has its name, though its ends are among the edges too", async () => {
  const usersFirst = { replaced: 0, replacement: "same" } as const;
  await followAll([1, 20, 1], [
    { ...LAST_STEP, ...usersFirst, selected: 0b010 },
    { ...LAST_STEP, ...usersFirst, selected: 0b101, trustState: false },
    { ...LAST_STEP, ...usersFirst, selected: 0b011, ending: "killed", jobCount: 4 },
    { ...LAST_STEP, selected: 0b001, deleted: 3 },
  ]);
});

Deno.test("D5 a piece that a run moves before it is killed makes no next run believe its file, which was changed", async () => {
  for (let jobCount = 3; jobCount < 12; jobCount++) {
    await followAll([48, 33, 1, 1], [
      { ...LAST_STEP, selected: 0b1110, replaced: 1, replacement: "holed" },
      { ...LAST_STEP, selected: 0b0010, trustState: false, ending: "killed", jobCount },
      { ...LAST_STEP, selected: 0b1110 },
    ]);
  }
});

Deno.test("D20 a part that a run begins with what it moves is known as ours, though the file had its name and is younger", async () => {
  const usersOwn = { replaced: 1, replacement: "same" } as const;
  for (let jobCount = 3; jobCount < 12; jobCount++) {
    await followAll([1, 20], [
      { ...LAST_STEP, ...usersOwn, selected: 0b10 },
      { ...LAST_STEP, selected: 0b10 },
      { ...LAST_STEP, selected: 0b01, deleted: 1 },
      { ...LAST_STEP, selected: 0b10, ending: "killed", jobCount },
    ]);
  }
});

Deno.test("D5 a piece of a changed file and of one that is away is believed by no run after one that moved others and was killed", async () => {
  const sample = sampleData("any", { 0: 48, 1: 33, 2: 1, 3: 1 }, 20);
  const changed = sample.contents.get("1")!.map((byte, index) => index === 0 ? byte ^ 255 : byte);
  for (let jobCount = 3; jobCount < 12; jobCount++) {
    await using target = new DiskTarget(sample);
    await target.complete();
    const [first, second] = [finalPath(target, 0), finalPath(target, 1)];
    const away = `${target.folder}/away`;
    await Deno.rename(first, away);
    const { mtime } = await Deno.stat(second);
    target.put("any/1", changed);
    await Deno.utime(second, mtime!, new Date(mtime!.getTime() + 1));
    // It shares piece 4 with files that go to the edges; piece 2 is of it and of what is away.
    await runKilled(target, { selected: target.select("1"), pool: new KilledJobs(jobCount) });
    await Deno.rename(away, first);
    await using run = await target.run();
    deepStrictEqual(have(run), [0, 1, 3, 4], `${jobCount}`);
  }
});

/** The steps, and then one that is to complete all files, of these lengths. */
async function followAll(lengths: readonly number[], steps: readonly Step[]): Promise<void> {
  const files = Object.fromEntries(lengths.map((length, index) => [`${index}`, length]));
  await using target = new DiskTarget(sampleData("any", files, 20));
  const knowledge: Knowledge = { known: new Set(), tried: new Set(), strangers: new Map() };
  for (const step of [...steps, LAST_STEP]) {
    if (await isRefused(follow(target, step, knowledge))) {
      await removeStrangers(target, knowledge);
      await follow(target, step, knowledge);
    }
  }
  target.assertContents();
  deepStrictEqual(target.listing(), Object.keys(files).map((name) => `any/${name}`));
}

/** A run that ends as it begins, whether it is killed before or not. */
async function runKilled(target: DiskTarget, options: OpenOptions): Promise<void> {
  try {
    await using _run = await target.run(options);
  } catch (error) {
    if ((error as Partial<StorageError>).reason !== "permission") throw error;
  }
}

async function isRefused(run: Promise<void>): Promise<boolean> {
  return await run.then(() => false, (error) => {
    if (error.reason === "occupied") return true;
    throw error;
  });
}

/** The knowledge is that after this run in the end. Rejects with StorageError, "occupied" alone. */
async function follow(target: DiskTarget, step: Step, knowledge: Knowledge): Promise<void> {
  const { known, tried, strangers } = knowledge;
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
      for (const file of selected) {
        ok(!isOther(target, file, strangers.get(file)?.bytes), "what is the user's was replaced");
        strangers.delete(file);
      }
    }
    if (!isKilled) deepStrictEqual((await run.storage.checkpoint()).kind, "saved");
  } catch (error) {
    if (!isKilled || (error as Partial<StorageError>).reason !== "permission") throw error;
  }
  if (step.deleted <= files.length) await deleteFile(target, step.deleted, knowledge);
  if (step.replaced < files.length) await replaceFile(target, step, knowledge);
}

/** As a user does; what was of it is known no more, and may be found all the same. */
async function deleteFile(target: DiskTarget, file: number, knowledge: Knowledge): Promise<void> {
  const { infoHashHex, files } = target.sample.metainfo;
  const isEdges = file === files.length;
  const path = finalPath(target, file);
  const paths = isEdges ? [`${target.stateDir}/${infoHashHex}.edges`] : [path, `${path}.part`];
  for (const path of paths) await Deno.remove(path).catch(() => {}); // Not all are there.
  forget(target, knowledge, (of) => isEdges ? of.length > 1 : of.includes(file as FileIndex));
  knowledge.strangers.delete(file);
}

/** The same, by putting something in its place. */
async function replaceFile(
  target: DiskTarget,
  { replaced, isPartReplaced, replacement }: Step,
  knowledge: Knowledge,
): Promise<void> {
  await deleteFile(target, replaced, knowledge);
  const right = target.sample.contents.get(`${replaced}`)!;
  const other = right.map((byte) => byte ^ 255);
  const half = right.length >> 1;
  const bytes = {
    same: right,
    // Of a part of the right length nobody may be able to tell.
    other: isPartReplaced ? Uint8Array.of(...other, 1) : other,
    longer: Uint8Array.of(...right, 1, 2, 3),
    shorter: right.subarray(0, half),
    holed: Uint8Array.of(...other.subarray(0, half), ...right.subarray(half)),
  }[replacement];
  Deno.mkdirSync(`${target.outputDir}/any`, { recursive: true });
  const path = finalPath(target, replaced) + (isPartReplaced ? ".part" : "");
  Deno.writeFileSync(path, bytes);
  // No run that was killed can have written such a file, or have named one. Nobody else is so quick
  // that the clock of the file system, which ticks every few milliseconds, would show the time of
  // our last write.
  const later = new Date(Date.now() + 120_000);
  Deno.utimeSync(path, later, later);
  const { tried, strangers } = knowledge;
  if (replacement !== "same") strangers.set(replaced, { path, bytes });
  const range = target.sample.metainfo.layout.piecesOf(replaced as FileIndex)!;
  for (let piece = range.first; piece <= range.last; piece++) tried.add(piece);
}

/** What was refused is as the user has put it; the user takes it away. */
async function removeStrangers(target: DiskTarget, knowledge: Knowledge): Promise<void> {
  const { strangers } = knowledge;
  ok(strangers.size > 0, "nothing of a stranger's is there");
  for (const [file, { path, bytes }] of strangers) {
    // What is partly right may have become a part.
    if (isOther(target, file, bytes)) deepStrictEqual(await Deno.readFile(path), bytes);
    await deleteFile(target, file, knowledge);
  }
}

function forget(
  target: DiskTarget,
  { known, tried }: Knowledge,
  isOf: (files: readonly FileIndex[]) => boolean,
): void {
  for (const piece of known) {
    if (!isOf(target.sample.metainfo.layout.filesOf(piece as PieceIndex))) continue;
    known.delete(piece);
    tried.add(piece);
  }
}

/** Nothing of it is as in the torrent: it is the user's, and not to be touched. */
function isOther(target: DiskTarget, file: number, bytes: Uint8Array | undefined): boolean {
  const right = target.sample.contents.get(`${file}`)!;
  return bytes !== undefined && bytes.length > 0 &&
    bytes.every((byte, index) => byte !== right[index]);
}

function finalPath(target: DiskTarget, file: number): string {
  return `${target.outputDir}/any/${file}`;
}

function hasBit(bits: number, index: number): boolean {
  return (bits >> (index % 31) & 1) === 1;
}

function have(run: Run): number[] {
  return [...run.have.ones()];
}
