/**
 * What a disk worker does, synchronously: hash, and read and write at positions. Run without a
 * Worker in tests. Here is where nothing unverified gets past: `write` hashes first.
 */
import { createHash } from "node:crypto";
import { readSync, writeSync } from "node:fs";
import type { Bytes } from "../base/bytes.ts";
import { equalBytes } from "../base/bytes.ts";
import { StorageError } from "../base/errors.ts";
import { BLOCK_LENGTH } from "../metainfo/layout.ts";
import { toStorageError } from "./disk_errors.ts";
import { createFile, finishFile, flushFolder, renameFile } from "./naming.ts";
import { attempt, type OpenFiles } from "./open_files.ts";
import type {
  FailedReply,
  FileFacts,
  Job,
  JobOf,
  PieceToHash,
  PieceVerdict,
  Place,
  Replies,
  ReplyTo,
  Span,
} from "./protocol.ts";

/** Bytes read at a time when hashing: large enough for full speed, small enough for the cache. */
const HASH_CHUNK_LENGTH = 256 * 1024;

const chunk = new Uint8Array(HASH_CHUNK_LENGTH);
const zeros = new Uint8Array(HASH_CHUNK_LENGTH);

/** Does one job. Never throws: what goes wrong is the reply, and it carries the job's buffer. */
export function runJob(job: Job, files: OpenFiles): ReplyTo<Job["kind"]> {
  try {
    files.startJob();
    return perform(job, files);
  } catch (error) {
    const { reason, path, message } = toStorageError(error, job.kind, "the data");
    const failed: FailedReply = { kind: "failed", reason, path, message };
    return job.kind === "write" ? { ...failed, buffer: job.data.buffer } : failed;
  }
}

function perform(job: Job, files: OpenFiles): Replies[Job["kind"]] {
  switch (job.kind) {
    case "write":
      return verifyAndWrite(job, files);
    case "read":
      return { kind: "read", data: readSpans(job, files) };
    case "hash":
      return { kind: "hashed", verdicts: job.pieces.map((piece) => judge(piece, files)) };
    case "inspect":
      return { kind: "inspected", facts: job.places.map((place) => files.inspect(place)) };
    case "create":
      for (const place of job.places) createFile(place, files);
      return { kind: "created" };
    case "finish":
      return { kind: "finished", facts: job.files.map((file) => finishFile(file, files)) };
    case "rename":
      for (const { from, to } of job.files) renameFile(from, to, files);
      return { kind: "renamed" };
    case "flush": {
      const facts = job.places.map((place) => files.flush(place));
      for (const folder of job.folders) flushFolder(folder);
      return { kind: "flushed", facts };
    }
    case "forget":
      files.closeAll();
      return { kind: "forgotten" };
  }
}

function verifyAndWrite(job: JobOf<"write">, files: OpenFiles): Replies["write"] {
  const { data, spans } = job;
  const digest = createHash("sha1").update(data).digest();
  if (!equalBytes(digest, job.hash)) {
    return { kind: "corrupt", buffer: data.buffer, digests: blockDigests(data) };
  }
  const finished: FileFacts[] = [];
  for (const span of spans) {
    const descriptor = files.forWriting(span.place, span);
    writeFully(descriptor, data, span);
    if (span.finish !== undefined) finished.push(finishFile(span.finish, files));
  }
  const written = { kind: "written", buffer: data.buffer, finished } as const;
  return job.wantDigests ? { ...written, digests: blockDigests(data) } : written;
}

/** Hex SHA-1 of each block: who sent which block is known, so that a liar can be told. */
function blockDigests(data: Bytes): string[] {
  const digests: string[] = [];
  for (let begin = 0; begin < data.length; begin += BLOCK_LENGTH) {
    const block = data.subarray(begin, begin + BLOCK_LENGTH);
    digests.push(createHash("sha1").update(block).digest("hex"));
  }
  return digests;
}

/** The system may write less than it was given: a nearly full disk does (D19). */
function writeFully(descriptor: number, data: Bytes, span: Span): void {
  const { place, fileOffset, pieceOffset, length } = span;
  for (let done = 0; done < length;) {
    const written = attempt(
      "write",
      pathOf(place),
      () => writeSync(descriptor, data, pieceOffset + done, length - done, fileOffset + done),
    );
    if (written === 0) throw cutShort("write", place, "the system takes no more bytes");
    done += written;
  }
}

function readSpans({ length, spans }: JobOf<"read">, files: OpenFiles): Bytes {
  const data = new Uint8Array(length);
  for (const { place, fileOffset, pieceOffset, length } of spans) {
    const descriptor = files.forReading(place);
    const got = readUpTo(descriptor, data, pieceOffset, length, fileOffset, place);
    if (got < length) throw cutShort("read", place, "the file is shorter than it was");
  }
  return data;
}

/** Reads until `length` bytes are there or the file ends; returns how many there are. */
function readUpTo(
  descriptor: number,
  into: Uint8Array,
  offset: number,
  length: number,
  position: number,
  place: Place,
): number {
  let done = 0;
  while (done < length) {
    const got = attempt(
      "read",
      pathOf(place),
      () => readSync(descriptor, into, offset + done, length - done, position + done),
    );
    if (got === 0) break;
    done += got;
  }
  return done;
}

/** Whether the bytes on disk are the piece. Only what concerns the whole target throws. */
function judge(piece: PieceToHash, files: OpenFiles): PieceVerdict {
  const hash = createHash("sha1");
  let hashed = 0;
  try {
    for (const span of piece.spans) {
      hashZeros(hash, span.pieceOffset - hashed);
      if (!hashSpan(hash, span, files)) return "missing";
      hashed = span.pieceOffset + span.length;
    }
  } catch (error) {
    if (error instanceof StorageError && error.reason === "missing") return "missing";
    // A sector that cannot be read is a piece to be downloaded again (D3).
    if (error instanceof StorageError && error.reason === "io") return "bad";
    throw error;
  }
  hashZeros(hash, piece.length - hashed);
  return equalBytes(hash.digest(), piece.hash) ? "good" : "bad";
}

/** Adds a span's bytes to the hash; false when the file is too short for it. */
function hashSpan(hash: ReturnType<typeof createHash>, span: Span, files: OpenFiles): boolean {
  const descriptor = files.forReading(span.place);
  for (let done = 0; done < span.length;) {
    const length = Math.min(chunk.length, span.length - done);
    const got = readUpTo(descriptor, chunk, 0, length, span.fileOffset + done, span.place);
    if (got < length) return false;
    hash.update(chunk.subarray(0, length));
    done += length;
  }
  return true;
}

function hashZeros(hash: ReturnType<typeof createHash>, count: number): void {
  for (let left = count; left > 0; left -= zeros.length) {
    hash.update(zeros.subarray(0, Math.min(left, zeros.length)));
  }
}

function pathOf({ root, path }: Place): string {
  return `${root}/${path}`;
}

function cutShort(action: string, place: Place, fact: string): StorageError {
  const path = pathOf(place);
  const reason = action === "read" ? "missing" : "io";
  return new StorageError(reason, path, `Cannot ${action} ${path}: ${fact}`);
}
