import { ok, strictEqual } from "node:assert/strict";
import { RateLimit } from "../../src/torrent/rate_limit.ts";
import { ManualClock } from "../sim/manual_clock.ts";

const NEVER = new AbortController().signal;

/** Moves bytes in turns of `turnBytes` for ten seconds, and counts them. */
async function moveFor(
  limit: RateLimit,
  clock: ManualClock,
  movers: readonly number[],
): Promise<number[]> {
  const ending = new AbortController();
  const moved = movers.map(() => 0);
  const moving = movers.map(async (turnBytes, index) => {
    while (!ending.signal.aborted) {
      moved[index]! += turnBytes;
      await limit.pass(turnBytes, ending.signal);
    }
  });
  await clock.run(() => false, 10_000);
  ending.abort();
  await Promise.all(moving);
  return moved;
}

for (const rate of [20_000, 1_000_000, 100_000_000]) {
  Deno.test(`pass() keeps to ${rate} bytes a second within 5 % over 10 s`, async () => {
    const clock = new ManualClock();
    const limit = new RateLimit(rate, clock);
    const moved = await moveFor(limit, clock, Array(5).fill(limit.turnBytes));
    const total = moved.reduce((sum, bytes) => sum + bytes, 0);
    ok(Math.abs(total / (rate * 10) - 1) <= 0.05, `${total} bytes in 10 s`);
  });
}

Deno.test("pass() gives equal shares when all take turns of one size", async () => {
  const clock = new ManualClock();
  const limit = new RateLimit(1_000_000, clock);
  const moved = await moveFor(limit, clock, Array(8).fill(limit.turnBytes));
  ok(Math.max(...moved) <= 1.1 * Math.min(...moved), moved.join());
});

Deno.test("pass() ends at once when its signal aborts", async () => {
  const clock = new ManualClock();
  const limit = new RateLimit(1, clock);
  const ending = new AbortController();
  const passing = limit.pass(1_000_000, ending.signal);
  ending.abort();
  await passing;
  strictEqual(clock.now(), 0);
});

Deno.test("pass() never waits when there is no limit", async () => {
  const limit = new RateLimit(undefined, new ManualClock());
  ok(limit.isUnlimited);
  strictEqual(limit.turnBytes, Infinity);
  await limit.pass(1e12, NEVER);
});
