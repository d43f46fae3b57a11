import { deepStrictEqual, throws } from "node:assert/strict";
import { parseRange, resolveRanges } from "../../src/cli/byte_range.ts";
import { CommandError } from "../../src/cli/failure.ts";
import { makeFiles } from "./torrents.ts";

const FILES = new Set(makeFiles("a.mkv:5000", "b.mkv:10", "c.txt:7"));

function resolve(text: string) {
  return resolveRanges(FILES, [parseRange(text)!]);
}

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

Deno.test("resolveRanges() finds the files and cuts at their ends", () => {
  deepStrictEqual(resolve("a.mkv:10-20"), [{ file: 0, start: 10, end: 20 }]);
  deepStrictEqual(resolve("a.mkv:10-1M"), [{ file: 0, start: 10, end: 5000 }]);
  deepStrictEqual(resolve("1:4000-"), [{ file: 0, start: 4000, end: 5000 }]);
  deepStrictEqual(resolve("*.mkv:-100"), [
    { file: 0, start: 4900, end: 5000 },
    { file: 1, start: 0, end: 10 },
  ]);
});

Deno.test("resolveRanges() refuses files that are not selected, and bytes that are not there", () => {
  throws(() => resolve("z:1-2"), CommandError);
  throws(() => resolve("b.mkv:10-20"), {
    name: "CommandError",
    message: "the range starts at byte 10 of root/b.mkv, which has 10 bytes",
  });
});
