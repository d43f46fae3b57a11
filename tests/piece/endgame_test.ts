import { deepStrictEqual } from "node:assert/strict";
import type { BlockIndex, PieceIndex } from "../../src/base/ids.ts";
import { BLOCK_LENGTH, Layout } from "../../src/metainfo/layout.ts";
import { isWorthRepeating } from "../../src/piece/endgame.ts";
import { OpenPieces } from "../../src/piece/open_pieces.ts";
import { PartialPiece } from "../../src/piece/partial_piece.ts";
import { Requester } from "../../src/piece/requester.ts";

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
      starter: new Requester(1),
      isSlow: false,
      now: 0,
      paroled: undefined,
    };
    return this.#pieces.open(partial, options);
  })();

  ask(peer: number, { at, responseMs }: { at: number; responseMs: number }): void {
    this.#pieces.add(this.#open, 0 as BlockIndex, this.#requester(peer, responseMs), at);
  }

  isWorth(peer: number, { now, responseMs }: { now: number; responseMs: number }): boolean {
    const oldest = this.#pieces.oldestRequest!;
    return isWorthRepeating(oldest, this.#requester(peer, responseMs), now);
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
