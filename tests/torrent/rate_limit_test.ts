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

Deno.test("maxPeers is one for each 32 KiB a second, and one more for each second in which some is left", async () => {
  const clock = new ManualClock();
  const limit = new RateLimit(3 * 32 * 1024, clock);
  const after = async (ms: number, bytes: number) => {
    await clock.run(() => false, ms);
    await limit.pass(bytes, NEVER);
    return limit.maxPeers;
  };
  strictEqual(limit.maxPeers, 3);
  strictEqual(await after(60_000, 1), 3, "nothing has moved for long");
  strictEqual(await after(999, 1), 3);
  strictEqual(await after(1, 1), 4);
  strictEqual(await after(9_000, 1), 13);
  for (let n = 0; n < 4; n++) await after(9_000, 1);
  strictEqual(limit.maxPeers, 24, "eight times as many at most");
  void limit.pass(1_000_000, NEVER);
  strictEqual(limit.maxPeers, 3, "all is used");
  await after(12_000, 1);
  strictEqual(await after(9_999, 1), 12);
  await clock.run(() => false, 10_000);
  strictEqual(limit.maxPeers, 3, "nothing moves");
});

Deno.test("maxPeers is as many as there are when there is no limit", async () => {
  const limit = new RateLimit(undefined, new ManualClock());
  await limit.pass(1, NEVER);
  strictEqual(limit.maxPeers, Infinity);
});
