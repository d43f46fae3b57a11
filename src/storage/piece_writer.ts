/** Hands one piece to a worker, and again when it failed for a reason that may pass. */
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/ambient.ts";
import type { Bitfield } from "../base/bitfield.ts";
import type { Bytes } from "../base/bytes.ts";
import { StorageError, type StorageReason } from "../base/errors.ts";
import type { FileIndex, PieceIndex } from "../base/ids.ts";
import { errorOf } from "../workers/disk_errors.ts";
import type { FileFacts, JobOf, JobRunner, ReplyTo, WriteSpan } from "../workers/protocol.ts";
import type { FilePlan } from "./file_plan.ts";
import type { PieceOutcome } from "./storage.ts";

const WRITE_ATTEMPTS = 3;
const WRITE_RETRY_DELAY_MS = 500;
/** Failures that may pass; all others stay as they are however often one tries. */
const PASSING_FAILURES: readonly StorageReason[] = ["no-space", "io"];

/** As PieceOutcome; a good piece tells which files it completed all by itself. */
export type WriteResult =
  | Exclude<PieceOutcome, { kind: "good" }>
  | (Extract<PieceOutcome, { kind: "good" }> & {
    readonly finished: readonly [FileIndex, FileFacts][];
  });

export interface WriterContext {
  readonly plan: FilePlan;
  readonly pool: JobRunner;
  readonly clock: Clock;
  /** Pieces that are in their files: of one that comes again nothing is written. */
  readonly have: Bitfield;
  /** Called before the piece goes to a worker. */
  readonly beforeSending: () => void;
}

/** Verifies, writes. Never rejects; the result has the buffer of `data`. */
export async function writePiece(
  { plan, pool, clock, have, beforeSending }: WriterContext,
  piece: PieceIndex,
  data: Bytes,
  wantDigests: boolean,
): Promise<WriteResult> {
  assert(data.byteOffset === 0);
  const bufferLength = data.buffer.byteLength;
  let attemptData = data;
  // Its files may be getting their names: only the worker that does it knows where they are now.
  const isHere = have.has(piece);
  for (let attempt = 1;; attempt++) {
    const files = isHere ? [] : plan.filesToWrite(piece);
    const spans = isHere ? [] : plan.writeSpans(piece);
    const hash = plan.hashOf(piece);
    const job: JobOf<"write"> = { kind: "write", data: attemptData, hash, spans, wantDigests };
    let reply: ReplyTo<"write">;
    try {
      reply = await pool.run(job, beforeSending);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      // The worker took the buffer with it, unless the job never got to one.
      const buffer = attemptData.buffer.detached
        ? new ArrayBuffer(bufferLength)
        : attemptData.buffer;
      return { kind: "failed", buffer, error };
    }
    if (reply.kind === "corrupt") return reply;
    if (reply.kind === "written") return goodResult(files, spans, reply);
    const buffer = reply.buffer!;
    if (!PASSING_FAILURES.includes(reply.reason) || attempt === WRITE_ATTEMPTS) {
      return { kind: "failed", buffer, error: errorOf(reply) };
    }
    await clock.sleep(WRITE_RETRY_DELAY_MS);
    attemptData = new Uint8Array(buffer, 0, plan.metainfo.layout.pieceSize(piece));
  }
}

function goodResult(
  files: readonly FileIndex[],
  spans: readonly WriteSpan[],
  reply: Extract<ReplyTo<"write">, { kind: "written" }>,
): WriteResult {
  const { buffer, digests } = reply;
  if (reply.finished.length === 0 && digests === undefined) {
    return { kind: "good", buffer, finished: [] };
  }
  const finished = files.filter((_, index) => spans[index]!.finish !== undefined)
    .map((file, index): [FileIndex, FileFacts] => [file, reply.finished[index]!]);
  const good = { kind: "good", buffer, finished } as const;
  return digests === undefined ? good : { ...good, digests };
}
