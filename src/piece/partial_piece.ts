import { assert, fail } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import type { BlockIndex, PieceIndex } from "../base/ids.ts";
import { BLOCK_LENGTH, type BlockSpan, type Layout } from "../metainfo/layout.ts";
import type { PeerKey } from "./piece_table.ts";

/** Stands for nobody where a peer is named. */
export const NO_PEER: PeerKey = -1;

/** Stands where the giver of a block will be named, as long as the block is not here. */
const NOT_HERE: PeerKey = -2;

/** A piece in memory of which some blocks are here. Padding is here from the start, as zeros. */
export class PartialPiece {
  readonly piece: PieceIndex;
  /** For each block that is here the peer that sent it, NO_PEER for padding. */
  readonly contributors: PeerKey[];
  /** Blocks of anybody else are refused; undefined while everybody's are welcome. */
  onlyFrom: PeerKey | undefined;
  readonly #layout: Layout;
  readonly #takeBuffer: () => ArrayBuffer;
  #data: Bytes | undefined;
  #missingCount: number;

  /**
   * `takeBuffer` gives a buffer that is long enough, whatever stands in it. It is called when the
   * first block comes: most pieces that are asked for are still on their way, and need none.
   */
  constructor(layout: Layout, piece: PieceIndex, takeBuffer: () => ArrayBuffer) {
    this.piece = piece;
    this.#layout = layout;
    this.#takeBuffer = takeBuffer;
    this.#missingCount = layout.blockCount(piece);
    this.contributors = new Array<PeerKey>(this.#missingCount).fill(NOT_HERE);
    if (layout.dataLength < layout.totalLength) this.#countPadding();
  }

  /** Exactly the piece; the buffer may be longer. Only once a block is here. */
  get data(): Bytes {
    assert(this.#data !== undefined);
    return this.#data;
  }

  /** The buffer, if a block has come. */
  get buffer(): ArrayBuffer | undefined {
    return this.#data?.buffer;
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
    this.#data ??= this.#openBuffer();
    this.#data.set(data, block * BLOCK_LENGTH);
    this.contributors[block] = from;
    this.#missingCount--;
  }

  #openBuffer(): Bytes {
    const { dataLength, totalLength } = this.#layout;
    const data = new Uint8Array(this.#takeBuffer(), 0, this.#layout.pieceSize(this.piece));
    if (dataLength === totalLength) return data;
    for (const { begin, length } of this.#requests()) {
      data.fill(0, begin + length, begin + BLOCK_LENGTH);
    }
    return data;
  }

  #countPadding(): void {
    for (const { block, length } of this.#requests()) {
      if (length > 0) continue;
      this.contributors[block] = NO_PEER;
      this.#missingCount--;
    }
  }

  *#requests(): Iterable<BlockSpan> {
    for (let block = 0; block < this.blockCount; block++) {
      yield this.#layout.blockRequest(this.piece, block as BlockIndex);
    }
  }
}
