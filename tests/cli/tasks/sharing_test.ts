import { deepStrictEqual } from "node:assert/strict";
import type { Interruption } from "../../../src/cli/environment/interruption.ts";
import { failureOfSharing, seedingGoal, Sharing } from "../../../src/cli/tasks/sharing.ts";
import { ManualClock } from "../../sim/manual_clock.ts";
import { FakeTorrent } from "../fake_engine.ts";

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

Deno.test("supervise() ends it two seconds after the ratio was reached, and at once after the time", async () => {
  const rows = [
    [{ ratio: 2, durationMs: undefined }, { reason: "ratio", durationMs: 12_000 }],
    [{ ratio: undefined, durationMs: 10_500 }, { reason: "time", durationMs: 10_500 }],
  ] as const;
  for (const [goal, expected] of rows) {
    const clock = new ManualClock();
    clock.standStill(1_000_000);
    const torrent = new FakeTorrent({} as ConstructorParameters<typeof FakeTorrent>[0]);
    const sharing = new Sharing(torrent, goal, clock);
    const shared = sharing.run();
    for (let tick = 0; tick < 60 && !torrent.calls.includes("stop"); tick++) {
      await clock.run(() => false, 500);
      const uploaded = tick < 19 ? 199 : 200;
      torrent.snapshotChanges = { uploaded, size: 100 };
      sharing.supervise(clock.now());
      await clock.run(() => false, 0);
    }
    const { reason, durationMs } = await shared;
    deepStrictEqual({ reason, durationMs }, expected);
  }
});
