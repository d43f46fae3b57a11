/**
 * Whether a target is finished: its receipt, and a look at every file. Nothing is hashed, written
 * or locked, no worker is started, and whatever speaks against it means no more than "not
 * finished": then the target is opened, which says what is wrong (`disk_storage.ts`).
 */
import { StorageError } from "../base/errors.ts";
import { looksAlike, looksOf } from "../workers/file_looks.ts";
import { Folders, lookAt } from "../workers/folders.ts";
import { type LockOptions, TargetLock } from "./lock.ts";
import { maxReceiptLength, parseReceipt, type Receipt, type ReceiptFile } from "./receipt_codec.ts";
import { readStateFile } from "./state_file.ts";
import { findFolders, prepareFolders, type TargetFolders } from "./target_folders.ts";

export interface TargetToRecall {
  readonly outputDir: string;
  readonly stateDir: string;
  readonly infoHashHex: string;
  /** As it is in the torrent, and may be long. */
  readonly name: string;
  /** Of every file that the torrent puts on a disk, from the output folder. */
  readonly paths: Iterable<string>;
  /** The files that matter, with their lengths. */
  readonly files: readonly { readonly path: string; readonly size: number }[];
}

/** A receipt, and what of it still holds. */
export interface RecalledTarget {
  readonly receipt: Receipt;
  readonly folders: TargetFolders;
  /** Files that matter and look as the receipt says, by path. */
  readonly intact: ReadonlyMap<string, ReceiptFile>;
}

/** The receipt's, in the state folder. */
export function receiptName(infoHashHex: string): string {
  return `${infoHashHex}.receipt`;
}

/** Undefined when there is no receipt that can be used. Never rejects but for our own bugs. */
export async function recallTarget(target: TargetToRecall): Promise<RecalledTarget | undefined> {
  const { outputDir, stateDir, infoHashHex, name, paths, files } = target;
  try {
    const path = `${stateDir}/${receiptName(infoHashHex)}`;
    // How long it may be is asked of every path: of a new target nobody wants to know.
    if (lookAt(path) === undefined) return undefined;
    const bytes = await readStateFile(path, maxReceiptLength(name, paths));
    const receipt = bytes && parseReceipt(bytes, infoHashHex);
    if (receipt === undefined) return undefined;
    const folders = await findFolders(outputDir, stateDir);
    if (folders === undefined) return undefined;
    return { receipt, folders, intact: intactFiles(receipt, files, folders.outputDir) };
  } catch (error) {
    if (error instanceof StorageError) return undefined;
    throw error;
  }
}

export interface LockRequest extends LockOptions {
  readonly outputDir: string;
}

/** Takes hold of a finished target, of which no more is wanted than that. Throws StorageError. */
export async function holdTarget(request: LockRequest): Promise<TargetLock> {
  const { stateDir } = await prepareFolders(request.outputDir, request.stateDir);
  return await TargetLock.acquire({ ...request, stateDir });
}

function intactFiles(
  receipt: Receipt,
  files: TargetToRecall["files"],
  root: string,
): Map<string, ReceiptFile> {
  const recorded = new Map(receipt.files.map((file) => [file.path, file]));
  const intact = new Map<string, ReceiptFile>();
  const folders = new Folders();
  folders.startJob();
  for (const { path, size } of files) {
    const file = recorded.get(path);
    if (file === undefined || file.size !== size) continue;
    const place = folders.resolve({ root, path }, false);
    const info = place === undefined ? undefined : lookAt(place);
    if (info?.isFile === true && looksAlike(file, looksOf(info))) intact.set(path, file);
  }
  return intact;
}
