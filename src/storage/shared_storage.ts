/**
 * Storage of data that is shared and never written: no file is created, renamed or locked, so a
 * folder that is read-only will do. What is on disk may be changed by others: that is noticed, and
 * what was changed is shared no more.
 */
import { fail } from "../base/assert.ts";
import { Bitfield } from "../base/bitfield.ts";
import { StorageError } from "../base/errors.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { DiskPaths } from "../metainfo/paths.ts";
import type { JobRunner } from "../workers/protocol.ts";
import { BlockReader } from "./block_reader.ts";
import { hashPieces } from "./disk_jobs.ts";
import { FilePlan } from "./file_plan.ts";
import { ResumeFile } from "./resume.ts";
import type { ResumeState } from "./resume_codec.ts";
import { seeFiles } from "./sightings.ts";
import type { CheckpointOutcome, PieceOutcome, PieceRun, ReadOutcome, Storage } from "./storage.ts";
import { realFolder } from "./target_folders.ts";
import { judge, NOTHING_LEFT } from "./trust.ts";
import { Turns } from "./turns.ts";
import { VerifiedFiles } from "./verified_files.ts";

/** Files that an error names. */
const MAX_NAMED_FILES = 3;

export interface SharedStorageOptions {
  readonly metainfo: Metainfo;
  readonly paths: DiskPaths;
  /** What `paths` are relative to; must be there. */
  readonly outputDir: string;
  /** Where a download may have saved that it is complete. */
  readonly stateDir: string;
  /** False: hash everything, whatever the saved state says. */
  readonly trustState: boolean;
  /** Share what is there, even when that is not all. */
  readonly allowPartial: boolean;
  readonly pool: JobRunner;
}

export class SharedStorage implements Storage {
  readonly #options: SharedStorageOptions;
  readonly #plan: FilePlan;
  /** Made by `restore`, which comes first. */
  #reader!: BlockReader;

  private constructor(options: SharedStorageOptions, outputDir: string) {
    const { metainfo, paths } = options;
    this.#options = options;
    this.#plan = new FilePlan({
      metainfo,
      paths,
      outputDir,
      stateDir: outputDir,
      selected: new Set(metainfo.files.keys()),
      overwrite: false,
    });
  }

  /** Throws StorageError when the folder is not there. */
  static async open(options: SharedStorageOptions): Promise<SharedStorage> {
    return new SharedStorage(options, await realFolder(options.outputDir));
  }

  /**
   * Believes a saved state only when it says that all is here and every file still looks so;
   * otherwise everything is hashed. Throws StorageError "missing" when there is too little.
   */
  async restore(
    onProgress: (checkedBytes: number, totalBytes: number) => void,
    signal: AbortSignal,
  ): Promise<Bitfield> {
    const { metainfo: { layout }, pool } = this.#options;
    const plan = this.#plan;
    const state = await this.#loadState();
    const wanted = plan.wantedPieces();
    const sightings = await seeFiles(plan, wanted, pool, state);
    const legacy = { ...NOTHING_LEFT, state, isBelieved: true };
    const { isComplete, trusted, toCheck, sourceOf } = judge(plan, wanted, sightings, legacy);
    const have = new Bitfield(layout.pieceCount);
    const verified = new VerifiedFiles(plan, sightings, []);
    this.#reader = new BlockReader({ plan, pool, turns: new Turns(), verified, have });
    if (isComplete) {
      for (const piece of trusted) have.set(piece);
    } else {
      const pieces = [...trusted, ...toCheck].toSorted((a, b) => a - b);
      await hashPieces(plan, pieces, { pool, sourceOf, onProgress, signal }, (piece, verdict) => {
        if (verdict === "good") have.set(piece);
      });
    }
    if (have.count < wanted.count) this.#refuseUnlessPartial(have, wanted);
    // A piece of padding is wanted by nobody and had by all.
    for (let piece = 0; piece < have.length; piece++) if (!wanted.has(piece)) have.set(piece);
    return have;
  }

  read(run: PieceRun, buffer?: ArrayBuffer): Promise<ReadOutcome> {
    return this.#reader.read(run, buffer);
  }

  write(): Promise<PieceOutcome> {
    fail("whoever only shares downloads nothing");
  }

  checkpoint(): Promise<CheckpointOutcome> {
    return Promise.resolve({ kind: "saved" });
  }

  finish(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return this.#options.pool.forget();
  }

  async #loadState(): Promise<ResumeState | undefined> {
    const { metainfo, stateDir, trustState } = this.#options;
    if (!trustState) return undefined;
    try {
      // What is no use here costs a check and nothing else.
      return await ResumeFile.of(stateDir, metainfo).load(() => {});
    } catch (error) {
      if (error instanceof StorageError) return undefined;
      throw error;
    }
  }

  #refuseUnlessPartial(have: Bitfield, wanted: Bitfield): void {
    const { metainfo: { layout }, allowPartial } = this.#options;
    if (allowPartial && !have.isEmpty) return;
    const lacking = this.#plan.files
      .filter((file) => layout.eachPieceOf(file).some((piece) => !have.has(piece)))
      .map((file) => this.#plan.finalPlace(file).path);
    const named = lacking.slice(0, MAX_NAMED_FILES).join(", ");
    const more = lacking.length - MAX_NAMED_FILES;
    const { root } = this.#plan.finalPlace(this.#plan.files[0]!);
    throw new StorageError(
      "missing",
      root,
      `Cannot share what is in ${root}: ${have.count} of ${wanted.count} pieces are there and ` +
        `good; missing or not as the torrent says: ${named}${more > 0 ? ` and ${more} more` : ""}` +
        `; "starling get" fetches the rest` +
        (have.isEmpty ? "" : ", --partial shares what is there"),
    );
  }
}
