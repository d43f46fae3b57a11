/** Hashes files that are to become a torrent, on all workers, and notices when they change. */
import { StorageError } from "../base/errors.ts";
import { HASH_LENGTH, type PieceIndex } from "../base/ids.ts";
import type { TorrentFormat } from "../metainfo/create.ts";
import type { Bytes } from "../base/bytes.ts";
import type { Layout } from "../metainfo/layout.ts";
import { MERKLE_HASH_LENGTH } from "../metainfo/merkle.ts";
import { leafCount } from "../metainfo/piece_layers.ts";
import { looksAlike } from "../workers/file_looks.ts";
import { pathOf } from "../workers/folders.ts";
import type { FileFacts, JobRunner, PieceOnDisk, Place } from "../workers/protocol.ts";
import { batches } from "./concurrently.ts";
import { inspectFiles, overBatches, runOrThrow } from "./disk_jobs.ts";

/** Bytes of a job: enough to hide the way there and back. */
const DIGEST_JOB_BYTES = 8 * 1024 * 1024;

export interface HashOptions {
  readonly layout: Layout;
  /** Which versions' hashes are wanted. Of 2, the layout is aligned; by default 1 alone. */
  readonly format?: TorrentFormat;
  /** Of both versions: bytes of a piece in version 1, where padding fills it. */
  readonly paddedLength?: number | undefined;
  /** Where each file of the layout is. */
  readonly places: readonly Place[];
  /** How each looked when the layout was made of their sizes. */
  readonly facts: readonly FileFacts[];
  readonly pool: JobRunner;
  readonly onProgress: (hashedBytes: number, totalBytes: number) => void;
  readonly signal: AbortSignal;
}

/** Sizes and times of files that must be there. Throws StorageError. */
export async function lookAtFiles(pool: JobRunner, places: readonly Place[]): Promise<FileFacts[]> {
  const facts = await inspectFiles(pool, places);
  return facts.map((one, index) =>
    one ?? fail("missing", places[index]!, "it is not there any more")
  );
}

/** The hashes of all pieces, end to end: 20 bytes each, and 32; empty when not wanted. */
export interface PieceHashes {
  readonly pieceHashes: Bytes;
  readonly pieceRoots: Bytes;
}

/**
 * The hashes of every piece. Throws StorageError when a file cannot be read, or is another
 * size or was written to since `facts` were taken; or `signal`'s reason.
 */
export async function hashFiles(options: HashOptions): Promise<PieceHashes> {
  const { layout, format = "v1", places, facts, pool, onProgress, signal } = options;
  const withoutSha1 = format === "v2", withRoots = format !== "v1";
  const pieceHashes = new Uint8Array(withoutSha1 ? 0 : layout.pieceCount * HASH_LENGTH);
  const pieceRoots = new Uint8Array(withRoots ? layout.pieceCount * MERKLE_HASH_LENGTH : 0);
  let hashed = 0;
  const all = Array(layout.pieceCount).keys() as Iterable<PieceIndex>;
  const length = Math.max(1, Math.floor(DIGEST_JOB_BYTES / layout.pieceLength));
  await overBatches(pool, batches(all, { length }), async (batch) => {
    const pieces = batch.map((piece) => find(piece, options));
    const leafCounts = withRoots && batch.map((piece) => leafCount({ layout }, piece));
    const job = { kind: "digest", pieces, withoutSha1, ...(leafCounts && { leafCounts }) } as const;
    const { digests, roots } = await runOrThrow<"digest">(pool, job);
    if (!withoutSha1) pieceHashes.set(digests, batch[0]! * HASH_LENGTH);
    if (withRoots) pieceRoots.set(roots, batch[0]! * MERKLE_HASH_LENGTH);
    hashed += batch.reduce((sum, piece) => sum + layout.pieceSize(piece), 0);
    onProgress(hashed, layout.totalLength);
  }, signal);
  await checkUnchanged(pool, places, facts);
  return { pieceHashes, pieceRoots };
}

function find(piece: PieceIndex, { layout, places, paddedLength }: HashOptions): PieceOnDisk {
  const spans = layout.fileSpans(piece).map(({ file, ...span }) => ({
    ...span,
    place: places[file]!,
  }));
  return { length: paddedLength ?? layout.pieceSize(piece), spans };
}

async function checkUnchanged(
  pool: JobRunner,
  places: readonly Place[],
  before: readonly FileFacts[],
): Promise<void> {
  const after = await lookAtFiles(pool, places);
  for (const [index, facts] of after.entries()) {
    const { size } = before[index]!;
    if (looksAlike(before[index], facts)) continue;
    const fact = facts.size === size
      ? "it was written to while it was read"
      : `its size changed from ${size} to ${facts.size} bytes while it was read`;
    fail("changed", places[index]!, fact);
  }
}

function fail(reason: StorageError["reason"], place: Place, fact: string): never {
  const path = pathOf(place);
  throw new StorageError(reason, path, `Cannot make a torrent of ${path}: ${fact}`);
}
