/** The bytes of an MSE handshake as they come: never more is read than certainly belongs to it. */
import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { malformed, MAX_PAD_LENGTH } from "./mse.ts";

/** Enough for all but a long initial payload. */
const INITIAL_CAPACITY = 1024;

export class MseInput {
  #buffer = new Uint8Array(INITIAL_CAPACITY);
  /** Bytes from `#start` to `#end` have come and are not used yet. */
  #start = 0;
  #end = 0;
  #neededBytes = 0;
  #skippedBytes = 0;

  /** Room for what is missing of what was asked for last. */
  space(): Bytes {
    const missing = this.#neededBytes - (this.#end - this.#start);
    assert(missing > 0, "more is read only when more is needed");
    return this.#buffer.subarray(this.#end, this.#end + missing);
  }

  /** `count` bytes were read into the start of `space`. */
  advance(count: number): void {
    assert(count <= this.#neededBytes - (this.#end - this.#start));
    this.#end += count;
  }

  /** A view of the next `length` bytes, to be used at once; undefined until all have come. */
  take(length: number): Bytes | undefined {
    if (!this.#has(length)) return undefined;
    this.#start += length;
    return this.#buffer.subarray(this.#start - length, this.#start);
  }

  /**
   * Skips a pad and the `mark` after it; false until the mark has come. At least `followedBy`
   * bytes of the handshake come after it. Throws ProtocolError when there is no mark behind any
   * pad that is allowed (P31).
   */
  skipPast(mark: Uint8Array, followedBy: number): boolean {
    while (true) {
      const length = matchingLength(this.#buffer.subarray(this.#start, this.#end), mark);
      if (length === mark.length) {
        this.#start += length;
        return true;
      }
      if (this.#start + length === this.#end) {
        this.#has(mark.length + followedBy);
        return false;
      }
      this.#start++;
      if (++this.#skippedBytes > MAX_PAD_LENGTH) throw malformed("its encryption has no start");
    }
  }

  #has(length: number): boolean {
    const kept = this.#end - this.#start;
    if (kept >= length) return true;
    this.#neededBytes = length;
    if (this.#start + length > this.#buffer.length) {
      const bytes = this.#buffer.subarray(this.#start, this.#end);
      if (length > this.#buffer.length) this.#buffer = new Uint8Array(length);
      this.#buffer.set(bytes);
      this.#start = 0;
      this.#end = kept;
    }
    return false;
  }
}

/** How many bytes at the start of `bytes` are as in `mark`. */
function matchingLength(bytes: Uint8Array, mark: Uint8Array): number {
  const most = Math.min(bytes.length, mark.length);
  let length = 0;
  while (length < most && bytes[length] === mark[length]) length++;
  return length;
}
