import { assert } from "./assert.ts";

/**
 * A fixed number of bits, the first one highest in its byte, as the peer protocol sends them
 * (BEP 3 "bitfield"). Spare bits at the end are always zero. `count` is kept, never computed.
 */
export class Bitfield {
  readonly length: number;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  #count = 0;

  constructor(length: number) {
    assert(Number.isSafeInteger(length) && length >= 0);
    this.length = length;
    this.#bytes = new Uint8Array(Math.ceil(length / 8));
  }

  /** A bitfield from its wire form; undefined when the size is wrong or a spare bit is set. */
  static fromBytes(bytes: Uint8Array, length: number): Bitfield | undefined {
    if (bytes.length !== Math.ceil(length / 8)) return undefined;
    const spareBits = bytes.length * 8 - length;
    if (spareBits > 0 && (bytes[bytes.length - 1]! & ((1 << spareBits) - 1)) !== 0) {
      return undefined;
    }
    const field = new Bitfield(length);
    field.#bytes.set(bytes);
    for (const byte of bytes) field.#count += countOnes(byte);
    return field;
  }

  copy(): Bitfield {
    const field = new Bitfield(this.length);
    field.#bytes.set(this.#bytes);
    field.#count = this.#count;
    return field;
  }

  /** How many bits are set. */
  get count(): number {
    return this.#count;
  }

  get isFull(): boolean {
    return this.#count === this.length;
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  has(index: number): boolean {
    return (this.#bytes[index >>> 3]! & (128 >>> (index & 7))) !== 0;
  }

  /** Sets one bit; true when it was clear before. */
  set(index: number): boolean {
    assert(index >= 0 && index < this.length);
    if (this.has(index)) return false;
    this.#bytes[index >>> 3]! |= 128 >>> (index & 7);
    this.#count++;
    return true;
  }

  /** Clears one bit; true when it was set before. */
  clear(index: number): boolean {
    assert(index >= 0 && index < this.length);
    if (!this.has(index)) return false;
    this.#bytes[index >>> 3]! &= ~(128 >>> (index & 7));
    this.#count--;
    return true;
  }

  setAll(): void {
    this.#bytes.fill(255);
    const spareBits = this.#bytes.length * 8 - this.length;
    if (spareBits > 0) this.#bytes[this.#bytes.length - 1]! &= 255 << spareBits;
    this.#count = this.length;
  }

  /** The first index from `start` on that is set in both, which have one length; -1 if none is. */
  nextCommon(other: Bitfield, start = 0): number {
    assert(other.length === this.length && start >= 0);
    const ours = this.#bytes, theirs = other.#bytes;
    let byteIndex = start >>> 3;
    if (byteIndex >= ours.length) return -1;
    let common = ours[byteIndex]! & theirs[byteIndex]! & (255 >>> (start & 7));
    while (common === 0) {
      if (++byteIndex === ours.length) return -1;
      common = ours[byteIndex]! & theirs[byteIndex]!;
    }
    return byteIndex * 8 + Math.clz32(common) - 24;
  }

  /** The wire form: a copy, `ceil(length / 8)` bytes. */
  toBytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice();
  }

  /** The indices of the set bits, ascending. */
  *ones(): IterableIterator<number> {
    for (let byteIndex = 0; byteIndex < this.#bytes.length; byteIndex++) {
      if (this.#bytes[byteIndex] === 0) continue;
      const end = Math.min(this.length, byteIndex * 8 + 8);
      for (let index = byteIndex * 8; index < end; index++) if (this.has(index)) yield index;
    }
  }
}

function countOnes(byte: number): number {
  let ones = 0;
  for (let rest = byte; rest !== 0; rest &= rest - 1) ones++;
  return ones;
}
