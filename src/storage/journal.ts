/**
 * Which pieces were being written: their indices, four bytes each, appended before the bytes go
 * to a worker. After a kill −9 only these need to be looked at again, instead of whole files.
 * The journal is a hint and never trusted: a piece in it is hashed before it counts.
 */
import { getUint32, putUint32 } from "../base/bytes.ts";
import { toStorageError } from "../workers/disk_errors.ts";
import { openStateFile, readStateFile } from "./state_file.ts";

const ENTRY_LENGTH = 4;
/** What is read of a journal, as no run writes more between two checkpoints. */
const MAX_JOURNAL_LENGTH = 16 * 1024 * 1024;

/** What a run has left in its journal, for those who only look: nothing is created. */
export async function readJournal(
  path: string,
): Promise<{ readonly pieces: ReadonlySet<number>; readonly modifiedMs: number }> {
  const bytes = await readStateFile(path, MAX_JOURNAL_LENGTH);
  if (bytes === undefined) return { pieces: new Set(), modifiedMs: 0 };
  const { mtime } = await Deno.lstat(path);
  return { pieces: new Set(entriesOf(bytes, bytes.length)), modifiedMs: mtime?.getTime() ?? 0 };
}

export class Journal {
  /** What the last run left: pieces, in order, perhaps repeated. May hold anything. */
  readonly found: readonly number[];
  /** When the last run wrote to it: milliseconds since 1970. */
  readonly foundModifiedMs: number;
  readonly #file: Deno.FsFile;
  readonly #entry = new Uint8Array(ENTRY_LENGTH);
  #entryCount: number;

  private constructor(file: Deno.FsFile) {
    this.#file = file;
    const info = file.statSync();
    const bytes = new Uint8Array(Math.min(info.size, MAX_JOURNAL_LENGTH));
    const length = file.readSync(bytes) ?? 0;
    this.found = entriesOf(bytes, length);
    this.#entryCount = this.found.length;
    this.foundModifiedMs = info.mtime?.getTime() ?? 0;
    this.#seekToEnd();
  }

  /** Opens the journal, made when it is not there. Throws StorageError. */
  static open(path: string): Journal {
    const file = openStateFile(path);
    try {
      return new Journal(file);
    } catch (error) {
      file.close();
      throw toStorageError(error, "read", path);
    }
  }

  /**
   * Notes a piece. Never throws: a piece that could not be noted is not found again after a
   * crash, which costs a second look at its files and nothing else.
   */
  append(piece: number): void {
    putUint32(this.#entry, 0, piece);
    try {
      if (this.#file.writeSync(this.#entry) === ENTRY_LENGTH) this.#entryCount++;
      else this.#seekToEnd();
    } catch {
      this.#seekToEnd();
    }
  }

  /** Leaves only `pieces`: all others have been claimed or given up. Never throws. */
  rewrite(pieces: Iterable<number>): void {
    this.#entryCount = 0;
    this.#seekToEnd();
    for (const piece of pieces) this.append(piece);
    try {
      this.#file.truncateSync(this.#entryCount * ENTRY_LENGTH);
    } catch {
      // Old entries stay: they are looked at once more.
    }
  }

  close(): void {
    this.#file.close();
  }

  #seekToEnd(): void {
    this.#file.seekSync(this.#entryCount * ENTRY_LENGTH, Deno.SeekMode.Start);
  }
}

/** The entries in the first `length` bytes. */
function entriesOf(bytes: Uint8Array, length: number): number[] {
  const count = Math.floor(length / ENTRY_LENGTH);
  return Array.from({ length: count }, (_, index) => getUint32(bytes, index * ENTRY_LENGTH));
}
