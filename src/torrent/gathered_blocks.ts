/**
 * Blocks that go out in one write, as messages. Those that follow each other in one run are sent as
 * they are. Those of short runs are copied, one behind the other: a write costs as much as to copy
 * a hundred KiB, and whoever reads them is woken once for all.
 */
import { assert } from "../base/assert.ts";
import { BLOCK_LENGTH } from "../metainfo/layout.ts";
import { BLOCK_HEADER_LENGTH } from "../wire/block_run.ts";

/** Of the messages of a run: to copy longer ones costs more than to write them. */
export const MAX_SHORT_BYTES = 4 * (BLOCK_HEADER_LENGTH + BLOCK_LENGTH);
/** Of one copy: a longer write costs nothing beside what it carries. */
const MAX_COPIED_BYTES = 4 * MAX_SHORT_BYTES;
/**
 * Copies of a torrent at once. A peer that stops reading holds one until it is dropped; while all
 * are held, each run has a write of its own.
 */
const MAX_COPIES = 16;

/** Buffers for copies; those that are free again are used again. */
export class CopyBuffers {
  readonly #free: Uint8Array<ArrayBuffer>[] = [];
  #count = 0;

  get isAnyFree(): boolean {
    return this.#free.length > 0 || this.#count < MAX_COPIES;
  }

  /** Only while `isAnyFree`. */
  take(): Uint8Array<ArrayBuffer> {
    assert(this.isAnyFree);
    const free = this.#free.pop();
    if (free !== undefined) return free;
    this.#count++;
    return new Uint8Array(MAX_COPIED_BYTES);
  }

  giveBack(buffer: Uint8Array<ArrayBuffer>): void {
    this.#free.push(buffer);
  }
}

export class GatheredBlocks {
  readonly #buffers: CopyBuffers;
  #messages: Uint8Array;
  #copy: Uint8Array<ArrayBuffer> | undefined;

  /** Begins with messages of one run. */
  constructor(messages: Uint8Array, buffers: CopyBuffers) {
    this.#messages = messages;
    this.#buffers = buffers;
  }

  /** All that was gathered: part of the first run while it is alone, and until `release` a copy. */
  get messages(): Uint8Array {
    return this.#messages;
  }

  /** How many bytes of messages may be added: none to a long run, or while no buffer is free. */
  get roomBytes(): number {
    const { length } = this.#messages;
    const mayCopy = length <= MAX_SHORT_BYTES && this.#buffers.isAnyFree;
    return this.#copy !== undefined || mayCopy ? MAX_COPIED_BYTES - length : 0;
  }

  /** Adds messages of another run, at most `roomBytes` of them; that run may change afterwards. */
  add(messages: Uint8Array): void {
    const length = this.#messages.length;
    if (this.#copy === undefined) {
      this.#copy = this.#buffers.take();
      this.#copy.set(this.#messages);
    }
    this.#copy.set(messages, length);
    this.#messages = this.#copy.subarray(0, length + messages.length);
  }

  /** They are written, or never will be. */
  release(): void {
    if (this.#copy !== undefined) this.#buffers.giveBack(this.#copy);
    this.#copy = undefined;
  }
}
