import fc from "fast-check";
import { ok } from "node:assert/strict";

Deno.test("an example is as long as maxLength allows when a test says no more", () => {
  const arbitraries = [
    fc.array(fc.boolean(), { maxLength: 300 }),
    fc.uint8Array({ maxLength: 300 }),
    fc.string({ maxLength: 300 }),
  ];
  for (const arbitrary of arbitraries) {
    ok(fc.sample<{ length: number }>(arbitrary, 50).some(({ length }) => length > 200));
  }
});
