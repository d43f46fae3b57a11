import { deepStrictEqual, ok, throws } from "node:assert/strict";
import type { BlockIndex, PieceIndex } from "../../src/base/ids.ts";
import { BLOCK_LENGTH, Layout } from "../../src/metainfo/layout.ts";
import { Assembly, type FullPiece } from "../../src/piece/assembly.ts";

const B0 = 0 as BlockIndex, B1 = 1 as BlockIndex;
const P0 = 0 as PieceIndex, P1 = 1 as PieceIndex, P2 = 2 as PieceIndex, P3 = 3 as PieceIndex;
const PIECE_LENGTH = 2 * BLOCK_LENGTH;
const block = new Uint8Array(BLOCK_LENGTH);

Deno.test("put() stores each block once, and hands over the piece with the last", () => {
  const assembly = assemblyOf(2);
  const refused = "unneeded";
  deepStrictEqual(assembly.put(P0, B0, block, 1), refused);
  assembly.open(P0);
  deepStrictEqual(assembly.put(P0, B1, block.fill(5), 1), "stored");
  deepStrictEqual(assembly.put(P0, B1, block.fill(6), 2), refused);
  deepStrictEqual(Array.from(assembly.partials(), ({ piece }) => piece), [0]);
  const full = assembly.put(P0, B0, block.fill(7), 2) as FullPiece;
  deepStrictEqual([full.piece, full.data.length, full.contributors], [0, PIECE_LENGTH, [2, 1]]);
  deepStrictEqual([full.data[0], full.data[BLOCK_LENGTH], full.data.at(-1)], [7, 5, 5]);
  deepStrictEqual([[...assembly.partials()], assembly.partial(P0)], [[], undefined]);
  deepStrictEqual(assembly.put(P0, B0, block, 3), refused);
});

Deno.test("put() refuses blocks of all but the peer that a piece is reserved for", () => {
  const assembly = assemblyOf(1);
  assembly.open(P0).onlyFrom = 2;
  deepStrictEqual(assembly.put(P0, B0, block, 1), "unneeded");
  deepStrictEqual(assembly.put(P0, B0, block, 2), "stored");
});

Deno.test("hasRoom counts buffers, of pieces being filled and of those away, until they are released", () => {
  const assembly = assemblyOf(2);
  assembly.open(P0);
  fill(assembly, P0);
  deepStrictEqual(assembly.hasRoom, true);
  const other = assembly.open(P1), third = assembly.open(P2);
  deepStrictEqual([assembly.hasRoom, assembly.hasRoomFor(third)], [true, true]);
  assembly.put(P1, B0, block, 1);
  deepStrictEqual([assembly.hasRoom, assembly.hasRoomFor(third)], [false, false]);
  deepStrictEqual(assembly.hasRoomFor(other), true);
  throws(() => assembly.open(P3));
  const { data } = assembly.put(P1, B1, block, 1) as FullPiece;
  deepStrictEqual(assembly.hasRoom, false);
  assembly.release(data.buffer);
  deepStrictEqual([assembly.hasRoom, assembly.hasRoomFor(third)], [true, true]);
  assembly.release(new ArrayBuffer(0));
  throws(() => assembly.release(data.buffer));
});

Deno.test("hasRoom lets 4 pieces be open for each buffer, fewer after blocks without room", () => {
  const assembly = assemblyOf(2);
  for (let piece = 0; piece < 8; piece++) assembly.open(piece as PieceIndex);
  deepStrictEqual([assembly.hasRoom, assembly.maxBlocks, assembly.isScarce], [false, 16, false]);
  assembly.put(P0, B0, block, 1);
  assembly.put(P1, B0, block, 1);
  deepStrictEqual(assembly.put(P2, B0, block, 1), "no-room");
  deepStrictEqual([assembly.maxBlocks, assembly.usedBytes], [14, 2 * PIECE_LENGTH]);
  ok(assembly.isScarce);
  for (let refused = 0; refused < 20; refused++) assembly.put(P2, B1, block, 1);
  deepStrictEqual(assembly.maxBlocks, 4);
  for (let piece = 0; piece < 8; piece++) assembly.drop(piece as PieceIndex);
  for (let full = 0; full < 32; full++) {
    assembly.open(P0);
    assembly.release(fill(assembly, P0).data.buffer);
  }
  deepStrictEqual(assembly.maxBlocks, 8);
});

Deno.test("hasRoom lets one more piece be open after 16 full ones, and none before", () => {
  const assembly = assemblyOf(1);
  for (const piece of [P0, P1, P2, P3]) assembly.open(piece);
  assembly.put(P0, B0, block, 1);
  for (const piece of [P1, P2, P3]) assembly.put(piece, B0, block, 1);
  for (const piece of [P0, P1, P2, P3]) assembly.drop(piece);
  for (let full = 0; full < 16; full++) {
    assembly.open(P0);
    deepStrictEqual(assembly.hasRoom, false, `after ${full}`);
    assembly.release(fill(assembly, P0).data.buffer);
  }
  assembly.open(P0);
  deepStrictEqual(assembly.hasRoom, true);
});

Deno.test("hasSafeRoom is hasRoom until a block is refused, then there must be a buffer for all", () => {
  const assembly = assemblyOf(2);
  for (const piece of [P0, P1, P2]) assembly.open(piece);
  assembly.put(P0, B0, block, 1);
  deepStrictEqual(assembly.hasSafeRoom, true);
  assembly.put(P1, B0, block, 1);
  deepStrictEqual([assembly.hasRoom, assembly.hasSafeRoom], [false, false]);
  deepStrictEqual(assembly.put(P2, B0, block, 1), "no-room");
  assembly.drop(P0);
  deepStrictEqual([assembly.hasRoom, assembly.hasSafeRoom], [true, false]);
  assembly.drop(P2);
  deepStrictEqual([assembly.hasRoom, assembly.hasSafeRoom], [true, true]);
});

Deno.test("usedBytes counts a piece from its first block until it is dropped or released", () => {
  const assembly = assemblyOf(2);
  assembly.open(P0);
  assembly.open(P1);
  deepStrictEqual(assembly.usedBytes, 0);
  assembly.put(P1, B0, block, 1);
  deepStrictEqual(assembly.usedBytes, PIECE_LENGTH);
  const { data } = fill(assembly, P0);
  deepStrictEqual(assembly.usedBytes, 2 * PIECE_LENGTH);
  assembly.release(data.buffer);
  deepStrictEqual(assembly.usedBytes, PIECE_LENGTH);
  assembly.drop(P1);
  deepStrictEqual(assembly.usedBytes, 0);
  assembly.open(P1);
  assembly.drop(P1);
  deepStrictEqual(assembly.usedBytes, 0);
});

Deno.test("put() uses buffers again that were dropped or released", () => {
  const assembly = assemblyOf(1);
  const partial = assembly.open(P0);
  assembly.put(P0, B0, block, 1);
  const { buffer } = partial;
  assembly.drop(P0);
  assembly.open(P1);
  const full = fill(assembly, P1);
  deepStrictEqual(full.data.buffer === buffer, true);
  assembly.release(full.data.buffer);
  assembly.open(P2);
  deepStrictEqual(fill(assembly, P2).data.buffer === buffer, true);
});

Deno.test("release() makes room for a buffer that was lost", () => {
  const assembly = assemblyOf(1);
  assembly.open(P0);
  fill(assembly, P0);
  assembly.release(new ArrayBuffer(0));
  assembly.open(P0);
  deepStrictEqual(fill(assembly, P0).data.length, PIECE_LENGTH);
});

Deno.test("isDiskBehind holds once an eighth of all pieces, and four, wait for the disk", () => {
  for (const [maxPieces, mostAway] of [[4, 4], [32, 4], [80, 10]] as const) {
    const assembly = assemblyOf(maxPieces);
    for (let index = 0; index < mostAway; index++) {
      deepStrictEqual(assembly.isDiskBehind, false);
      assembly.open(index as PieceIndex);
      fill(assembly, index as PieceIndex);
    }
    deepStrictEqual(assembly.isDiskBehind, true);
    assembly.release(new ArrayBuffer(0));
    deepStrictEqual(assembly.isDiskBehind, false);
  }
});

Deno.test("maxPieces is what the budget allows, at least one piece, and bounded", () => {
  const maxPieces = (pieceLength: number, totalLength: number, budgetBytes: number) => {
    const files = [{ length: totalLength, isPadding: false }];
    return new Assembly({ layout: new Layout({ pieceLength, files }), budgetBytes }).maxPieces;
  };
  deepStrictEqual(maxPieces(16_384, 1e9, 64 * 2 ** 20), 4_096);
  deepStrictEqual(maxPieces(2 ** 28, 1e9, 64 * 2 ** 20), 1);
  deepStrictEqual(maxPieces(1, 1e9, 64 * 2 ** 20), 8_192);
  deepStrictEqual(maxPieces(2 ** 28, 1_000, 2_000), 2, "no piece is longer than the torrent");
});

Deno.test("a short last piece is handed over with its own length", () => {
  const files = [{ length: PIECE_LENGTH + 3, isPadding: false }];
  const layout = new Layout({ pieceLength: PIECE_LENGTH, files });
  const assembly = new Assembly({ layout, budgetBytes: PIECE_LENGTH });
  assembly.open(P1);
  const full = assembly.put(P1, B0, Uint8Array.of(1, 2, 3), 1) as FullPiece;
  deepStrictEqual([[...full.data], full.data.buffer.byteLength], [[1, 2, 3], PIECE_LENGTH]);
});

function assemblyOf(budgetPieces: number): Assembly {
  const files = [{ length: 40 * PIECE_LENGTH, isPadding: false }];
  const layout = new Layout({ pieceLength: PIECE_LENGTH, files });
  return new Assembly({ layout, budgetBytes: budgetPieces * PIECE_LENGTH });
}

function fill(assembly: Assembly, piece: PieceIndex): FullPiece {
  assembly.put(piece, B0, block, 1);
  return assembly.put(piece, B1, block, 1) as FullPiece;
}
