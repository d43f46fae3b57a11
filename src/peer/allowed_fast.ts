/** The pieces that a peer may ask for while choked (BEP 6 "Allowed Fast Set Generation"). */
import type { InfoHash, PieceIndex } from "../base/ids.ts";

/** For an IPv4 peer, `count` pieces or all; empty for any other address. */
export function allowedFastSet(
  _options: {
    readonly host: string;
    readonly infoHash: InfoHash;
    readonly pieceCount: number;
    readonly count: number;
  },
): PieceIndex[] {
  return [];
}
