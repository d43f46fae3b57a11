/**
 * Gives files their final names as soon as all their pieces are verified and written: flushed
 * and renamed by the workers, a few at a time, behind the download's back; or, where the plan holds
 * names back, all of them when `settle` is called.
 */
import type { Bitfield } from "../base/bitfield.ts";
import { FlushError, StorageError } from "../base/errors.ts";
import type { FileIndex, PieceIndex } from "../base/ids.ts";
import { errorOf } from "../workers/disk_errors.ts";
import type { FileFacts, JobRunner } from "../workers/protocol.ts";
import { runOrThrow } from "./disk_jobs.ts";
import type { FilePlan } from "./file_plan.ts";
import type { Turns } from "./turns.ts";

/** Files finished in one job. */
const FINISH_BATCH_LENGTH = 32;

export interface FinisherOptions {
  readonly plan: FilePlan;
  readonly pool: JobRunner;
  /** Shared with whoever else needs names to stay as they are for a while. */
  readonly turns: Turns;
  /** The pieces that are here at the start. */
  readonly have: Bitfield;
  readonly onFinished: (file: FileIndex, facts: FileFacts) => void;
  /** Flushing failed: whatever was not flushed before must be taken for lost. */
  readonly onFlushFailure: (error: StorageError) => void;
}

export class Finisher {
  readonly #options: FinisherOptions;
  /** Pieces still to come, by file. */
  readonly #remaining: Uint32Array;
  /** Complete files without their names. */
  readonly #waiting = new Set<FileIndex>();
  /** Files whose names could not be given; tried again when somebody asks for the end. */
  readonly #stuck = new Set<FileIndex>();
  /** Files that have their names and are too long. */
  readonly #oversized = new Set<FileIndex>();
  #error: StorageError | undefined;
  #mayName: boolean;
  #running: Promise<void> | undefined;

  constructor(options: FinisherOptions) {
    this.#options = options;
    const { plan, have } = options;
    this.#mayName = !plan.holdsNames;
    this.#remaining = new Uint32Array(plan.metainfo.files.length);
    for (const file of plan.files) {
      const { first, last } = plan.metainfo.layout.piecesOf(file)!;
      let remaining = 0;
      for (let piece = first as number; piece <= last; piece++) if (!have.has(piece)) remaining++;
      this.#remaining[file] = remaining;
      if (remaining === 0 && !plan.isFinal(file)) this.#waiting.add(file);
    }
  }

  /** Begins with the files that are complete already, and those that are to be cut. */
  start(oversized: readonly FileIndex[]): void {
    for (const file of oversized) {
      this.#oversized.add(file);
      this.#waiting.add(file);
    }
    this.#run();
  }

  /** A piece has become verified and written. */
  add(piece: PieceIndex): void {
    const { plan } = this.#options;
    for (const file of plan.metainfo.layout.filesOf(piece)) {
      if (!plan.isSelected(file)) continue;
      this.#remaining[file]!--;
      if (this.#isReady(file)) this.#waiting.add(file);
    }
    this.#run();
  }

  /** A piece that was added is no longer here. */
  remove(piece: PieceIndex): void {
    const { plan } = this.#options;
    for (const file of plan.metainfo.layout.filesOf(piece)) {
      if (plan.isSelected(file)) this.#remaining[file]!++;
    }
  }

  /** Tries what failed once more, and waits for every complete file's name. Throws StorageError. */
  async settle(): Promise<void> {
    this.#mayName = true;
    for (const file of this.#stuck) this.#waiting.add(file);
    this.#stuck.clear();
    this.#error = undefined;
    this.#run();
    await this.idle();
    if (this.#error !== undefined) throw this.#error;
  }

  /** Waits until nothing is under way. Never rejects. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  #run(): void {
    if (this.#running !== undefined || this.#waiting.size === 0 || !this.#mayName) return;
    this.#running = this.#finishAll().finally(() => {
      this.#running = undefined;
    });
  }

  async #finishAll(): Promise<void> {
    while (this.#waiting.size > 0) {
      const batch = [...this.#waiting.values().take(FINISH_BATCH_LENGTH)];
      for (const file of batch) this.#waiting.delete(file);
      await this.#options.turns.take(() => this.#finishBatch(batch));
    }
  }

  /**
   * Never rejects. A batch that fails is done again one by one, to find out which file it is; but
   * not where a flush has failed: the next would seem to succeed.
   */
  async #finishBatch(batch: readonly FileIndex[]): Promise<void> {
    // A lost piece may have made a file incomplete while it waited.
    const files = batch.filter((file) => this.#isReady(file));
    if (files.length === 0) return;
    try {
      await this.#finish(files);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      const isFlushFailure = error instanceof FlushError;
      if (files.length > 1 && !isFlushFailure) {
        for (const file of files) await this.#finishBatch([file]);
        return;
      }
      this.#error ??= error;
      for (const file of files) this.#stuck.add(file);
      if (isFlushFailure) this.#options.onFlushFailure(error);
    }
  }

  /** Is it complete, and still to be named or cut? */
  #isReady(file: FileIndex): boolean {
    const needsName = !this.#options.plan.isFinal(file) || this.#oversized.has(file);
    return needsName && this.#remaining[file] === 0;
  }

  async #finish(files: readonly FileIndex[]): Promise<void> {
    const { plan, pool, onFinished } = this.#options;
    const unnamed = files.map((file) => plan.finishOf(file));
    const job = { kind: "finish", files: unnamed } as const;
    const { facts, failure } = await runOrThrow<"finish">(pool, job);
    for (const [index, found] of facts.entries()) {
      const file = files[index]!;
      this.#oversized.delete(file);
      onFinished(file, found);
    }
    if (failure !== undefined) throw errorOf(failure);
  }
}
