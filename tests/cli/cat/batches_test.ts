import { deepStrictEqual, ok } from "node:assert/strict";
import fc from "fast-check";
import type { PieceIndex } from "../../../src/base/ids.ts";
import { batches, isSpan, type Part } from "../../../src/cli/cat/batches.ts";

const MAX_BATCH_BYTES = 1024 * 1024;
const MAX_BATCH_PARTS = 1024;

const length = fc.oneof(fc.nat(100), fc.nat(MAX_BATCH_BYTES), fc.constant(MAX_BATCH_BYTES));
const span = fc.record({
  piece: fc.nat(9).map((piece) => piece as PieceIndex),
  begin: fc.nat(100),
  length,
});
const part: fc.Arbitrary<Part> = fc.oneof(
  fc.nat(1536).map((bytes) => new Uint8Array(bytes)),
  span,
);

function sizeOf(parts: readonly Part[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}

Deno.test("batches() gives all parts in order, and as many at a time as are here and fit", () => {
  fc.assert(fc.property(fc.array(part), fc.uniqueArray(fc.nat(9)), (parts, here) => {
    const mustWait = (part: Part) => isSpan(part) && !here.includes(part.piece);
    const given = [...batches(parts, (piece) => here.includes(piece))];
    deepStrictEqual(given.flat(), parts);
    for (const [index, batch] of given.entries()) {
      ok(batch.length > 0 && sizeOf(batch) <= MAX_BATCH_BYTES);
      ok(!batch.slice(1).some(mustWait), "what is here waits for nothing behind it");
      const next = given[index + 1]?.[0];
      ok(
        next === undefined || mustWait(next) || sizeOf(batch) + next.length > MAX_BATCH_BYTES,
        "a batch ends where it must",
      );
    }
  }));
});

Deno.test("batches() asks whether a piece is here when the batches before it are gone", () => {
  const here = new Set<PieceIndex>();
  const parts = [1, 2, 3, 4].map((piece) => ({ piece: piece as PieceIndex, begin: 0, length: 1 }));
  const given: number[][] = [];
  for (const batch of batches(parts, (piece) => here.has(piece))) {
    given.push(batch.map((part) => isSpan(part) ? part.piece : 0));
    here.add(3 as PieceIndex);
  }
  deepStrictEqual(given, [[1], [2, 3], [4]]);
});

Deno.test("batches() holds no more than MAX_BATCH_PARTS, however short they are", () => {
  const parts = Array.from({ length: 2 * MAX_BATCH_PARTS + 1 }, () => new Uint8Array(1));
  const given = [...batches(parts, () => true)].map((batch) => batch.length);
  deepStrictEqual(given, [MAX_BATCH_PARTS, MAX_BATCH_PARTS, 1]);
});
