/**
 * Storage on a real disk: composes the plan of files, the workers, the saved state and the lock.
 * See `storage.ts` for what it promises.
 */
import type { Clock, Random } from "../base/ambient.ts";
import { assert } from "../base/assert.ts";
import { StorageError } from "../base/errors.ts";
import { Bitfield } from "../base/bitfield.ts";
import type { Bytes } from "../base/bytes.ts";
import type { FileIndex, PieceIndex } from "../base/ids.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { DiskPaths } from "../metainfo/paths.ts";
import type { FileLooks } from "../workers/file_looks.ts";
import type { FileFacts, JobRunner, PieceToHash } from "../workers/protocol.ts";
import { BlockReader } from "./block_reader.ts";
import { Checkpointer } from "./checkpointer.ts";
import { flushFiles, inspectFiles, runOrThrow } from "./disk_jobs.ts";
import { type DigestWish, FileDigests } from "./file_digests.ts";
import { FilePlan } from "./file_plan.ts";
import { Finisher } from "./finisher.ts";
import { Journal, journalPath } from "./journal.ts";
import { TargetLock } from "./lock.ts";
import { writePiece, type WriterContext } from "./piece_writer.ts";
import { type Restored, restorePieces } from "./restore.ts";
import { ResumeFile } from "./resume.ts";
import type { CheckpointOutcome, PieceOutcome, PieceRun, ReadOutcome, Storage } from "./storage.ts";
import { prepareFolders, type TargetFolders } from "./target_folders.ts";
import type { Legacy } from "./trust.ts";
import { Turns } from "./turns.ts";
import type { UnfinishedCheck } from "./unfinished_check.ts";
import { VerifiedFiles } from "./verified_files.ts";

export interface DiskStorageOptions {
  readonly metainfo: Metainfo;
  readonly paths: DiskPaths;
  /** Made when they are not there. */
  readonly outputDir: string;
  readonly stateDir: string;
  /** Files to be downloaded; nothing is created for any other. */
  readonly selected: ReadonlySet<FileIndex>;
  readonly pool: JobRunner;
  readonly clock: Clock;
  readonly random: Random;
  /** Final names may replace files that are something else. */
  readonly overwrite: boolean;
  /** False: hash everything that is there, whatever the saved state says. */
  readonly trustState: boolean;
  /** Wanted of every selected file, once all are complete. */
  readonly digests?: DigestWish | undefined;
  /** How long to wait for another run on the same target. */
  readonly waitLockMs: number;
  /** Ends the waiting for the lock, and the hashing of whole files. */
  readonly signal: AbortSignal;
  /** A file took its final name; its path is as on disk, relative to the output folder. */
  readonly onFileDone: (path: string, size: number) => void;
  /** Something that a user should know and that ends nothing. */
  readonly onWarning: (message: string) => void;
}

/** A file that is complete, verified, flushed and named. */
export interface FinishedFile extends FileLooks {
  /** As on disk, from the output folder. */
  readonly path: string;
  /** Lower-case hex; undefined when it was not wanted. */
  readonly sha256: string | undefined;
}

export class DiskStorage implements Storage {
  readonly #options: DiskStorageOptions;
  readonly #folders: TargetFolders;
  readonly #lock: TargetLock;
  readonly #journal: Journal;
  readonly #resume: ResumeFile;
  readonly #plan: FilePlan;
  readonly #writing: WriterContext;
  readonly #turns = new Turns();
  readonly #digests: FileDigests | undefined;
  /** Pieces that were verified and are in their files. */
  readonly #have: Bitfield;
  /** These are made by `restore`, which comes first. */
  #finisher!: Finisher;
  #verified!: VerifiedFiles;
  #reader!: BlockReader;
  #checkpointer!: Checkpointer;
  /** Files of length 0 are there. */
  #emptyFiles: Promise<void> = Promise.resolve();
  #isRestored = false;

  private constructor(options: DiskStorageOptions, folders: TargetFolders, lock: TargetLock) {
    const { metainfo } = options;
    this.#options = options;
    this.#folders = folders;
    this.#lock = lock;
    this.#journal = Journal.open(journalPath(folders.stateDir, metainfo.infoHashHex));
    this.#resume = ResumeFile.of(folders.stateDir, metainfo);
    const wish = options.digests;
    const holdsNames = wish?.expected !== undefined;
    const plan = this.#plan = new FilePlan({ ...options, ...folders, holdsNames });
    const have = this.#have = new Bitfield(metainfo.layout.pieceCount);
    this.#writing = { ...options, plan, have, beforeSending: () => this.#journal.write() };
    if (wish !== undefined) this.#digests = new FileDigests({ ...options, plan, wish });
  }

  /**
   * Makes the folders and takes the lock. Throws StorageError, "locked" when another run has it;
   * or the reason of `signal`.
   */
  static async open(options: DiskStorageOptions): Promise<DiskStorage> {
    const folders = await prepareFolders(options.outputDir, options.stateDir);
    const lock = await TargetLock.acquire({
      stateDir: folders.stateDir,
      name: options.paths.root,
      waitMs: options.waitLockMs,
      clock: options.clock,
      signal: options.signal,
    });
    try {
      return new DiskStorage(options, folders, lock);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  async restore(
    onProgress: (checkedBytes: number, totalBytes: number) => void,
    signal: AbortSignal,
  ): Promise<Bitfield> {
    const { pool, random, onWarning } = this.#options;
    const legacy = await this.#loadLegacy();
    const restored = await restorePieces({
      plan: this.#plan,
      pool,
      random,
      legacy,
      onProgress,
      onWarning,
      signal,
      saveCheck: (check) => this.#saveUnfinished(check),
    });
    this.#begin(restored);
    for (const { piece, ...found } of restored.misplaced) await this.#relocate(piece, found);
    const isFresh = restored.have.isEmpty && legacy.state === undefined;
    const saved = this.checkpoint();
    // Nothing was found, so nothing can be lost: the rest is done while peers are dialled. A state
    // that is there must say first where the pieces of this selection go.
    if (!isFresh) await Promise.all([saved, this.#emptyFiles]);
    return this.#have.copy();
  }

  async write(piece: PieceIndex, data: Bytes, wantDigests: boolean): Promise<PieceOutcome> {
    this.#checkpointer.begin(piece);
    this.#verified.touched(piece);
    const result = await writePiece(this.#writing, piece, data, wantDigests);
    this.#verified.touched(piece);
    if (result.kind === "good") {
      const error = this.#added(piece, result.finished);
      if (error !== undefined) return { kind: "failed", buffer: result.buffer, error };
    } else if (result.kind === "corrupt") this.#checkpointer.cancel(piece);
    return result;
  }

  read(run: PieceRun, buffer?: ArrayBuffer): Promise<ReadOutcome> {
    return this.#reader.read(run, buffer);
  }

  async checkpoint(): Promise<CheckpointOutcome> {
    // Whoever stops while files are still being checked saves that: see `restore`.
    return this.#isRestored ? await this.#checkpointer.save() : { kind: "saved" };
  }

  /** Throws SumsError too: then files that had no names yet have none. */
  async finish(): Promise<void> {
    await Promise.all([this.#finisher.idle(), this.#emptyFiles]);
    if (this.#plan.holdsNames) {
      // It may take minutes: what is here outlives whatever ends them.
      await this.#save();
      await this.#digests?.make();
    }
    // After a flush that failed, another would seem to succeed: the checkpoint takes pieces back.
    if (!this.#checkpointer.hasFlushFailed) await this.#finisher.settle();
    await this.#save();
    this.#requireNames();
    if (!this.#plan.holdsNames) await this.#digests?.make();
  }

  /** After `finish`: all selected files, as they were when they were flushed. Throws StorageError. */
  async finishedTarget(): Promise<{ outputDir: string; files: FinishedFile[] }> {
    const plan = this.#plan;
    const files = plan.selectedFiles;
    // Only files without bytes are made without a record.
    const unrecorded = files.filter((file) => this.#checkpointer.recordOf(file) === undefined);
    const places = unrecorded.map((file) => plan.finalPlace(file));
    const seen = await inspectFiles(this.#options.pool, places);
    const facts = new Map(unrecorded.map((file, index) => [file, seen[index]]));
    const finished: FinishedFile[] = [];
    for (const file of files) {
      const found = this.#checkpointer.recordOf(file) ?? facts.get(file);
      if (found === undefined) continue;
      const { path } = plan.finalPlace(file), { size, modifiedMs } = found;
      finished.push({ path, size, modifiedMs, sha256: this.#digests?.of(file) });
    }
    return { outputDir: this.#folders.outputDir, files: finished };
  }

  async close(): Promise<void> {
    if (this.#isRestored) await this.#finisher.idle();
    await this.#emptyFiles.catch(() => {}); // Whoever is finished has been told.
    await this.#turns.idle();
    await this.#options.pool.forget();
    this.#journal.close();
    this.#lock.release();
  }

  /** What was found counts, though not all was looked at. The journal stays as it was found. */
  async #saveUnfinished({ state, places }: UnfinishedCheck): Promise<void> {
    try {
      await flushFiles(this.#options.pool, places, []);
      await this.#resume.save(state);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      this.#options.onWarning(`What was checked is not saved: ${error.message}`);
    }
  }

  async #save(): Promise<void> {
    const outcome = await this.checkpoint();
    if (outcome.kind === "failed") throw outcome.error;
  }

  /** A checkpoint may have taken pieces back after the last of them had come (D3). */
  #requireNames(): void {
    if (this.#plan.files.every((file) => this.#plan.isFinal(file))) return;
    const { lossError } = this.#checkpointer;
    assert(lossError !== undefined, "all pieces are here");
    throw lossError;
  }

  async #loadLegacy(): Promise<Legacy> {
    const { trustState, onWarning } = this.#options;
    const state = await this.#resume.load(trustState ? onWarning : () => {});
    const { found, foundModifiedMs } = this.#journal;
    return {
      state,
      isBelieved: trustState,
      journal: new Set(found),
      journalModifiedMs: foundModifiedMs,
    };
  }

  /** From here on pieces may come and files may get their names. */
  #begin(restored: Restored): void {
    const { pool, onFileDone } = this.#options;
    const plan = this.#plan, turns = this.#turns;
    const { kept } = restored;
    const claimed = kept.claimed.copy();
    for (const piece of restored.have.ones()) {
      this.#have.set(piece);
      claimed.set(piece);
    }
    for (const piece of restored.unclaimed) claimed.clear(piece);
    this.#verified = new VerifiedFiles(plan, restored.sightings, restored.oversized);
    this.#reader = new BlockReader({
      plan,
      pool,
      turns,
      verified: this.#verified,
      have: this.#have,
    });
    this.#checkpointer = new Checkpointer({
      plan,
      pool,
      turns,
      resume: this.#resume,
      journal: this.#journal,
      claimed,
      sightings: restored.sightings,
      kept,
      // The state may even say more: it may be of a larger selection.
      isSaved: restored.isComplete,
      onLost: (pieces) => this.#lost(pieces),
    });
    this.#finisher = new Finisher({
      plan,
      pool,
      turns,
      have: this.#have,
      onFinished: (file, facts) => this.#finished(file, facts),
      onFlushFailure: (error) => this.#checkpointer.flushFailed(error),
    });
    this.#isRestored = true;
    for (const piece of restored.unclaimed) this.#checkpointer.add(piece);
    this.#emptyFiles = restored.created.then((files) => {
      for (const file of files) onFileDone(plan.finalPlace(file).path, 0);
    });
    this.#emptyFiles.catch(() => {}); // `finish` tells.
    this.#finisher.start(restored.oversized);
  }

  /** Takes a piece from where an earlier selection put it to where it belongs. */
  async #relocate(piece: PieceIndex, { length, spans }: PieceToHash): Promise<void> {
    const { data } = await runOrThrow<"read">(this.#options.pool, { kind: "read", length, spans });
    const outcome = await this.write(piece, data, false);
    if (outcome.kind === "failed") throw outcome.error;
  }

  /** Why the piece is lost, if it is. */
  #added(
    piece: PieceIndex,
    finished: readonly [FileIndex, FileFacts][],
  ): StorageError | undefined {
    const error = this.#checkpointer.add(piece);
    for (const file of this.#plan.metainfo.layout.filesOf(piece)) this.#plan.setPresent(file);
    for (const [file, facts] of finished) this.#finished(file, facts);
    if (error === undefined && this.#have.set(piece)) this.#finisher.add(piece);
    return error;
  }

  #finished(file: FileIndex, facts: FileFacts): void {
    const isNew = !this.#plan.isFinal(file);
    this.#plan.setFinal(file, true);
    this.#checkpointer.finished(file, facts);
    this.#verified.finished(file, facts);
    const { path } = this.#plan.finalPlace(file);
    if (isNew) this.#options.onFileDone(path, this.#plan.lengthOf(file));
  }

  #lost(pieces: readonly PieceIndex[]): void {
    for (const piece of pieces) {
      this.#have.clear(piece);
      this.#finisher.remove(piece);
    }
  }
}
