/**
 * Makes what was written outlive a power failure, then claims it in the saved state; never the
 * other way round (D11). Keeps, for every file, how it looked when it was last flushed.
 */
import { Bitfield } from "../base/bitfield.ts";
import type { StorageError } from "../base/errors.ts";
import type { FileIndex, PieceIndex } from "../base/ids.ts";
import { shortened, toStorageError } from "../workers/disk_errors.ts";
import type { FileFacts, JobRunner, Place } from "../workers/protocol.ts";
import { flushFiles } from "./disk_jobs.ts";
import type { FilePlan } from "./file_plan.ts";
import type { Journal } from "./journal.ts";
import type { KeptState } from "./kept_state.ts";
import type { ResumeFile } from "./resume.ts";
import type { FileRecord } from "./resume_codec.ts";
import type { Sightings } from "./sightings.ts";
import type { CheckpointOutcome } from "./storage.ts";
import type { Turns } from "./turns.ts";

/**
 * Bytes that are flushed while others still come: the system lets its disk be idle for many
 * seconds, and then a download would wait for it at its end.
 */
const FLUSH_AHEAD_BYTES = 128 * 1024 * 1024;

type Failed = Extract<CheckpointOutcome, { kind: "failed" }>;

export interface CheckpointerOptions {
  readonly plan: FilePlan;
  readonly pool: JobRunner;
  /** Shared with whoever renames files. */
  readonly turns: Turns;
  readonly resume: ResumeFile;
  readonly journal: Journal;
  /** Pieces that are flushed, those of other selections too; added to from now on. */
  readonly claimed: Bitfield;
  /** How the files look at the start. */
  readonly sightings: Sightings;
  /** What is saved of all other pieces. */
  readonly kept: KeptState;
  /** Does the saved state say exactly this already? */
  readonly isSaved: boolean;
  /** Pieces that were added and are gone; called before anyone else has a turn. */
  readonly onLost: (pieces: readonly PieceIndex[]) => void;
}

export class Checkpointer {
  readonly #options: CheckpointerOptions;
  readonly #records: Map<number, FileRecord>;
  /** Where what was written to a file ends, in bytes. */
  readonly #writtenEnds = new Map<FileIndex, number>();
  #edges: FileRecord | undefined;
  #isSaved: boolean;
  /** Pieces on their way to the files, and those that failed to get there. */
  readonly #underway: Bitfield;
  /** Those of them that a flush which failed may have dropped a part of. */
  readonly #tainted: Bitfield;
  /** Pieces written and not flushed. */
  #unflushed: Bitfield;
  #unflushedBytes = 0;
  #isFlushingAhead = false;
  /** What was given up since the last `save`, and nobody was told of. */
  #untold: Failed | undefined;
  #dirtyFiles = new Set<FileIndex>();
  #areEdgesDirty = false;
  /** Folders in which names are new, by path. */
  #dirtyFolders = new Map<string, Place>();
  #flushFailure: StorageError | undefined;
  #lossError: StorageError | undefined;

  constructor(options: CheckpointerOptions) {
    this.#options = options;
    this.#isSaved = options.isSaved;
    const { plan, sightings, kept } = options;
    const { layout } = plan.metainfo;
    this.#records = new Map(kept.files);
    this.#underway = new Bitfield(layout.pieceCount);
    this.#tainted = new Bitfield(layout.pieceCount);
    this.#unflushed = new Bitfield(layout.pieceCount);
    for (const file of plan.selectedFiles) {
      const { final, part } = sightings.files.get(file)!;
      const facts = plan.isFinal(file) ? final : part ?? final;
      if (facts !== undefined) this.#record(file, facts);
    }
    if (sightings.edges !== undefined) this.#edges = { isFinal: false, ...sightings.edges };
  }

  /** Did a flush fail since the last `save`? */
  get hasFlushFailed(): boolean {
    return this.#flushFailure !== undefined || this.#untold !== undefined;
  }

  /** Why pieces were given up the last time: whoever waits for the end may ask later than that. */
  get lossError(): StorageError | undefined {
    return this.#lossError;
  }

  /** How a file looked when it was last flushed; undefined when nobody knows. */
  recordOf(file: FileIndex): FileRecord | undefined {
    return this.#records.get(file);
  }

  /** A piece is about to be written: after a crash it is looked at, once the journal is written. */
  begin(piece: PieceIndex): void {
    this.#underway.set(piece);
    this.#tainted.clear(piece);
    this.#options.journal.append(piece);
  }

  /** A piece turned out not to be written, and nothing was changed. */
  cancel(piece: PieceIndex): void {
    this.#underway.clear(piece);
  }

  /** A piece is verified and in its files. Why it is lost all the same, if it is (D3). */
  add(piece: PieceIndex): StorageError | undefined {
    const { plan } = this.#options;
    this.#isSaved = false;
    this.#underway.clear(piece);
    if (this.#tainted.has(piece)) return this.#lossError;
    this.#unflushed.set(piece);
    this.#unflushedBytes += plan.metainfo.layout.pieceSize(piece);
    for (const { file, fileOffset, length } of plan.metainfo.layout.fileSpans(piece)) {
      if (plan.isSelected(file)) this.#dirtyFiles.add(file);
      else this.#areEdgesDirty = true;
      const end = Math.max(fileOffset + length, this.#writtenEnds.get(file) ?? 0);
      this.#writtenEnds.set(file, end);
    }
    if (this.#unflushedBytes >= FLUSH_AHEAD_BYTES) this.#flushAhead();
    return undefined;
  }

  /** A file was flushed and has its final name. */
  finished(file: FileIndex, facts: FileFacts): void {
    this.#isSaved = false;
    this.#dirtyFiles.delete(file);
    this.#noteFolders(file);
    this.#record(file, facts);
  }

  /** A flush failed elsewhere: the system may have dropped whatever is not flushed (D3). */
  flushFailed(error: StorageError): void {
    this.#isSaved = false;
    this.#flushFailure = error;
  }

  /** Flushes and saves; what could not be flushed, now or ahead, is not claimed. Never rejects. */
  save(): Promise<CheckpointOutcome> {
    return this.#options.turns.take(async () => {
      if (this.#isSaved) return { kind: "saved" };
      // Whatever is added while we work is for the next time.
      this.#isSaved = true;
      const untold = this.#untold;
      this.#untold = undefined;
      const failed = await this.#flushWritten();
      if (failed !== undefined) return joined(untold, failed);
      // Also when there is a failure to tell: else the journal would go on naming what is lost.
      const outcome = await this.#saveState();
      return untold ?? outcome;
    });
  }

  /** One at a time. Nothing is saved: that would cost the more the more files there are. */
  #flushAhead(): void {
    if (this.#isFlushingAhead) return;
    this.#isFlushingAhead = true;
    void this.#options.turns.take(async () => {
      // What came since is given up or flushed by whoever is told.
      if (this.#untold === undefined) this.#untold = await this.#flushWritten();
      this.#isFlushingAhead = false;
    });
  }

  /** Flushes what was written so far, or gives it up. Never rejects. */
  async #flushWritten(): Promise<Failed | undefined> {
    const pieces = this.#unflushed, files = this.#dirtyFiles;
    this.#unflushed = new Bitfield(pieces.length);
    this.#unflushedBytes = 0;
    this.#dirtyFiles = new Set();
    try {
      await this.#flush(files);
    } catch (error) {
      return this.#lose(pieces, files, toStorageError(error, "flush", "the data"));
    }
    for (const piece of pieces.ones()) this.#options.claimed.set(piece);
    return undefined;
  }

  async #flush(files: ReadonlySet<FileIndex>): Promise<void> {
    const failure = this.#flushFailure;
    this.#flushFailure = undefined;
    if (failure !== undefined) throw failure;
    const { plan, pool } = this.#options;
    for (const file of files) this.#noteFolders(file);
    const folders = [...this.#dirtyFolders.values()];
    this.#dirtyFolders = new Map();
    const places = [...files].map((file) => plan.placeOf(file));
    const withEdges = this.#areEdgesDirty;
    this.#areEdgesDirty = false;
    const facts = await flushFiles(pool, withEdges ? [...places, plan.edges] : places, folders);
    for (const [index, file] of [...files].entries()) {
      // What is recorded is believed by the next run: never a file that lacks what was written.
      const writtenEnd = this.#writtenEnds.get(file) ?? 0;
      if (facts[index]!.size < writtenEnd) throw shortened(plan.placeOf(file).path);
      this.#record(file, facts[index]!);
    }
    if (withEdges) this.#edges = { isFinal: false, ...facts.at(-1)! };
  }

  /**
   * Gives up the pieces that have a part in what was to be flushed; those too that got there since,
   * or are on their way: the system may have dropped them as well, and the next flush would not
   * tell.
   */
  #lose(
    pieces: Bitfield,
    files: ReadonlySet<FileIndex>,
    error: StorageError,
  ): Failed {
    const { plan, claimed, onLost } = this.#options;
    const isAtRisk = (file: FileIndex) => !plan.isSelected(file) || files.has(file);
    const mayBeDropped = (piece: number) =>
      plan.metainfo.layout.filesOf(piece as PieceIndex).some(isAtRisk);
    const lost: PieceIndex[] = [];
    for (const piece of pieces.ones()) {
      if (mayBeDropped(piece)) lost.push(piece as PieceIndex);
      else claimed.set(piece);
    }
    for (const piece of [...this.#unflushed.ones()].filter(mayBeDropped)) {
      this.#unflushed.clear(piece);
      lost.push(piece as PieceIndex);
    }
    for (const piece of [...this.#underway.ones()].filter(mayBeDropped)) this.#tainted.set(piece);
    this.#isSaved = false;
    this.#lossError = error;
    onLost(lost);
    return { kind: "failed", error, lost };
  }

  async #saveState(): Promise<CheckpointOutcome> {
    const { resume, journal, claimed, kept: { noted, shares } } = this.#options;
    try {
      await resume.save({
        claimed,
        noted,
        shares,
        files: this.#records,
        edges: this.#edges,
      });
    } catch (error) {
      this.#isSaved = false;
      return { kind: "failed", error: toStorageError(error, "save", "the state"), lost: [] };
    }
    journal.rewrite([...this.#underway.ones(), ...this.#unflushed.ones()]);
    return { kind: "saved" };
  }

  #record(file: FileIndex, { size, modifiedMs }: FileFacts): void {
    this.#records.set(file, { isFinal: this.#options.plan.isFinal(file), size, modifiedMs });
  }

  /** The folders that lead to a file, up to the first that is noted already. */
  #noteFolders(file: FileIndex): void {
    const { root, path } = this.#options.plan.finalPlace(file);
    for (let end = path.lastIndexOf("/");; end = path.lastIndexOf("/", end - 1)) {
      const folder = end < 0 ? "" : path.slice(0, end);
      if (this.#dirtyFolders.has(folder)) return;
      this.#dirtyFolders.set(folder, { root, path: folder });
      if (folder === "") return;
    }
  }
}

function joined(one: Failed | undefined, other: Failed): Failed {
  return one === undefined ? other : { ...one, lost: [...one.lost, ...other.lost] };
}
