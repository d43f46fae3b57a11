/**
 * What all connections may have received that nobody has read, together: memory that peers decide
 * about, and who is slow to read. Each may always have a little; the rest is shared.
 */
import { assert } from "../base/assert.ts";

/** No connection is told of less room than this while nothing of it waits: two blocks. */
export const LEAST_WINDOW_BYTES = 32 * 1024;
/** It may need as much again, when peers do not wait for what is missing. */
const GUARANTEED_BYTES = 2 * LEAST_WINDOW_BYTES;
/** What is shared beyond what is guaranteed: 70 MB/s over 450 ms. */
const SHARED_BYTES = 32 * 1024 * 1024;
/** Nobody gets more than this part of what is left: so something is left for who comes next. */
const SHARES = 16;

export class ReceiveBudget {
  /** What is reserved of SHARED_BYTES. */
  #taken = 0;

  /** Bytes of SHARED_BYTES that nobody has reserved. */
  get left(): number {
    return SHARED_BYTES - this.#taken;
  }

  /** The window that a connection may have which has reserved so many bytes. */
  windowFor(reserved: number): number {
    return LEAST_WINDOW_BYTES + Math.floor((this.left + sharedPart(reserved)) / SHARES);
  }

  /** A connection reserves `to` bytes instead of `from`: twice `windowFor(from)` at most. */
  change(from: number, to: number): void {
    this.#taken += sharedPart(to) - sharedPart(from);
    assert(this.#taken >= 0 && this.left >= 0, "no more is reserved than there is");
  }
}

function sharedPart(reserved: number): number {
  return Math.max(0, reserved - GUARANTEED_BYTES);
}
