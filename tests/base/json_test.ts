import { deepStrictEqual } from "node:assert/strict";
import { isCount, isJsonObject, parseJsonObject } from "../../src/base/json.ts";

Deno.test("parseJsonObject() is undefined for all that is no object", () => {
  deepStrictEqual(parseJsonObject(' {"a": [1, null]}\n'), { a: [1, null] });
  for (const text of ["", "{", "null", "[]", '"a"', "1", "{}{}", '{"a":}']) {
    deepStrictEqual(parseJsonObject(text), undefined, text);
  }
});

Deno.test("isJsonObject() takes neither lists nor null", () => {
  deepStrictEqual([{}, { a: 1 }].map(isJsonObject), [true, true]);
  deepStrictEqual([null, undefined, [], "a", 1].some(isJsonObject), false);
});

Deno.test("isCount() takes whole numbers from 0 on that are exact", () => {
  deepStrictEqual([0, 1, Number.MAX_SAFE_INTEGER].map(isCount), [true, true, true]);
  const others = [-1, 0.5, NaN, Infinity, 2 ** 53, "1", null, undefined, 1n];
  deepStrictEqual(others.some(isCount), false);
});
