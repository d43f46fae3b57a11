/**
 * What the main thread asks of a disk worker, and what it answers. Plain values that survive
 * structured cloning; `data` buffers are transferred, both ways. A worker keeps nothing between
 * jobs but its open files, so any worker can do any job.
 */
import type { Bytes } from "../base/bytes.ts";
import type { StorageReason } from "../base/errors.ts";
import type { BlockRun } from "../wire/block_run.ts";
import type { FileLooks } from "./file_looks.ts";

/** A file below a folder that we were given. The path is relative and `/`-separated. */
export interface Place {
  readonly root: string;
  readonly path: string;
}

/** Part of a piece in a file. */
export interface Span {
  readonly place: Place;
  readonly fileOffset: number;
  readonly pieceOffset: number;
  readonly length: number;
}

/** A span to be read for a peer. */
export interface ReadSpan extends Span {
  /** How the file looked when its bytes were verified; undefined while we write to it. */
  readonly verified: FileFacts | undefined;
}

/** A span to be written. */
export interface WriteSpan extends Span {
  /** The file is made this long, sparse, before the first byte goes in; 0 for as it comes. */
  readonly fileLength: number;
  /** False when the file was there: if it is gone, what it held is gone too. */
  readonly mayCreate: boolean;
  /** The file was `fileLength` long before: if it is shorter, what it held is gone (D5). */
  readonly wasLong?: boolean;
  /** Set when this span is the whole file: it is flushed and takes its final name at once. */
  readonly finish?: Finish;
}

/** A file that is verified as a whole and takes its final name. */
export interface Finish {
  readonly from: Place;
  readonly to: Place;
  readonly length: number;
  /** What stands at `to` may be replaced, even when it is something else. */
  readonly mayReplace: boolean;
}

/** What the system tells of a file. */
export interface FileFacts extends FileLooks {
  /** Names of this file; more than one is a hard link. */
  readonly links: number;
  /** Nothing has been written to it: it takes no room on the disk. */
  readonly isHollow?: boolean;
}

/** A hash in lower-case hex: text goes to a worker for less than bytes in a buffer of their own. */
export type HexHash = string;

/** What the hash of a piece must be: SHA-1 of version 1, … */
export type PieceHash = HexHash | MerkleHash;

/** … or the root of a tree of SHA-256 over its 16 KiB blocks (BEP 52 "pieces root"). */
export interface MerkleHash {
  readonly root: HexHash;
  /** A power of two; those without a block are zeros. */
  readonly leafCount: number;
}

/** One piece where it lies. */
export interface PieceOnDisk {
  readonly length: number;
  /** In piece order; what they leave out is padding, zeros (BEP 47). */
  readonly spans: readonly Span[];
}

/** One piece to be hashed where it lies, and compared. */
export interface PieceToHash extends PieceOnDisk {
  readonly hash: PieceHash;
}

/** Digest of a piece as found on disk: `missing` when a file is absent or too short. */
export type PieceVerdict = "good" | "bad" | "missing";

export type Job =
  /** Verify, then write. Nothing is written unless `hash` is that of `data`. */
  | {
    readonly kind: "write";
    readonly data: Bytes;
    readonly hash: PieceHash;
    readonly spans: readonly WriteSpan[];
    readonly wantDigests: boolean;
  }
  | { readonly kind: "read"; readonly length: number; readonly spans: readonly Span[] }
  /** Reads blocks, framed. The offsets of the spans are from the start of the run. */
  | {
    readonly kind: "frame";
    readonly run: BlockRun;
    readonly spans: readonly ReadSpan[];
    /** To read into, when it has the size; taken over. */
    readonly buffer: ArrayBuffer | undefined;
  }
  | { readonly kind: "hash"; readonly pieces: readonly PieceToHash[] }
  /** The hashes of pieces that are to become a torrent: every byte must be there. */
  | {
    readonly kind: "digest";
    readonly pieces: readonly PieceOnDisk[];
    /** Of the tree of each piece, each in one file; absent: version 2 is not wanted. */
    readonly leafCounts?: readonly number[];
    /** Version 1 is not wanted. */
    readonly withoutSha1?: boolean;
  }
  /** The SHA-256 of whole files, of so many bytes each. */
  | {
    readonly kind: "sha256";
    readonly files: readonly { readonly place: Place; readonly length: number }[];
    /** One number, shared: anything but 0 ends the job soon, with a failure. */
    readonly stop: Int32Array<SharedArrayBuffer>;
  }
  /** Which of these exist, and how they look. Follows no symlink, opens nothing. */
  | { readonly kind: "inspect"; readonly places: readonly Place[] }
  /** Creates the files that are not there, empty. */
  | { readonly kind: "create"; readonly places: readonly Place[] }
  /** Gives verified files their final names, flushed. */
  | { readonly kind: "finish"; readonly files: readonly Finish[] }
  /** Moves files to names that nobody has. */
  | {
    readonly kind: "rename";
    readonly files: readonly { from: Place; to: Place }[];
    /** What stands at a new name may be replaced. */
    readonly mayReplace: boolean;
  }
  /** Flushes files, then folders, to the disk. */
  | {
    readonly kind: "flush";
    readonly places: readonly Place[];
    readonly folders: readonly Place[];
  }
  /** Lets go of all open files. */
  | { readonly kind: "forget" };

export interface FailedReply {
  readonly kind: "failed";
  readonly reason: StorageReason;
  readonly path: string;
  readonly message: string;
  /** It is a `FlushError`. */
  readonly isFlush?: boolean;
  /** That of a write. */
  readonly buffer?: ArrayBuffer;
}

/** The answers, by kind of job. Every one may be a FailedReply instead. */
export interface Replies {
  /** `written` holds the facts of files that got their final names, in span order. */
  write:
    | {
      readonly kind: "written";
      readonly buffer: ArrayBuffer;
      readonly digests?: readonly string[];
      readonly finished: readonly FileFacts[];
    }
    | {
      readonly kind: "corrupt";
      readonly buffer: ArrayBuffer;
      readonly digests: readonly string[];
    };
  read: { readonly kind: "read"; readonly data: Bytes };
  frame: { readonly kind: "framed"; readonly data: Bytes };
  hash: { readonly kind: "hashed"; readonly verdicts: readonly PieceVerdict[] };
  /** SHA-1, 20 bytes a piece, end to end, and roots, 32 bytes a piece: empty if not wanted. */
  digest: { readonly kind: "digested"; readonly digests: Bytes; readonly roots: Bytes };
  /** In lower-case hex. */
  sha256: { readonly kind: "summed"; readonly digests: readonly string[] };
  inspect: { readonly kind: "inspected"; readonly facts: readonly (FileFacts | undefined)[] };
  create: { readonly kind: "created" };
  /** `facts` are of the files that got their names, up to the first that did not: `failure`. */
  finish: {
    readonly kind: "finished";
    readonly facts: readonly FileFacts[];
    readonly failure?: FailedReply;
  };
  rename: { readonly kind: "renamed" };
  flush: { readonly kind: "flushed"; readonly facts: readonly FileFacts[] };
  forget: { readonly kind: "forgotten" };
}

/** The first message to a worker. */
export interface WorkerSettings {
  readonly maxOpenFiles: number;
}

/** The first message of a worker: it has loaded all code that jobs need. */
export interface WorkerLoaded {
  readonly isLoaded: true;
}

/** The one message of a worker that cannot do any job. */
export interface WorkerFailure {
  readonly cannotStart: string;
}

export type JobOf<Kind extends Job["kind"]> = Extract<Job, { kind: Kind }>;
export type ReplyTo<Kind extends Job["kind"]> = Replies[Kind] | FailedReply;

/** Whoever gets jobs done: the pool of workers, or a test. */
export interface JobRunner {
  /** How many jobs are done at a time. */
  readonly size: number;
  /**
   * Does the job. The buffer of a job is taken over; every reply to a write gives it back.
   * Rejects with StorageError when there is nobody to do it, or who did it crashed. `beforeSending`
   * is called before the job goes to whoever does it, which may be later.
   */
  run<Kind extends Job["kind"]>(
    job: JobOf<Kind>,
    beforeSending?: () => void,
  ): Promise<ReplyTo<Kind>>;
  /** Closes all files, after the jobs that are under way. Never rejects. */
  forget(): Promise<void>;
}
