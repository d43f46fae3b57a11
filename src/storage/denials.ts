/** Whether the system would let us write, as far as owner and mode show it: nothing is opened. */
import type { StorageError } from "../base/errors.ts";
import { missingPermission } from "../base/permission.ts";
import { storageErrorOf } from "../workers/disk_errors.ts";
import { lookAt, pathOf } from "../workers/folders.ts";
import type { Place } from "../workers/protocol.ts";

/** What we do with a file and in a folder, as bits of a mode. */
const READ_AND_WRITE = 0o6, CHANGE_NAMES = 0o3;
/** The user whom no mode binds. */
const SUPERUSER = 0;

/** Who we are to the system. */
export interface Identity {
  /** Undefined where it is not known: then nothing is said to be denied. */
  readonly user?: number;
  /** The flag of Deno that would tell; undefined where the system has no such users. */
  readonly flag?: string;
}

export function ownIdentity(): Identity {
  try {
    const user = Deno.uid();
    return user === null ? {} : { user };
  } catch (error) {
    const missing = missingPermission(error);
    return missing === undefined ? {} : { flag: missing.flag };
  }
}

/** What owner and mode say that a download would be denied, in its words; of each folder once. */
export class Denials {
  readonly #user: number | undefined;
  readonly #told = new Set<string>();

  constructor({ user }: Identity) {
    this.#user = user;
  }

  /** A folder that is to be made, at once or by and by, in one that is there. */
  ofNewFolder(path: string, nearest: string): StorageError[] {
    return this.#ofFolder(nearest, "create the folder", path);
  }

  /** A folder that is there, and in which files are made. */
  ofFolder(folder: string): StorageError[] {
    return this.#ofFolder(folder, "write to", folder);
  }

  /** A file that is opened, and made where it is not there. */
  ofStateFile(path: string): StorageError[] {
    return lookAt(path)?.isFile === true
      ? this.#ofFile(path)
      : this.#ofFolder(folderOf(path), "create", path);
  }

  /** A file of the target that is there and is cut. */
  ofCutFile(place: Place): StorageError[] {
    return this.#ofFile(pathOf(place));
  }

  /** A file of the target that is written to, made with its folders where it is not there. */
  ofTargetFile(place: Place, isThere: boolean): StorageError[] {
    const path = pathOf(place);
    return [...this.#ofPlace(place.root, path, "open"), ...isThere ? this.#ofFile(path) : []];
  }

  /** The folder of a path below `root`, or the first one that is to be made for it. */
  #ofPlace(root: string, path: string, action: string): StorageError[] {
    const folder = folderOf(path);
    if (this.#told.has(folder)) return [];
    if (folder === root || lookAt(folder) !== undefined) {
      return this.#ofFolder(folder, action, path);
    }
    this.#told.add(folder);
    return this.#ofPlace(root, folder, "create the folder");
  }

  #ofFolder(folder: string, action: string, path: string): StorageError[] {
    if (this.#told.has(folder)) return [];
    this.#told.add(folder);
    return this.#isDenied(folder, CHANGE_NAMES) ? [storageErrorOf("EACCES", action, path)] : [];
  }

  #ofFile(path: string): StorageError[] {
    return this.#isDenied(path, READ_AND_WRITE) ? [storageErrorOf("EACCES", "open", path)] : [];
  }

  /**
   * Of groups we do not know which are ours, and a list of those who may write grants nobody more
   * than the mode shows for the group.
   */
  #isDenied(path: string, wished: number): boolean {
    const user = this.#user;
    if (user === undefined || user === SUPERUSER) return false;
    const { mode, uid } = lookAt(path) ?? { mode: null, uid: null };
    if (mode === null || uid === null) return false;
    const granted = uid === user ? mode >> 6 : mode >> 3 | mode;
    return (granted & wished) !== wished;
  }
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}
