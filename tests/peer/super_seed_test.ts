import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import { Bitfield } from "../../src/base/bitfield.ts";
import type { PieceIndex } from "../../src/base/ids.ts";
import { SuperSeed } from "../../src/peer/super_seed.ts";

const PIECES = 6;
const PIECE_LENGTH = 100;

/** A super-seed and what its peers have. */
class Room {
  readonly haves = new Map<number, Bitfield>();
  /** Bytes that the seed gave. */
  readonly given = new Map<number, number>();
  readonly shown = new Map<number, Bitfield>();
  /** Peers that want none of what they were shown. */
  readonly indifferent = new Set<number>();
  readonly seed = new SuperSeed({
    pieceCount: PIECES,
    pieceSize: () => PIECE_LENGTH,
    random: new SeededRandom(1),
    copies: (piece) => [...this.haves.values()].filter((have) => have.has(piece)).length,
  });

  join(...keys: number[]): void {
    for (const key of keys) {
      this.haves.set(key, new Bitfield(PIECES));
      this.shown.set(key, this.seed.join(key));
    }
  }

  leave(key: number): void {
    this.haves.delete(key);
    this.seed.leave(key);
  }

  next(key: number, now = 0): PieceIndex | undefined {
    const uploadedBytes = this.given.get(key) ?? 0;
    const theirHave = this.haves.get(key)!, isInterested = !this.indifferent.has(key);
    const known = new Set([...theirHave.ones(), ...this.shown.get(key)!.ones()]);
    const piece = this.seed.next({ key, theirHave, isInterested, uploadedBytes }, now);
    ok(piece === undefined || !known.has(piece), `${piece} is nothing new`);
    return piece;
  }

  gains(key: number, piece: number): void {
    this.haves.get(key)!.set(piece);
  }
}

Deno.test("next() shows every peer another piece, and nothing of the rest", () => {
  const room = new Room();
  room.join(1, 2, 3);
  const pieces = [1, 2, 3].map((key) => room.next(key)!);
  strictEqual(new Set(pieces).size, 3);
  deepStrictEqual([...room.shown.get(2)!.ones()], [pieces[1]]);
});

Deno.test("next() waits until the piece has come to another peer", () => {
  const room = new Room();
  room.join(1, 2);
  const piece = room.next(1)!;
  strictEqual(room.next(1), undefined, "not fetched yet");
  room.gains(1, piece);
  strictEqual(room.next(1), undefined, "not handed on yet");
  deepStrictEqual(room.seed.viewers(piece), [1]);
  room.gains(2, piece);
  const second = room.next(1)!;
  ok(second !== piece);
  deepStrictEqual(room.seed.viewers(piece), []);
  deepStrictEqual(room.seed.viewers(second), [1]);
});

Deno.test("next() does not let a lone peer wait, nor one from whom nobody takes anything", () => {
  const room = new Room();
  room.join(1);
  room.gains(1, room.next(1)!);
  const second = room.next(1)!;
  room.join(2);
  room.gains(1, second);
  strictEqual(room.next(1, 59_999), undefined);
  const third = room.next(1, 60_000)!;
  room.gains(1, third);
  strictEqual(room.next(1, 60_000), undefined);
  room.leave(2);
  ok(room.next(1, 60_000) !== undefined, "it is alone again");
});

Deno.test("leave() brings back a piece that nobody else has", () => {
  const room = new Room();
  room.join(1, 2);
  const lost = room.next(1)!;
  room.leave(1);
  deepStrictEqual(room.seed.viewers(lost), []);
  strictEqual(room.next(2), lost);
});

Deno.test("next() shows a lone peer everything, and then nothing", () => {
  const room = new Room();
  room.join(1);
  for (let count = 0; count < PIECES; count++) room.gains(1, room.next(1)!);
  ok(room.haves.get(1)!.isFull);
  strictEqual(room.next(1), undefined);
});

Deno.test("next() shows the rarest of what is left once every piece was shown", () => {
  const room = new Room();
  room.join(1);
  for (let count = 0; count < PIECES; count++) room.gains(1, room.next(1)!);
  room.join(2, 3);
  for (let piece = 0; piece < PIECES; piece++) if (piece !== 4) room.gains(2, piece);
  strictEqual(room.next(3), 4);
});

Deno.test("next() shows nobody a piece twice, nor one that it has, whatever peers do", () => {
  const random = new SeededRandom(2);
  for (let round = 0; round < 200; round++) {
    const room = new Room();
    room.join(0, 1, 2);
    for (let step = 1; step < 60; step++) {
      const keys = [...room.haves.keys()], key = keys[random.below(keys.length)]!;
      const action = random.below(6);
      if (action === 0) room.join(step + 2);
      else if (action === 1 && keys.length > 1) room.leave(key);
      else if (action === 2) room.gains(key, random.below(PIECES));
      else room.next(key, step * 30_000);
    }
  }
});

/** What each of these peers is shown first. */
function firstsOf(room: Room, keys: readonly number[]): number[] {
  room.join(...keys);
  return keys.map((key) => room.next(key)!).toSorted();
}

Deno.test("next() shows nothing to a seed, and everything to others once it has left", () => {
  const room = new Room();
  room.join(1);
  for (let piece = 0; piece < PIECES; piece++) room.gains(1, piece);
  strictEqual(room.next(1), undefined);
  room.leave(1);
  deepStrictEqual(firstsOf(room, [2, 3, 4, 5, 6, 7]), [0, 1, 2, 3, 4, 5]);
});

Deno.test("next() shows what only a peer had that has left", () => {
  const room = new Room();
  room.join(1);
  for (let piece = 1; piece < PIECES; piece++) room.gains(1, piece);
  strictEqual(room.next(1), 0);
  room.leave(1);
  deepStrictEqual(firstsOf(room, [2, 3, 4, 5, 6, 7]), [0, 1, 2, 3, 4, 5]);
});

Deno.test("next() knows what it gave, for a peer does not tell a seed that has the piece", () => {
  const room = new Room();
  room.join(1, 2);
  const piece = room.next(1)!;
  room.gains(2, piece);
  room.given.set(1, PIECE_LENGTH - 1);
  strictEqual(room.next(1), undefined);
  room.given.set(1, PIECE_LENGTH);
  ok(room.next(1) !== undefined);
});

Deno.test("next() is sooner done with a piece that is not wanted, and ever sooner", () => {
  const room = new Room();
  room.join(1);
  room.indifferent.add(1);
  const shownAt: number[] = [];
  for (let now = 0; shownAt.length < PIECES; now += 500) {
    ok(now < 60_000);
    if (room.next(1, now) !== undefined) shownAt.push(now);
  }
  deepStrictEqual(shownAt, [0, 12_000, 18_000, 21_000, 22_500, 23_500]);
});

Deno.test("next() shows a piece that is not wanted to another", () => {
  const room = new Room();
  room.join(1);
  room.indifferent.add(1);
  const unwanted = room.next(1)!;
  ok(room.next(1, 12_000) !== undefined);
  room.join(2);
  strictEqual(room.next(2, 12_000), unwanted);
});

Deno.test("next() does not let a peer wait for others that do not want its pieces", () => {
  const room = new Room();
  room.join(1, 2);
  room.indifferent.add(2);
  room.gains(1, room.next(1)!);
  room.next(2);
  strictEqual(room.next(1, 11_999), undefined);
  const wanted = room.next(2, 12_000)!;
  room.gains(1, room.next(1, 12_000)!);
  room.indifferent.delete(2);
  for (const key of [1, 2]) room.gains(key, wanted);
  ok(room.next(2, 12_000) !== undefined);
  strictEqual(room.next(1, 12_000), undefined, "2 may yet take what 1 has");
});

Deno.test("next() looks at few of many pieces, also when peers have all of them from elsewhere", () => {
  let looks = 0;
  const pieceCount = 100_000;
  const seed = new SuperSeed({
    pieceCount,
    pieceSize: () => PIECE_LENGTH,
    random: new SeededRandom(1),
    copies: () => {
      looks++;
      return 1;
    },
  });
  seed.join(1);
  const theirHave = new Bitfield(pieceCount);
  const viewer = { key: 1, theirHave, isInterested: true, uploadedBytes: 0 };
  ok(seed.next(viewer, 0) !== undefined);
  ok(looks < 1_000, `${looks} looks`);
});
