/**
 * Small files of our own in the state folder: only for us to read, replaced as a whole or not at
 * all, and never reached through a symbolic link that someone left there.
 */
import { StorageError } from "../base/errors.ts";
import type { Bytes } from "../base/bytes.ts";
import { codeOf, storageErrorOf, toStorageError } from "../workers/disk_errors.ts";
import { realFolder } from "./target_folders.ts";

const OWNER_ONLY = 0o600;
const TEMPORARY_SUFFIX = ".tmp";

/** The file's bytes; undefined when there is none. Throws StorageError, also when it is larger. */
export async function readStateFile(path: string, maxLength: number): Promise<Bytes | undefined> {
  try {
    const info = await Deno.lstat(path);
    if (!info.isFile) {
      throw new StorageError("not-regular", path, `Cannot read ${path}: it is no ordinary file`);
    }
    if (info.size > maxLength) {
      throw new StorageError("io", path, `Cannot read ${path}: it is too large`);
    }
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw toStorageError(error, "read", path);
  }
}

/**
 * Puts `bytes` in the place of the file, so that after a crash or a power failure there is
 * either the old file or the new one (D11). The path has no symbolic links, or had none. Throws
 * StorageError; the old file is intact then.
 */
export async function replaceStateFile(path: string, bytes: Bytes): Promise<void> {
  const temporary = path + TEMPORARY_SUFFIX;
  await requireRealFolder(folderOf(path));
  try {
    await removeIfThere(temporary);
    await writeFlushed(temporary, bytes);
    await Deno.rename(temporary, path);
    await flushFolderOf(path);
  } catch (error) {
    await removeIfThere(temporary).catch(() => {});
    throw toStorageError(error, "save", path);
  }
}

/** Opens a file to read and write, made when it is not there. Throws StorageError. */
export function openStateFile(path: string): Deno.FsFile {
  const access = { read: true, write: true, mode: OWNER_ONLY };
  try {
    return Deno.openSync(path, { ...access, createNew: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw toStorageError(error, "create", path);
  }
  try {
    if (Deno.lstatSync(path).isFile) return Deno.openSync(path, access);
    // Ours are ordinary files: a link or a pipe was put there by somebody else.
    Deno.removeSync(path);
    return Deno.openSync(path, { ...access, createNew: true });
  } catch (error) {
    throw toStorageError(error, "open", path);
  }
}

/** The folder was none when we began (`prepareFolders`), but we may run for weeks (D8). */
async function requireRealFolder(folder: string): Promise<void> {
  if (await realFolder(folder) === folder) return;
  throw storageErrorOf("ELOOP", "use", folder);
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

async function writeFlushed(path: string, bytes: Bytes): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true, mode: OWNER_ONLY });
  for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
  await file.sync();
}

/** See `flushFolder` of the workers. */
async function flushFolderOf(path: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  using folder = await openFolder(folderOf(path));
  await folder?.sync();
}

/** Null when the system does not let us. */
async function openFolder(folder: string): Promise<Deno.FsFile | null> {
  try {
    return await Deno.open(folder, { read: true });
  } catch (error) {
    if (codeOf(error) === "EACCES") return null;
    throw error;
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
