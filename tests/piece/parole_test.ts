import { deepStrictEqual } from "node:assert/strict";
import type { PieceIndex } from "../../src/base/ids.ts";
import { Layout } from "../../src/metainfo/layout.ts";
import { Parole } from "../../src/piece/parole.ts";
import { NO_PEER } from "../../src/piece/partial_piece.ts";

const P0 = 0 as PieceIndex;

Deno.test("failed() puts a piece on parole that several peers gave, and keeps it there", () => {
  const parole = paroleOf(4);
  parole.failed(P0, [1, 1, NO_PEER], 0);
  deepStrictEqual([[...parole], parole.get(P0)], [[], undefined]);
  parole.failed(P0, [1, 2, NO_PEER], 0);
  const paroled = parole.get(P0);
  paroled?.own(3, 0);
  deepStrictEqual([[...parole], parole.ownedCount], [[[P0, paroled]], 1]);
  parole.failed(P0, [3, 3, NO_PEER], 0);
  deepStrictEqual([parole.get(P0) === paroled, parole.ownedCount], [true, 0]);
  parole.delete(P0);
  deepStrictEqual([...parole], []);
});

Deno.test("failed() puts a limited number of pieces on parole", () => {
  const parole = paroleOf(100);
  for (let piece = 0; piece < 100; piece++) parole.failed(piece as PieceIndex, [1, 2], 0);
  deepStrictEqual(Array.from(parole, ([piece]) => piece), Array.from({ length: 64 }, (_, i) => i));
});

function paroleOf(pieceCount: number): Parole {
  const files = [{ length: pieceCount, isPadding: false }];
  return new Parole(new Layout({ pieceLength: 1, files }));
}
