/** Jobs for many files or pieces, cut into batches and spread over the workers. */
import type { PieceIndex } from "../base/ids.ts";
import { errorOf } from "../workers/disk_errors.ts";
import type {
  FileFacts,
  Job,
  JobOf,
  JobRunner,
  PieceToHash,
  PieceVerdict,
  Place,
  Replies,
} from "../workers/protocol.ts";
import { batches, concurrently } from "./concurrently.ts";

/** Jobs under way for each worker: one in hand, one to come. */
export const JOBS_PER_WORKER = 2;
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

/** How each of these files looks; undefined for those that are not there. */
export async function inspectFiles(
  pool: JobRunner,
  places: readonly Place[],
): Promise<(FileFacts | undefined)[]> {
  const facts: (FileFacts | undefined)[] = new Array(places.length);
  await overBatches(pool, places, INSPECT_BATCH_LENGTH, async (batch, start) => {
    const reply = await runOrThrow<"inspect">(pool, { kind: "inspect", places: batch });
    for (const [index, one] of reply.facts.entries()) facts[start + index] = one;
  });
  return facts;
}

/** Creates those that are not there, empty. */
export function createFiles(pool: JobRunner, places: readonly Place[]): Promise<void> {
  return overBatches(pool, places, CREATE_BATCH_LENGTH, async (batch) => {
    await runOrThrow<"create">(pool, { kind: "create", places: batch });
  });
}

/** Flushes files, then the folders that hold their names. */
export async function flushFiles(
  pool: JobRunner,
  places: readonly Place[],
  folders: readonly Place[],
): Promise<FileFacts[]> {
  const facts: FileFacts[] = new Array(places.length);
  await overBatches(pool, places, FLUSH_BATCH_LENGTH, async (batch, start) => {
    const reply = await runOrThrow<"flush">(pool, { kind: "flush", places: batch, folders: [] });
    for (const [index, one] of reply.facts.entries()) facts[start + index] = one;
  });
  await overBatches(pool, folders, FLUSH_BATCH_LENGTH, async (batch) => {
    await runOrThrow<"flush">(pool, { kind: "flush", places: [], folders: batch });
  });
  return facts;
}

/** A piece to be looked at, and where. */
export interface PieceToCheck extends PieceToHash {
  readonly piece: PieceIndex;
}

/** Hashes pieces where they lie; `onVerdict` is called for each, in no particular order. */
export function hashPieces(
  pool: JobRunner,
  pieces: Iterable<PieceToCheck>,
  onVerdict: (piece: PieceToCheck, verdict: PieceVerdict) => void,
  signal: AbortSignal,
): Promise<void> {
  const tasks = function* () {
    for (const batch of batchesOfBytes(pieces)) {
      yield async () => {
        const toHash = batch.map(({ length, hash, spans }) => ({ length, hash, spans }));
        const reply = await runOrThrow<"hash">(pool, { kind: "hash", pieces: toHash });
        for (const [index, verdict] of reply.verdicts.entries()) onVerdict(batch[index]!, verdict);
      };
    }
  };
  return concurrently(pool.size * JOBS_PER_WORKER, tasks(), signal);
}

function* batchesOfBytes(pieces: Iterable<PieceToCheck>): Iterable<PieceToCheck[]> {
  let batch: PieceToCheck[] = [];
  let bytes = 0;
  for (const piece of pieces) {
    batch.push(piece);
    bytes += piece.length;
    if (bytes < HASH_BATCH_BYTES) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}

function overBatches<Item>(
  pool: JobRunner,
  items: readonly Item[],
  length: number,
  work: (batch: readonly Item[], start: number) => Promise<void>,
): Promise<void> {
  const tasks = function* () {
    let start = 0;
    for (const batch of batches(items, length)) {
      const from = start;
      start += batch.length;
      yield () => work(batch, from);
    }
  };
  return concurrently(pool.size * JOBS_PER_WORKER, tasks());
}
