/**
 * What a disk worker does: hash, and read and write at positions, synchronously; only flushing
 * is waited for. Run without a Worker in tests. How pieces are written, `piece_writes.ts` knows.
 */
import { createHash, type Hash } from "node:crypto";
import { readSync } from "node:fs";
import { assert } from "../base/assert.ts";
import { type Bytes, concatBytes } from "../base/bytes.ts";
import { StorageError } from "../base/errors.ts";
import { frameBlocks, headersLength } from "../wire/block_run.ts";
import { failedReply } from "./disk_errors.ts";
import { pathOf } from "./folders.ts";
import { looksAlike } from "./file_looks.ts";
import { MerkleHasher } from "./merkle_hasher.ts";
import { createFile, finishFiles, flushFolder, renameFile } from "./naming.ts";
import { attempt, type OpenFiles } from "./open_files.ts";
import { writePieces } from "./piece_writes.ts";
import type {
  FailedReply,
  FileFacts,
  Job,
  JobOf,
  PieceOnDisk,
  PieceToHash,
  PieceVerdict,
  Place,
  Replies,
  ReplyTo,
  Span,
} from "./protocol.ts";

/** Every job but the writing of pieces: those that come together are written together. */
type OtherJob = Exclude<Job, JobOf<"write">>;

/** Bytes read at a time when hashing: large enough for full speed, small enough for the cache. */
const HASH_CHUNK_LENGTH = 256 * 1024;

const chunk = new Uint8Array(HASH_CHUNK_LENGTH);
const zeros = new Uint8Array(HASH_CHUNK_LENGTH);

/**
 * Does jobs that came together, one after the other; no other may begin with the same files before
 * they are done. Files are looked at anew for them all, not for each. Never rejects: what goes
 * wrong is the reply, and it carries the buffer of a write.
 */
export async function runJobs(
  jobs: readonly Job[],
  files: OpenFiles,
): Promise<ReplyTo<Job["kind"]>[]> {
  files.startJob();
  if (jobs.every(isWrite)) return await writePieces(jobs, files);
  const others = jobs.filter((job) => !isWrite(job));
  assert(others.length === jobs.length, "pieces to be written come by themselves");
  const replies: ReplyTo<Job["kind"]>[] = [];
  for (const job of others) replies.push(await runJob(job, files));
  // Last: what changed before the bytes were read is seen, what changes now harms nobody.
  const look = lookOnce(files);
  return replies.map((reply, index) => {
    const job = others[index]!;
    return job.kind === "frame" ? ifUnchanged(reply, job, look) : reply;
  });
}

function isWrite(job: Job): job is JobOf<"write"> {
  return job.kind === "write";
}

async function runJob(job: OtherJob, files: OpenFiles): Promise<ReplyTo<Job["kind"]>> {
  try {
    return await perform(job, files);
  } catch (error) {
    return failure(error, job);
  }
}

function failure(error: unknown, { kind }: Job): FailedReply {
  return failedReply(error, kind, "the data");
}

/** The reply to a job that reads for a peer: bytes that were verified go out, no others (D5). */
function ifUnchanged(
  reply: ReplyTo<Job["kind"]>,
  job: JobOf<"frame">,
  look: Look,
): ReplyTo<Job["kind"]> {
  if (reply.kind === "failed") return reply;
  try {
    for (const { place, verified } of job.spans) {
      if (verified !== undefined) requireUnchanged(place, verified, look);
    }
    return reply;
  } catch (error) {
    return failure(error, job);
  }
}

async function perform(job: OtherJob, files: OpenFiles): Promise<Replies[Job["kind"]]> {
  switch (job.kind) {
    case "read":
      return { kind: "read", data: readSpans(job, files) };
    case "frame":
      return { kind: "framed", data: readFramed(job, files) };
    case "hash":
      return { kind: "hashed", verdicts: job.pieces.map((piece) => judge(piece, files)) };
    case "digest":
      return { kind: "digested", ...digestAll(job, files) };
    case "sha256":
      return { kind: "summed", digests: job.files.map((file) => sumOf(file, job.stop, files)) };
    case "inspect":
      return { kind: "inspected", facts: job.places.map((place) => files.inspect(place)) };
    case "create":
      for (const place of job.places) createFile(place, files);
      return { kind: "created" };
    case "finish":
      return await finishAll(job, files);
    case "rename":
      for (const { from, to } of job.files) renameFile(from, to, files, job.mayReplace);
      return { kind: "renamed" };
    case "flush":
      return { kind: "flushed", facts: await flushAll(job, files) };
    case "forget":
      files.closeAll();
      return { kind: "forgotten" };
  }
}

/** What was done before the first failure is done, and is told. */
async function finishAll(job: JobOf<"finish">, files: OpenFiles): Promise<Replies["finish"]> {
  const facts: FileFacts[] = [];
  try {
    await finishFiles(job.files, files, facts);
    return { kind: "finished", facts };
  } catch (error) {
    return { kind: "finished", facts, failure: failure(error, job) };
  }
}

async function flushAll(
  { places, folders }: JobOf<"flush">,
  files: OpenFiles,
): Promise<FileFacts[]> {
  const facts: FileFacts[] = [];
  for (let start = 0; start < places.length; start += files.maxOpenFiles) {
    facts.push(...await files.flush(places.slice(start, start + files.maxOpenFiles)));
  }
  for (const folder of folders) flushFolder(folder);
  return facts;
}

function readSpans({ length, spans }: JobOf<"read">, files: OpenFiles): Bytes {
  const data = new Uint8Array(length);
  for (const span of spans) readSpan(span, data, files);
  return data;
}

/** Reads the run behind the room for its headers, so that one read serves all of its blocks. */
function readFramed({ run, spans, buffer }: JobOf<"frame">, files: OpenFiles): Bytes {
  const headers = headersLength(run);
  const length = headers + run.length;
  const fits = buffer?.byteLength === length;
  const data = fits ? new Uint8Array(buffer) : new Uint8Array(length);
  const found = spans.reduce((sum, span) => sum + span.length, 0);
  if (found < run.length) data.fill(0); // What no span covers is padding.
  for (const span of spans) readSpan(span, data.subarray(headers), files);
  frameBlocks(data, run);
  return data;
}

function readSpan(span: Span, into: Uint8Array, files: OpenFiles): void {
  const { place, fileOffset, pieceOffset, length } = span;
  const room = into.subarray(pieceOffset, pieceOffset + length);
  readFully(files.forReading(place), room, fileOffset, place);
}

type Look = (place: Place) => FileFacts | undefined;

/** As `inspect`, but each file is looked at once: many runs of a message are of the same. */
function lookOnce(files: OpenFiles): Look {
  const seen = new Map<string, FileFacts | undefined>();
  return (place) => {
    const path = pathOf(place);
    if (!seen.has(path)) seen.set(path, files.inspect(place));
    return seen.get(path);
  };
}

function requireUnchanged(place: Place, verified: FileFacts, look: Look): void {
  if (looksAlike(verified, look(place))) return;
  const path = pathOf(place);
  const fact = "it was changed by another program since it was verified";
  throw new StorageError("changed", path, `Cannot read ${path}: ${fact}`);
}

/** Fills `into` from `position` on. Throws StorageError "missing" when the file ends before. */
function readFully(descriptor: number, into: Uint8Array, position: number, place: Place): void {
  const path = pathOf(place);
  for (let done = 0; done < into.length;) {
    const got = attempt(
      "read",
      path,
      () => readSync(descriptor, into, done, into.length - done, position + done),
    );
    if (got === 0) {
      const fact = "the file is shorter than it was";
      throw new StorageError("missing", path, `Cannot read ${path}: ${fact}`);
    }
    done += got;
  }
}

/** Whether the bytes on disk are the piece. Only what concerns the whole target throws. */
function judge(piece: PieceToHash, files: OpenFiles): PieceVerdict {
  try {
    return isWhatItShouldBe(piece, files) ? "good" : "bad";
  } catch (error) {
    if (error instanceof StorageError && error.reason === "missing") return "missing";
    // A sector that cannot be read is a piece to be downloaded again (D3).
    if (error instanceof StorageError && error.reason === "io") return "bad";
    throw error;
  }
}

function isWhatItShouldBe(piece: PieceToHash, files: OpenFiles): boolean {
  const { hash } = piece;
  if (typeof hash === "string") return sha1Of(piece, files).digest("hex") === hash;
  const hasher = new MerkleHasher();
  hashPiece(hasher, piece, files);
  return hasher.root(hash.leafCount) === hash.root;
}

/** Every byte is read once, also for both versions. */
function digestAll(
  { pieces, leafCounts, withoutSha1 = false }: JobOf<"digest">,
  files: OpenFiles,
): Omit<Replies["digest"], "kind"> {
  const digests: Uint8Array[] = [], roots: Uint8Array[] = [];
  for (const [index, piece] of pieces.entries()) {
    const sha1 = withoutSha1 ? undefined : createHash("sha1");
    const tree = leafCounts === undefined ? undefined : new MerkleHasher();
    const both: Hasher = {
      update(bytes) {
        sha1?.update(bytes);
        tree?.update(bytes);
      },
    };
    // Padding is hashed in version 1 alone (BEP 47).
    hashPiece(both, piece, files, { update: (bytes) => sha1?.update(bytes) });
    if (sha1 !== undefined) digests.push(sha1.digest());
    if (tree !== undefined) roots.push(Uint8Array.fromHex(tree.root(leafCounts![index]!)));
  }
  return { digests: concatBytes(...digests), roots: concatBytes(...roots) };
}

/** SHA-256 of a whole file. Throws StorageError: "missing" when it is too short. */
function sumOf(
  { place, length }: { place: Place; length: number },
  stop: Int32Array,
  files: OpenFiles,
): string {
  const hash = createHash("sha256");
  for (let offset = 0; offset < length; offset += chunk.length) {
    if (Atomics.load(stop, 0) !== 0) {
      throw new StorageError("io", pathOf(place), `Cannot hash ${pathOf(place)}: it was stopped`);
    }
    const span = { place, fileOffset: offset, pieceOffset: 0 };
    hashSpan(hash, { ...span, length: Math.min(chunk.length, length - offset) }, files);
  }
  return hash.digest("hex");
}

/** SHA-1 of a piece. Throws StorageError "missing" when a file is absent or too short. */
function sha1Of(piece: PieceOnDisk, files: OpenFiles): Hash {
  const hash = createHash("sha1");
  hashPiece(hash, piece, files);
  return hash;
}

/** What takes bytes one after the other, and makes a hash of them. */
interface Hasher {
  update(bytes: Uint8Array): unknown;
}

/**
 * Adds a piece to the hash, and its padding to `padded`, the same if not given. Throws StorageError
 * "missing" when a file is absent or too short.
 */
function hashPiece(
  hash: Hasher,
  { length, spans }: PieceOnDisk,
  files: OpenFiles,
  padded = hash,
): void {
  let hashed = 0;
  for (const span of spans) {
    hashZeros(padded, span.pieceOffset - hashed);
    hashSpan(hash, span, files);
    hashed = span.pieceOffset + span.length;
  }
  hashZeros(padded, length - hashed);
}

/** Adds a span's bytes to the hash. Throws StorageError "missing" when the file ends before. */
function hashSpan(hash: Hasher, span: Span, files: OpenFiles): void {
  const descriptor = files.forReading(span.place);
  for (let done = 0; done < span.length;) {
    const part = chunk.subarray(0, span.length - done);
    readFully(descriptor, part, span.fileOffset + done, span.place);
    hash.update(part);
    done += part.length;
  }
}

function hashZeros(hash: Hasher, count: number): void {
  for (let left = count; left > 0; left -= zeros.length) {
    hash.update(zeros.subarray(0, Math.min(left, zeros.length)));
  }
}
