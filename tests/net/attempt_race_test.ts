import { deepStrictEqual } from "node:assert/strict";
import { raceAttempts } from "../../src/net/attempt_race.ts";
import { ManualClock } from "../sim/manual_clock.ts";

Deno.test("raceAttempts() lets the next way join in after the delay, or when one has failed", async () => {
  type Way = readonly [name: string, afterMs: number, works: boolean];
  const rows: [ways: readonly Way[], winner: string, endsAt: number, tried: readonly string[]][] = [
    [[["tcp", 900, true], ["utp", 10, true]], "tcp", 900, ["tcp at 0"]],
    [[["tcp", 1_500, true], ["utp", 400, true]], "utp", 1_400, ["tcp at 0", "utp at 1000"]],
    [[["tcp", 20, false], ["utp", 400, true]], "utp", 420, ["tcp at 0", "utp at 20"]],
    [[["tcp", 20, false], ["utp", 400, false]], "Error: tcp", 420, ["tcp at 0", "utp at 20"]],
  ];
  for (const [ways, expected, expectedAt, expectedTries] of rows) {
    const clock = new ManualClock();
    const tried: string[] = [], discarded: string[] = [];
    let winner: string | undefined, endedAt = 0;
    const end = (result: unknown) => {
      winner = String(result);
      endedAt = clock.now();
    };
    raceAttempts<Way, string>({
      ways,
      delayMs: 1_000,
      attempt: async ([name, afterMs, works]) => {
        tried.push(`${name} at ${clock.now()}`);
        await clock.sleep(afterMs);
        if (!works) throw new Error(name);
        return name;
      },
      discard: (late) => discarded.push(late),
      clock,
      signal: new AbortController().signal,
    }).then(end, end);
    await clock.run(() => winner !== undefined, 10_000);
    deepStrictEqual([winner, endedAt, tried], [expected, expectedAt, expectedTries]);
    await clock.run(() => false, 10_000);
    deepStrictEqual(discarded, expected === "utp" && expectedAt === 1_400 ? ["tcp"] : []);
  }
});
