/**
 * The SHA-256 of whole files, made by the workers once all pieces are here: for the receipt, and
 * to be held against a list of sums before any file gets its name.
 */
import { SumsError } from "../base/errors.ts";
import type { FileIndex } from "../base/ids.ts";
import { type FileLooks, looksAlike } from "../workers/file_looks.ts";
import type { JobRunner } from "../workers/protocol.ts";
import { batches } from "./concurrently.ts";
import { inspectFiles, overBatches, runOrThrow } from "./disk_jobs.ts";
import type { FilePlan } from "./file_plan.ts";

/** Files and bytes hashed in one job; a larger file is a job of its own. */
const HASH_BATCH_LENGTH = 256;
const HASH_BATCH_BYTES = 8 * 1024 * 1024;

/** A digest of an earlier run, and how its file looked: as long as it looks so, it counts. */
export interface KnownDigest extends FileLooks {
  readonly sha256: string;
}

/** That digests are wanted. */
export interface DigestWish {
  /** What each file's must be, in lower-case hex; undefined: whatever it is. */
  readonly expected: ReadonlyMap<FileIndex, string> | undefined;
  /** Asked once, when the target is held. */
  readonly known: () => ReadonlyMap<FileIndex, KnownDigest>;
}

export interface FileDigestsOptions {
  readonly plan: FilePlan;
  readonly pool: JobRunner;
  readonly wish: DigestWish;
  /** Ends the hashing soon. */
  readonly signal: AbortSignal;
}

export class FileDigests {
  readonly #options: FileDigestsOptions;
  readonly #digests = new Map<FileIndex, string>();
  /** Digests that an earlier run has made: nothing fails because of them. */
  readonly #recalled = new Set<FileIndex>();
  /** Shared with the workers: not 0 once they are to stop. */
  readonly #stop = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

  constructor(options: FileDigestsOptions) {
    this.#options = options;
    const { signal } = options;
    const stop = () => Atomics.store(this.#stop, 0, 1);
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
  }

  /** Lower-case hex; undefined when nobody has asked. */
  of(file: FileIndex): string | undefined {
    return this.#digests.get(file);
  }

  /**
   * Hashes all selected files, complete as they are, under whatever names. Throws SumsError when
   * they are not as expected, StorageError, the reason of the signal.
   */
  async make(): Promise<void> {
    const { plan, wish: { expected } } = this.#options;
    const files = plan.selectedFiles;
    await this.#recall(files);
    await this.#hash(files.filter((file) => !this.#digests.has(file)));
    if (expected === undefined) return;
    const isWrong = (file: FileIndex) => this.#digests.get(file) !== expected.get(file);
    await this.#hash(files.filter((file) => isWrong(file) && this.#recalled.has(file)));
    const wrong = files.filter(isWrong).map((file) => plan.finalPlace(file).path);
    if (wrong.length > 0) throw new SumsError(wrong);
  }

  async #recall(files: readonly FileIndex[]): Promise<void> {
    const { plan, pool, wish } = this.#options;
    const known = wish.known();
    const candidates = files.filter((file) => plan.isFinal(file) && known.has(file));
    const facts = await inspectFiles(pool, candidates.map((file) => plan.finalPlace(file)));
    for (const [index, file] of candidates.entries()) {
      const digest = known.get(file)!;
      if (!looksAlike(digest, facts[index])) continue;
      this.#digests.set(file, digest.sha256);
      this.#recalled.add(file);
    }
  }

  async #hash(files: readonly FileIndex[]): Promise<void> {
    const { plan, pool, signal } = this.#options;
    const digests = this.#digests, stop = this.#stop;
    const bytesOf = (file: FileIndex) => plan.lengthOf(file);
    const limits = { length: HASH_BATCH_LENGTH, bytes: HASH_BATCH_BYTES, bytesOf };
    try {
      await overBatches(pool, batches(files, limits), async (batch) => {
        const toHash = batch.map((file) => ({
          place: plan.placeOf(file),
          length: plan.lengthOf(file),
        }));
        const job = { kind: "sha256", files: toHash, stop } as const;
        const reply = await runOrThrow<"sha256">(pool, job);
        for (const [index, digest] of reply.digests.entries()) digests.set(batch[index]!, digest);
      }, signal);
    } finally {
      signal.throwIfAborted();
    }
  }
}
