import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import type { PieceIndex } from "../../src/base/ids.ts";
import { encode } from "../../src/metainfo/bencode_encoder.ts";
import { parseMetainfo } from "../../src/metainfo/metainfo.ts";
import {
  createFiles,
  flushFiles,
  hashPieces,
  inspectFiles,
  type PieceHashing,
  runOrThrow,
} from "../../src/storage/disk_jobs.ts";
import type { FilePlan } from "../../src/storage/file_plan.ts";
import type { PieceVerdict } from "../../src/workers/protocol.ts";
import { TemporaryFolder } from "../workers/temporary_folder.ts";
import { DiskTarget, sampleData } from "./disk_target.ts";
import { LocalJobs } from "./local_jobs.ts";
import { planOf } from "./plan_of.ts";

function places(root: string, count: number) {
  return Array.from({ length: count }, (_, index) => ({ root, path: `${index % 7}/${index}` }));
}

Deno.test("createFiles(), inspectFiles() and flushFiles() work through any number of files", async () => {
  using folder = new TemporaryFolder();
  const jobs = new LocalJobs();
  const all = places(folder.path, 1_200);
  const present = all.filter((_, index) => index % 2 === 0);
  await createFiles(jobs, present);
  const facts = await inspectFiles(jobs, all);
  deepStrictEqual(facts.map((one) => one?.size), all.map((_, index) => index % 2 ? undefined : 0));
  const folders = [0, 1, 2, 3, 4, 5, 6].map((name) => ({ root: folder.path, path: `${name}` }));
  const flushed = await flushFiles(jobs, present, folders);
  strictEqual(flushed.length, present.length);
  ok(flushed.every((one) => one.size === 0));
  // Few jobs do it, and none holds all files.
  const count = (kind: string) => jobs.kinds.filter((one) => one === kind).length;
  deepStrictEqual([count("create"), count("inspect"), count("flush")], [3, 3, 20]);
  await jobs.forget();
});

Deno.test("flushFiles() leaves all workers but one to others", async () => {
  using folder = new TemporaryFolder();
  const jobs = new LocalJobs();
  const all = places(folder.path, 100);
  await createFiles(jobs, all);
  let asked = 0, done = 0;
  const run = jobs.run.bind(jobs);
  jobs.run = async (job) => {
    strictEqual(asked++, done, "one after the other");
    const reply = await run(job);
    done++;
    return reply;
  };
  await flushFiles(jobs, all, [{ root: folder.path, path: "0" }]);
  strictEqual(done, 5);
  await jobs.forget();
});

/** A hashing of all pieces of a plan, by default of final files, and what it tells. */
function hashAll(plan: FilePlan, jobs: LocalJobs, changes: Partial<PieceHashing> = {}) {
  const found = new Map<PieceIndex, PieceVerdict>();
  const progress: [number, number][] = [];
  const done = hashPieces(plan, [...plan.wantedPieces().ones()] as PieceIndex[], {
    pool: jobs,
    sourceOf: (file) => plan.finalPlace(file),
    onProgress: (checked, total) => progress.push([checked, total]),
    signal: new AbortController().signal,
    ...changes,
  }, (piece, verdict) => found.set(piece, verdict));
  return { done, found, progress };
}

/** A plan of pieces of 8 MiB that are nowhere. */
function planOfLargePieces(count: number): FilePlan {
  const pieceLength = 8 * 1024 * 1024;
  const pieces = new Uint8Array(20 * count);
  const info = { name: "t", "piece length": pieceLength, pieces, length: count * pieceLength };
  return planOf(parseMetainfo(encode({ info })), [0]);
}

Deno.test("hashPieces() gives each piece its verdict, and says how far it is", async () => {
  const sample = sampleData("t", { a: 25, b: 10 }, 10);
  await using target = new DiskTarget(sample);
  const jobs = new LocalJobs();
  target.put("t/a", sample.contents.get("a")!.with(0, sample.data[0]! ^ 1));
  const { done, found, progress } = hashAll(target.plan(), jobs);
  await done;
  deepStrictEqual([...found], [[0, "bad"], [1, "good"], [2, "missing"], [3, "missing"]]);
  deepStrictEqual(progress, [[10, 35], [20, 35], [30, 35], [35, 35]]);
  deepStrictEqual(jobs.kinds, ["hash"]);
  await jobs.forget();
});

Deno.test("hashPieces() hashes large pieces in jobs of their own", async () => {
  const jobs = new LocalJobs();
  const { done, found } = hashAll(planOfLargePieces(3), jobs, { sourceOf: () => undefined });
  await done;
  deepStrictEqual([...found.values()], ["missing", "missing", "missing"]);
  deepStrictEqual(jobs.kinds, ["hash", "hash", "hash"]);
});

Deno.test("hashPieces() ends when it is asked to, and looks for no piece before its turn", async () => {
  const aborter = new AbortController();
  let last = -1;
  const sourceOf = (_file: number, piece: number) => {
    last = Math.max(last, piece);
    if (piece === 5) aborter.abort(new Error("enough"));
    return undefined;
  };
  const changes = { sourceOf, signal: aborter.signal };
  await rejects(hashAll(planOfLargePieces(1_000), new LocalJobs(), changes).done, {
    message: "enough",
  });
  strictEqual(last, 5);
});

Deno.test("runOrThrow() throws what a worker reports", async () => {
  const jobs = new LocalJobs();
  jobs.fault = () => ({ reason: "read-only", path: "/x" });
  await rejects(runOrThrow<"create">(jobs, { kind: "create", places: [] }), {
    name: "StorageError",
    reason: "read-only",
    path: "/x",
    message: "Cannot create it",
  });
});
