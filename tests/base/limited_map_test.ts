import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { BugError } from "../../src/base/assert.ts";
import { LimitedMap, LimitedSet } from "../../src/base/limited_map.ts";

const MOST = fc.integer({ min: 1, max: 12 });

Deno.test("LimitedMap and LimitedSet keep what was put in last, and are never larger", () => {
  fc.assert(fc.property(fc.uniqueArray(fc.nat()), MOST, (keys, most) => {
    const map = new LimitedMap<number, number>(most), set = new LimitedSet<number>(most);
    for (const [index, key] of keys.entries()) {
      strictEqual(map.isFull, index >= most);
      map.set(key, -key);
      set.add(key);
      strictEqual(map.size, Math.min(index + 1, most));
      strictEqual(set.size, map.size);
    }
    const kept = keys.slice(Math.max(0, keys.length - most));
    deepStrictEqual([...map], kept.map((key) => [key, -key]));
    deepStrictEqual([...set], kept);
  }));
});

Deno.test("LimitedMap and LimitedSet forget nothing for a key that is there, and leave it in its place", () => {
  const map = new LimitedMap<string, number>(2).set("a", 1).set("b", 2).set("a", 3);
  deepStrictEqual([...map], [["a", 3], ["b", 2]]);
  const set = new LimitedSet<string>(2).add("a").add("b").add("a");
  deepStrictEqual([...set], ["a", "b"]);
});

Deno.test("LimitedMap takes a key for young when it was deleted before it was put in again", () => {
  const map = new LimitedMap<string, number>(2).set("a", 1).set("b", 2);
  map.delete("a");
  map.set("a", 3).set("c", 4);
  deepStrictEqual([...map], [["a", 3], ["c", 4]]);
});

Deno.test("LimitedMap and LimitedSet are of at least one", () => {
  throws(() => new LimitedMap(0), BugError);
  throws(() => new LimitedSet(0), BugError);
});
