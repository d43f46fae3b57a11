/** Bytes in the order in which they came, until somebody takes them. A ring that grows. */
import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";

const FIRST_CAPACITY = 16 * 1024;
/** So much memory is kept while there are no bytes; it is not worth taking anew each time. */
const MAX_EMPTY_CAPACITY = 128 * 1024;

export class ByteQueue {
  readonly #maxLength: number;
  #ring: Bytes = new Uint8Array(0);
  #start = 0;
  #length = 0;

  /** `maxLength`: more is a mistake of the caller, who looks before. */
  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  get length(): number {
    return this.#length;
  }

  /** Bytes of memory that are taken. */
  get capacity(): number {
    return this.#ring.length;
  }

  push(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    assert(length <= this.#maxLength, "no more bytes than there is room for");
    if (length > this.#ring.length) this.#grow(length);
    const at = (this.#start + this.#length) % this.#ring.length;
    const untilEnd = this.#ring.length - at;
    if (bytes.length <= untilEnd) this.#ring.set(bytes, at);
    else {
      this.#ring.set(bytes.subarray(0, untilEnd), at);
      this.#ring.set(bytes.subarray(untilEnd));
    }
    this.#length = length;
  }

  /** Moves as many of the oldest bytes as there are, and as `into` takes; returns how many. */
  take(into: Uint8Array): number {
    const count = Math.min(into.length, this.#length);
    const untilEnd = this.#ring.length - this.#start;
    into.set(this.#ring.subarray(this.#start, this.#start + Math.min(count, untilEnd)));
    if (count > untilEnd) into.set(this.#ring.subarray(0, count - untilEnd), untilEnd);
    this.#length -= count;
    this.#start = this.#length === 0 ? 0 : (this.#start + count) % this.#ring.length;
    if (this.#length === 0 && this.#ring.length > MAX_EMPTY_CAPACITY) this.clear();
    return count;
  }

  /** Forgets all bytes, and lets go of the memory. */
  clear(): void {
    this.#ring = new Uint8Array(0);
    this.#start = 0;
    this.#length = 0;
  }

  #grow(length: number): void {
    let capacity = Math.max(FIRST_CAPACITY, this.#ring.length);
    while (capacity < length) capacity *= 2;
    const ring = new Uint8Array(Math.min(capacity, this.#maxLength));
    const kept = this.take(ring);
    this.#ring = ring;
    this.#start = 0;
    this.#length = kept;
  }
}
