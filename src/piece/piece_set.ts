import { Bitfield } from "../base/bitfield.ts";
import type { PieceIndex } from "../base/ids.ts";

/** A set of pieces in their order, searched together with what a peer has, eight at a time. */
export class PieceSet {
  readonly #bits: Bitfield;
  /** No piece before this one is in the set: a search need not look there. */
  #low = 0;

  constructor(pieceCount: number) {
    this.#bits = new Bitfield(pieceCount);
  }

  get size(): number {
    return this.#bits.count;
  }

  has(piece: PieceIndex): boolean {
    return this.#bits.has(piece);
  }

  add(piece: PieceIndex): void {
    this.#bits.set(piece);
    this.#low = Math.min(this.#low, piece);
  }

  delete(piece: PieceIndex): void {
    this.#bits.clear(piece);
  }

  /** The first piece from `start` on that is here and in `among`. */
  firstIn(among: Bitfield, start = 0): PieceIndex | undefined {
    if (this.#bits.isEmpty) return undefined;
    this.#low = this.#bits.nextCommon(this.#bits, this.#low);
    const found = this.#bits.nextCommon(among, Math.max(start, this.#low));
    return found < 0 ? undefined : found as PieceIndex;
  }
}
