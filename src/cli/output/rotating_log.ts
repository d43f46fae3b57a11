/**
 * A log that begins a new file when one is full, and lets the oldest go: a run of weeks must not
 * fill a disk, and neither must a run every ten minutes for years. Pure, given its folder.
 */
import type { Clock, Random } from "../../base/ambient.ts";
import type { LogFile, LogFolder } from "./log_folder.ts";

/** No log file is larger. */
const MAX_LOG_FILE_BYTES = 1024 * 1024;
/** Log files that are kept in the folder, those of other runs included. */
const MAX_LOG_FILES = 64;

const OUR_NAME = /^starling-\d{8}T\d{6}Z-[0-9a-f]{4}-\d{6}\.log$/;
const LINE_END = 10;

export interface RotatingLogOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly maxFileBytes?: number;
  readonly maxFiles?: number;
}

/** Its `write` is a `Sink` of lines; calls of it must not overlap. */
export class RotatingLog {
  readonly #folder: LogFolder;
  readonly #clock: Clock;
  readonly #run: string;
  readonly #maxFileBytes: number;
  readonly #maxFiles: number;
  #file: LogFile | undefined;
  #fileBytes = 0;
  #fileCount = 0;
  /** Files of this run, the oldest first: known where the folder may not be read. */
  #own: string[] = [];

  private constructor(
    folder: LogFolder,
    { clock, random, maxFileBytes = MAX_LOG_FILE_BYTES, maxFiles = MAX_LOG_FILES }:
      RotatingLogOptions,
  ) {
    this.#folder = folder;
    this.#clock = clock;
    // Two runs may start in the same second.
    this.#run = random.below(2 ** 16).toString(16).padStart(4, "0");
    this.#maxFileBytes = maxFileBytes;
    this.#maxFiles = maxFiles;
  }

  /** Begins the first file. Throws what Deno throws. */
  static async open(folder: LogFolder, options: RotatingLogOptions): Promise<RotatingLog> {
    const log = new RotatingLog(folder, options);
    await log.#rotate();
    return log;
  }

  /** Writes some of the bytes, whole lines where it can, and says how many. */
  async write(bytes: Uint8Array): Promise<number> {
    let part = this.#fitting(bytes);
    if (part.length === 0) {
      await this.#rotate();
      part = this.#fitting(bytes);
    }
    const count = await this.#file!.write(part);
    this.#fileBytes += count;
    return count;
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  /** As many lines as the file has room for; of one that no file has room for, its beginning. */
  #fitting(bytes: Uint8Array): Uint8Array {
    const room = this.#maxFileBytes - this.#fileBytes;
    if (bytes.length <= room) return bytes;
    const end = bytes.subarray(0, room).lastIndexOf(LINE_END) + 1;
    const isTooLong = end === 0 && this.#fileBytes === 0;
    return bytes.subarray(0, isTooLong ? room : end);
  }

  async #rotate(): Promise<void> {
    this.close();
    await this.#prune();
    const name = this.#nextName();
    this.#file = await this.#folder.create(name);
    this.#own.push(name);
    this.#fileBytes = 0;
  }

  /** Sorts by time: of the file, and within a second by number. */
  #nextName(): string {
    const time = new Date(this.#clock.wallTime()).toISOString().replaceAll(/[-:]|\.\d+/g, "");
    const number = String(this.#fileCount++).padStart(6, "0");
    return `starling-${time}-${this.#run}-${number}.log`;
  }

  /** Makes room for one more. What cannot be removed stays: a log is no reason to fail. */
  async #prune(): Promise<void> {
    const names = (await this.#names()).filter((name) => OUR_NAME.test(name)).toSorted();
    const surplus = names.slice(0, Math.max(0, names.length - this.#maxFiles + 1));
    this.#own = this.#own.filter((name) => !surplus.includes(name));
    for (const name of surplus) await this.#folder.remove(name).catch(() => {});
  }

  async #names(): Promise<readonly string[]> {
    try {
      return await this.#folder.names();
    } catch {
      return this.#own; // It may be written and not read.
    }
  }
}
