/** Pieces being put together in memory, under a budget. Skeleton: signatures are final. */
import type { Bytes } from "../base/bytes.ts";
import type { BlockIndex, PieceIndex } from "../base/ids.ts";
import type { Layout } from "../metainfo/layout.ts";
import type { PartialPiece } from "./partial_piece.ts";
import type { PeerKey } from "./piece_table.ts";

/** All blocks of a piece, not yet verified. */
export interface FullPiece {
  readonly piece: PieceIndex;
  /** Exactly the piece; its buffer may be longer, is ours to transfer, and comes by `release`. */
  readonly data: Bytes;
  /** For each block the peer that sent it; NO_PEER where all of it is padding. */
  readonly contributors: readonly PeerKey[];
}

export class Assembly {
  /** `budgetBytes` bounds the buffers, the workers' too; one piece is always allowed. */
  constructor(_options: { readonly layout: Layout; readonly budgetBytes: number }) {}

  /** May another piece be opened? */
  get hasRoom(): boolean {
    return false;
  }
  /** The most pieces that may be in memory at a time, the workers' included. */
  get maxPieces(): number {
    return 0;
  }
  /** Bytes of all buffers in use, the workers' included. */
  get usedBytes(): number {
    return 0;
  }
  /** Pieces being assembled, oldest first; without those on their way to the disk. */
  partials(): Iterable<PartialPiece> {
    return [];
  }
  partial(_piece: PieceIndex): PartialPiece | undefined {
    return undefined;
  }
  /**
   * Copies a block into its piece. "unneeded": we have it, or its piece is not being assembled.
   * The last block of a piece makes it a FullPiece, which is no longer in `partials()`. To be
   * followed by `PiecePicker.received` whatever it returns.
   */
  put(
    _piece: PieceIndex,
    _block: BlockIndex,
    _data: Uint8Array,
    _from: PeerKey,
  ): "stored" | "unneeded" | FullPiece {
    throw new Error("skeleton");
  }
  /** Takes back the buffer of a FullPiece, when the worker is done with it: room for another. */
  release(_buffer: ArrayBuffer): void {}

  // The picker's.
  open(_piece: PieceIndex): PartialPiece {
    throw new Error("skeleton");
  }
  drop(_piece: PieceIndex): void {}
}
