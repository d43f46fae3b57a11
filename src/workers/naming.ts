/** Giving files their names: verified and flushed ones only, over nothing that is not ours. */
import { closeSync, existsSync, fsyncSync, ftruncateSync, openSync, readSync } from "node:fs";
import { equalBytes } from "../base/bytes.ts";
import { StorageError } from "../base/errors.ts";
import { codeOf, shortened, toStorageError } from "./disk_errors.ts";
import { pathOf } from "./folders.ts";
import { attempt, type OpenFiles } from "./open_files.ts";
import type { FileFacts, Finish, Place } from "./protocol.ts";

/** Bytes compared at a time when something stands where a file is to go. */
const COMPARE_CHUNK_LENGTH = 256 * 1024;

/**
 * Flushes verified files, cuts what is too long (D6), and renames them. What stands at a final
 * name is replaced only when it is the same, or when it may be. `finished` gets the facts of each
 * file that has its name. Rejects with StorageError, such as "occupied".
 */
export async function finishFiles(
  unnamed: readonly Finish[],
  files: OpenFiles,
  finished: FileFacts[],
): Promise<void> {
  for (let start = 0; start < unnamed.length; start += files.maxOpenFiles) {
    const batch = unnamed.slice(start, start + files.maxOpenFiles);
    const flushed = await files.flush(batch.map(({ from }) => from));
    for (const [index, file] of batch.entries()) {
      finished.push(await finishFile(file, flushed[index]!, files));
    }
  }
}

async function finishFile(
  { from, to, length, mayReplace }: Finish,
  flushed: FileFacts,
  files: OpenFiles,
): Promise<FileFacts> {
  const facts = flushed.size > length ? await cutFile(from, length, files) : flushed;
  if (facts.size < length) throw shortened(pathOf(from));
  if (from.path === to.path) return facts;
  const target = pathOf(to);
  if (!mayReplace && existsSync(target) && !isSameContent(from, to, facts.size, files)) {
    throw occupied(target);
  }
  moveFile(from, to, files);
  return facts;
}

async function cutFile(place: Place, length: number, files: OpenFiles): Promise<FileFacts> {
  const descriptor = files.forWriting(place, { fileLength: 0, mayCreate: false });
  attempt("shorten", place.path, () => ftruncateSync(descriptor, length));
  const [facts] = await files.flush([place]);
  return facts!;
}

/** Renames a file, to a name that nobody has unless it `mayReplace`. Throws "occupied". */
export function renameFile(from: Place, to: Place, files: OpenFiles, mayReplace: boolean): void {
  if (files.inspect(to) !== undefined && !mayReplace) throw occupied(pathOf(to));
  moveFile(from, to, files);
}

/** Creates an empty file unless there is one. */
export function createFile(place: Place, files: OpenFiles): void {
  files.forWriting(place, { fileLength: 0, mayCreate: true });
  files.release(place);
}

/**
 * Makes names in a folder outlive a power failure. Windows has no such call and no such need; in a
 * folder that we may write to, and not read, it is left to the system when they do.
 */
export function flushFolder(place: Place): void {
  if (Deno.build.os === "windows") return;
  const folder = place.path === "" ? place.root : pathOf(place);
  const descriptor = openFolder(folder);
  if (descriptor === undefined) return;
  try {
    attempt("flush", folder, () => fsyncSync(descriptor));
  } finally {
    closeSync(descriptor);
  }
}

/** Undefined when the system does not let us. */
function openFolder(folder: string): number | undefined {
  try {
    return openSync(folder, "r");
  } catch (error) {
    if (codeOf(error) === "EACCES") return undefined;
    throw toStorageError(error, "flush", folder);
  }
}

function moveFile(from: Place, to: Place, files: OpenFiles): void {
  const source = files.release(from), target = files.release(to);
  attempt("rename", source, () => Deno.renameSync(source, target));
}

function isSameContent(one: Place, other: Place, length: number, files: OpenFiles): boolean {
  if (files.inspect(other)?.size !== length) return false;
  const oneChunk = new Uint8Array(COMPARE_CHUNK_LENGTH);
  const otherChunk = new Uint8Array(COMPARE_CHUNK_LENGTH);
  for (let offset = 0; offset < length; offset += COMPARE_CHUNK_LENGTH) {
    const oneLength = readSync(files.forReading(one), oneChunk, 0, oneChunk.length, offset);
    const otherLength = readSync(files.forReading(other), otherChunk, 0, otherChunk.length, offset);
    const isEqual = equalBytes(
      oneChunk.subarray(0, oneLength),
      otherChunk.subarray(0, otherLength),
    );
    if (!isEqual) return false;
  }
  return true;
}

function occupied(path: string): StorageError {
  return new StorageError(
    "occupied",
    path,
    `Cannot give a file its name: ${path} is something else; use --overwrite to replace it`,
  );
}
