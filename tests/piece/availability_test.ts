import { deepStrictEqual } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import type { PieceIndex } from "../../src/base/ids.ts";
import { Availability } from "../../src/piece/availability.ts";
import { bitfieldOf } from "./picking.ts";

Deno.test("count() follows peers that come, gain pieces, send another bitfield and leave", () => {
  const availability = new Availability(4, new SeededRandom(1));
  const counts = () =>
    [0, 1, 2, 3].map((piece) => availability.count(piece as PieceIndex)).join("");
  availability.replaced(1, bitfieldOf("----"), bitfieldOf("**--"));
  availability.replaced(2, bitfieldOf("----"), bitfieldOf("****"));
  deepStrictEqual(counts(), "2211");
  availability.gained(3 as PieceIndex);
  deepStrictEqual(counts(), "2212");
  availability.replaced(2, bitfieldOf("****"), bitfieldOf("*---"));
  deepStrictEqual(counts(), "2101");
  availability.replaced(2, bitfieldOf("*---"), bitfieldOf("****"));
  deepStrictEqual(counts(), "2212");
  availability.left(1, bitfieldOf("**-*"));
  deepStrictEqual(counts(), "1111");
  availability.left(2, bitfieldOf("****"));
  deepStrictEqual(counts(), "0000");
});

Deno.test("left() takes back all pieces of a peer that came with none and became a seed", () => {
  const availability = new Availability(2, new SeededRandom(1));
  availability.replaced(1, bitfieldOf("--"), bitfieldOf("--"));
  for (const piece of [0, 1]) availability.gained(piece as PieceIndex);
  availability.left(1, bitfieldOf("**"));
  deepStrictEqual([0, 1].map((piece) => availability.count(piece as PieceIndex)), [0, 0]);
});

Deno.test("rarest() gives the piece that the fewest peers have", () => {
  const availability = new Availability(4, new SeededRandom(1));
  for (const piece of [0, 1, 2]) availability.insert(piece as PieceIndex);
  availability.replaced(1, bitfieldOf("----"), bitfieldOf("*-*-"));
  availability.replaced(2, bitfieldOf("----"), bitfieldOf("***-"));
  availability.replaced(3, bitfieldOf("----"), bitfieldOf("****"));
  availability.gained(3 as PieceIndex);
  deepStrictEqual(availability.rarest(bitfieldOf("****"), 9), 1);
  availability.remove(1 as PieceIndex);
  availability.left(2, bitfieldOf("**--"));
  deepStrictEqual(availability.rarest(bitfieldOf("****"), 9), 0);
});
