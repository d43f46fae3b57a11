import type { BlockIndex, PieceIndex } from "../base/ids.ts";

/** A piece in memory of which some blocks are here. Skeleton. */
export class PartialPiece {
  constructor(readonly piece: PieceIndex, readonly blockCount: number) {}
  /** Is the block here, or is it padding? */
  has(_block: BlockIndex): boolean {
    return false;
  }
  /** Blocks that have to come yet. */
  get missingCount(): number {
    return this.blockCount;
  }
}
