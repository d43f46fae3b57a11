import type { Random } from "../base/ambient.ts";
import type { Bitfield } from "../base/bitfield.ts";
import type { PieceIndex } from "../base/ids.ts";
import type { PeerKey } from "./piece_table.ts";
import { RarityOrder } from "./rarity_order.ts";

/**
 * How many connected peers have each piece, and which of the pieces that nobody has started are
 * the rarest. Peers that came as seeds are only counted, for they make no piece rarer than
 * another: a seed costs O(1), a bitfield O(pieces), one more piece O(1).
 */
export class Availability {
  readonly #seeds = new Set<PeerKey>();
  /** Counts all peers but `#seeds`. */
  readonly #order: RarityOrder;

  constructor(pieceCount: number, random: Random) {
    this.#order = new RarityOrder(pieceCount, random);
  }

  /** All that a peer has is now `current`; it was `previous`, empty for a peer that just came. */
  replaced(peer: PeerKey, previous: Bitfield, current: Bitfield): void {
    this.left(peer, previous);
    if (current.isFull) this.#seeds.add(peer);
    else if (!current.isEmpty) this.#order.adjustAll(current, 1);
  }

  /** A peer that did not have the piece has it now. */
  gained(piece: PieceIndex): void {
    this.#order.adjust(piece, 1);
  }

  /** A peer that has `theirHave` is gone. */
  left(peer: PeerKey, theirHave: Bitfield): void {
    if (this.#seeds.delete(peer) || theirHave.isEmpty) return;
    this.#order.adjustAll(theirHave, -1);
  }

  /** How many connected peers have the piece. */
  count(piece: PieceIndex): number {
    return this.#order.count(piece) + this.#seeds.size;
  }

  /** Puts a piece into the order of rarity: it may be started. */
  insert(piece: PieceIndex): void {
    this.#order.insert(piece);
  }

  remove(piece: PieceIndex): void {
    this.#order.remove(piece);
  }

  /** The rarest piece in the order that is set in `among`, if it is one of the first `maxProbes`. */
  rarest(among: Bitfield, maxProbes: number): PieceIndex | undefined {
    return this.#order.rarest(among, maxProbes);
  }
}
