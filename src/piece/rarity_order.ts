import { ok as assert } from "node:assert/strict";
import type { Random } from "../base/ambient.ts";
import type { Bitfield } from "../base/bitfield.ts";
import type { PieceIndex } from "../base/ids.ts";

const ABSENT = -1;

/**
 * Pieces in buckets, one for each number of peers that have them; equals in random order, so
 * that a swarm does not fetch the same piece everywhere. Every change is O(1).
 *
 * Invariant: a piece at position `p` of a bucket has `#positions[piece] === p`; every other
 * piece has ABSENT there.
 */
export class RarityOrder {
  readonly #random: Random;
  readonly #positions: Int32Array;
  readonly #buckets: PieceIndex[][] = [];
  #size = 0;

  constructor(pieceCount: number, random: Random) {
    this.#random = random;
    this.#positions = new Int32Array(pieceCount).fill(ABSENT);
  }

  get size(): number {
    return this.#size;
  }

  has(piece: PieceIndex): boolean {
    return this.#positions[piece] !== ABSENT;
  }

  insert(piece: PieceIndex, rarity: number): void {
    assert(!this.has(piece));
    while (this.#buckets.length <= rarity) this.#buckets.push([]);
    const bucket = this.#buckets[rarity]!;
    // A newcomer changes places with a random other: an insertion keeps the order as random.
    const position = this.#random.below(bucket.length + 1);
    bucket.push(piece);
    this.#place(bucket, bucket.length - 1, bucket[position]!);
    this.#place(bucket, position, piece);
    this.#size++;
  }

  remove(piece: PieceIndex, rarity: number): void {
    const bucket = this.#buckets[rarity]!;
    const position = this.#positions[piece]!;
    assert(bucket[position] === piece);
    const last = bucket.pop()!;
    if (last !== piece) this.#place(bucket, position, last);
    this.#positions[piece] = ABSENT;
    this.#size--;
  }

  /** The rarest piece that is set in `among`, if it is one of the `maxProbes` rarest of all. */
  rarest(among: Bitfield, maxProbes: number): PieceIndex | undefined {
    let probes = 0;
    for (const bucket of this.#buckets) {
      for (let position = bucket.length - 1; position >= 0; position--) {
        if (++probes > maxProbes) return undefined;
        if (among.has(bucket[position]!)) return bucket[position];
      }
    }
    return undefined;
  }

  #place(bucket: PieceIndex[], position: number, piece: PieceIndex): void {
    bucket[position] = piece;
    this.#positions[piece] = position;
  }
}
