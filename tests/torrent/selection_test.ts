import { deepStrictEqual } from "node:assert/strict";
import type { FileIndex, PieceIndex } from "../../src/base/ids.ts";
import { PieceTable } from "../../src/piece/piece_table.ts";
import { selectFiles, selectPieces } from "../../src/torrent/selection.ts";
import { sampleData } from "../storage/disk_target.ts";

/** Pieces of 16 KiB: `a` is 0–1, `b` 1–3, `empty` is none. */
const { metainfo } = sampleData("t", { a: 20_000, b: 30_000, empty: 0 }, 16_384);

function priorities(table: PieceTable): number[] {
  return Array.from(
    { length: metainfo.layout.pieceCount },
    (_, piece) => table.priority(piece as PieceIndex),
  );
}

Deno.test("selectFiles() marks pieces with a byte of what is selected, and what comes first", () => {
  const table = new PieceTable(metainfo.layout);
  const selected = new Set([1, 2] as FileIndex[]);
  const firstRanges = [{ file: 1 as FileIndex, start: 29_500, end: 30_000 }];
  selectFiles(table, { metainfo, selected, firstRanges });
  deepStrictEqual(priorities(table), [0, 1, 1, 2]);
});

Deno.test("selectPieces() marks these pieces and no others", () => {
  const table = new PieceTable(metainfo.layout);
  selectPieces(table, [0, 2]);
  deepStrictEqual(priorities(table), [1, 0, 1, 0]);
});
