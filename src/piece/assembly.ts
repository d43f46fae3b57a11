import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import type { BlockIndex, PieceIndex } from "../base/ids.ts";
import { BLOCK_LENGTH, type Layout } from "../metainfo/layout.ts";
import { PartialPiece } from "./partial_piece.ts";
import type { PeerKey } from "./piece_table.ts";

/** Bounds what tiny pieces cost beside their buffers. */
const MAX_PIECES_IN_MEMORY = 8_192;

/**
 * Pieces open for each one that there is memory for: those on their way, of which nothing is here,
 * have no buffer. Where the way is long, they are most of them.
 */
const MAX_OPEN_PER_BUFFER = 4;
/** One piece less is open after a block that had no room; one more after so many full pieces. */
const FULL_PIECES_PER_STEP = 16;

/**
 * Pieces that wait for the disk: more than this many, and more than this part of the budget, do
 * not make it any faster.
 */
const MIN_PIECES_AWAY = 4;
const AWAY_SHARE = 1 / 8;

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
 * back and are used again. `maxPieces` bounds the buffers, those being filled and those away
 * together; it is what the budget allows, and at least one. More pieces may be open, as a piece has
 * its buffer from its first block on: when there is none for it, the block is refused.
 */
export class Assembly {
  /** The most pieces that may be in memory at a time. */
  readonly maxPieces: number;
  /** From `maxPieces` to MAX_OPEN_PER_BUFFER times as many. */
  #openLimit: number;
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
    this.#openLimit = this.#maxOpenPieces;
  }

  /** May another piece be opened? */
  get hasRoom(): boolean {
    return this.#hasBuffer && this.#partials.size + this.#awayCount < Math.floor(this.#openLimit);
  }

  /** As `hasRoom`; where memory is scarce, only while all that are open can have a buffer. */
  get hasSafeRoom(): boolean {
    const isSafe = !this.isScarce || this.#partials.size + this.#awayCount < this.maxPieces;
    return isSafe && this.hasRoom;
  }

  /** Have blocks been refused of late, as all buffers were in use? */
  get isScarce(): boolean {
    return this.#openLimit < this.#maxOpenPieces;
  }

  /** The most blocks that open pieces may have. */
  get maxBlocks(): number {
    return Math.floor(this.#openLimit) * Math.ceil(this.#bufferLength / BLOCK_LENGTH);
  }

  get #maxOpenPieces(): number {
    return Math.min(this.maxPieces * MAX_OPEN_PER_BUFFER, MAX_PIECES_IN_MEMORY);
  }

  get #hasBuffer(): boolean {
    return this.#usedCount < this.maxPieces;
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

  /** Is there a buffer for a block of this piece? */
  hasRoomFor({ buffer }: PartialPiece): boolean {
    return buffer !== undefined || this.#hasBuffer;
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
   * Copies a block into its piece. "unneeded": it is here, or nobody waits for it from this peer;
   * "no-room": it would be the first, and all buffers are in use. The last block makes the piece a
   * `FullPiece`, which is no longer among `partials()`. To be followed by `PiecePicker.received`.
   */
  put(
    piece: PieceIndex,
    block: BlockIndex,
    data: Uint8Array,
    from: PeerKey,
  ): "stored" | "unneeded" | "no-room" | FullPiece {
    const partial = this.#partials.get(piece);
    if (partial === undefined || partial.has(block)) return "unneeded";
    if (partial.onlyFrom !== undefined && partial.onlyFrom !== from) return "unneeded";
    if (!this.hasRoomFor(partial)) {
      this.#openLimit = Math.max(this.maxPieces, this.#openLimit - 1);
      return "no-room";
    }
    partial.put(block, data, from);
    if (partial.missingCount > 0) return "stored";
    this.#partials.delete(piece);
    this.#awayCount++;
    this.#openLimit = Math.min(this.#openLimit + 1 / FULL_PIECES_PER_STEP, this.#maxOpenPieces);
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
    assert(this.#hasBuffer);
    this.#usedCount++;
    return this.#spareBuffers.pop() ?? new ArrayBuffer(this.#bufferLength);
  };
}
