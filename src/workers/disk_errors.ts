/** The operating system's and Deno's refusals as StorageErrors that a user can act on. */
import { FlushError, StorageError, type StorageReason } from "../base/errors.ts";
import { describeMissing, type MissingPermission, missingPermission } from "../base/permission.ts";
import type { FailedReply } from "./protocol.ts";

type Meaning = readonly [StorageReason, string];

/** Error codes of the system, what they mean to us and to the user. */
const MEANINGS = {
  ENOSPC: ["no-space", "the disk is full"],
  EDQUOT: ["no-space", "the disk quota is used up"],
  EFBIG: ["no-space", "the file system takes no files of this size"],
  EROFS: ["read-only", "the file system is read-only"],
  EACCES: ["denied", "the system denies access to it"],
  EPERM: ["denied", "the system does not permit it"],
  ENOENT: ["missing", "it is not there"],
  ELOOP: ["symlink", "it is a symbolic link"],
  EISDIR: ["not-regular", "it is a folder"],
  ENOTDIR: ["not-regular", "part of its path is a file"],
  ENXIO: ["not-regular", "it is no ordinary file"],
  EEXIST: ["occupied", "it exists already"],
  ENOTEMPTY: ["occupied", "it exists already"],
  ENAMETOOLONG: ["name-too-long", "the name is too long for this file system"],
} as const satisfies Readonly<Record<string, Meaning>>;

/** The StorageError for whatever `error` is; a StorageError stays as it is. */
export function toStorageError(error: unknown, action: string, path: string): StorageError {
  if (error instanceof StorageError) return error;
  const missing = missingPermission(error);
  if (missing !== undefined) {
    return permissionError(missing, action, path);
  }
  const [reason, fact] = meaningOf(error);
  return new StorageError(reason, path, `Cannot ${action} ${path}: ${fact}`);
}

/** What an error of the system means; its own words where we have none. */
export function meaningOf(error: unknown): Meaning {
  const meanings: Readonly<Record<string, Meaning>> = MEANINGS;
  return meanings[codeOf(error) ?? ""] ?? ["io", describe(error)];
}

/** The error that the system would give, where it is not asked: of the same words. */
export function storageErrorOf(
  code: keyof typeof MEANINGS,
  action: string,
  path: string,
): StorageError {
  const [reason, fact] = MEANINGS[code];
  return new StorageError(reason, path, `Cannot ${action} ${path}: ${fact}`);
}

/** The error of what Deno refused, or would refuse; `action` is like "read". */
export function permissionError(
  missing: MissingPermission,
  action: string,
  path: string,
): StorageError {
  const message = `Cannot ${action} ${path}: ${describeMissing(missing)}`;
  return new StorageError("permission", path, message);
}

/** How a worker reports it; as toStorageError. */
export function failedReply(error: unknown, action: string, path: string): FailedReply {
  const failed = toStorageError(error, action, path);
  const isFlush = failed instanceof FlushError;
  const { reason, message } = failed;
  return { kind: "failed", reason, path: failed.path, message, ...(isFlush && { isFlush }) };
}

/** The StorageError that a worker reported. */
export function errorOf({ reason, path, message, isFlush }: FailedReply): StorageError {
  return isFlush ? new FlushError(reason, path, message) : new StorageError(reason, path, message);
}

/** The error of a file that somebody else has cut while it was ours (D5). */
export function shortened(path: string): StorageError {
  return new StorageError("io", path, `Cannot use ${path}: someone else has shortened it`);
}

/** The code of a system error, such as `ENOENT`; undefined when it has none. */
export function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as Error & { code?: unknown }).code : undefined;
  return typeof code === "string" ? code : undefined;
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
