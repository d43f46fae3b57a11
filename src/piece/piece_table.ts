/** What we have and what we want: each piece in exactly one state. Skeleton: signatures are final. */
import { Bitfield } from "../base/bitfield.ts";
import type { PieceIndex } from "../base/ids.ts";
import type { Layout } from "../metainfo/layout.ts";

/** Names a connection for as long as the program runs: 0, 1, 2 … never used again. */
export type PeerKey = number;

/**
 * - unwanted: not selected, and not here;
 * - wanted: selected, nothing of it in memory;
 * - partial: being assembled;
 * - verifying: all of it on its way to the disk;
 * - have: verified and written.
 */
export type PieceState = "unwanted" | "wanted" | "partial" | "verifying" | "have";

/** 0 is unwanted, 1 is normal, 2 comes first, in the order of pieces (`--range`). */
export type PiecePriority = 0 | 1 | 2;

export class PieceTable {
  /** Verified and written: what we tell peers. */
  readonly have: Bitfield;
  /** Selected and not here: wanted, partial or verifying. */
  readonly missing: Bitfield;

  /** All pieces start as unwanted. */
  constructor(layout: Layout) {
    this.have = new Bitfield(layout.pieceCount);
    this.missing = new Bitfield(layout.pieceCount);
  }

  state(_piece: PieceIndex): PieceState {
    throw new Error("skeleton");
  }
  priority(_piece: PieceIndex): PiecePriority {
    throw new Error("skeleton");
  }
  /** Pieces that are selected and not here. */
  get wantedCount(): number {
    return this.missing.count;
  }
  get isComplete(): boolean {
    return this.missing.isEmpty;
  }
  /** Selected pieces, and those of them that are here. */
  get selectedCount(): number {
    return 0;
  }
  get haveSelectedCount(): number {
    return 0;
  }
  /** Bytes of the selected pieces, and of those of them that are here; without padding. */
  get bytesWanted(): number {
    return 0;
  }
  get bytesHave(): number {
    return 0;
  }

  /**
   * Selects a piece; before the picker is made. A piece that is all padding is had at once: there
   * is nothing to ask for and nothing to write.
   */
  setWanted(_piece: PieceIndex, _priority: 1 | 2): void {}
  /** Found on the disk at the start (before the picker is made), or verified and written. */
  markHave(_piece: PieceIndex): void {}

  // The picker's: everybody else tells the picker what happened.
  markPartial(_piece: PieceIndex): void {}
  markDropped(_piece: PieceIndex): void {}
  markVerifying(_piece: PieceIndex): void {}
  markFailed(_piece: PieceIndex): void {}
}
