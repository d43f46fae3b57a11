/** Who sent a block that was wrong? Skeleton: signatures are final. */
import type { PieceIndex } from "../base/ids.ts";
import type { PeerKey } from "./piece_table.ts";

export class Blame {
  /**
   * A piece failed its hash. `contributors` and `digests` are per block. Returns the liar if one
   * peer alone gave the piece; else remembers, bounded, who gave what.
   */
  recordFailure(
    _piece: PieceIndex,
    _contributors: readonly PeerKey[],
    _digests: readonly string[],
  ): PeerKey | undefined {
    return undefined;
  }
  /** The piece is good with these digests per block: returns who gave others, and forgets it. */
  judge(_piece: PieceIndex, _digests: readonly string[]): PeerKey[] {
    return [];
  }
  /** Is a failure of the piece remembered, so that the digests of the good one are wanted? */
  suspects(_piece: PieceIndex): boolean {
    return false;
  }
}
