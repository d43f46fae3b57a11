/**
 * What is written down of a target once it is finished, and what an earlier run has written: the
 * one thing that `get` believes when it leaves a finished target alone.
 */
import { assert } from "../../base/assert.ts";
import { StorageError } from "../../base/errors.ts";
import type { FileIndex } from "../../base/ids.ts";
import type { FinishedFile } from "../../storage/disk_storage.ts";
import type { KnownDigest } from "../../storage/file_digests.ts";
import { type RecalledTarget, receiptName } from "../../storage/finished_target.ts";
import { encodeReceipt, type Receipt, type ReceiptFile } from "../../storage/receipt_codec.ts";
import { looksAlike } from "../../workers/file_looks.ts";
import type { Environment, StateFolders } from "../environment/environment.ts";
import { foldersOf } from "../environment/state_folders.ts";
import { type ListedFile, listFiles } from "../files/file_list.ts";
import type { GetOptions } from "../options/get_options.ts";
import { VERSION } from "../output/version.ts";
import type { Target } from "./target.ts";

export interface TargetRecordOptions {
  readonly options: Pick<GetOptions, "outputDir" | "stateDir">;
  readonly environment: Environment;
  readonly warn: (message: string) => void;
}

/** What the files must be, beside complete. */
export interface Demands {
  /** SHA-256 by file, in lower-case hex. */
  readonly expected: ReadonlyMap<FileIndex, string> | undefined;
  /** Their SHA-256 is to be known. */
  readonly wantsDigests: boolean;
}

export class TargetRecord {
  readonly target: Target;
  readonly #options: TargetRecordOptions;
  readonly folders: StateFolders;
  #recalled: RecalledTarget | undefined;
  #receipt: Receipt | undefined;

  constructor(target: Target, options: TargetRecordOptions) {
    this.target = target;
    this.#options = options;
    this.folders = foldersOf(options.options);
  }

  /** Reads what an earlier run has left, and looks at every selected file. */
  async recall(): Promise<void> {
    const { source, source: { metainfo }, selected } = this.target;
    this.#recalled = await this.#options.environment.recallTarget({
      ...this.folders,
      infoHashHex: metainfo.infoHashHex,
      name: metainfo.name,
      paths: listFiles(source).map(({ path }) => path),
      files: [...selected],
    });
    this.#receipt = this.#recalled?.receipt;
  }

  /** The output folder, absolute, of a target that was recalled. */
  get outputDir(): string {
    assert(this.#recalled !== undefined);
    return this.#recalled.folders.outputDir;
  }

  /** All selected files are complete, untouched since, and what is demanded is known of them. */
  satisfies({ expected, wantsDigests }: Demands): boolean {
    return this.#every(({ index }, { sha256 }) =>
      expected !== undefined ? sha256 === expected.get(index) : !wantsDigests || sha256 !== null
    );
  }

  /** Of a target that is complete: the command of `--on-done` has run for all selected files. */
  get isHookDone(): boolean {
    const done = new Set<string>();
    for (const { path, onDone } of this.#receipt?.files ?? []) if (onDone) done.add(path);
    for (const { path } of this.target.selected) if (!done.has(path)) return false;
    return true;
  }

  #every(check: (listed: ListedFile, file: ReceiptFile) => boolean): boolean {
    const intact = this.#recalled?.intact;
    if (intact === undefined) return false;
    for (const listed of this.target.selected) {
      const file = intact.get(listed.path);
      if (file === undefined || !check(listed, file)) return false;
    }
    return true;
  }

  /** Digests of files that look as they did when these were made. */
  digests(): Map<FileIndex, KnownDigest> {
    const known = new Map<FileIndex, KnownDigest>();
    for (const { path, index } of this.target.selected) {
      const { sha256 = null, ...facts } = this.#recalled?.intact.get(path) ?? {};
      if (sha256 !== null) known.set(index, { ...facts as ReceiptFile, sha256 });
    }
    return known;
  }

  /** All is complete: keeps a receipt, unless the one that is there says all of it already. */
  async complete(
    finished: readonly FinishedFile[],
    run: Pick<Receipt, "peers" | "downloaded">,
  ): Promise<void> {
    const { metainfo } = this.target.source;
    const { clock } = this.#options.environment;
    const before = new Map(this.#receipt?.files.map((file) => [file.path, file]));
    let isAsBefore = true, isNewlySummed = false;
    for (const file of finished) {
      const old = before.get(file.path);
      const same = looksAlike(old, file) ? old : undefined;
      const sha256 = file.sha256 ?? same?.sha256 ?? null;
      isAsBefore &&= same !== undefined;
      isNewlySummed ||= sha256 !== (old?.sha256 ?? null);
      before.set(file.path, { ...file, sha256, onDone: same?.onDone ?? false });
    }
    if (isAsBefore && !isNewlySummed && this.#receipt !== undefined) return;
    const completion = isAsBefore && this.#receipt !== undefined ? this.#receipt : {
      infoHash: metainfo.infoHashHex,
      name: metainfo.name,
      completed: new Date(clock.wallTime()).toISOString(),
      starling: VERSION,
      ...run,
    };
    await this.#keep({ ...completion, files: [...before.values()] });
  }

  /** The command of `--on-done` has run, to a good end. */
  async hookDone(): Promise<void> {
    if (this.#receipt === undefined) return;
    const paths = new Set([...this.target.selected].map(({ path }) => path));
    const files = this.#receipt.files.map((file) =>
      paths.has(file.path) ? { ...file, onDone: true } : file
    );
    await this.#keep({ ...this.#receipt, files });
  }

  /** Without a receipt the next run looks again, and runs the command again; no more is lost. */
  async #keep(receipt: Receipt): Promise<void> {
    const { environment, warn } = this.#options;
    this.#receipt = receipt;
    try {
      const name = receiptName(receipt.infoHash);
      await environment.keepState(this.folders, name, encodeReceipt(receipt));
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      warn(`the receipt is not written: ${error.message}`);
    }
  }
}
