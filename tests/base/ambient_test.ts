import { deepStrictEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { SeededRandom, shuffle, SystemClock, SystemRandom } from "../../src/base/ambient.ts";

Deno.test("SystemClock.now() never runs backwards, wallTime() is milliseconds since 1970", () => {
  const clock = new SystemClock();
  const first = clock.now();
  ok(clock.now() >= first);
  ok(clock.wallTime() > Date.UTC(2025, 0));
});

Deno.test("SystemClock.sleep() resolves after its time, and at once when aborted", async () => {
  const clock = new SystemClock();
  await clock.sleep(0);
  await clock.sleep(3_600_000, AbortSignal.abort());
  const controller = new AbortController();
  const asleep = clock.sleep(3_600_000, controller.signal);
  controller.abort();
  await asleep;
});

Deno.test("SeededRandom repeats itself from its seed", () => {
  fc.assert(fc.property(fc.nat(), (seed) => {
    const a = new SeededRandom(seed), b = new SeededRandom(seed);
    deepStrictEqual([a.next(), a.below(100), a.bytes(9)], [b.next(), b.below(100), b.bytes(9)]);
  }));
});

Deno.test("SeededRandom spreads evenly and stays in bounds", () => {
  const random = new SeededRandom(1);
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 10_000; i++) counts[random.below(10)]!++;
  equal(counts.length, 10);
  for (const count of counts) ok(count > 850 && count < 1150, `${counts}`);
});

Deno.test("SystemRandom gives numbers in bounds and bytes of any length", () => {
  const random = new SystemRandom();
  for (let i = 0; i < 1000; i++) {
    const number = random.next();
    ok(number >= 0 && number < 1);
    ok([0, 1, 2].includes(random.below(3)));
  }
  equal(random.bytes(20).length, 20);
  ok(random.bytes(64).some((byte) => byte !== 0));
});

Deno.test("shuffle() keeps every item and gives every order its share", () => {
  fc.assert(fc.property(fc.array(fc.nat()), fc.nat(), (items, seed) => {
    const shuffled = items.slice();
    shuffle(shuffled, new SeededRandom(seed));
    deepStrictEqual(shuffled.toSorted(), items.toSorted());
  }));
  const random = new SeededRandom(7);
  const orders = new Map<string, number>();
  for (let i = 0; i < 6000; i++) {
    const items = ["a", "b", "c"];
    shuffle(items, random);
    orders.set(items.join(""), (orders.get(items.join("")) ?? 0) + 1);
  }
  equal(orders.size, 6);
  for (const count of orders.values()) ok(count > 850 && count < 1150);
});
