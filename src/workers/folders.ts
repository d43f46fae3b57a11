/**
 * The folders that files are in, checked component by component, so that no symbolic link leads
 * a write out of the folder that we were given (hostile-inputs D8): `--allow-write` follows links.
 */
import { StorageError } from "../base/errors.ts";
import { codeOf, storageErrorOf, toStorageError } from "./disk_errors.ts";
import type { Place } from "./protocol.ts";

/** Folders remembered as checked; when there are more, all are forgotten and checked anew. */
const MAX_CHECKED_FOLDERS = 65_536;

interface Identity {
  readonly device: number;
  readonly inode: number | null;
}

interface CheckedFolder {
  readonly identity: Identity;
  /** The job in which it was looked at last. */
  job: number;
}

export class Folders {
  readonly #checked = new Map<string, CheckedFolder>();
  #job = 0;

  /** From now on folders are looked at again, once each. */
  startJob(): void {
    this.#job++;
  }

  /**
   * The absolute path of `place`, all of whose folders are real ones below its root. Folders
   * that are not there are made when `create` is set, else the result is undefined.
   *
   * Throws StorageError "symlink", "not-regular" or "missing" (the disk was taken away), or what
   * the system says.
   */
  resolve(place: Place, create: boolean): string | undefined {
    const end = place.path.lastIndexOf("/");
    const folder = end < 0 ? place.root : `${place.root}/${place.path.slice(0, end)}`;
    if (!this.#isAsBefore(folder, place.root) && !this.#walk(place, create)) return undefined;
    return pathOf(place);
  }

  /** Whether a folder that was checked is still the same one; one look a job, not a walk. */
  #isAsBefore(folder: string, root: string): boolean {
    const before = this.#checked.get(folder);
    if (before === undefined) return false;
    if (before.job === this.#job) return true;
    const now = identityOf(folder);
    before.job = this.#job;
    if (now !== undefined && isSame(now, before.identity)) return true;
    this.#checked.delete(folder);
    if (folder === root || (now !== undefined && now.device !== before.identity.device)) {
      // Going on would write below an empty mount point (hostile-inputs D18).
      throw new StorageError("missing", folder, `Cannot use ${folder}: its disk was taken away`);
    }
    return false;
  }

  /** Checks every folder from the root down to that of `place`; false when one is missing. */
  #walk(place: Place, create: boolean): boolean {
    let folder = place.root;
    if (!this.#check(folder, false)) {
      throw new StorageError("missing", folder, `Cannot use ${folder}: the folder is not there`);
    }
    const names = place.path.split("/");
    for (const name of names.slice(0, -1)) {
      folder += `/${name}`;
      if (!this.#check(folder, create)) return false;
    }
    return true;
  }

  #check(folder: string, create: boolean): boolean {
    let identity = identityOf(folder);
    if (identity === undefined) {
      if (!create) return false;
      makeFolder(folder);
      identity = identityOf(folder);
      if (identity === undefined) return false;
    }
    if (this.#checked.size >= MAX_CHECKED_FOLDERS) this.#checked.clear();
    this.#checked.set(folder, { identity, job: this.#job });
    return true;
  }
}

/** Which folder this is; undefined when there is none. Throws when it is something else. */
function identityOf(folder: string): Identity | undefined {
  const info = lookAt(folder);
  if (info === undefined) return undefined;
  if (info.isSymlink) throw storageErrorOf("ELOOP", "use", folder);
  if (!info.isDirectory) {
    throw new StorageError("not-regular", folder, `Cannot use ${folder}: it is not a folder`);
  }
  return { device: info.dev, inode: info.ino };
}

/** The absolute path of a place: nothing is looked at. */
export function pathOf({ root, path }: Place): string {
  return `${root}/${path}`;
}

/** What stands at a path, symbolic links not followed; undefined when nothing does. */
export function lookAt(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw toStorageError(error, "look at", path);
  }
}

function makeFolder(folder: string): void {
  try {
    Deno.mkdirSync(folder);
  } catch (error) {
    // Another worker may have been quicker.
    if (codeOf(error) !== "EEXIST") throw toStorageError(error, "create the folder", folder);
  }
}

function isSame(one: Identity, other: Identity): boolean {
  return one.device === other.device && one.inode === other.inode;
}
