import { deepStrictEqual } from "node:assert/strict";
import { parseRange } from "../../../src/cli/options/range_option.ts";

Deno.test("parseRange() reads both ends, one end, and the last bytes", () => {
  deepStrictEqual(parseRange("a:0-100"), { pattern: "a", start: 0, end: 100 });
  deepStrictEqual(parseRange("a:1K-2M"), { pattern: "a", start: 1024, end: 2 * 1024 ** 2 });
  deepStrictEqual(parseRange("a:5-"), { pattern: "a", start: 5, end: undefined });
  deepStrictEqual(parseRange("a:-5"), { pattern: "a", start: undefined, end: 5 });
  deepStrictEqual(parseRange("x:y-z:1-2"), { pattern: "x:y-z", start: 1, end: 2 });
});

Deno.test("parseRange() refuses what is no range", () => {
  for (
    const text of ["", "a", "a:", "a:-", ":1-2", "a:2-1", "a:2-2", "a:x-2", "a:1-x", "a:1-2-3"]
  ) {
    deepStrictEqual(parseRange(text), undefined, text);
  }
});
