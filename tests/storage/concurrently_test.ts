import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { batches, concurrently } from "../../src/storage/concurrently.ts";

Deno.test("concurrently() works on all items, never more than the limit at a time", async () => {
  let running = 0, most = 0, done = 0;
  const task = async () => {
    most = Math.max(most, ++running);
    await Promise.resolve();
    running--;
    done++;
  };
  await concurrently(3, Array(20).keys(), task);
  deepStrictEqual([most, done], [3, 20]);
});

Deno.test("concurrently() takes an item only when its turn has come", async () => {
  let taken = 0, done = 0;
  const items = function* () {
    for (; taken < 10; taken++) {
      strictEqual(taken - done < 2, true);
      yield taken;
    }
  };
  await concurrently(2, items(), async () => {
    await Promise.resolve();
    done++;
  });
  strictEqual(done, 10);
});

Deno.test("concurrently() starts nothing after a failure, and rejects once all have settled", async () => {
  const started: number[] = [], ended: number[] = [];
  const work = async (index: number) => {
    started.push(index);
    await Promise.resolve();
    if (index === 1) throw new Error("the second");
    await Promise.resolve();
    ended.push(index);
  };
  await rejects(concurrently(2, Array(9).keys(), work), { message: "the second" });
  deepStrictEqual([started, ended], [[0, 1], [0]]);
});

Deno.test("concurrently() ends with the reason of its signal", async () => {
  const aborter = new AbortController();
  let started = 0;
  const work = () => {
    if (++started === 3) aborter.abort(new Error("enough"));
    return Promise.resolve();
  };
  await rejects(concurrently(1, Array(9).keys(), work, aborter.signal), { message: "enough" });
  strictEqual(started, 3);
});

Deno.test("batches() cuts a list into runs, the last one shorter", () => {
  deepStrictEqual([...batches([1, 2, 3, 4, 5], { length: 2 })], [[1, 2], [3, 4], [5]]);
  deepStrictEqual([...batches([], { length: 2 })], []);
});

Deno.test("batches() ends a run with the item that has the last of its bytes", () => {
  const limits = { length: 3, bytes: 10, bytesOf: (bytes: number) => bytes };
  deepStrictEqual([...batches([9, 1, 99, 0, 0, 0, 9], limits)], [[9, 1], [99], [0, 0, 0], [
    9,
  ]]);
});
