/** Which block to ask a peer for next. Skeleton: signatures are final. */
import type { Random } from "../base/ambient.ts";
import type { BlockIndex, PieceIndex } from "../base/ids.ts";
import type { BlockSpan, Layout } from "../metainfo/layout.ts";
import type { Assembly } from "./assembly.ts";
import type { Availability } from "./availability.ts";
import type { PickerPeer } from "./picker_peer.ts";
import type { PeerKey, PieceTable } from "./piece_table.ts";

export interface PiecePickerOptions {
  readonly layout: Layout;
  /** With the selection made and what is on the disk marked; from here on the picker moves it. */
  readonly table: PieceTable;
  readonly availability: Availability;
  readonly assembly: Assembly;
  readonly random: Random;
  /** All pieces in order, instead of the rarest first. */
  readonly sequential?: boolean;
}

export class PiecePicker {
  constructor(_options: PiecePickerOptions) {}

  /**
   * Up to `count` blocks to ask this peer for, in order; they count as requested from now on.
   * To be called when the peer has room (a block came, it unchoked us, it has a new piece), and
   * twice a second for every peer that has room: time alone lets it take over others' blocks.
   */
  pick(_peer: PickerPeer, _count: number, _now: number): BlockSpan[] {
    return [];
  }
  /** Has the peer something that we want and do not have? Amortised O(1). */
  isInteresting(_peer: PickerPeer): boolean {
    return false;
  }
  /**
   * A block came, and `Assembly.put` was called with it just before. Returns the other peers
   * that were asked for the same block: to be sent a Cancel. Harmless if it was not asked for.
   */
  received(
    _peer: PeerKey,
    _piece: PieceIndex,
    _block: BlockIndex,
    _now: number,
  ): readonly PeerKey[] {
    return [];
  }
  /** A request will not be answered (choke, reject, timeout): its block is free for others. */
  returned(_peer: PeerKey, _piece: PieceIndex, _block: BlockIndex): void {}
  /** The peer's connection ended: all that it was asked for is free. */
  peerGone(_peer: PeerKey): void {}

  // What became of a piece on its way to the disk. The picker moves it in the table.
  /** Verified and written. */
  verified(_piece: PieceIndex): void {}
  /** Its hash was wrong: it will be fetched from one peer alone (parole), if several gave it. */
  corrupt(_piece: PieceIndex, _contributors: readonly PeerKey[], _now: number): void {}
  /** The disk did not take it, or lost it after it was `verified`: it is wanted again. */
  failed(_piece: PieceIndex): void {}
}
