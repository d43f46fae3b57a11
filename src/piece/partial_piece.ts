import { fail } from "node:assert/strict";
import type { Bytes } from "../base/bytes.ts";
import type { BlockIndex, PieceIndex } from "../base/ids.ts";
import { BLOCK_LENGTH, type Layout } from "../metainfo/layout.ts";
import type { PeerKey } from "./piece_table.ts";

/** Stands for nobody where a peer is named. */
export const NO_PEER: PeerKey = -1;

/** Stands where the giver of a block will be named, as long as the block is not here. */
const NOT_HERE: PeerKey = -2;

/** A piece in memory of which some blocks are here. Padding is here from the start, as zeros. */
export class PartialPiece {
  readonly piece: PieceIndex;
  /** Exactly the piece; the buffer may be longer. */
  readonly data: Bytes;
  /** For each block that is here the peer that sent it, NO_PEER for padding. */
  readonly contributors: PeerKey[];
  /** Blocks of anybody else are refused; undefined while everybody's are welcome. */
  onlyFrom: PeerKey | undefined;
  #missingCount: number;

  /** `buffer` is long enough; what stands in it does not matter. */
  constructor(layout: Layout, piece: PieceIndex, buffer: ArrayBuffer) {
    this.piece = piece;
    this.data = new Uint8Array(buffer, 0, layout.pieceSize(piece));
    this.#missingCount = layout.blockCount(piece);
    this.contributors = new Array<PeerKey>(this.#missingCount).fill(NOT_HERE);
    if (layout.dataLength < layout.totalLength) this.#layPadding(layout);
  }

  get blockCount(): number {
    return this.contributors.length;
  }

  /** How many blocks have to come yet. */
  get missingCount(): number {
    return this.#missingCount;
  }

  has(block: BlockIndex): boolean {
    return this.contributors[block] !== NOT_HERE;
  }

  /** Copies a block that is not here yet. */
  put(block: BlockIndex, data: Uint8Array, from: PeerKey): void {
    if (this.has(block)) fail(`block ${block} of piece ${this.piece} is here`);
    this.data.set(data, block * BLOCK_LENGTH);
    this.contributors[block] = from;
    this.#missingCount--;
  }

  #layPadding(layout: Layout): void {
    for (let index = 0; index < this.blockCount; index++) {
      const { begin, length } = layout.blockRequest(this.piece, index as BlockIndex);
      this.data.fill(0, begin + length, begin + BLOCK_LENGTH);
      if (length > 0) continue;
      this.contributors[index] = NO_PEER;
      this.#missingCount--;
    }
  }
}
