import { deepStrictEqual } from "node:assert/strict";
import type { Interruption } from "../../../src/cli/environment/interruption.ts";
import { failureOfSharing, seedingGoal } from "../../../src/cli/tasks/sharing.ts";

const SHARED = { reason: "ratio", durationMs: 1_000, uploaded: 5, ratio: 1 } as const;

Deno.test("seedingGoal() is there when anything was asked for", () => {
  const nothing = { seed: false, seedRatio: undefined, seedMs: undefined };
  deepStrictEqual(seedingGoal(nothing), undefined);
  deepStrictEqual(seedingGoal({ ...nothing, seed: true }), {
    ratio: undefined,
    durationMs: undefined,
  });
  deepStrictEqual(seedingGoal({ ...nothing, seedRatio: 2 })?.ratio, 2);
  deepStrictEqual(seedingGoal({ ...nothing, seedMs: 5 })?.durationMs, 5);
});

Deno.test("failureOfSharing() has the exit code of the signal, and none for a goal", () => {
  const interruption = { exitCode: 143 } as Interruption;
  deepStrictEqual(failureOfSharing(SHARED, interruption), undefined);
  const stopped = { ...SHARED, reason: "stopped" } as const;
  deepStrictEqual(failureOfSharing(stopped, interruption)?.exitCode, 143);
});
