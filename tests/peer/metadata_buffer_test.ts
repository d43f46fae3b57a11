import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { SeededRandom, shuffle } from "../../src/base/ambient.ts";
import { MetadataBuffer } from "../../src/peer/metadata_buffer.ts";
import { METADATA_PIECE_LENGTH } from "../../src/wire/metadata_message.ts";

const NOBODY = new Set<number>();

Deno.test("MetadataBuffer puts pieces that come in any order together", () => {
  const size = fc.oneof(
    fc.integer({ min: 1, max: 70_000 }),
    fc.constantFrom(METADATA_PIECE_LENGTH, 3 * METADATA_PIECE_LENGTH, METADATA_PIECE_LENGTH + 1),
  );
  fc.assert(fc.property(size, fc.nat(), (size, seed) => {
    const random = new SeededRandom(seed);
    const metadata = random.bytes(size);
    const buffer = new MetadataBuffer(size, 0);
    const order = [...Array(buffer.pieceCount).keys()];
    shuffle(order, random);
    for (const piece of order) {
      ok(!buffer.isComplete && !buffer.has(piece));
      const begin = piece * METADATA_PIECE_LENGTH;
      const data = metadata.slice(begin, begin + buffer.pieceLength(piece));
      buffer.put(piece, data, piece % 3, 5);
      data.fill(0);
      buffer.put(piece, data, 9, 6);
    }
    ok(buffer.isComplete);
    deepStrictEqual(buffer.join(), metadata);
    strictEqual(buffer.heldBytes, size);
    strictEqual(buffer.grownAt, 5);
    ok(!buffer.givers.has(9));
  }));
});

Deno.test("MetadataBuffer chooses the first of the pieces that fewest are to send", () => {
  const buffer = new MetadataBuffer(4 * METADATA_PIECE_LENGTH, 0);
  const chosen = [];
  for (let turn = 0; turn < 9; turn++) {
    const piece = buffer.choose(NOBODY, 0);
    chosen.push(piece);
    if (piece !== undefined) buffer.noteAsked(piece, 0);
  }
  deepStrictEqual(chosen, [0, 1, 2, 3, 0, 1, 2, 3, undefined]);
  buffer.noteReleased(2);
  strictEqual(buffer.choose(NOBODY, 0), 2);
  strictEqual(buffer.choose(new Set([2]), 0), undefined);
  buffer.put(2, new Uint8Array(METADATA_PIECE_LENGTH), 1, 0);
  strictEqual(buffer.choose(NOBODY, 0), undefined);
});

Deno.test("MetadataBuffer lets ever more be asked for a piece that does not come", () => {
  const buffer = new MetadataBuffer(1, 0);
  const countAt = (now: number) => {
    let count = 0;
    for (; buffer.choose(NOBODY, now) !== undefined; count++) buffer.noteAsked(0, now);
    return count;
  };
  deepStrictEqual([0, 999, 1_000, 1_500, 2_000, 3_000].map(countAt), [2, 0, 2, 0, 4, 8]);
});
