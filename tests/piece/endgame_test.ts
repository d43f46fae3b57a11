import { deepStrictEqual } from "node:assert/strict";
import type { BlockIndex, PieceIndex } from "../../src/base/ids.ts";
import { BLOCK_LENGTH, Layout } from "../../src/metainfo/layout.ts";
import { isWorthRepeating } from "../../src/piece/endgame.ts";
import { OpenPieces } from "../../src/piece/open_pieces.ts";
import { PartialPiece } from "../../src/piece/partial_piece.ts";

Deno.test("isWorthRepeating() wants a peer that is twice as quick as those who were asked", () => {
  const block = new AskedBlock();
  block.ask(1, { at: 0, responseMs: 3_000 });
  deepStrictEqual(block.isWorth(2, { now: 1_000, responseMs: 900 }), true);
  deepStrictEqual(block.isWorth(2, { now: 1_000, responseMs: 1_100 }), false);
  deepStrictEqual(block.isWorth(2, { now: 2_900, responseMs: 100 }), false);
  block.ask(3, { at: 1_000, responseMs: 400 });
  deepStrictEqual(block.isWorth(2, { now: 1_000, responseMs: 300 }), false);
  deepStrictEqual(block.isWorth(2, { now: 1_000, responseMs: 150 }), true);
});

Deno.test("isWorthRepeating() never names a peer twice for one block", () => {
  const block = new AskedBlock();
  block.ask(1, { at: 0, responseMs: 100 });
  block.ask(2, { at: 0, responseMs: 100 });
  deepStrictEqual(block.isWorth(1, { now: 60_000, responseMs: 100 }), false);
  deepStrictEqual(block.isWorth(2, { now: 60_000, responseMs: 100 }), false);
});

Deno.test("isWorthRepeating() lets two peers have a late block, and twice as many every 2 s", () => {
  const block = new AskedBlock();
  block.ask(0, { at: 0, responseMs: 200 });
  deepStrictEqual(block.isWorth(99, { now: 499, responseMs: 2_000 }), false);
  const limits: number[] = [];
  let peers = 1;
  for (const now of [500, 2_500, 4_500, 6_500]) {
    while (block.isWorth(99, { now, responseMs: 2_000 })) {
      block.ask(peers++, { at: now, responseMs: 2_000 });
    }
    limits.push(peers);
  }
  deepStrictEqual(limits, [2, 4, 8, 16]);
});

Deno.test("isWorthRepeating() does not wait for one peer that is silent, if another is quicker", () => {
  const block = new AskedBlock();
  block.ask(1, { at: 0, responseMs: 10 });
  block.hear(1, 100);
  deepStrictEqual(block.isWorth(2, { now: 150, responseMs: 10 }), false);
  deepStrictEqual(block.isWorth(2, { now: 151, responseMs: 10 }), true);
  deepStrictEqual(block.isWorth(2, { now: 151, responseMs: 30 }), false, "as soon itself");
  block.hear(1, 140);
  deepStrictEqual(block.isWorth(2, { now: 151, responseMs: 10 }), false, "it speaks again");
  block.ask(3, { at: 151, responseMs: 10 });
  deepStrictEqual(block.isWorth(2, { now: 299, responseMs: 10 }), false, "two have it now");
});

Deno.test("isWorthRepeating() takes no peer for silent that answers as it does", () => {
  const block = new AskedBlock();
  block.ask(1, { at: 0, responseMs: 100 });
  deepStrictEqual(block.isWorth(2, { now: 200, responseMs: 10 }), false);
  deepStrictEqual(block.isWorth(2, { now: 201, responseMs: 10 }), true);
});

Deno.test("isWorthRepeating() does not expect a peer that has answered nothing to be quick", () => {
  const block = new AskedBlock();
  block.ask(1, { at: 0, responseMs: 10 });
  deepStrictEqual(block.isWorth(2, { now: 290 }), false);
  deepStrictEqual(block.isWorth(3, { now: 290, responseMs: 10 }), true);
});

Deno.test("isWorthRepeating() lets no doubted peers, however many, keep a block from others", () => {
  const block = new AskedBlock();
  for (let peer = 10; peer < 60; peer++) block.doubt(peer, 1_000 * (peer % 10));
  deepStrictEqual(block.isWorth(1, { now: 9_400, responseMs: 5_000 }), true);
  deepStrictEqual(block.isWorth(1, { now: 9_400, responseMs: 200, isDoubted: true }), false);
  deepStrictEqual(block.isWorth(10, { now: 9_400, responseMs: 200 }), false, "it has been asked");
  block.ask(1, { at: 9_400, responseMs: 200 });
  deepStrictEqual(block.isWorth(2, { now: 9_600, responseMs: 150 }), false, "one may come yet");
  deepStrictEqual(block.isWorth(2, { now: 9_900, responseMs: 150 }), true);
});

Deno.test("isWorthRepeating() doubts nobody who was asked just now, though a doubted peer was before", () => {
  const block = new AskedBlock();
  block.doubt(1, 700);
  block.ask(2, { at: 1_000, responseMs: 500 });
  deepStrictEqual(block.isWorth(3, { now: 1_000, responseMs: 50 }), false);
  deepStrictEqual(block.isWorth(3, { now: 1_299, responseMs: 50 }), false);
  deepStrictEqual(block.isWorth(3, { now: 1_300, responseMs: 50 }), true);
});

Deno.test("isWorthRepeating() leaves pieces alone that were given up", () => {
  const block = new AskedBlock();
  block.ask(1, { at: 0, responseMs: 100 });
  block.giveUp();
  deepStrictEqual(block.isWorth(2, { now: 60_000, responseMs: 100 }), false);
});

class AskedBlock {
  readonly #pieces = new OpenPieces();
  readonly #open = (() => {
    const files = [{ length: BLOCK_LENGTH, isPadding: false }];
    const layout = new Layout({ pieceLength: BLOCK_LENGTH, files });
    const partial = new PartialPiece(layout, 0 as PieceIndex, () => new ArrayBuffer(BLOCK_LENGTH));
    const options = {
      rank: 0,
      isSlow: false,
      now: 0,
      paroled: undefined,
    };
    return this.#pieces.open(partial, options);
  })();

  ask(peer: number, { at, responseMs }: { at: number; responseMs: number }): void {
    const requester = this.#requester(peer, responseMs);
    requester.quietSince = at;
    this.#pieces.add(this.#open, 0 as BlockIndex, requester, at);
  }

  /** Asks one that is not believed to answer. */
  doubt(peer: number, at: number): void {
    this.#pieces.addDoubted(this.#open, 0 as BlockIndex, this.#pieces.requester(peer), at);
  }

  /** Without `responseMs`, the peer has not answered anything yet. */
  isWorth(
    peer: number,
    { now, responseMs, isDoubted = false }: {
      now: number;
      responseMs?: number;
      isDoubted?: boolean;
    },
  ): boolean {
    const oldest = this.#pieces.oldestRequest!;
    const requester = responseMs === undefined
      ? this.#pieces.requester(peer)
      : this.#requester(peer, responseMs);
    return isWorthRepeating(oldest, requester, { now, livelyMs: now, isDoubted });
  }

  /** The peer sends something else. */
  hear(peer: number, now: number): void {
    this.#pieces.requester(peer).quietSince = now;
  }

  giveUp(): void {
    this.#pieces.close(this.#open);
  }

  #requester(peer: number, responseMs: number) {
    const requester = this.#pieces.requester(peer);
    for (let answer = 0; answer < 200; answer++) requester.answeredAfter(responseMs);
    return requester;
  }
}
