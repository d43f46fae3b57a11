import { deepStrictEqual, ok } from "node:assert/strict";
import { Requester } from "../../src/piece/requester.ts";

Deno.test("Requester takes an unknown peer for quick, and the first answer for typical", () => {
  const requester = new Requester(1);
  deepStrictEqual([requester.isProven, requester.isSlow, requester.responseMs], [
    false,
    false,
    500,
  ]);
  requester.answeredAfter(1_500);
  deepStrictEqual([requester.isProven, requester.isSlow, requester.responseMs], [
    true,
    true,
    1_500,
  ]);
});

Deno.test("answeredAfter() moves the mean slowly, and takes no answer for later than 4 s", () => {
  const requester = new Requester(1);
  requester.answeredAfter(100_000);
  deepStrictEqual(requester.responseMs, 4_000);
  requester.answeredAfter(0);
  deepStrictEqual(requester.responseMs, 3_500);
  for (let answer = 0; answer < 50; answer++) requester.answeredAfter(80);
  ok(Math.abs(requester.responseMs - 80) < 10 && !requester.isSlow);
});
