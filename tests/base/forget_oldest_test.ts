import { deepStrictEqual } from "node:assert/strict";
import fc from "fast-check";
import { forgetOldest } from "../../src/base/forget_oldest.ts";

Deno.test("forgetOldest() leaves what was put in last when there is too much", () => {
  fc.assert(fc.property(fc.uniqueArray(fc.nat()), fc.nat({ max: 12 }), (keys, most) => {
    const set = new Set(keys), map = new Map(keys.map((key) => [key, -key]));
    forgetOldest(set, most);
    forgetOldest(map, most);
    const kept = keys.slice(Math.max(0, keys.length - most));
    deepStrictEqual([...set], kept);
    deepStrictEqual([...map], kept.map((key) => [key, -key]));
  }));
});

Deno.test("forgetOldest() takes a key for young when it was deleted before it was put in again", () => {
  const map = new Map([["a", 1], ["b", 2]]);
  map.delete("a");
  map.set("a", 3).set("c", 4);
  forgetOldest(map, 2);
  deepStrictEqual([...map], [["a", 3], ["c", 4]]);
});
