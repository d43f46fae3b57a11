import { deepStrictEqual, ok } from "node:assert/strict";
import type { PieceIndex } from "../../src/base/ids.ts";
import { TheirPieces } from "../../src/peer/their_pieces.ts";

Deno.test("state() replaces all, and gives what it was before", () => {
  const theirs = new TheirPieces(10);
  theirs.add(3 as PieceIndex);
  deepStrictEqual([...theirs.state(Uint8Array.of(0b1100_0000, 0))!.ones()], [3]);
  deepStrictEqual([...theirs.have.ones()], [0, 1]);
  deepStrictEqual([...theirs.stateTotal(true)!.ones()], [0, 1]);
  ok(theirs.have.isFull);
  theirs.stateTotal(false);
  ok(theirs.have.isEmpty);
});

Deno.test("P6 state() refuses a wrong length and spare bits", () => {
  const theirs = new TheirPieces(10);
  for (const bytes of [[], [0], [0, 0, 0], [0, 0b0010_0000], [255, 255]]) {
    deepStrictEqual(theirs.state(Uint8Array.from(bytes)), undefined);
  }
  ok(theirs.have.isEmpty);
});

Deno.test("P6 state() and stateTotal() refuse the ninth statement", () => {
  const theirs = new TheirPieces(10);
  for (let turn = 0; turn < 8; turn++) ok(theirs.stateTotal(turn % 2 === 0) !== undefined);
  deepStrictEqual(theirs.stateTotal(true), undefined);
});

Deno.test("state() takes as many statements as there are pieces when each says more, as aria2's", () => {
  const theirs = new TheirPieces(12);
  for (let count = 1; count <= 12; count++) {
    ok(theirs.state(firstOf(count)) !== undefined);
    deepStrictEqual(theirs.have.count, count);
  }
});

Deno.test("P8 add() knows what is no news", () => {
  const theirs = new TheirPieces(10);
  const piece = 9 as PieceIndex;
  deepStrictEqual([theirs.add(piece), theirs.add(piece)], [true, false]);
});

Deno.test("P8 allowFast() keeps 256 pieces and no more", () => {
  const theirs = new TheirPieces(1_000);
  const pieces = Array.from({ length: 1_000 }, (_, piece) => piece as PieceIndex);
  for (const piece of pieces) theirs.allowFast(piece);
  deepStrictEqual([...theirs.allowedFast], pieces.slice(0, 256));
});

/** The bitfield of the first `count` of 12 pieces. */
function firstOf(count: number): Uint8Array {
  const bits = 0x10000 - 2 ** (16 - count);
  return Uint8Array.of(bits >> 8, bits & 255);
}
