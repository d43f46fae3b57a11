import { deepStrictEqual, ok } from "node:assert/strict";
import { AbandonedRequests } from "../../src/peer/abandoned_requests.ts";

Deno.test("take() knows a request once, for a minute", () => {
  const abandoned = new AbandonedRequests();
  abandoned.add(7, 0);
  abandoned.add(8, 0);
  ok(!abandoned.take(9, 10));
  ok(abandoned.take(7, 59_999));
  ok(!abandoned.take(7, 59_999));
  ok(!abandoned.take(8, 60_000));
});

Deno.test("take() knows a request as often as it was given up", () => {
  const abandoned = new AbandonedRequests();
  for (let n = 0; n < 3; n++) abandoned.add(7, n);
  deepStrictEqual(abandoned.size, 1);
  for (let n = 0; n < 3; n++) ok(abandoned.take(7, 10));
  ok(!abandoned.take(7, 10));
  deepStrictEqual(abandoned.size, 0);
});

Deno.test("add() counts the minute from the last time", () => {
  const abandoned = new AbandonedRequests();
  abandoned.add(7, 0);
  abandoned.add(8, 10_000);
  abandoned.add(7, 50_000);
  abandoned.expire(100_000);
  deepStrictEqual(abandoned.size, 1);
  ok(abandoned.take(7, 100_000));
});

Deno.test("add() forgets the oldest beyond 8192", () => {
  const abandoned = new AbandonedRequests();
  for (let key = 0; key < 10_000; key++) abandoned.add(key, key);
  deepStrictEqual(abandoned.size, 8_192);
  ok(!abandoned.take(10_000 - 8_193, 10_000));
  ok(abandoned.take(10_000 - 8_192, 10_000));
});
