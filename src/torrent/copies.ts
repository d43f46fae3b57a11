/** How often each piece is out there, counted from what peers say that they have. Pure. */
import type { Bitfield } from "../base/bitfield.ts";

/** How available the pieces are that somebody wants. */
export interface Copies {
  /**
   * Full copies among the peers, and the share of the pieces that there is one more of, as a
   * fraction: 2.25 is two copies and a quarter of a third. 0 when nothing is wanted.
   */
  readonly copies: number;
  /** Wanted pieces that nobody has. */
  readonly atNobody: number;
}

export class CopyCount {
  /** Those who have everything are only counted. */
  #seeds = 0;
  readonly #counts: Uint16Array;

  /** At most 65,535 peers may be added. */
  constructor(pieceCount: number) {
    this.#counts = new Uint16Array(pieceCount);
  }

  /** A peer has these pieces. */
  add(pieces: Bitfield): void {
    if (pieces.isFull) this.#seeds++;
    else for (const piece of pieces.ones()) this.#counts[piece]!++;
  }

  /** Of these pieces; none where `wanted` is empty. */
  of(wanted: Bitfield): Copies {
    let least = Infinity, more = 0, atNobody = 0;
    for (const piece of wanted.ones()) {
      const count = this.#counts[piece]! + this.#seeds;
      if (count === 0) atNobody++;
      least = Math.min(least, count);
    }
    if (least === Infinity) return { copies: 0, atNobody: 0 };
    for (const piece of wanted.ones()) if (this.#counts[piece]! + this.#seeds > least) more++;
    return { copies: least + more / wanted.count, atNobody };
  }
}
