import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { batches, concurrently } from "../../src/storage/concurrently.ts";

Deno.test("concurrently() runs all tasks, never more than the limit at a time", async () => {
  let running = 0, most = 0, done = 0;
  const task = async () => {
    most = Math.max(most, ++running);
    await Promise.resolve();
    running--;
    done++;
  };
  await concurrently(3, Array.from({ length: 20 }, () => task));
  deepStrictEqual([most, done], [3, 20]);
});

Deno.test("concurrently() takes a task only when it can start", async () => {
  let taken = 0, done = 0;
  const tasks = function* () {
    for (; taken < 10; taken++) {
      strictEqual(taken - done < 2, true);
      yield () =>
        Promise.resolve().then(() => {
          done++;
        });
    }
  };
  await concurrently(2, tasks());
  strictEqual(done, 10);
});

Deno.test("concurrently() starts nothing after a failure, and rejects once all have settled", async () => {
  const started: number[] = [], ended: number[] = [];
  const tasks = Array.from({ length: 9 }, (_, index) => async () => {
    started.push(index);
    await Promise.resolve();
    if (index === 1) throw new Error("the second");
    await Promise.resolve();
    ended.push(index);
  });
  await rejects(concurrently(2, tasks), { message: "the second" });
  deepStrictEqual([started, ended], [[0, 1], [0]]);
});

Deno.test("concurrently() ends with the reason of its signal", async () => {
  const aborter = new AbortController();
  let started = 0;
  const tasks = Array.from({ length: 9 }, () => () => {
    if (++started === 3) aborter.abort(new Error("enough"));
    return Promise.resolve();
  });
  await rejects(concurrently(1, tasks, aborter.signal), { message: "enough" });
  strictEqual(started, 3);
});

Deno.test("batches() cuts a list into runs, the last one shorter", () => {
  deepStrictEqual([...batches([1, 2, 3, 4, 5], 2)], [[1, 2], [3, 4], [5]]);
  deepStrictEqual([...batches([], 2)], []);
});
