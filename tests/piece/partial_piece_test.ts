import { deepStrictEqual, throws } from "node:assert/strict";
import type { BlockIndex, PieceIndex } from "../../src/base/ids.ts";
import { BLOCK_LENGTH, Layout } from "../../src/metainfo/layout.ts";
import { NO_PEER, PartialPiece } from "../../src/piece/partial_piece.ts";

const PIECE = 0 as PieceIndex;
const [B0, B1, B2] = [0, 1, 2] as BlockIndex[] as [BlockIndex, BlockIndex, BlockIndex];

Deno.test("PartialPiece puts blocks in their places and remembers who sent them", () => {
  const pieceLength = 2 * BLOCK_LENGTH + 5;
  const layout = new Layout({ pieceLength, files: [{ length: pieceLength, isPadding: false }] });
  const partial = new PartialPiece(layout, PIECE, () => new ArrayBuffer(pieceLength + 100));
  deepStrictEqual([partial.buffer, partial.blockCount, partial.missingCount], [undefined, 3, 3]);
  throws(() => partial.data);
  partial.put(B2, Uint8Array.of(1, 2, 3, 4, 5), 7);
  deepStrictEqual([partial.has(B1), partial.has(B2), partial.missingCount], [false, true, 2]);
  throws(() => partial.put(B2, new Uint8Array(5), 8));
  partial.put(B0, new Uint8Array(BLOCK_LENGTH).fill(9), 8);
  partial.put(B1, new Uint8Array(BLOCK_LENGTH).fill(8), 7);
  deepStrictEqual([partial.missingCount, partial.contributors], [0, [8, 7, 7]]);
  deepStrictEqual(partial.data.length, pieceLength);
  deepStrictEqual([...partial.data.subarray(2 * BLOCK_LENGTH - 1)], [8, 1, 2, 3, 4, 5]);
  deepStrictEqual([...partial.data.subarray(BLOCK_LENGTH - 1, BLOCK_LENGTH + 1)], [9, 8]);
});

Deno.test("M23 PartialPiece has padding from the start, as zeros, whatever the buffer held", () => {
  const layout = new Layout({
    pieceLength: 3 * BLOCK_LENGTH,
    files: [{ length: 10, isPadding: false }, { length: 3 * BLOCK_LENGTH - 10, isPadding: true }],
  });
  const dirty = new Uint8Array(3 * BLOCK_LENGTH).fill(255);
  const partial = new PartialPiece(layout, PIECE, () => dirty.buffer);
  deepStrictEqual([partial.missingCount, partial.has(B0), partial.has(B1)], [1, false, true]);
  partial.put(B0, new Uint8Array(10).fill(1), 3);
  deepStrictEqual(partial.contributors, [3, NO_PEER, NO_PEER]);
  deepStrictEqual(partial.data.findLastIndex((byte) => byte !== 0), 9);
});
