/** What the pool goes by when it hands out jobs. */
import type { Job } from "./protocol.ts";

/**
 * A message costs as much as the hash of 64 KiB: pieces go together, and runs of blocks to be read
 * for peers, so many bytes of them.
 */
export const MESSAGE_BYTES = 1024 * 1024;
/**
 * Pieces so small are copied into one buffer, and wait for others as long as any are on their way.
 * Larger ones only wait for a worker: to copy them would cost more.
 */
const MAX_SMALL_PIECE_BYTES = 128 * 1024;

/** What a job counts for in a message: its piece or its run; one of any other kind fills it. */
export function countedBytes(job: Job): number {
  if (job.kind === "write") return job.data.length;
  return job.kind === "frame" ? job.run.length : MESSAGE_BYTES;
}

export function isSmallPiece(job: Job): boolean {
  return job.kind === "write" && job.data.length <= MAX_SMALL_PIECE_BYTES;
}

/** Whether a job is soon done, and somebody waits for it: a piece to be written, or blocks read. */
export function isUrgentJob({ kind }: Job): boolean {
  return kind === "write" || kind === "frame";
}

/** Whether it flushes files, or is none of those that are soon done. */
export function mayTakeLong(job: Job): boolean {
  return job.kind === "write" ? job.spans.some(({ finish }) => finish) : !isUrgentJob(job);
}

/** What goes to the worker with the job, and comes back. */
export function bufferOf(job: Job): ArrayBuffer | undefined {
  if (job.kind === "write") return job.data.buffer;
  return job.kind === "frame" ? job.buffer : undefined;
}
