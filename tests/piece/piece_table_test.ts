import { deepStrictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import type { PieceIndex } from "../../src/base/ids.ts";
import { Layout } from "../../src/metainfo/layout.ts";
import { type PieceState, PieceTable } from "../../src/piece/piece_table.ts";

const MOVES = {
  markPartial: { from: ["wanted"], to: "partial" },
  markDropped: { from: ["partial"], to: "wanted" },
  markVerifying: { from: ["partial"], to: "verifying" },
  markHave: { from: ["unwanted", "wanted", "verifying", "have"], to: "have" },
  markFailed: { from: ["verifying", "have"], to: "wanted" },
} as const satisfies Record<string, { from: readonly PieceState[]; to: PieceState }>;

Deno.test("PieceTable allows the moves of a piece's life, and no others", () => {
  const anyMove = fc.constantFrom(...Object.keys(MOVES) as (keyof typeof MOVES)[]);
  const anyLife = fc.array(fc.tuple(fc.nat(3), anyMove), { maxLength: 60 });
  fc.assert(fc.property(anyLife, (life) => {
    const table = tableOf(4, 10);
    const states: PieceState[] = ["wanted", "wanted", "wanted", "wanted"];
    for (let piece = 0; piece < 4; piece++) table.setWanted(piece as PieceIndex, 1);
    for (const [piece, move] of life) {
      const { from, to } = MOVES[move];
      const isAllowed = (from as readonly PieceState[]).includes(states[piece]!);
      if (isAllowed) states[piece] = to;
      if (isAllowed) table[move](piece as PieceIndex);
      else throws(() => table[move](piece as PieceIndex), /cannot become/);
      deepStrictEqual(states.map((_, index) => table.state(index as PieceIndex)), states);
    }
    const have = states.filter((state) => state === "have").length;
    deepStrictEqual(
      [table.have.count, table.missing.count, table.bytesHave, table.isComplete],
      [have, 4 - have, 10 * have, have === 4],
    );
  }));
});

Deno.test("setWanted() counts a piece once, whatever is known of it", () => {
  const table = tableOf(4, 10);
  table.markHave(0 as PieceIndex);
  table.setWanted(0 as PieceIndex, 1);
  table.setWanted(1 as PieceIndex, 1);
  table.setWanted(1 as PieceIndex, 2);
  table.markHave(3 as PieceIndex);
  deepStrictEqual(table.priority(1 as PieceIndex), 2);
  deepStrictEqual([table.selectedCount, table.haveSelectedCount], [2, 1]);
  deepStrictEqual([table.bytesWanted, table.bytesHave], [20, 10]);
  deepStrictEqual([...table.missing.ones()], [1]);
  deepStrictEqual([...table.have.ones()], [0, 3]);
});

Deno.test("markFailed() takes a lost piece out of what we have", () => {
  const table = tableOf(2, 10);
  table.setWanted(0 as PieceIndex, 1);
  for (const piece of [0, 1]) table.markHave(piece as PieceIndex);
  for (const piece of [0, 1]) table.markFailed(piece as PieceIndex);
  deepStrictEqual([0, 1].map((piece) => table.state(piece as PieceIndex)), ["wanted", "unwanted"]);
  deepStrictEqual([table.bytesHave, table.have.count, table.missing.count], [0, 0, 1]);
});

Deno.test("M23 setWanted() takes a piece of padding alone as had, and counts no padding", () => {
  const layout = new Layout({
    pieceLength: 10,
    files: [{ length: 4, isPadding: false }, { length: 16, isPadding: true }],
  });
  const table = new PieceTable(layout);
  for (const piece of [0, 1]) table.setWanted(piece as PieceIndex, 1);
  deepStrictEqual([0, 1].map((piece) => table.state(piece as PieceIndex)), ["wanted", "have"]);
  table.markHave(1 as PieceIndex); // the disk says so too
  deepStrictEqual([table.bytesWanted, table.bytesHave], [4, 0]);
});

function tableOf(pieceCount: number, pieceLength: number): PieceTable {
  const files = [{ length: pieceCount * pieceLength, isPadding: false }];
  return new PieceTable(new Layout({ pieceLength, files }));
}
