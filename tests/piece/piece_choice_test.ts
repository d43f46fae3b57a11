import { deepStrictEqual, ok } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import { Bitfield } from "../../src/base/bitfield.ts";
import type { PieceIndex } from "../../src/base/ids.ts";
import { Layout } from "../../src/metainfo/layout.ts";
import { Availability } from "../../src/piece/availability.ts";
import { PieceChoice } from "../../src/piece/piece_choice.ts";
import { PieceTable } from "../../src/piece/piece_table.ts";
import { ScriptedPeer } from "./picking.ts";

Deno.test("next() takes what is wanted first in order, then all in order if sequential", () => {
  const { choice, peer } = choiceOf("..!..!", { isSequential: true });
  deepStrictEqual(takeAll(choice, peer), [2, 5, 0, 1, 3, 4]);
  for (const piece of [4, 5, 1]) choice.add(piece as PieceIndex);
  deepStrictEqual(takeAll(choice, peer), [5, 1, 4]);
});

Deno.test("nextBefore() gives only what would be served before the rank", () => {
  const { choice, peer } = choiceOf("..!..!", { isSequential: true });
  deepStrictEqual(choice.nextBefore(peer, choice.rank(5 as PieceIndex, 0)), 2);
  deepStrictEqual(choice.nextBefore(peer, choice.rank(2 as PieceIndex, 0)), undefined);
  choice.remove(2 as PieceIndex);
  choice.remove(5 as PieceIndex);
  deepStrictEqual(choice.nextBefore(peer, choice.rank(1 as PieceIndex, 0)), 0);
  const { choice: anyOrder } = choiceOf("..!..!", { isSequential: false });
  deepStrictEqual(anyOrder.nextBefore(peer, anyOrder.rank(0 as PieceIndex, 0)), 2);
  anyOrder.remove(2 as PieceIndex);
  anyOrder.remove(5 as PieceIndex);
  deepStrictEqual(anyOrder.nextBefore(peer, anyOrder.rank(0 as PieceIndex, 0)), undefined);
});

Deno.test("rank() serves what is wanted first in order, and the rest by when it was started", () => {
  const { choice } = choiceOf("..!..!", { isSequential: false });
  const ranks = [choice.rank(2 as PieceIndex, 9), choice.rank(5 as PieceIndex, 1)];
  ranks.push(choice.rank(4 as PieceIndex, 2), choice.rank(0 as PieceIndex, 3));
  deepStrictEqual(ranks, ranks.toSorted((a, b) => a - b));
  deepStrictEqual(ranks.map((rank) => choice.isInOrder(rank)), [true, true, false, false]);
});

Deno.test("next() takes what lies beside the rarest and is as rare with it, and nothing else", () => {
  const { choice, availability, peer } = choiceOf("h".repeat(4) + ".".repeat(16), {
    isSequential: false,
    extentPieces: 4,
  });
  const common = new Bitfield(20);
  for (const piece of [9, 10]) common.set(piece);
  availability.replaced(1, new Bitfield(20), common);
  const taken = takeAll(choice, peer);
  deepStrictEqual(taken.slice(-2).toSorted(), [10, 9]);
  for (let index = 0; index < 12; index += 4) {
    const extents = new Set(taken.slice(index, index + 4).map((piece) => piece >> 2));
    ok(extents.size <= (extents.has(2) ? 3 : 2), taken.join(" "));
  }
  const starts = new Set<number>();
  for (let seed = 0; seed < 40; seed++) {
    starts.add(
      takeAll(
        choiceOf("hhhh" + ".".repeat(16), { isSequential: false, extentPieces: 4 }, seed).choice,
        peer,
        1,
      )[0]! >> 2,
    );
  }
  ok(starts.size > 2, [...starts].join(" "));
});

Deno.test("next() finds a piece however deep it is in the order of rarity", () => {
  const count = 2_000;
  const { choice, availability } = choiceOf("hhhh" + ".".repeat(count), { isSequential: false });
  const common = new Bitfield(count + 4);
  for (let piece = count; piece < count + 4; piece++) common.set(piece);
  availability.replaced(8, new Bitfield(count + 4), common);
  const poor = new ScriptedPeer(9, "-".repeat(count + 4));
  poor.theirHave = common;
  deepStrictEqual(takeAll(choice, poor).toSorted(), [2000, 2001, 2002, 2003]);
});

Deno.test("next() takes about the rarest of a peer's pieces when others are rarer by far", () => {
  const count = 2_000;
  const { choice, availability } = choiceOf("hhhh" + ".".repeat(count), { isSequential: false });
  const half = new Bitfield(count + 4), quarter = new Bitfield(count + 4);
  for (let piece = count / 2; piece < count; piece++) half.set(piece);
  for (let piece = count / 2; piece < count * 3 / 4; piece++) quarter.set(piece);
  availability.replaced(1, new Bitfield(count + 4), half);
  availability.replaced(2, new Bitfield(count + 4), quarter);
  const peer = new ScriptedPeer(1, "-".repeat(count + 4));
  peer.theirHave = half;
  const taken = takeAll(choice, peer, 100);
  ok(taken.filter((piece) => !quarter.has(piece)).length > 40, taken.join(" "));
});

Deno.test("next() gives what a choking peer allows, if it has it", () => {
  const { choice, peer } = choiceOf("....", { isSequential: false });
  peer.isPeerChoking = true;
  deepStrictEqual(choice.next(peer), undefined);
  peer.allowedFast.add(3 as PieceIndex).add(1 as PieceIndex);
  peer.theirHave.clear(3);
  deepStrictEqual([choice.next(peer), choice.nextBefore(peer, Infinity)], [1, undefined]);
});

Deno.test("next() gives nothing that a choking peer allows when the order is the user's", () => {
  for (
    const ordered of [
      choiceOf("....", { isSequential: true }),
      choiceOf("..!.", { isSequential: false }),
    ]
  ) {
    ordered.peer.isPeerChoking = true;
    ordered.peer.allowedFast.add(1 as PieceIndex);
    deepStrictEqual(ordered.choice.next(ordered.peer), undefined);
  }
});

interface Choosing {
  readonly isSequential: boolean;
  readonly extentPieces?: number;
}

function choiceOf(pieces: string, { isSequential, extentPieces = 1 }: Choosing, seed = 1) {
  const random = new SeededRandom(seed);
  const pieceCount = pieces.length;
  const files = [{ length: pieceCount, isPadding: false }];
  const table = new PieceTable(new Layout({ pieceLength: 1, files }));
  for (const [index, letter] of [...pieces].entries()) {
    table.setWanted(index as PieceIndex, letter === "!" ? 2 : 1);
    if (letter === "h") table.markHave(index as PieceIndex);
  }
  const availability = new Availability(pieceCount, random);
  const choice = new PieceChoice({
    pieceCount,
    table,
    availability,
    random,
    isSequential,
    extentPieces,
  });
  return { choice, availability, peer: new ScriptedPeer(0, "*".repeat(pieceCount)) };
}

function takeAll(choice: PieceChoice, peer: ScriptedPeer, limit = Infinity): number[] {
  const taken: PieceIndex[] = [];
  for (let piece = choice.next(peer); piece !== undefined; piece = choice.next(peer)) {
    choice.remove(piece);
    if (taken.push(piece) >= limit) break;
  }
  return taken;
}
