import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { RequestedBlocks } from "../../src/web_seed/requested_blocks.ts";

const PIECE_LENGTH = 32_768;
const BLOCK = 16_384;

function requested(...offsets: number[]): RequestedBlocks {
  const blocks = new RequestedBlocks({ pieceLength: PIECE_LENGTH });
  for (const offset of offsets) blocks.add(blockAt(offset));
  return blocks;
}

/** The block so many blocks from the start of the torrent. */
function blockAt(offset: number) {
  return { index: Math.floor(offset / 2), begin: offset % 2 * BLOCK, length: BLOCK };
}

/** All runs, as the offsets of their blocks. */
function runsOf(blocks: RequestedBlocks): number[][] {
  const runs: number[][] = [];
  for (let run = blocks.takeRun(); run !== undefined; run = blocks.takeRun()) {
    strictEqual(run.length, run.blocks.length * BLOCK);
    runs.push(run.blocks.map(({ index, begin }) => index * 2 + begin / BLOCK));
  }
  return runs;
}

Deno.test("takeRun() gives the oldest block with those that go on where it ends, over pieces", () => {
  deepStrictEqual(runsOf(requested(7, 3, 4, 8, 5, 1)), [[7, 8], [3, 4, 5], [1]]);
});

Deno.test("takeRun() ends a run with a block that is short, as padding follows it", () => {
  const blocks = requested(0, 2);
  blocks.add({ index: 0, begin: BLOCK, length: 100 });
  const run = blocks.takeRun();
  deepStrictEqual([run?.blocks.length, run?.length], [2, BLOCK + 100]);
  deepStrictEqual(runsOf(blocks), [[2]]);
});

Deno.test("T21 takeRun() asks for 4 MiB at most", () => {
  const lengths = runsOf(requested(...Array.from({ length: 600 }, (_, at) => at)))
    .map((run) => run.length);
  deepStrictEqual(lengths, [256, 256, 88]);
});

Deno.test("cancel() takes back what is not on its way, and nothing else", () => {
  const blocks = requested(1, 2, 3);
  ok(blocks.cancel(blockAt(2)));
  ok(!blocks.cancel(blockAt(2)) && !blocks.cancel(blockAt(9)));
  deepStrictEqual(runsOf(blocks), [[1], [3]]);
  ok(!blocks.cancel(blockAt(1)));
});

Deno.test("takeRun() gives every requested block exactly once", () => {
  fc.assert(fc.property(fc.uniqueArray(fc.nat(60)), (offsets) => {
    const runs = runsOf(requested(...offsets));
    deepStrictEqual(runs.flat().toSorted((a, b) => a - b), offsets.toSorted((a, b) => a - b));
    for (const run of runs) run.forEach((at, index) => strictEqual(at, run[0]! + index));
  }));
});
