/**
 * How many TCP sockets there may be: where the system lets a process open few files, as after
 * `ulimit -n 64`, some are left for the disk, names and code, or each of them would fail (S8).
 */
import { assert } from "../base/assert.ts";
import { untilAborted } from "../base/until_aborted.ts";

/** So few sockets leave enough in any case: a start does not wait to find out. */
const SOCKETS_UNASKED = 16;
/** Files that it must be possible to open beside the sockets. */
const RESERVED_FILES = 24;
/** How many files more could be opened is found out up to this number, and then anew. */
const MAX_COUNTED_FILES = 128;
/** Places that peers leave to those who are dialled, or have yet to shake hands. */
const PLACES_TO_COME_IN = 6;
/** Of these, those that are kept from whoever comes by himself, and could do so without end. */
const PLACES_TO_DIAL = 3;

export interface SocketRoomOptions {
  /** Resolves when what was started before is loaded: it fails when it can open no file. */
  readonly settled: () => Promise<void>;
  /** How many files more could be opened now, up to `most`; as many where nobody can tell. */
  readonly countFree: (most: number) => number;
  /** There is room for few sockets: others are to keep few files open, too. */
  readonly onScarce: () => void;
}

export class SocketRoom {
  readonly #options: SocketRoomOptions;
  #used = 0;
  #limit = SOCKETS_UNASKED;
  #isScarce = false;
  #measuring: Promise<void> | undefined;
  #released = Promise.withResolvers<void>();

  constructor(options: SocketRoomOptions) {
    this.#options = options;
  }

  /**
   * Takes a place, until `release`; resolves to false when there is none now. Rejects with what
   * `settled` or `countFree` fail with: the next one asks them anew.
   */
  take(): Promise<boolean> {
    return this.#take(0);
  }

  async #take(spared: number): Promise<boolean> {
    if (this.#used >= this.#limit - spared && !this.#isScarce) {
      await (this.#measuring ??= this.#measure().finally(() => this.#measuring = undefined));
    }
    if (this.#used >= this.#limit - (this.#isScarce ? spared : 0)) return false;
    this.#used++;
    return true;
  }

  /**
   * Waits for a place for whoever comes, beside some that are kept for dials; resolves to false when
   * `signal` is first.
   */
  async takeWhenFree(signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      const released = this.#released.promise; // Asked before: one may be released meanwhile.
      if (await this.#take(PLACES_TO_DIAL)) return true;
      await untilAborted(released, signal).catch(() => {});
    }
    return false;
  }

  release(): void {
    assert(this.#used > 0, "a place is released once");
    this.#used--;
    this.#released.resolve();
    this.#released = Promise.withResolvers();
  }

  /** So many peers leave places for others; Infinity unless places are known to be scarce. */
  get maxPeers(): number {
    return this.#isScarce ? this.#limit - PLACES_TO_COME_IN : Infinity;
  }

  async #measure(): Promise<void> {
    const { settled, countFree, onScarce } = this.#options;
    await settled();
    const free = countFree(MAX_COUNTED_FILES);
    this.#limit = Math.max(SOCKETS_UNASKED, this.#used + free - RESERVED_FILES);
    if (free >= MAX_COUNTED_FILES) return;
    this.#isScarce = true;
    onScarce();
  }
}
