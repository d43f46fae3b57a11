import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import type { PieceIndex } from "../../src/base/ids.ts";
import {
  createFiles,
  flushFiles,
  hashPieces,
  inspectFiles,
  type PieceToCheck,
  runOrThrow,
} from "../../src/storage/disk_jobs.ts";
import type { PieceVerdict } from "../../src/workers/protocol.ts";
import { TemporaryFolder } from "../workers/temporary_folder.ts";
import { LocalJobs } from "./local_jobs.ts";

const SHA1_OF_NOTHING = "da39a3ee5e6b4b0d3255bfef95601890afd80709";

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

Deno.test("hashPieces() gives each piece its verdict, large ones in jobs of their own", async () => {
  const jobs = new LocalJobs();
  const piece = (index: number, length: number): PieceToCheck => ({
    piece: index as PieceIndex,
    length,
    hash: index === 3 ? "00".repeat(20) : SHA1_OF_NOTHING,
    spans: [],
  });
  const found = new Map<number, PieceVerdict>();
  const tally = ({ piece }: PieceToCheck, verdict: PieceVerdict) => found.set(piece, verdict);
  const small = [0, 1, 2, 3].map((index) => piece(index, 0));
  await hashPieces(jobs, small, tally, new AbortController().signal);
  deepStrictEqual([...found.values()], ["good", "good", "good", "bad"]);
  strictEqual(jobs.kinds.length, 1);
  const large = [0, 1, 2].map((index) => piece(index, 9 * 1024 * 1024));
  await hashPieces(jobs, large, tally, new AbortController().signal);
  strictEqual(jobs.kinds.length, 4);
});

Deno.test("hashPieces() ends when it is asked to", async () => {
  const jobs = new LocalJobs();
  const aborter = new AbortController();
  const pieces = function* (): Iterable<PieceToCheck> {
    for (let index = 0;; index++) {
      if (index === 5) aborter.abort(new Error("enough"));
      yield { piece: index as PieceIndex, length: 9e6, hash: SHA1_OF_NOTHING, spans: [] };
    }
  };
  await rejects(hashPieces(jobs, pieces(), () => {}, aborter.signal), { message: "enough" });
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
