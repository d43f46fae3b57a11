import { deepStrictEqual, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { SeededRandom } from "../../src/base/ambient.ts";
import { Bitfield } from "../../src/base/bitfield.ts";
import type { PieceIndex } from "../../src/base/ids.ts";
import { RarityOrder } from "../../src/piece/rarity_order.ts";
import { bitfieldOf } from "./picking.ts";

const PIECE_COUNT = 40;

Deno.test("RarityOrder finds the rarest after any changes, of one piece or of many", () => {
  const anyPieces = fc.uint8Array({ minLength: 5, maxLength: 5 });
  const anyTwo = fc.array(fc.nat(39), { maxLength: 2 }).map((pieces) => {
    const field = new Bitfield(PIECE_COUNT);
    for (const piece of pieces) field.set(piece);
    return field.toBytes();
  });
  const anyChange = fc.oneof(
    fc.record({ kind: fc.constantFrom("insert", "remove", "adjust", "adjust"), piece: fc.nat(39) }),
    fc.record({ kind: fc.constant("adjustAll"), pieces: fc.oneof(anyPieces, anyTwo) }),
    fc.record({ kind: fc.constant("ask"), pieces: anyPieces }),
  );
  fc.assert(fc.property(fc.array(anyChange, { maxLength: 80 }), (changes) => {
    const order = new RarityOrder(PIECE_COUNT, new SeededRandom(1));
    const counts = new Array<number>(PIECE_COUNT).fill(0);
    const members = new Set(counts.keys());
    for (const piece of members) order.insert(piece as PieceIndex);
    for (const change of changes) {
      if ("pieces" in change) {
        const field = Bitfield.fromBytes(change.pieces, PIECE_COUNT)!;
        if (change.kind === "ask") expectRarest(order, members, counts, field);
        else order.adjustAll(field, 1);
        if (change.kind === "adjustAll") { for (const piece of field.ones()) counts[piece]!++; }
        continue;
      }
      const piece = change.piece as PieceIndex;
      if (change.kind === "adjust") {
        order.adjust(piece, 1);
        counts[piece]!++;
      } else if (change.kind === "insert" && !members.has(piece)) {
        order.insert(piece);
        members.add(piece);
      } else if (change.kind === "remove" && members.delete(piece)) order.remove(piece);
    }
    while (members.size > 0) {
      const rarest = expectRarest(order, members, counts, full())!;
      order.remove(rarest);
      members.delete(rarest);
    }
    expectRarest(order, members, counts, full());
    deepStrictEqual(counts.map((_, piece) => order.count(piece as PieceIndex)), counts);
  }));
});

Deno.test("RarityOrder gives every one of equals the same chance", () => {
  for (const isSorted of [false, true]) {
    const firsts = new Map<number, number>();
    for (let seed = 0; seed < 1_000; seed++) {
      const order = new RarityOrder(5, new SeededRandom(seed));
      for (let piece = 0; piece < 5; piece++) order.insert(piece as PieceIndex);
      order.adjustAll(bitfieldOf(isSorted ? "*****" : "-----"), 1);
      const first = order.rarest(bitfieldOf("*****"), 10)!;
      firsts.set(first, (firsts.get(first) ?? 0) + 1);
    }
    ok([0, 1, 2, 3, 4].every((piece) => firsts.get(piece)! > 140), [...firsts].join(" "));
  }
});

Deno.test("rarest() looks at no more pieces than it may", () => {
  const order = new RarityOrder(6, new SeededRandom(1));
  for (let piece = 0; piece < 6; piece++) order.insert(piece as PieceIndex);
  order.adjustAll(bitfieldOf("---***"), 1);
  deepStrictEqual(order.rarest(bitfieldOf("-----*"), 3), undefined);
  deepStrictEqual(order.rarest(bitfieldOf("-----*"), 6), 5);
});

Deno.test("RarityOrder refuses to hold a piece twice, and to give or lose what is not there", () => {
  const order = new RarityOrder(2, new SeededRandom(1));
  order.insert(0 as PieceIndex);
  throws(() => order.insert(0 as PieceIndex));
  throws(() => order.remove(1 as PieceIndex));
  throws(() => order.adjust(1 as PieceIndex, -1));
});

function expectRarest(
  order: RarityOrder,
  members: ReadonlySet<number>,
  counts: readonly number[],
  among: Bitfield,
): PieceIndex | undefined {
  const candidates = [...members].filter((piece) => among.has(piece));
  const found = order.rarest(among, Infinity);
  deepStrictEqual(found === undefined, candidates.length === 0);
  if (found === undefined) return undefined;
  ok(candidates.includes(found));
  deepStrictEqual(counts[found], Math.min(...candidates.map((piece) => counts[piece]!)));
  return found;
}

function full(): Bitfield {
  const field = new Bitfield(PIECE_COUNT);
  field.setAll();
  return field;
}
