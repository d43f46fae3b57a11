import { deepStrictEqual } from "node:assert/strict";
import fc from "fast-check";
import { Bitfield } from "../../src/base/bitfield.ts";
import type { PieceIndex } from "../../src/base/ids.ts";
import { PieceSet } from "../../src/piece/piece_set.ts";

const PIECE_COUNT = 40;

Deno.test("firstIn() gives the first common piece, after any additions and deletions", () => {
  const anyEdit = fc.record({
    isAddition: fc.boolean(),
    piece: fc.nat(PIECE_COUNT - 1),
    start: fc.nat(PIECE_COUNT + 8),
    among: fc.uint8Array({ minLength: 5, maxLength: 5 }),
  });
  fc.assert(fc.property(fc.array(anyEdit, { maxLength: 60 }), (edits) => {
    const set = new PieceSet(PIECE_COUNT);
    const model = new Set<number>();
    for (const { isAddition, piece, start, among } of edits) {
      if (isAddition) set.add(piece as PieceIndex);
      else set.delete(piece as PieceIndex);
      if (isAddition) model.add(piece);
      else model.delete(piece);
      const field = Bitfield.fromBytes(among, PIECE_COUNT)!;
      const expected = [...model].filter((index) => index >= start && field.has(index));
      const first = expected.length === 0 ? undefined : Math.min(...expected);
      deepStrictEqual(set.firstIn(field, start), first);
      deepStrictEqual([set.size, set.has(piece as PieceIndex)], [model.size, isAddition]);
    }
  }));
});
