import fc from "fast-check";
import { deepStrictEqual, ok } from "node:assert/strict";
import { Bitfield } from "../../../src/base/bitfield.ts";
import { pieceBar, plainBar } from "../../../src/cli/output/piece_bar.ts";

function haveOf(text: string): Bitfield {
  const have = new Bitfield(text.length);
  for (const [piece, character] of [...text].entries()) if (character === "1") have.set(piece);
  return have;
}

Deno.test("pieceBar() shows full, partial and missing cells", () => {
  deepStrictEqual(pieceBar(haveOf("11110000"), [], 8), "====    ");
  deepStrictEqual(pieceBar(haveOf("11100000"), [], 4), "=-  ");
  deepStrictEqual(pieceBar(haveOf("11100000"), [7, 0], 4), "=- -");
  deepStrictEqual(pieceBar(haveOf("11111111"), [], 3), "===");
  deepStrictEqual(pieceBar(haveOf("00000000"), [3], 3), " - ");
});

Deno.test("pieceBar() stretches few pieces over many cells", () => {
  deepStrictEqual(pieceBar(haveOf("10"), [], 6), "===   ");
  deepStrictEqual(pieceBar(haveOf("1"), [], 3), "===");
});

Deno.test("pieceBar() is exactly as wide as asked, and full only when everything is here", () => {
  const bits = fc.array(fc.boolean(), { minLength: 1, maxLength: 300 });
  fc.assert(fc.property(bits, fc.integer({ min: 0, max: 120 }), (bits, cells) => {
    const have = haveOf(bits.map((bit) => bit ? "1" : "0").join(""));
    const partial = bits.flatMap((bit, piece) => bit ? [] : [piece]).slice(0, 5);
    const bar = pieceBar(have, partial, cells);
    deepStrictEqual(bar.length, cells);
    if (cells > 0) deepStrictEqual(/^=+$/.test(bar), bits.every((bit) => bit));
    ok(/^[=\- ]*$/.test(bar));
  }));
});

Deno.test("plainBar() fills up to the share that is done", () => {
  deepStrictEqual(plainBar(0, 10, 4), "    ");
  deepStrictEqual(plainBar(9, 10, 4), "=== ");
  deepStrictEqual(plainBar(10, 10, 4), "====");
  deepStrictEqual(plainBar(11, 10, 4), "====");
  deepStrictEqual(plainBar(0, 0, 4), "====");
});
