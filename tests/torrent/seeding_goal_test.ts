import { deepStrictEqual } from "node:assert/strict";
import { reachedGoal, shareRatio } from "../../src/torrent/seeding_goal.ts";

const FACTS = { uploaded: 1_000, size: 1_000, sharedMs: 60_000 };

Deno.test("reachedGoal() tells which part of the goal came first", () => {
  deepStrictEqual(reachedGoal({ ratio: 1 }, FACTS), "ratio");
  deepStrictEqual(reachedGoal({ ratio: 1.001 }, FACTS), undefined);
  deepStrictEqual(reachedGoal({ durationMs: 60_000 }, FACTS), "time");
  deepStrictEqual(reachedGoal({ durationMs: 60_001 }, FACTS), undefined);
  deepStrictEqual(reachedGoal({ ratio: 2, durationMs: 60_000 }, FACTS), "time");
});

Deno.test("reachedGoal() is never there without a goal", () => {
  deepStrictEqual(reachedGoal({}, { uploaded: 1e15, size: 0, sharedMs: 1e15 }), undefined);
});

Deno.test("reachedGoal() has sent enough of nothing at once", () => {
  deepStrictEqual(reachedGoal({ ratio: 1 }, { uploaded: 0, size: 0, sharedMs: 0 }), "ratio");
});

Deno.test("shareRatio() counts copies", () => {
  deepStrictEqual([shareRatio(500, 1_000), shareRatio(5, 0)], [0.5, 0]);
});
