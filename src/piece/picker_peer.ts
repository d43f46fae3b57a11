import type { Bitfield } from "../base/bitfield.ts";
import type { PieceIndex } from "../base/ids.ts";
import type { PeerKey } from "./piece_table.ts";

/** What the picker needs to know of a peer, live: it may ask at any time while the peer is here. */
export interface PickerPeer {
  readonly key: PeerKey;
  /** What the peer has. */
  readonly theirHave: Bitfield;
  /** It may be asked for `allowedFast` pieces alone (BEP 6). */
  readonly isPeerChoking: boolean;
  readonly allowedFast: ReadonlySet<PieceIndex>;
  /** No block came for a while: it gets blocks, but keeps nobody else from them. */
  readonly isSnubbed: boolean;
  /** Bytes of blocks a second, over the last few seconds. */
  downloadRate(now: number): number;
  /** It has the piece and lets us ask for it now. */
  offers(piece: PieceIndex): boolean;
}
