/** Where data that is not there yet would go, and how much room is left for it. */
import { statfs } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { StorageError } from "../base/errors.ts";
import { missingPermission } from "../base/permission.ts";
import { codeOf, toStorageError } from "../workers/disk_errors.ts";
import { lookAt } from "../workers/folders.ts";

export interface NearestFolder {
  /** Absolute, without symbolic links; the folder itself where those above may not be seen. */
  readonly folder: string;
  /** Is it the one that was asked for, and not one above it? */
  readonly isThere: boolean;
}

/**
 * The folder, or the nearest one above it that is there. Throws StorageError when something else
 * stands in its place, or that cannot be seen.
 */
export async function nearestFolder(path: string): Promise<NearestFolder> {
  for (let folder = path;; folder = dirname(resolve(folder))) {
    try {
      const real = await Deno.realPath(folder);
      if ((await Deno.stat(real)).isDirectory) return { folder: real, isThere: folder === path };
    } catch (error) {
      const isAbsent = codeOf(error) === "ENOENT";
      const isTop = dirname(resolve(folder)) === resolve(folder);
      // A link that leads nowhere is there.
      if (isAbsent && !isTop && lookAt(folder) === undefined) continue;
      const failure = toStorageError(error, "use", path);
      // Whoever may only use what is below it is not told of it, and need not be.
      const isAbove = folder !== path && failure.reason === "permission";
      if (isAbove) return { folder: resolve(path), isThere: false };
      if (!isAbsent) throw failure;
    }
    const fact = `${folder === path ? "it" : folder} is not a folder`;
    throw new StorageError("not-regular", path, `Cannot use ${path}: ${fact}`);
  }
}

export interface FreeSpace {
  /** That we may still write; undefined where it is not known. */
  readonly bytes?: number;
  /** The flag of Deno that would tell; undefined where the system does not say. */
  readonly flag?: string;
}

/** The free space of the disk that a folder is on. */
export async function freeSpace(folder: string): Promise<FreeSpace> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return { bytes: bavail * bsize };
  } catch (error) {
    const missing = missingPermission(error);
    return missing === undefined ? {} : { flag: missing.flag };
  }
}
