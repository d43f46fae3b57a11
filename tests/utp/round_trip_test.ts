import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { RoundTrip } from "../../src/utp/round_trip.ts";

Deno.test("timeoutMs is a second at first, then what answers took, at least half a second", () => {
  const rows: [samples: number[], timeoutMs: number][] = [
    [[], 1_000],
    [[10], 500],
    [[300], 900], // 300 + 4 * 150
    [[300, 300], 750], // 300 + 4 * 112.5
    [[200, 1_000], 300 + 4 * 275],
    [[60_000], 10_000],
  ];
  for (const [samples, timeoutMs] of rows) {
    const roundTrip = new RoundTrip();
    for (const sample of samples) roundTrip.sample(sample);
    strictEqual(roundTrip.timeoutMs, timeoutMs, `${samples}`);
  }
});

Deno.test("timeoutMs doubles with each timeout, up to 10 seconds", () => {
  const roundTrip = new RoundTrip();
  roundTrip.sample(10);
  const found: number[] = [];
  for (; roundTrip.timeoutCount < 7; roundTrip.timeoutCount++) found.push(roundTrip.timeoutMs);
  deepStrictEqual(found, [500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  roundTrip.timeoutCount = 0;
  strictEqual(roundTrip.timeoutMs, 500);
});

Deno.test("leastMs is the shortest time", () => {
  const roundTrip = new RoundTrip();
  strictEqual(roundTrip.leastMs, Infinity);
  for (const sample of [30, 20, 40]) roundTrip.sample(sample);
  strictEqual(roundTrip.leastMs, 20);
});
