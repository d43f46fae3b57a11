import { deepStrictEqual } from "node:assert/strict";
import { Liveliness } from "../../src/piece/liveliness.ts";

Deno.test("Liveliness runs as the clock does, but a pause of all counts for 25 ms", () => {
  const liveliness = new Liveliness();
  deepStrictEqual(liveliness.ms, 0);
  const seen = [1_000, 1_010, 1_035, 4_000, 4_001].map((now) => {
    liveliness.heard(now);
    return liveliness.ms;
  });
  deepStrictEqual(seen, [0, 10, 35, 60, 61]);
});
