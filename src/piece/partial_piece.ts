import { ok as assert } from "node:assert/strict";
import type { Bytes } from "../base/bytes.ts";
import type { BlockIndex, PieceIndex } from "../base/ids.ts";
import { BLOCK_LENGTH, type Layout } from "../metainfo/layout.ts";
import type { PeerKey } from "./piece_table.ts";

/** Stands for nobody where a peer is named. */
export const NO_PEER: PeerKey = -1;

/** A piece in memory of which some blocks are here. Padding is here from the start, as zeros. */
export class PartialPiece {
  readonly piece: PieceIndex;
  readonly blockCount: number;
  /** Exactly the piece; the buffer may be longer. */
  readonly data: Bytes;
  /** For each block the peer that sent it, NO_PEER for padding and while it is not here. */
  readonly contributors: PeerKey[];
  /** Blocks of anybody else are refused; undefined while everybody's are welcome. */
  onlyFrom: PeerKey | undefined;
  readonly #received: Uint8Array;
  #missingCount: number;

  /** `buffer` is long enough; what stands in it does not matter. */
  constructor(layout: Layout, piece: PieceIndex, buffer: ArrayBuffer) {
    this.piece = piece;
    this.blockCount = layout.blockCount(piece);
    this.data = new Uint8Array(buffer, 0, layout.pieceSize(piece));
    this.contributors = new Array<PeerKey>(this.blockCount).fill(NO_PEER);
    this.#received = new Uint8Array(this.blockCount);
    this.#missingCount = this.blockCount;
    if (layout.dataLength < layout.totalLength) this.#layPadding(layout);
  }

  /** How many blocks have to come yet. */
  get missingCount(): number {
    return this.#missingCount;
  }

  has(block: BlockIndex): boolean {
    return this.#received[block] !== 0;
  }

  /** Copies a block that is not here yet. */
  put(block: BlockIndex, data: Uint8Array, from: PeerKey): void {
    assert(!this.has(block));
    this.data.set(data, block * BLOCK_LENGTH);
    this.contributors[block] = from;
    this.#received[block] = 1;
    this.#missingCount--;
  }

  #layPadding(layout: Layout): void {
    for (let index = 0; index < this.blockCount; index++) {
      const { begin, length } = layout.blockRequest(this.piece, index as BlockIndex);
      this.data.fill(0, begin + length, begin + BLOCK_LENGTH);
      if (length > 0) continue;
      this.#received[index] = 1;
      this.#missingCount--;
    }
  }
}
