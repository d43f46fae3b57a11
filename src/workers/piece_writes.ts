/**
 * Verifies pieces that came together, and writes those that are good: nothing unverified gets
 * past here. What lies end to end, in memory as in its file, goes out together, since a write
 * of a small piece costs as much as its hash.
 */
import { createHash } from "node:crypto";
import { writeSync } from "node:fs";
import type { Bytes } from "../base/bytes.ts";
import { StorageError } from "../base/errors.ts";
import { BLOCK_LENGTH } from "../metainfo/layout.ts";
import { failedReply } from "./disk_errors.ts";
import { pathOf } from "./folders.ts";
import { MerkleHasher } from "./merkle_hasher.ts";
import { finishFiles } from "./naming.ts";
import { attempt, type OpenFiles } from "./open_files.ts";
import type { FileFacts, Finish, JobOf, PieceHash, ReplyTo, WriteSpan } from "./protocol.ts";

/**
 * Bytes written at a time. A file system that can keeps what comes at once in one stretch of
 * memory; for 1 MiB it may have to fetch memory that a virtual machine had given back to its host,
 * which takes six times as long as the writing.
 */
const WRITE_CHUNK_LENGTH = 256 * 1024;

/** One piece on its way. */
interface PieceWrite {
  readonly job: JobOf<"write">;
  isGood: boolean;
  /** Of the files that got their names, in span order. */
  readonly finished: FileFacts[];
  /** What went wrong, if anything did. */
  error: unknown;
}

/** Never rejects: what goes wrong is the reply, and every reply carries the buffer of its job. */
export async function writePieces(
  jobs: readonly JobOf<"write">[],
  files: OpenFiles,
): Promise<ReplyTo<"write">[]> {
  const stretch = new Stretch(files);
  const pieces: PieceWrite[] = [];
  for (const job of jobs) {
    const piece: PieceWrite = { job, isGood: false, finished: [], error: undefined };
    pieces.push(piece);
    try {
      piece.isGood = isPiece(job.data, job.hash);
      if (!piece.isGood) continue;
      if (job.spans.some(isWholeFile)) await writeAndFinish(piece, stretch, files);
      else for (const span of job.spans) stretch.add(piece, span);
    } catch (error) {
      piece.error = error;
    }
  }
  stretch.end();
  return pieces.map(replyTo);
}

function isPiece(data: Bytes, hash: PieceHash): boolean {
  if (typeof hash === "string") return sha1(data) === hash;
  const hasher = new MerkleHasher();
  hasher.update(data);
  return hasher.root(hash.leafCount) === hash.root;
}

/** Writes a piece that has whole files, and gives these their names. */
async function writeAndFinish(
  piece: PieceWrite,
  stretch: Stretch,
  files: OpenFiles,
): Promise<void> {
  let unnamed: Finish[] = [];
  const nameAll = async () => {
    stretch.end();
    if (piece.error !== undefined) return;
    await finishFiles(unnamed, files, piece.finished);
    unnamed = [];
  };
  for (const span of piece.job.spans) {
    stretch.add(piece, span);
    if (span.finish !== undefined) unnamed.push(span.finish);
    // As long as they are all still open.
    if (unnamed.length === files.maxOpenFiles) await nameAll();
  }
  await nameAll();
}

function isWholeFile({ finish }: WriteSpan): boolean {
  return finish !== undefined;
}

/** Bytes that are to be written to one file end to end, and lie so in one buffer. */
class Stretch {
  readonly #files: OpenFiles;
  /** The first span; undefined while there is nothing to write. */
  #first:
    | { readonly span: WriteSpan; readonly data: Bytes; readonly descriptor: number }
    | undefined;
  #length = 0;
  /** Those that are written only when this is. */
  readonly #pieces = new Set<PieceWrite>();

  constructor(files: OpenFiles) {
    this.#files = files;
  }

  /**
   * Takes a span, after writing what it does not continue; nothing more of a piece that has failed.
   * Throws StorageError when the file cannot be opened.
   */
  add(piece: PieceWrite, span: WriteSpan): void {
    const { data } = piece.job;
    if (!this.#isContinuedBy(span, data)) {
      this.end();
      if (piece.error !== undefined) return;
      this.#first = { span, data, descriptor: this.#files.forWriting(span.place, span) };
    }
    this.#length += span.length;
    this.#pieces.add(piece);
  }

  /** Writes it. When that fails, all its pieces have failed. */
  end(): void {
    if (this.#first === undefined) return;
    try {
      writeFully(this.#first.descriptor, this.#first.span, this.#first.data, this.#length);
    } catch (error) {
      for (const piece of this.#pieces) piece.error = error;
    }
    this.#first = undefined;
    this.#length = 0;
    this.#pieces.clear();
  }

  #isContinuedBy({ place, fileOffset, pieceOffset }: WriteSpan, { buffer, byteOffset }: Bytes) {
    if (this.#first === undefined) return false;
    const { span, data } = this.#first;
    return buffer === data.buffer && fileOffset === span.fileOffset + this.#length &&
      byteOffset + pieceOffset === data.byteOffset + span.pieceOffset + this.#length &&
      place.path === span.place.path && place.root === span.place.root;
  }
}

function replyTo({ job, isGood, finished, error }: PieceWrite): ReplyTo<"write"> {
  const { data, wantDigests } = job;
  const { buffer } = data;
  if (error !== undefined) return { ...failedReply(error, "write", "the data"), buffer };
  if (!isGood) return { kind: "corrupt", buffer, digests: blockDigests(data) };
  const written = { kind: "written", buffer, finished } as const;
  return wantDigests ? { ...written, digests: blockDigests(data) } : written;
}

/** Hex SHA-1 of each block: who sent which block is known, so that a liar can be told. */
function blockDigests(data: Bytes): string[] {
  const digests: string[] = [];
  for (let begin = 0; begin < data.length; begin += BLOCK_LENGTH) {
    digests.push(sha1(data.subarray(begin, begin + BLOCK_LENGTH)));
  }
  return digests;
}

function sha1(data: Uint8Array): string {
  return createHash("sha1").update(data).digest("hex");
}

/** The system may write less than it was given: a nearly full disk does (D19). */
function writeFully(descriptor: number, span: WriteSpan, data: Bytes, length: number): void {
  const { fileOffset, pieceOffset } = span;
  const path = pathOf(span.place);
  const bytes = new Uint8Array(data.buffer, data.byteOffset + pieceOffset, length);
  for (let done = 0; done < length;) {
    const chunkLength = Math.min(WRITE_CHUNK_LENGTH, length - done);
    const written = attempt(
      "write",
      path,
      () => writeSync(descriptor, bytes, done, chunkLength, fileOffset + done),
    );
    if (written === 0) {
      const fact = "the system takes no more bytes";
      throw new StorageError("io", path, `Cannot write ${path}: ${fact}`);
    }
    done += written;
  }
}
