/**
 * Which pieces were being written: their indices, four bytes each, on file before the bytes go
 * to a worker. After a kill −9 only these need to be looked at again, instead of whole files.
 * The journal is a hint and never trusted: a piece in it is hashed before it counts.
 */
import { getUint32, putUint32 } from "../base/bytes.ts";
import { toStorageError } from "../workers/disk_errors.ts";
import { openStateFile, readStateFile } from "./state_file.ts";

const ENTRY_LENGTH = 4;
/** Entries written at once: one costs as much as many, and small pieces go to a worker together. */
const MAX_UNWRITTEN_ENTRIES = 1_024;
/** What is read of a journal, as no run writes more between two checkpoints. */
const MAX_JOURNAL_LENGTH = 16 * 1024 * 1024;

/** The file of a torrent's journal. */
export function journalPath(stateDir: string, infoHashHex: string): string {
  return `${stateDir}/${infoHashHex}.journal`;
}

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
  #entryCount: number;
  readonly #unwritten = new Uint8Array(MAX_UNWRITTEN_ENTRIES * ENTRY_LENGTH);
  #unwrittenCount = 0;
  #isClosed = false;

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

  /** Notes a piece; it is found after a kill once `write` was called. Never throws. */
  append(piece: number): void {
    if (this.#unwrittenCount === MAX_UNWRITTEN_ENTRIES) this.write();
    putUint32(this.#unwritten, this.#unwrittenCount++ * ENTRY_LENGTH, piece);
  }

  /**
   * Writes what was noted since the last time. Never throws: a piece that could not be noted is
   * not found again after a crash, which costs a second look at its files and nothing else.
   */
  write(): void {
    if (this.#unwrittenCount === 0 || this.#isClosed) return;
    const entries = this.#unwritten.subarray(0, this.#unwrittenCount * ENTRY_LENGTH);
    this.#unwrittenCount = 0;
    let written = 0;
    try {
      written = this.#file.writeSync(entries);
    } catch {
      // What is not there is not counted.
    }
    this.#entryCount += Math.floor(written / ENTRY_LENGTH);
    if (written < entries.length) this.#seekToEnd();
  }

  /** Leaves only `pieces`: all others have been claimed or given up. Never throws. */
  rewrite(pieces: Iterable<number>): void {
    this.#entryCount = this.#unwrittenCount = 0;
    this.#seekToEnd();
    for (const piece of pieces) this.append(piece);
    this.write();
    try {
      this.#file.truncateSync(this.#entryCount * ENTRY_LENGTH);
    } catch {
      // Old entries stay: they are looked at once more.
    }
  }

  /** From here on nothing is noted any more; a piece that still waits for a worker may try. */
  close(): void {
    this.#isClosed = true;
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
