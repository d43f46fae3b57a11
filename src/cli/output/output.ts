/**
 * Text on its way to a stream that may be slow, closed or full. Writing it never waits and never
 * throws: a paused terminal must not stop a download, a reader that left must not end it. Data
 * waits for its reader instead, so that nothing of it is ever dropped while there is one.
 */
import type { Clock } from "../../base/ambient.ts";

/** Where the bytes go: writes some of them and says how many. Rejects as the system does. */
export type Sink = (bytes: Uint8Array) => Promise<number>;

/** Standard output and standard error, and the terminal that they may be. */
export interface StandardStreams {
  readonly stdout: Output;
  readonly stderr: Output;
  /** False when NO_COLOR is set, or standard output is no terminal. */
  readonly useColor: boolean;
  /** Columns and rows; zeros when the terminal does not say, or there is none. */
  terminalSize(): { columns: number; rows: number };
}

/** Text that may wait for a slow reader; what comes beyond it is dropped. */
const MAX_WAITING_CHARACTERS = 32 * 1024 * 1024;
/** A long answer is handed over in parts of about this size. */
const FLUSH_CHARACTERS = 64 * 1024;
/** A non-blocking stream that is full is tried again after this. */
const RETRY_MS = 20;

export class Output {
  /** Is it a terminal that shows what is written? */
  readonly isTerminal: boolean;
  readonly #sink: Sink;
  readonly #clock: Clock;
  readonly #encoder = new TextEncoder();
  #waiting: string[] = [];
  #waitingCharacters = 0;
  #pump: Promise<void> | undefined;
  #failure: unknown;
  #isClosed = false;

  constructor(sink: Sink, { clock, isTerminal = false }: { clock: Clock; isTerminal?: boolean }) {
    this.isTerminal = isTerminal;
    this.#sink = sink;
    this.#clock = clock;
  }

  /** Has it failed, or its reader left? Then everything written to it is dropped. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Is something written still on its way? */
  get isBusy(): boolean {
    return this.#pump !== undefined;
  }

  /** Why it failed; undefined while it works, and when its reader merely left. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Queues `text`. Dropped when the stream is closed or hopelessly behind. */
  write(text: string): void {
    if (this.#isClosed || text === "") return;
    if (this.#waitingCharacters > MAX_WAITING_CHARACTERS) return;
    this.#waiting.push(text);
    this.#waitingCharacters += text.length;
    this.#pump ??= this.#writeAll();
  }

  writeLine(line: string): void {
    this.write(`${line}\n`);
  }

  /** Writes lines as fast as the reader takes them, however many there are. */
  async writeLines(lines: Iterable<string>): Promise<void> {
    await this.writeParts(Iterator.from(lines).map((line) => `${line}\n`));
  }

  /** The same for parts of one line. */
  async writeParts(parts: Iterable<string>): Promise<void> {
    for (const part of parts) {
      this.write(part);
      if (this.#waitingCharacters >= FLUSH_CHARACTERS) await this.flush();
    }
  }

  /** Resolves once all that was written has left, or the stream has failed. */
  async flush(): Promise<void> {
    while (this.#pump !== undefined) await this.#pump;
  }

  /**
   * Writes data to its last byte, however slowly the reader takes it; `bytes` must stay as they are
   * meanwhile. Resolves when all have left, or when the stream is closed. Never rejects.
   */
  async writeData(bytes: Uint8Array): Promise<void> {
    await this.flush();
    if (!this.#isClosed) await this.#writeBytes(bytes);
  }

  async #writeAll(): Promise<void> {
    // Whatever else is written in this turn leaves in the same write.
    await Promise.resolve();
    while (this.#waiting.length > 0 && !this.#isClosed) {
      const bytes = this.#encoder.encode(this.#waiting.join(""));
      this.#waiting = [];
      this.#waitingCharacters = 0;
      await this.#writeBytes(bytes);
    }
    // In the same step as the last look at what waits: else a line could be left behind.
    this.#pump = undefined;
  }

  async #writeBytes(bytes: Uint8Array): Promise<void> {
    let offset = 0;
    while (offset < bytes.length) {
      try {
        offset += await this.#sink(bytes.subarray(offset));
      } catch (error) {
        if (error instanceof Error && error.name === "WouldBlock") {
          await this.#clock.sleep(RETRY_MS);
          continue;
        }
        this.#isClosed = true;
        this.#waiting = [];
        if (!(error instanceof Error && error.name === "BrokenPipe")) this.#failure = error;
        return;
      }
    }
  }
}
