/** How many peers have each piece, and which pieces are rarest. Skeleton: signatures are final. */
import type { Random } from "../base/ambient.ts";
import { Bitfield } from "../base/bitfield.ts";
import type { PieceIndex } from "../base/ids.ts";
import type { PeerKey } from "./piece_table.ts";

export class Availability {
  constructor(_pieceCount: number, _random: Random) {}

  /**
   * All that a peer has is now `current`; it was `previous` (empty for a peer that just came).
   * O(1) when both are full or empty, else O(pieces).
   */
  replaced(_peer: PeerKey, _previous: Bitfield, _current: Bitfield): void {}
  /** A peer that did not have the piece has it now. O(1). */
  gained(_peer: PeerKey, _piece: PieceIndex): void {}
  /** A peer that has `theirHave` is gone. */
  left(_peer: PeerKey, _theirHave: Bitfield): void {}
  /** How many connected peers have the piece. */
  count(_piece: PieceIndex): number {
    return 0;
  }
}
