import { fail } from "../base/assert.ts";
import { type Random, shuffle } from "../base/ambient.ts";
import type { Bitfield } from "../base/bitfield.ts";
import type { PieceIndex } from "../base/ids.ts";

const ABSENT = -1;

/** A change of more than one piece in so many is cheaper by sorting all again. */
const RESORT_SHARE = 16;

/**
 * How many peers have each piece, and some of the pieces in buckets by that count, equals in
 * random order, so that a swarm does not fetch the same piece everywhere. A change of one piece
 * is O(1); after a change of many, the next question sorts all, O(pieces).
 *
 * Invariant: unless `#isStale`, a piece at position `p` of the bucket of its count has
 * `#positions[piece] === p`; a piece that is in no bucket has ABSENT there, always.
 */
export class RarityOrder {
  readonly #random: Random;
  readonly #counts: Uint16Array;
  readonly #positions: Int32Array;
  /** All pieces in random order: that of equals after sorting. */
  readonly #shuffled: Uint32Array;
  #buckets: PieceIndex[][] = [];
  #size = 0;
  #isStale = false;

  constructor(pieceCount: number, random: Random) {
    this.#random = random;
    this.#counts = new Uint16Array(pieceCount);
    this.#positions = new Int32Array(pieceCount).fill(ABSENT);
    const pieces = Array.from({ length: pieceCount }, (_, index) => index);
    shuffle(pieces, random);
    this.#shuffled = Uint32Array.from(pieces);
  }

  count(piece: PieceIndex): number {
    return this.#counts[piece]!;
  }

  has(piece: PieceIndex): boolean {
    return this.#positions[piece] !== ABSENT;
  }

  insert(piece: PieceIndex): void {
    if (this.has(piece)) fail(`piece ${piece} is in the order`);
    this.#size++;
    if (this.#isStale) this.#positions[piece] = 0;
    else this.#enter(piece);
  }

  remove(piece: PieceIndex): void {
    if (!this.has(piece)) fail(`piece ${piece} is not in the order`);
    this.#size--;
    if (!this.#isStale) this.#leave(piece);
    this.#positions[piece] = ABSENT;
  }

  /** One peer more or less has the piece. */
  adjust(piece: PieceIndex, change: 1 | -1): void {
    if (this.#counts[piece]! + change < 0) fail(`piece ${piece} is lost by more than had it`);
    const isMoved = this.has(piece) && !this.#isStale;
    if (isMoved) this.#leave(piece);
    this.#counts[piece]! += change;
    if (isMoved) this.#enter(piece);
  }

  /** One peer more or less has all these pieces. */
  adjustAll(pieces: Bitfield, change: 1 | -1): void {
    if (pieces.count * RESORT_SHARE > this.#size) this.#isStale = true;
    for (const piece of pieces.ones()) this.adjust(piece as PieceIndex, change);
  }

  /** The rarest piece that is set in `among`, if it is one of the `maxProbes` rarest of all. */
  rarest(among: Bitfield, maxProbes: number): PieceIndex | undefined {
    if (this.#isStale) this.#sort();
    let probes = 0;
    for (const bucket of this.#buckets) {
      for (let position = bucket.length - 1; position >= 0; position--) {
        if (++probes > maxProbes) return undefined;
        if (among.has(bucket[position]!)) return bucket[position];
      }
    }
    return undefined;
  }

  #enter(piece: PieceIndex): void {
    const bucket = this.#bucketOf(piece);
    // A newcomer changes places with a random other, which keeps the order as random as it was.
    const position = this.#random.below(bucket.length + 1);
    bucket.push(piece);
    this.#place(bucket, bucket.length - 1, bucket[position]!);
    this.#place(bucket, position, piece);
  }

  #leave(piece: PieceIndex): void {
    const bucket = this.#bucketOf(piece);
    const position = this.#positions[piece]!;
    const last = bucket.pop()!;
    if (last !== piece) this.#place(bucket, position, last);
  }

  #sort(): void {
    this.#isStale = false;
    this.#buckets = [];
    for (const index of this.#shuffled) {
      const piece = index as PieceIndex;
      if (!this.has(piece)) continue;
      const bucket = this.#bucketOf(piece);
      this.#place(bucket, bucket.length, piece);
    }
  }

  #bucketOf(piece: PieceIndex): PieceIndex[] {
    const count = this.#counts[piece]!;
    while (this.#buckets.length <= count) this.#buckets.push([]);
    return this.#buckets[count]!;
  }

  #place(bucket: PieceIndex[], position: number, piece: PieceIndex): void {
    bucket[position] = piece;
    this.#positions[piece] = position;
  }
}
