import { deepStrictEqual, throws } from "node:assert/strict";
import type { PieceIndex } from "../../src/base/ids.ts";
import { Blame, contributingPeers } from "../../src/piece/blame.ts";
import { NO_PEER } from "../../src/piece/partial_piece.ts";

const P0 = 0 as PieceIndex;

Deno.test("P17 recordFailure() names the peer that alone gave a piece", () => {
  const blame = new Blame();
  deepStrictEqual(blame.recordFailure(P0, [4, 4, NO_PEER], ["a", "b", "c"]), 4);
  deepStrictEqual(blame.suspects(P0), false);
});

Deno.test("P17 judge() names exactly those whose blocks differ from the good piece", () => {
  const blame = new Blame();
  deepStrictEqual(blame.recordFailure(P0, [1, 2, 3, 1], ["a", "b!", "c", "d"]), undefined);
  deepStrictEqual(blame.recordFailure(P0, [3, 5, 3, 4], ["a", "b", "c", "d!"]), undefined);
  deepStrictEqual(blame.suspects(P0), true);
  deepStrictEqual(blame.judge(P0, ["a", "b", "c", "d"]), [2, 4]);
  deepStrictEqual([blame.suspects(P0), blame.judge(P0, ["x", "x", "x", "x"])], [false, []]);
});

Deno.test("judge() accuses nobody of padding, and nobody twice", () => {
  const blame = new Blame();
  blame.recordFailure(P0, [1, 2, 2, NO_PEER], ["a", "b!", "c!", "0"]);
  deepStrictEqual(blame.judge(P0, ["a", "b", "c", "1"]), [2]);
});

Deno.test("Blame forgets the oldest failures when it remembers too much", () => {
  const blame = new Blame();
  const blocks = 1_024;
  const contributors = Array.from({ length: blocks }, (_, block) => block % 2);
  const digests = new Array<string>(blocks).fill("a");
  for (let piece = 0; piece < 100; piece++) {
    blame.recordFailure(piece as PieceIndex, contributors, digests);
  }
  const remembered = Array.from({ length: 100 }, (_, piece) => piece)
    .filter((piece) => blame.suspects(piece as PieceIndex));
  deepStrictEqual([remembered.length, remembered[0]], [64, 36]);
});

Deno.test("recordFailure() wants a digest for each block", () => {
  throws(() => new Blame().recordFailure(P0, [1, 2], ["a"]));
});

Deno.test("contributingPeers() gives each peer once", () => {
  deepStrictEqual([...contributingPeers([3, NO_PEER, 1, 3])], [3, 1]);
});
