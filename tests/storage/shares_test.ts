import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { Bitfield } from "../../src/base/bitfield.ts";
import type { FileIndex, PieceIndex } from "../../src/base/ids.ts";
import { Shares } from "../../src/storage/shares.ts";
import { sampleData } from "./disk_target.ts";

/** Pieces of 10 bytes: `a` is 0–2, `b` 2–4, `c` 4 alone. */
const { metainfo: { layout } } = sampleData("t", { a: 25, b: 20, c: 5 }, 10);

/** Pieces whose share of each file is its own. */
function ownPieces(shares: Shares): number[][] {
  return [0, 1, 2].map((file) => {
    const { first, last } = layout.piecesOf(file as FileIndex)!;
    const pieces = Array.from({ length: last - first + 1 }, (_, index) => first + index);
    return pieces.filter((piece) => shares.isOwn(layout, file as FileIndex, piece as PieceIndex));
  });
}

/** All that files have in common is among the edges. */
function none(): Shares {
  return new Shares(new Bitfield(3), new Bitfield(3));
}

function pieces(...indices: number[]): Bitfield {
  const field = new Bitfield(layout.pieceCount);
  for (const index of indices) field.set(index);
  return field;
}

Deno.test("isOwn() is true of pieces that hold nothing but the file", () => {
  deepStrictEqual(ownPieces(none()), [[1], [3], []]);
  deepStrictEqual(ownPieces(Shares.allOwn(3)), [[0, 1, 2], [2, 3, 4], [4]]);
});

Deno.test("put() moves the ends of a file that are among the pieces, and no others", () => {
  const shares = none();
  shares.put(layout, 1 as FileIndex, pieces(3, 4), true);
  deepStrictEqual(ownPieces(shares), [[1], [3, 4], []]);
  shares.put(layout, 2 as FileIndex, pieces(4), true);
  shares.put(layout, 1 as FileIndex, pieces(2), true);
  shares.put(layout, 1 as FileIndex, pieces(4), false);
  deepStrictEqual(ownPieces(shares), [[1], [2, 3], [4]]);
});

Deno.test("copy() is one of its own", () => {
  const shares = none();
  shares.put(layout, 0 as FileIndex, pieces(0), true);
  const copy = shares.copy();
  copy.put(layout, 0 as FileIndex, pieces(0, 2), false);
  deepStrictEqual([ownPieces(shares), ownPieces(copy)], [[[0, 1], [3], []], [[1], [3], []]]);
  strictEqual(copy.heads.length, 3);
});
