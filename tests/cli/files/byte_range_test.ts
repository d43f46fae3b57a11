import { deepStrictEqual, throws } from "node:assert/strict";
import { resolveRanges } from "../../../src/cli/files/byte_range.ts";
import { parseRange } from "../../../src/cli/options/range_option.ts";
import { CommandError } from "../../../src/cli/output/failure.ts";
import { makeFiles } from "../torrents.ts";

const FILES = new Set(makeFiles("a.mkv:5000", "b.mkv:10", "c.txt:7"));

function resolve(text: string) {
  return resolveRanges(FILES, [parseRange(text)!]);
}

Deno.test("resolveRanges() finds the files and cuts at their ends", () => {
  deepStrictEqual(resolve("a.mkv:10-20"), [{ file: 0, start: 10, end: 20 }]);
  deepStrictEqual(resolve("a.mkv:10-1M"), [{ file: 0, start: 10, end: 5000 }]);
  deepStrictEqual(resolve("1:4000-"), [{ file: 0, start: 4000, end: 5000 }]);
  deepStrictEqual(resolve("*.mkv:-100"), [
    { file: 0, start: 4900, end: 5000 },
    { file: 1, start: 0, end: 10 },
  ]);
});

Deno.test("resolveRanges() passes over files that end before the range when a pattern means longer ones", () => {
  const files = new Set(makeFiles("empty:0", "long:5000", "short:7"));
  const resolveIn = (text: string) => resolveRanges(files, [parseRange(text)!]);
  deepStrictEqual(resolveIn("*:0-1K"), [
    { file: 1, start: 0, end: 1024 },
    { file: 2, start: 0, end: 7 },
  ]);
  deepStrictEqual(resolveIn("1-3:100-"), [{ file: 1, start: 100, end: 5000 }]);
  deepStrictEqual(resolveIn("*:-5").map(({ file }) => file), [1, 2]);
  for (const text of ["empty:0-1K", "*:9K-", "3:7-8"]) throws(() => resolveIn(text), CommandError);
});

Deno.test("resolveRanges() refuses files that are not selected, and bytes that are not there", () => {
  throws(() => resolve("z:1-2"), CommandError);
  throws(() => resolve("b.mkv:10-20"), {
    name: "CommandError",
    message: "the range starts at byte 10 of root/b.mkv, which has 10 bytes",
  });
});
