/** Jobs for many files or pieces, cut into batches and spread over the workers. */
import type { FileIndex, PieceIndex } from "../base/ids.ts";
import { errorOf } from "../workers/disk_errors.ts";
import type {
  FileFacts,
  Job,
  JobOf,
  JobRunner,
  PieceVerdict,
  Place,
  Replies,
} from "../workers/protocol.ts";
import { batches, concurrently } from "./concurrently.ts";
import type { FilePlan } from "./file_plan.ts";

/** Jobs under way for each worker: one in hand, one to come. */
const JOBS_PER_WORKER = 2;
const INSPECT_BATCH_LENGTH = 512;
const FLUSH_BATCH_LENGTH = 32;
const CREATE_BATCH_LENGTH = 256;
/** Bytes hashed in one job: enough to hide the way there and back. */
const HASH_BATCH_BYTES = 8 * 1024 * 1024;

/** Does a job; a failure that the worker reports is thrown. */
export async function runOrThrow<Kind extends Job["kind"]>(
  pool: JobRunner,
  job: JobOf<Kind>,
): Promise<Replies[Kind]> {
  const reply = await pool.run(job);
  if (reply.kind === "failed") throw errorOf(reply);
  return reply as Replies[Kind];
}

/** Works on batches, as many at a time as keep all workers busy; see `concurrently`. */
export function overBatches<Batch>(
  pool: JobRunner,
  batches: Iterable<Batch>,
  work: (batch: Batch) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  return concurrently(pool.size * JOBS_PER_WORKER, batches, work, signal);
}

/** How each of these files looks; undefined for those that are not there. */
export async function inspectFiles(
  pool: JobRunner,
  places: readonly Place[],
): Promise<(FileFacts | undefined)[]> {
  const found: (FileFacts | undefined)[] = new Array(places.length);
  const all = batches(places.keys(), { length: INSPECT_BATCH_LENGTH });
  await overBatches(pool, all, async (indices) => {
    const batch = indices.map((index) => places[index]!);
    const { facts } = await runOrThrow<"inspect">(pool, { kind: "inspect", places: batch });
    for (const [nth, index] of indices.entries()) found[index] = facts[nth];
  });
  return found;
}

/** Creates those that are not there, empty. */
export function createFiles(pool: JobRunner, places: readonly Place[]): Promise<void> {
  return overBatches(pool, batches(places, { length: CREATE_BATCH_LENGTH }), async (batch) => {
    await runOrThrow<"create">(pool, { kind: "create", places: batch });
  });
}

/** Flushes files, then the folders that hold their names; one worker does, pieces find the others. */
export async function flushFiles(
  pool: JobRunner,
  places: readonly Place[],
  folders: readonly Place[],
): Promise<FileFacts[]> {
  const flushed: FileFacts[] = [];
  for (const batch of batches(places, { length: FLUSH_BATCH_LENGTH })) {
    const job = { kind: "flush", places: batch, folders: [] } as const;
    const { facts } = await runOrThrow<"flush">(pool, job);
    flushed.push(...facts);
  }
  for (const batch of batches(folders, { length: FLUSH_BATCH_LENGTH })) {
    await runOrThrow<"flush">(pool, { kind: "flush", places: [], folders: batch });
  }
  return flushed;
}

export interface PieceHashing {
  readonly pool: JobRunner;
  /** Where what a file has of a piece lies, if it is anywhere. */
  readonly sourceOf: (file: FileIndex, piece: PieceIndex) => Place | undefined;
  readonly onProgress: (checkedBytes: number, totalBytes: number) => void;
  readonly signal: AbortSignal;
}

/** Hashes pieces where they lie; `onVerdict` is called for each, in no particular order. */
export function hashPieces(
  plan: FilePlan,
  pieces: readonly PieceIndex[],
  { pool, sourceOf, onProgress, signal }: PieceHashing,
  onVerdict: (piece: PieceIndex, verdict: PieceVerdict) => void,
): Promise<void> {
  const totalBytes = plan.sizeOf(pieces);
  let checkedBytes = 0;
  const bytesOf = (piece: PieceIndex) => plan.metainfo.layout.pieceSize(piece);
  const limits = { length: Infinity, bytes: HASH_BATCH_BYTES, bytesOf };
  return overBatches(pool, batches(pieces, limits), async (batch) => {
    const toHash = batch.map((piece) => plan.toHash(piece, sourceOf));
    const { verdicts } = await runOrThrow<"hash">(pool, { kind: "hash", pieces: toHash });
    for (const [index, piece] of batch.entries()) {
      onVerdict(piece, verdicts[index]!);
      onProgress(checkedBytes += bytesOf(piece), totalBytes);
    }
  }, signal);
}
