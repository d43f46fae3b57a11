import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { type FileLooks, looksAlike, looksOf } from "../../src/workers/file_looks.ts";

Deno.test("looksAlike() wants the same size and the same time, of files that are there", () => {
  const looks: FileLooks = { size: 5, modifiedMs: 7 };
  const CASES: [FileLooks | undefined, boolean][] = [
    [{ size: 5, modifiedMs: 7 }, true],
    [{ size: 6, modifiedMs: 7 }, false],
    [{ size: 5, modifiedMs: 6 }, false],
    [{ size: 5, modifiedMs: 8 }, false],
    [undefined, false],
  ];
  for (const [other, expected] of CASES) {
    strictEqual(looksAlike(looks, other), expected);
    strictEqual(looksAlike(other, looks), expected);
  }
  strictEqual(looksAlike(undefined, undefined), false);
});

Deno.test("looksOf() takes a system that tells no time for one that always tells the same", () => {
  deepStrictEqual(looksOf({ size: 5, mtime: new Date(7) }), { size: 5, modifiedMs: 7 });
  deepStrictEqual(looksOf({ size: 5, mtime: null }), { size: 5, modifiedMs: 0 });
});
