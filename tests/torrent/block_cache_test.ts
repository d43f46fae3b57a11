import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Layout } from "../../src/metainfo/layout.ts";
import { BlockCache, RUN_LENGTH } from "../../src/torrent/block_cache.ts";
import { requestOf, StoredRuns } from "./stored_runs.ts";

const BLOCK = 16_384;
const RUN = RUN_LENGTH;
/** With its headers. */
const RUN_SIZE = RUN + RUN / BLOCK * 13;

/** Twenty pieces of two and a half runs. */
const LAYOUT = new Layout({
  pieceLength: 2.5 * RUN,
  files: [{ length: 19 * 2.5 * RUN + 100, isPadding: false }],
});

function newCache(runs: number): { disk: StoredRuns; cache: BlockCache } {
  const disk = new StoredRuns();
  const storage = disk.asStorage();
  const cache = new BlockCache({ storage, layout: LAYOUT, budgetBytes: runs * RUN_SIZE });
  return { disk, cache };
}

Deno.test("acquire() reads a run once for all who ask for a block of it", async () => {
  const { disk, cache } = newCache(4);
  const first = cache.acquire(requestOf(3, RUN + BLOCK));
  strictEqual(cache.acquire(requestOf(3, RUN)), first);
  await first.outcome;
  strictEqual(cache.acquire(requestOf(3, 2 * RUN - BLOCK)), first);
  deepStrictEqual(disk.runs, [{ piece: 3, begin: RUN, length: RUN }]);
  deepStrictEqual(first.offsetOf(requestOf(3, RUN + BLOCK)), BLOCK + 13);
  for (const other of [requestOf(3, 0), requestOf(3, 2 * RUN), requestOf(4, RUN)]) {
    deepStrictEqual(first.offsetOf(other), undefined);
  }
});

Deno.test("acquire() ends a run where its piece ends", () => {
  const { disk, cache } = newCache(4);
  cache.acquire(requestOf(0, 2 * RUN));
  cache.acquire(requestOf(19, 0, 100));
  deepStrictEqual(disk.runs.map(({ length }) => length), [RUN / 2, 100]);
});

Deno.test("acquire() reads what is none of our blocks for the one who asks, and keeps nothing", () => {
  const { disk, cache } = newCache(4);
  for (const odd of [requestOf(0, 5), requestOf(0, 0, 7), requestOf(0, 2.5 * RUN - 9, 9)]) {
    for (let time = 0; time < 2; time++) {
      deepStrictEqual(cache.acquire(odd).offsetOf(odd), 0);
      deepStrictEqual(disk.runs.at(-1), odd);
    }
  }
  deepStrictEqual([disk.runs.length, cache.bytes], [6, 0]);
});

Deno.test("the least recently used run makes way, and its buffer is read into", async () => {
  const { disk, cache } = newCache(2);
  const runs = [0, 1].map((piece) => cache.acquire(requestOf(piece, 0)));
  for (const run of runs) {
    await run.outcome;
    cache.release(run);
  }
  cache.release(cache.acquire(requestOf(0, 0)));
  const buffer = runs[1]!.messages?.buffer;
  await cache.acquire(requestOf(2, 0)).outcome;
  ok(buffer !== undefined && disk.buffers.at(-1) === buffer);
  strictEqual(cache.bytes, 2 * RUN_SIZE);
  cache.acquire(requestOf(0, 0));
  strictEqual(disk.runs.length, 3);
});

Deno.test("what is in use or being read stays, whatever the budget", async () => {
  const { disk, cache } = newCache(2);
  const opening = Promise.withResolvers<void>();
  disk.gate = opening.promise;
  cache.readAhead(requestOf(0, 0));
  cache.readAhead(requestOf(1, 0));
  cache.readAhead(requestOf(2, 0));
  strictEqual(disk.runs.length, 2);
  const used = cache.acquire(requestOf(0, 0));
  const more = [3, 4].map((piece) => cache.acquire(requestOf(piece, 0)));
  strictEqual(cache.bytes, 4 * RUN_SIZE);
  opening.resolve();
  for (const run of [used, ...more]) await run.outcome;
  for (const run of more) cache.release(run);
  // Makes room by everything that nobody uses any more.
  await cache.acquire(requestOf(5, 0)).outcome;
  strictEqual(cache.bytes, 2 * RUN_SIZE);
  strictEqual(cache.acquire(requestOf(0, 0)), used);
  ok(!disk.buffers.includes(used.messages!.buffer));
});

Deno.test("present() gives a run that has been read, which counts as a use of it", async () => {
  const { disk, cache } = newCache(2);
  disk.broken.add(9);
  const runs = [0, 1, 9].map((piece) => cache.acquire(requestOf(piece, 0)));
  for (const piece of [0, 2]) ok(cache.present(requestOf(piece, 0)) === undefined);
  for (const run of runs) {
    await run.outcome;
    cache.release(run);
  }
  ok(cache.present(requestOf(0, BLOCK)) === runs[0]);
  for (const other of [requestOf(0, 5), requestOf(0, 0, 7), requestOf(0, RUN), requestOf(9, 0)]) {
    ok(cache.present(other) === undefined);
  }
  await cache.acquire(requestOf(2, 0)).outcome;
  ok(cache.present(requestOf(0, 0)) === runs[0]);
  ok(cache.present(requestOf(1, 0)) === undefined);
  deepStrictEqual(disk.runs.map(({ piece }) => piece), [0, 1, 9, 2]);
});

Deno.test("a run that could not be read is read anew", async () => {
  const { disk, cache } = newCache(2);
  disk.broken.add(1);
  const run = cache.acquire(requestOf(1, 0));
  deepStrictEqual((await run.outcome).kind, "failed");
  await Promise.resolve();
  cache.release(run);
  strictEqual(cache.bytes, 0);
  disk.broken.clear();
  deepStrictEqual((await cache.acquire(requestOf(1, 0)).outcome).kind, "read");
});

Deno.test("acquire() reads anew what was read ahead in vain, and readAhead() does not", async () => {
  const { disk, cache } = newCache(2);
  disk.broken.add(1);
  for (let count = 0; count < 3; count++) {
    cache.readAhead(requestOf(1, 0));
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  }
  strictEqual(disk.runs.length, 1);
  disk.broken.clear();
  deepStrictEqual((await cache.acquire(requestOf(1, 0)).outcome).kind, "read");
  strictEqual(disk.runs.length, 2);
});
