/**
 * The open files of one worker: the least recently used is closed when there are too many. Every
 * file is checked before it is opened, and once more after (hostile-inputs D8, D9).
 */
import { assert } from "../base/assert.ts";
import {
  closeSync,
  constants,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
} from "node:fs";
import { FlushError, StorageError } from "../base/errors.ts";
import { codeOf, shortened, storageErrorOf, toStorageError } from "./disk_errors.ts";
import { looksOf } from "./file_looks.ts";
import { Folders, lookAt } from "./folders.ts";
import type { FileFacts, Place, WriteSpan } from "./protocol.ts";

const CREATE_NEW = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;

/** So long files are flushed one after the other; a disk takes longer for more than one or two. */
const QUICK_FLUSH_MS = 0.25;

/** Elsewhere files that we may only read can be flushed too. */
const FLUSH_NEEDS_WRITING = Deno.build.os === "windows";

interface OpenFile {
  readonly descriptor: number;
  readonly isWritable: boolean;
  /** Bytes that it had when it was opened. */
  readonly foundLength: number;
  /** The job in which its name was last seen to lead to it. */
  job: number;
  /** Which file it is; found out when it is first needed. */
  identity: FileIdentity | undefined;
  /** Bytes that it was made long, and may never be shorter than (D5). */
  madeLength: number;
}

/** What is known of a file that is to be written. */
type WishedFile = Pick<WriteSpan, "fileLength" | "mayCreate" | "wasLong">;

interface FileToFlush {
  readonly path: string;
  readonly descriptor: number;
}

interface FileIdentity {
  readonly dev: number;
  readonly ino: number | null;
}

/** A file descriptor is good until the next call: another file may need its slot. */
export class OpenFiles {
  #maxOpenFiles: number;
  readonly #folders = new Folders();
  /** By absolute path, the least recently used first. */
  readonly #open = new Map<string, OpenFile>();
  #job = 0;
  /** How often all files were closed since the process could open no more. */
  #timesGivenUp = 0;

  constructor(maxOpenFiles: number) {
    assert(maxOpenFiles > 0);
    this.#maxOpenFiles = maxOpenFiles;
  }

  get maxOpenFiles(): number {
    return this.#maxOpenFiles;
  }

  /** From now on fewer files, or more, are kept open. Not while a job is done. */
  keepAtMost(maxOpenFiles: number): void {
    assert(maxOpenFiles > 0);
    this.#maxOpenFiles = maxOpenFiles;
    this.closeAll();
  }

  /** Another job begins: what was checked for the last one may have changed. */
  startJob(): void {
    this.#job++;
    this.#folders.startJob();
  }

  /** Opens a file that must exist. Throws StorageError; "missing" when it does not. */
  forReading(place: Place): number {
    const path = this.#folders.resolve(place, false);
    if (path === undefined) throw missing(place.path);
    return this.#cached(path, false) ?? this.#openExisting(path, false).descriptor;
  }

  /**
   * Opens a file, after creating it with its folders when it is not there and may be; makes it
   * at least `fileLength` bytes long, sparse, unless it was so before. Throws StorageError.
   */
  forWriting(place: Place, { fileLength, mayCreate, wasLong }: WishedFile): number {
    const path = this.#folders.resolve(place, mayCreate);
    if (path === undefined) throw missing(place.path);
    const cached = this.#cached(path, true, mayCreate);
    if (cached !== undefined) return cached;
    const file = (mayCreate ? this.#create(path) : undefined) ?? this.#openExisting(path, true);
    const { descriptor, foundLength } = file;
    if (foundLength < fileLength && wasLong) {
      // Kept open, it would pass for checked.
      this.#close(path, file);
      throw shortened(path);
    }
    if (foundLength < fileLength) {
      attempt("extend", path, () => ftruncateSync(descriptor, fileLength));
    }
    file.madeLength = fileLength;
    return descriptor;
  }

  /**
   * Waits until the disk has the data of these files, at most `maxOpenFiles`; none may be closed
   * meanwhile. Rejects with StorageError.
   */
  async flush(places: readonly Place[]): Promise<FileFacts[]> {
    assert(places.length <= this.maxOpenFiles);
    const closedBefore = this.#timesGivenUp;
    const open = places.map((place) => this.#openToFlush(place));
    if (this.#timesGivenUp === closedBefore) {
      await flushAtOnce(open.slice(flushWhileQuick(open)));
    } else this.#flushOneByOne(places);
    return open.map(({ path }) => {
      const facts = factsOf(lookAt(path), path);
      if (facts === undefined) throw missing(path);
      return facts;
    });
  }

  /** How a file looks; undefined when there is none. Throws when it is no ordinary file. */
  inspect(place: Place): FileFacts | undefined {
    const path = this.#folders.resolve(place, false);
    return path === undefined ? undefined : factsOf(lookAt(path), path);
  }

  /** The absolute path of `place`, its folder there and checked. Closes the file if it is open. */
  release(place: Place): string {
    const path = this.#folders.resolve(place, true)!;
    const file = this.#open.get(path);
    if (file !== undefined) this.#close(path, file);
    return path;
  }

  closeAll(): void {
    for (const [path, file] of this.#open) this.#close(path, file);
  }

  get size(): number {
    return this.#open.size;
  }

  /** Where not all can be open together: a number that was closed may be another file's by now. */
  #flushOneByOne(places: readonly Place[]): void {
    for (const place of places) {
      const { path, descriptor } = this.#openToFlush(place);
      flushNow(path, descriptor);
    }
  }

  #openToFlush(place: Place): FileToFlush {
    const path = this.#folders.resolve(place, false);
    if (path === undefined) throw missing(place.path);
    const descriptor = this.#cached(path, FLUSH_NEEDS_WRITING) ??
      this.#openExisting(path, FLUSH_NEEDS_WRITING).descriptor;
    return { path, descriptor };
  }

  /** Throws when another file has the name of one that we write to, unless it `mayBeNew`. */
  #cached(path: string, mustWrite: boolean, mayBeNew = false): number | undefined {
    const file = this.#open.get(path);
    if (file === undefined) return undefined;
    if ((mustWrite && !file.isWritable) || !this.#isStillThere(path, file, mayBeNew)) {
      this.#close(path, file);
      return undefined;
    }
    this.#open.delete(path);
    this.#open.set(path, file);
    return file.descriptor;
  }

  /**
   * Does the name still lead to the open file? Another worker may have renamed it, or a stranger
   * deleted it (D5): what is written to it then is lost.
   */
  #isStillThere(path: string, file: OpenFile, mayBeNew: boolean): boolean {
    if (file.job === this.#job) return true;
    const info = lookAt(path);
    if (info === undefined) return false;
    file.identity ??= fstatSync(file.descriptor);
    if (!isSameFile(info, file.identity)) {
      // It stays open, so that whoever asks next is told as well: a stranger's bytes are not ours.
      if (info.isFile && file.isWritable && !mayBeNew) throw replaced(path);
      return false;
    }
    if (info.size < file.madeLength) throw shortened(path);
    file.job = this.#job;
    return true;
  }

  #openExisting(path: string, isWritable: boolean): OpenFile {
    const before = lookAt(path);
    if (before === undefined) throw missing(path);
    requireRegular(before, path);
    const descriptor = this.#openDescriptor(path, isWritable ? "r+" : "r");
    const opened = fstatSync(descriptor); // As dear as all else together: once for all questions.
    if (!isSameFile(before, opened)) {
      closeSync(descriptor);
      throw replaced(path);
    }
    return this.#keep(path, descriptor, isWritable, opened.size, before);
  }

  /** A new file; undefined when there is one already. A dangling link counts as one. */
  #create(path: string): OpenFile | undefined {
    try {
      return this.#keep(path, this.#openDescriptor(path, CREATE_NEW), true, 0);
    } catch (error) {
      if (error instanceof StorageError && error.reason === "occupied") return undefined;
      throw error;
    }
  }

  /** Opens; when the process has no descriptors left, gives up ours and tries once more (S8). */
  #openDescriptor(path: string, flags: string | number): number {
    try {
      return openSync(path, flags);
    } catch (error) {
      const code = codeOf(error);
      if (code !== "EMFILE" && code !== "ENFILE") throw toStorageError(error, "open", path);
    }
    this.closeAll();
    this.#timesGivenUp++;
    return attempt("open", path, () => openSync(path, flags));
  }

  #keep(
    path: string,
    descriptor: number,
    isWritable: boolean,
    foundLength: number,
    identity?: FileIdentity,
  ): OpenFile {
    if (this.#open.size >= this.maxOpenFiles) {
      for (const [oldestPath, oldest] of this.#open) {
        this.#close(oldestPath, oldest);
        break;
      }
    }
    const job = this.#job;
    const file = { descriptor, isWritable, foundLength, job, identity, madeLength: 0 };
    this.#open.set(path, file);
    return file;
  }

  #close(path: string, file: OpenFile): void {
    this.#open.delete(path);
    closeSync(file.descriptor);
  }
}

/** Does `act`; what the system throws becomes a StorageError that says what was being done. */
export function attempt<Result>(action: string, path: string, act: () => Result): Result {
  try {
    return act();
  } catch (error) {
    throw toStorageError(error, action, path);
  }
}

function requireRegular(info: Deno.FileInfo, path: string): void {
  if (info.isFile) return;
  throw storageErrorOf(
    info.isSymlink ? "ELOOP" : info.isDirectory ? "EISDIR" : "ENXIO",
    "open",
    path,
  );
}

/**
 * One after the other as long as that takes no time, as where nothing waits for a disk: to ask a
 * thread takes longer. How many were flushed. Throws StorageError.
 */
function flushWhileQuick(files: readonly FileToFlush[]): number {
  const startedAt = performance.now();
  let count = 0;
  for (const { path, descriptor } of files) {
    flushNow(path, descriptor);
    count++;
    if (performance.now() - startedAt > QUICK_FLUSH_MS) break;
  }
  return count;
}

/** Throws FlushError. */
function flushNow(path: string, descriptor: number): void {
  try {
    fdatasyncSync(descriptor);
  } catch (error) {
    throw unflushed(error, path);
  }
}

function unflushed(error: unknown, path: string): FlushError {
  const { reason, message } = toStorageError(error, "flush", path);
  return new FlushError(reason, path, message);
}

/** A file system writes many files nearly as fast as one. Rejects with StorageError. */
async function flushAtOnce(files: readonly FileToFlush[]): Promise<void> {
  const flushed = await Promise.allSettled(files.map(({ descriptor }) => flush(descriptor)));
  for (const [index, outcome] of flushed.entries()) {
    const { path } = files[index]!;
    if (outcome.status === "rejected") throw unflushed(outcome.reason, path);
  }
}

function flush(descriptor: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fdatasync(descriptor, (error) => error ? reject(error) : resolve());
  });
}

/** Not every system numbers its files. */
function isSameFile(seen: FileIdentity, open: FileIdentity): boolean {
  return seen.ino === null || (seen.ino === open.ino && seen.dev === open.dev);
}

function factsOf(info: Deno.FileInfo | undefined, path: string): FileFacts | undefined {
  if (info === undefined) return undefined;
  requireRegular(info, path);
  const facts = { ...looksOf(info), links: info.nlink ?? 1 };
  return info.blocks === 0 ? { ...facts, isHollow: true } : facts;
}

function missing(path: string): StorageError {
  return storageErrorOf("ENOENT", "open", path);
}

function replaced(path: string): StorageError {
  return new StorageError("missing", path, `Cannot open ${path}: another file has taken its place`);
}
