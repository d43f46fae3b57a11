import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { FetchLimit } from "../../src/web_seed/fetch_limit.ts";

/** What the limit is after each of so many answers. */
function afterAnswers(limit: FetchLimit, count: number): number[] {
  return Array.from({ length: count }, () => {
    limit.answered();
    return limit.current;
  });
}

Deno.test("FetchLimit is six, and halved whenever the server is busy, down to none", () => {
  const limit = new FetchLimit();
  const seen = [limit.current];
  for (let count = 0; count < 3; count++) {
    limit.busy();
    seen.push(limit.current);
  }
  deepStrictEqual(seen, [6, 3, 1, 0]);
});

Deno.test("FetchLimit grows by one after sixteen answers, up to six", () => {
  const limit = new FetchLimit();
  strictEqual(afterAnswers(limit, 100).at(-1), 6);
  limit.busy();
  limit.busy();
  const seen = afterAnswers(limit, 100);
  strictEqual(seen.filter((current) => current === 1).length, 15);
  for (const current of [2, 3, 4, 5]) {
    strictEqual(seen.filter((seen) => seen === current).length, 16, `${current} at once`);
  }
  strictEqual(seen.at(-1), 6);
});

Deno.test("FetchLimit counts the answers anew when the server is busy", () => {
  const limit = new FetchLimit();
  limit.busy();
  afterAnswers(limit, 15);
  limit.busy();
  deepStrictEqual(new Set(afterAnswers(limit, 15)), new Set([1]));
  deepStrictEqual(afterAnswers(limit, 1), [2]);
});

Deno.test("FetchLimit gives back one that was too many, tries ever more rarely, and no fourth time", () => {
  const limit = new FetchLimit();
  limit.busy();
  limit.busy();
  for (const answers of [16, 32, 64]) {
    deepStrictEqual(new Set(afterAnswers(limit, answers - 1)), new Set([1]));
    deepStrictEqual(afterAnswers(limit, 1), [2]);
    limit.busy();
    strictEqual(limit.current, 1);
  }
  deepStrictEqual(new Set(afterAnswers(limit, 10_000)), new Set([1]));
  limit.busy();
  strictEqual(limit.current, 0);
});
