import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import type { BlockIndex, PieceIndex } from "../base/ids.ts";
import { BLOCK_LENGTH, type Layout } from "../metainfo/layout.ts";
import { PartialPiece } from "./partial_piece.ts";
import type { PeerKey } from "./piece_table.ts";

/** Bounds what tiny pieces cost beside their buffers. */
const MAX_PIECES_IN_MEMORY = 8_192;

/**
 * Pieces that wait for the disk: more than this many, and more than this part of the budget, do
 * not make it any faster.
 */
const MIN_PIECES_AWAY = 4;
const AWAY_SHARE = 1 / 4;

/** All blocks of a piece, not yet verified. */
export interface FullPiece {
  readonly piece: PieceIndex;
  /** Exactly the piece. Its buffer may be longer; it is the taker's until `release`. */
  readonly data: Bytes;
  /** For each block the peer that sent it; NO_PEER where all of it is padding. */
  readonly contributors: readonly PeerKey[];
}

/**
 * Pieces being put together in memory, in buffers of one length that go to the workers, come
 * back and are used again. `maxPieces` bounds those being filled and those away, together; it is
 * what the budget allows, and at least one.
 */
export class Assembly {
  /** The most pieces that may be in memory at a time. */
  readonly maxPieces: number;
  readonly #layout: Layout;
  readonly #bufferLength: number;
  readonly #partials = new Map<PieceIndex, PartialPiece>();
  readonly #spareBuffers: ArrayBuffer[] = [];
  #awayCount = 0;
  #usedCount = 0;

  constructor({ layout, budgetBytes }: { readonly layout: Layout; readonly budgetBytes: number }) {
    this.#layout = layout;
    this.#bufferLength = Math.min(layout.pieceLength, layout.totalLength);
    const affordable = Math.floor(budgetBytes / this.#bufferLength);
    this.maxPieces = Math.min(Math.max(affordable, 1), MAX_PIECES_IN_MEMORY);
  }

  /** May another piece be opened? */
  get hasRoom(): boolean {
    return this.#partials.size + this.#awayCount < this.maxPieces;
  }

  /** The most blocks that pieces in memory may have. */
  get maxBlocks(): number {
    return this.maxPieces * Math.ceil(this.#bufferLength / BLOCK_LENGTH);
  }

  /** Is the disk so far behind that nothing more should be taken from the network? */
  get isDiskBehind(): boolean {
    return this.#awayCount >= Math.max(MIN_PIECES_AWAY, this.maxPieces * AWAY_SHARE);
  }

  /** Bytes of all buffers in use, those away included. */
  get usedBytes(): number {
    return this.#usedCount * this.#bufferLength;
  }

  /** Pieces being assembled, oldest first. */
  partials(): Iterable<PartialPiece> {
    return this.#partials.values();
  }

  partial(piece: PieceIndex): PartialPiece | undefined {
    return this.#partials.get(piece);
  }

  /** Starts to assemble a piece; for the picker, as `drop` is. */
  open(piece: PieceIndex): PartialPiece {
    assert(this.hasRoom && !this.#partials.has(piece));
    const partial = new PartialPiece(this.#layout, piece, this.#takeBuffer);
    assert(partial.missingCount > 0);
    this.#partials.set(piece, partial);
    return partial;
  }

  /** Gives up what is here of a piece. */
  drop(piece: PieceIndex): void {
    const partial = this.#partials.get(piece);
    assert(partial !== undefined);
    this.#partials.delete(piece);
    if (partial.buffer === undefined) return;
    this.#usedCount--;
    this.#spareBuffers.push(partial.buffer);
  }

  /**
   * Copies a block into its piece. "unneeded": it is here, or nobody waits for it from this peer.
   * The last block makes the piece a `FullPiece`, which is no longer among `partials()`. To be
   * followed by `PiecePicker.received`, whatever it returns.
   */
  put(
    piece: PieceIndex,
    block: BlockIndex,
    data: Uint8Array,
    from: PeerKey,
  ): "stored" | "unneeded" | FullPiece {
    const partial = this.#partials.get(piece);
    if (partial === undefined || partial.has(block)) return "unneeded";
    if (partial.onlyFrom !== undefined && partial.onlyFrom !== from) return "unneeded";
    partial.put(block, data, from);
    if (partial.missingCount > 0) return "stored";
    this.#partials.delete(piece);
    this.#awayCount++;
    return partial;
  }

  /** Takes back the buffer of a `FullPiece`, which makes room for another piece. */
  release(buffer: ArrayBuffer): void {
    assert(this.#awayCount > 0);
    this.#awayCount--;
    this.#usedCount--;
    // One that was lost with its worker comes back empty: its room is free, its memory is gone.
    if (buffer.byteLength === this.#bufferLength) this.#spareBuffers.push(buffer);
  }

  readonly #takeBuffer = (): ArrayBuffer => {
    this.#usedCount++;
    return this.#spareBuffers.pop() ?? new ArrayBuffer(this.#bufferLength);
  };
}
