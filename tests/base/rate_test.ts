import { equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { RateMeter, TokenBucket } from "../../src/base/rate.ts";

Deno.test("RateMeter.rate() is the true rate of a steady flow, whenever it began", () => {
  fc.assert(fc.property(fc.nat(10_000_000), fc.integer({ min: 1, max: 1000 }), (start, bytes) => {
    const meter = new RateMeter();
    let now = start;
    for (; now < start + 20_000; now += 10) meter.add(bytes, now);
    const rate = meter.rate(now);
    ok(Math.abs(rate - bytes * 100) <= bytes * 100 * 0.06, `${rate} is not ${bytes * 100}`);
    equal(meter.total, bytes * 2000);
  }));
});

Deno.test("RateMeter.rate() judges a young flow by its own time, not by the whole window", () => {
  const meter = new RateMeter();
  for (let now = 0; now < 1000; now += 10) meter.add(100, now);
  equal(meter.rate(1000), 10_000);
});

Deno.test("RateMeter.rate() falls to zero within the window after the last byte", () => {
  const meter = new RateMeter();
  meter.add(1_000_000, 1_000);
  ok(meter.rate(5_900) > 0);
  equal(meter.rate(6_250), 0);
  equal(meter.rate(1e12), 0);
  equal(meter.total, 1_000_000);
  equal(new RateMeter().rate(5), 0);
});

Deno.test("RateMeter forgets exactly what has left the window, however it was added", () => {
  const arrivals = fc.array(fc.tuple(fc.nat(2_000), fc.nat(1_000_000)), { maxLength: 60 });
  fc.assert(fc.property(arrivals, (steps) => {
    const meter = new RateMeter();
    let now = 0;
    for (const [pause, bytes] of steps) meter.add(bytes, now += pause);
    ok(meter.rate(now) >= 0);
    equal(meter.rate(now + 5_250), 0);
  }));
});

Deno.test("TokenBucket keeps the mean rate exactly, for takes of any size", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 20, maxLength: 60 });
  fc.assert(fc.property(sizes, (sizes) => {
    const perSecond = 10_000;
    const bucket = new TokenBucket(perSecond, 0);
    let now = 0, taken = 0;
    for (const size of sizes) {
      now += bucket.waitMs(now);
      bucket.take(size, now);
      taken += size;
    }
    const last = sizes.at(-1)!;
    const earned = bucket.burst + perSecond * now / 1000;
    // Never more than was earned before the last take, and no time lost beyond rounding.
    ok(taken - last <= earned + 1e-6);
    ok(now <= Math.max(0, taken - last - bucket.burst) / perSecond * 1000 + sizes.length);
  }));
});

Deno.test("TokenBucket saves up no more than its burst", () => {
  const bucket = new TokenBucket(1_000, 0, 500);
  bucket.take(499, 3_600_000);
  equal(bucket.waitMs(3_600_000), 0);
  bucket.take(501, 3_600_000);
  equal(bucket.waitMs(3_600_000), 500);
  equal(bucket.waitMs(3_600_501), 0);
});

Deno.test("TokenBucket.give() shortens the wait, and saves up no more than the burst either", () => {
  const bucket = new TokenBucket(1_000, 0, 500);
  bucket.take(2_500, 0);
  equal(bucket.waitMs(0), 2_000);
  bucket.give(1_500);
  equal(bucket.waitMs(0), 500);
  bucket.give(10_000);
  equal(bucket.waitMs(0), 0);
  bucket.take(1_500, 0);
  equal(bucket.waitMs(0), 1_000);
});

Deno.test("H9 TokenBucket.tryTake() gives a burst, then the rate, and nothing for what is too much", () => {
  const bucket = new TokenBucket(8_000, 0, 16_000);
  equal(bucket.tryTake(16_001, 0), false);
  ok(bucket.tryTake(16_000, 0));
  equal(bucket.tryTake(1, 0), false);
  equal(bucket.tryTake(9, 1), false);
  ok(bucket.tryTake(8, 1));
  equal(bucket.tryTake(16_001, 10_000), false, "never more than the burst");
  let taken = 0;
  for (let now = 20_000; now < 30_000; now++) {
    while (bucket.tryTake(100, now)) taken += 100;
  }
  equal(Math.round(taken / 1_000), 96, "16 kB and 10 s of 8 kB");
});
