import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Bitfield } from "../../src/base/bitfield.ts";
import { StorageError } from "../../src/base/errors.ts";
import type { FileIndex, PieceIndex } from "../../src/base/ids.ts";
import { encode } from "../../src/metainfo/bencode_encoder.ts";
import { parseMetainfo } from "../../src/metainfo/metainfo.ts";
import { Checkpointer } from "../../src/storage/checkpointer.ts";
import { Journal } from "../../src/storage/journal.ts";
import { ResumeFile } from "../../src/storage/resume.ts";
import type { ResumeState } from "../../src/storage/resume_codec.ts";
import { Shares } from "../../src/storage/shares.ts";
import type { Sightings } from "../../src/storage/sightings.ts";
import { Turns } from "../../src/storage/turns.ts";
import type { FileFacts, JobOf } from "../../src/workers/protocol.ts";
import { DiskTarget, type SampleData, sampleData } from "./disk_target.ts";
import { LocalJobs } from "./local_jobs.ts";

/** Pieces of 10 bytes: `a` is 0–2, `b` 2–4; every part is on disk. */
const SAMPLE = sampleData("t", { a: 25, b: 25 }, 10);
/** The same in pieces of 64 MiB, as far as a checkpoint looks at it: the files are all hole. */
const LARGE = hollowData("t", ["a", "b"], 160 * 1024 * 1024, 64 * 1024 * 1024);
const IO_ERROR = new StorageError("io", "/x", "Cannot flush /x: I/O error");

function p(index: number): PieceIndex {
  return index as PieceIndex;
}

function hollowData(
  name: string,
  paths: readonly string[],
  length: number,
  pieceLength: number,
): SampleData {
  const pieces = new Uint8Array(20 * Math.ceil(paths.length * length / pieceLength));
  const files = paths.map((path) => ({ path: [path], length }));
  const metainfo = parseMetainfo(
    encode({ info: { name, "piece length": pieceLength, pieces, files } }),
  );
  const data = new Uint8Array();
  return { metainfo, data, contents: new Map(paths.map((path) => [path, data])) };
}

class Saving {
  readonly target: DiskTarget;
  readonly jobs = new LocalJobs();
  readonly turns = new Turns();
  readonly plan;
  readonly resume;
  readonly journal;
  readonly lost: number[] = [];
  readonly checkpointer: Checkpointer;

  constructor(
    { sample = SAMPLE, isSaved = false, selected, seen = new Map(), edges }: {
      sample?: SampleData;
      isSaved?: boolean;
      selected?: Set<FileIndex>;
      seen?: Sightings["files"];
      edges?: FileFacts;
    } = {},
  ) {
    const target = this.target = new DiskTarget(sample);
    this.plan = target.plan({ selected });
    const { metainfo: { infoHashHex, layout, files } } = sample;
    for (const file of selected ?? target.select()) {
      const { path } = this.plan.placeOf(file);
      target.put(path);
      Deno.truncateSync(`${target.outputDir}/${path}`, this.plan.lengthOf(file));
    }
    const subject = { infoHashHex, pieceCount: layout.pieceCount, fileCount: files.length };
    this.resume = new ResumeFile(target.stateDir, subject);
    this.journal = Journal.open(this.target.journalPath);
    const claimed = new Bitfield(layout.pieceCount);
    const absent = { final: undefined, part: undefined };
    this.checkpointer = new Checkpointer({
      plan: this.plan,
      pool: this.jobs,
      turns: this.turns,
      resume: this.resume,
      journal: this.journal,
      claimed,
      sightings: {
        files: new Map(this.plan.selectedFiles.map((file) => [file, seen.get(file) ?? absent])),
        edges,
      },
      kept: {
        claimed,
        noted: new Bitfield(layout.pieceCount),
        shares: Shares.allOwn(files.length),
        files: new Map(),
      },
      isSaved,
      onLost: (pieces) => this.lost.push(...pieces),
    });
  }

  /** From now on the files and folders that are flushed, one list for each job. */
  watchFlushes(): string[][] {
    const flushed: string[][] = [];
    this.jobs.fault = (job) => {
      if (job.kind === "flush") {
        flushed.push([...job.places, ...job.folders].map(({ path }) => path));
      }
      return undefined;
    };
    return flushed;
  }

  /** What a run after this one would find. */
  async load(): Promise<ResumeState | undefined> {
    return await this.resume.load(() => ok(false, "no warning"));
  }

  /** Pieces that the saved state claims. */
  async claimed(): Promise<number[]> {
    return [...(await this.load())?.claimed.ones() ?? []];
  }

  /** Does what sending a piece to a worker does. */
  begin(piece: number): void {
    this.checkpointer.begin(p(piece));
    this.journal.write();
  }

  /** Does what writing a piece does. */
  write(...pieces: number[]): void {
    for (const piece of pieces) {
      this.begin(piece);
      this.checkpointer.add(p(piece));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.journal.close();
    await this.jobs.forget();
    await this.target[Symbol.asyncDispose]();
  }
}

Deno.test("D11 save() claims a piece after its files and folders were flushed, and not before", async () => {
  await using saving = new Saving();
  const { checkpointer, jobs } = saving;
  const claimedAtFlush: number[][] = [];
  const flushed: string[] = [];
  const run = jobs.run.bind(jobs);
  jobs.run = async (job) => {
    claimedAtFlush.push(await saving.claimed());
    const { places, folders } = job as JobOf<"flush">;
    flushed.push(...[...places, ...folders].map(({ path }) => path));
    return await run(job);
  };
  saving.write(0, 2);
  deepStrictEqual(await checkpointer.save(), { kind: "saved" });
  deepStrictEqual(await saving.claimed(), [0, 2]);
  ok(claimedAtFlush.every((pieces) => pieces.length === 0));
  deepStrictEqual(flushed, ["t/a.part", "t/b.part", "t", ""]);
});

Deno.test("save() records how the flushed files look", async () => {
  await using saving = new Saving();
  saving.write(0);
  await saving.checkpointer.save();
  const { files, edges } = (await saving.load())!;
  const { size, mtime } = Deno.statSync(`${saving.target.outputDir}/t/a.part`);
  deepStrictEqual([...files], [[0, { isFinal: false, size, modifiedMs: mtime!.getTime() }]]);
  strictEqual(edges, undefined);
});

Deno.test("save() records how files and edges looked that were here before", async () => {
  const part = { size: 12, modifiedMs: 34, links: 1 }, edges = { size: 5, modifiedMs: 6, links: 1 };
  const seen = new Map([[1 as FileIndex, { final: undefined, part }]]);
  await using saving = new Saving({ seen, edges });
  saving.write(0);
  await saving.checkpointer.save();
  const state = (await saving.load())!;
  const before = { isFinal: false, size: 12, modifiedMs: 34 };
  deepStrictEqual([...state.files.keys(), state.files.get(1)], [1, 0, before]);
  deepStrictEqual(state.edges, { isFinal: false, size: 5, modifiedMs: 6 });
});

Deno.test("save() records a file that got its name when nothing else is new", async () => {
  await using saving = new Saving({ isSaved: true });
  const { checkpointer, plan } = saving;
  plan.setFinal(1 as FileIndex, true);
  checkpointer.finished(1 as FileIndex, { size: 25, modifiedMs: 5, links: 1 });
  await checkpointer.save();
  const { files } = (await saving.load())!;
  deepStrictEqual([...files], [[1, { isFinal: true, size: 25, modifiedMs: 5 }]]);
});

Deno.test("save() does nothing when nothing is new", async () => {
  await using saving = new Saving({ isSaved: true });
  const { checkpointer, jobs } = saving;
  deepStrictEqual(await checkpointer.save(), { kind: "saved" });
  strictEqual(await saving.load(), undefined);
  saving.write(0);
  await checkpointer.save();
  const jobCount = jobs.kinds.length;
  await checkpointer.save();
  strictEqual(jobs.kinds.length, jobCount);
});

Deno.test("save() flushes what has come since the last time, and nothing else", async () => {
  await using saving = new Saving();
  const { checkpointer, plan } = saving;
  saving.write(0, 4);
  await checkpointer.save();
  const flushed = saving.watchFlushes();
  saving.write(1);
  await checkpointer.save();
  deepStrictEqual(flushed, [["t/a.part"], ["t", ""]]);
  // A file with its final name was flushed by whoever gave it.
  saving.write(3);
  plan.setFinal(1 as FileIndex, true);
  checkpointer.finished(1 as FileIndex, { size: 25, modifiedMs: 5, links: 1 });
  await checkpointer.save();
  deepStrictEqual(flushed.slice(2), [["t", ""]]);
  deepStrictEqual(await saving.claimed(), [0, 1, 3, 4]);
  const { files } = (await saving.load())!;
  deepStrictEqual(files.get(1), { isFinal: true, size: 25, modifiedMs: 5 });
});

Deno.test("D10 the journal names what is on its way and what is not claimed", async () => {
  await using saving = new Saving();
  const { checkpointer, jobs } = saving;
  saving.write(0);
  saving.begin(3);
  deepStrictEqual(saving.target.journaled(), [0, 3]);
  jobs.fault = () => {
    if (jobs.kinds.length === 1) saving.write(1);
    return undefined;
  };
  await checkpointer.save();
  deepStrictEqual(saving.target.journaled().toSorted(), [1, 3]);
  deepStrictEqual(await saving.claimed(), [0]);
  checkpointer.cancel(p(3));
  await checkpointer.save();
  deepStrictEqual(saving.target.journaled(), []);
});

Deno.test("a piece that failed stays in the journal: part of it may be in the files", async () => {
  await using saving = new Saving();
  const { checkpointer } = saving;
  saving.begin(3);
  saving.write(0);
  await checkpointer.save();
  deepStrictEqual(saving.target.journaled(), [3]);
});

Deno.test("D3 a flush that fails loses what was written since the last good one", async () => {
  await using saving = new Saving();
  const { checkpointer, jobs } = saving;
  saving.write(0);
  await checkpointer.save();
  saving.write(1, 3);
  jobs.fault = () => ({ reason: "io", path: "/x" });
  const outcome = await checkpointer.save();
  ok(outcome.kind === "failed");
  deepStrictEqual([outcome.error.reason, outcome.lost], ["io", [1, 3]]);
  deepStrictEqual(saving.lost, [1, 3]);
  // The next flush would succeed, as the system forgets what it could not write.
  jobs.fault = () => undefined;
  deepStrictEqual(await checkpointer.save(), { kind: "saved" });
  deepStrictEqual(await saving.claimed(), [0]);
  saving.write(1);
  await checkpointer.save();
  deepStrictEqual(await saving.claimed(), [0, 1]);
});

Deno.test("D3 a flush that failed elsewhere counts as well", async () => {
  await using saving = new Saving();
  const { checkpointer } = saving;
  saving.write(0);
  strictEqual(checkpointer.hasFlushFailed, false);
  checkpointer.flushFailed(IO_ERROR);
  strictEqual(checkpointer.hasFlushFailed, true);
  deepStrictEqual(await checkpointer.save(), { kind: "failed", error: IO_ERROR, lost: [0] });
  strictEqual(checkpointer.hasFlushFailed, false);
  deepStrictEqual(await checkpointer.save(), { kind: "saved" });
  deepStrictEqual(await saving.claimed(), []);
  checkpointer.flushFailed(IO_ERROR);
  const outcome = { kind: "failed", error: IO_ERROR, lost: [] };
  deepStrictEqual(await checkpointer.save(), outcome, "also when nothing else is new");
});

Deno.test("D3 a piece whose files were all flushed before is not lost", async () => {
  await using saving = new Saving();
  const { checkpointer, plan } = saving;
  saving.write(0, 1, 4);
  plan.setFinal(0 as FileIndex, true);
  checkpointer.finished(0 as FileIndex, { size: 25, modifiedMs: 5, links: 1 });
  checkpointer.flushFailed(IO_ERROR);
  await checkpointer.save();
  deepStrictEqual(saving.lost, [4]);
  await checkpointer.save();
  deepStrictEqual(await saving.claimed(), [0, 1]);
});

Deno.test("D2 a state that cannot be saved loses nothing, and is saved the next time", async () => {
  await using saving = new Saving();
  const { checkpointer, target } = saving;
  saving.write(0);
  const inTheWay = `${target.stateDir}/${SAMPLE.metainfo.infoHashHex}.resume.tmp`;
  Deno.mkdirSync(`${inTheWay}/inside`, { recursive: true });
  const outcome = await checkpointer.save();
  ok(outcome.kind === "failed");
  deepStrictEqual(outcome.lost, []);
  deepStrictEqual(saving.target.journaled(), [0]);
  Deno.removeSync(inTheWay, { recursive: true });
  deepStrictEqual(await checkpointer.save(), { kind: "saved" });
  deepStrictEqual(await saving.claimed(), [0]);
});

Deno.test("add() has 128 MiB flushed while others still come, and save() claims them", async () => {
  await using saving = new Saving({ sample: LARGE });
  const { checkpointer, turns } = saving;
  const flushed = saving.watchFlushes();
  saving.write(0);
  await turns.idle();
  deepStrictEqual(flushed, [], "64 MiB are too few");
  saving.write(1);
  await turns.idle();
  deepStrictEqual(flushed, [["t/a.part"], ["t", ""]]);
  strictEqual(await saving.load(), undefined, "nothing is saved yet");
  saving.write(3);
  await turns.idle();
  strictEqual(flushed.length, 2, "what was flushed does not count again");
  await checkpointer.save();
  deepStrictEqual(flushed.slice(2), [["t/b.part"], ["t", ""]]);
  deepStrictEqual(await saving.claimed(), [0, 1, 3]);
});

Deno.test("add() has nothing flushed while that is under way already", async () => {
  await using saving = new Saving({ sample: LARGE });
  const { jobs, turns } = saving;
  jobs.fault = () => {
    if (jobs.kinds.length === 1) saving.write(2, 3);
    return undefined;
  };
  saving.write(0, 1);
  await turns.idle();
  deepStrictEqual(jobs.kinds, ["flush", "flush"], "a file, and the folders");
  saving.write(4);
  await turns.idle();
  strictEqual(jobs.kinds.length, 4);
});

Deno.test("D3 what add() had flushed in vain is lost at once, and save() tells and saves the rest", async () => {
  await using saving = new Saving({ sample: LARGE });
  const { checkpointer, jobs, turns } = saving;
  jobs.fault = () => ({ reason: "io", path: "/x" });
  saving.write(0, 1);
  await turns.idle();
  deepStrictEqual(saving.lost, [0, 1]);
  strictEqual(checkpointer.hasFlushFailed, true);
  jobs.fault = () => undefined;
  const jobCount = jobs.kinds.length;
  saving.write(3, 4);
  await turns.idle();
  strictEqual(jobs.kinds.length, jobCount, "nothing more is flushed before somebody is told");
  const outcome = await checkpointer.save();
  ok(outcome.kind === "failed");
  deepStrictEqual([outcome.error.reason, outcome.lost], ["io", [0, 1]]);
  strictEqual(checkpointer.hasFlushFailed, false);
  deepStrictEqual(await saving.claimed(), [3, 4]);
  deepStrictEqual(saving.target.journaled(), [], "the next run looks for none that was lost");
  deepStrictEqual(await checkpointer.save(), { kind: "saved" }, "once");
});

Deno.test("D3 save() tells of two flushes that failed, the one of add() and its own", async () => {
  await using saving = new Saving({ sample: LARGE });
  const { checkpointer, jobs, turns } = saving;
  jobs.fault = () => ({ reason: "io", path: "/x" });
  saving.write(0, 1);
  await turns.idle();
  saving.write(3);
  const outcome = await checkpointer.save();
  ok(outcome.kind === "failed");
  deepStrictEqual(outcome.lost, [0, 1, 3]);
});

Deno.test("D3 what gets into a file while its flush fails is lost as well", async () => {
  await using saving = new Saving();
  const { checkpointer, jobs } = saving;
  saving.write(0);
  saving.begin(1);
  jobs.fault = () => {
    // Piece 2 is of both files, 3 and 4 of one that is not flushed yet.
    saving.write(2, 3);
    saving.begin(4);
    return { reason: "io", path: "/x" };
  };
  const outcome = await checkpointer.save();
  ok(outcome.kind === "failed");
  deepStrictEqual(outcome.lost, [0, 2]);
  deepStrictEqual(saving.lost, [0, 2]);
  jobs.fault = () => undefined;
  strictEqual(checkpointer.add(p(1)), outcome.error);
  strictEqual(checkpointer.add(p(4)), undefined);
  await checkpointer.save();
  deepStrictEqual(await saving.claimed(), [3, 4]);
  deepStrictEqual(saving.target.journaled(), []);
  saving.write(1);
  await checkpointer.save();
  deepStrictEqual(await saving.claimed(), [1, 3, 4], "once more, it counts");
});

Deno.test("the edges are flushed and recorded when a piece has a share in them", async () => {
  const target = new DiskTarget(SAMPLE);
  await using saving = new Saving({ selected: target.select("a") });
  await target[Symbol.asyncDispose]();
  const { checkpointer, plan } = saving;
  Deno.writeFileSync(`${plan.edges.root}/${plan.edges.path}`, new Uint8Array(30));
  saving.write(0);
  await checkpointer.save();
  strictEqual((await saving.load())?.edges, undefined);
  saving.write(2);
  await checkpointer.save();
  strictEqual((await saving.load())?.edges?.size, 30);
});
