import { deepStrictEqual, ok } from "node:assert/strict";
import { matchSums, parseSums } from "../../src/cli/files/sums.ts";
import { fuzz } from "./mutation.ts";

Deno.test("fuzz: parseSums() gives digests of paths that lead nowhere else, or nothing", () => {
  fuzz({
    corpus: "sums",
    check(input) {
      const sums = parseSums(input);
      if (sums === undefined) return;
      ok(sums.size > 0);
      for (const [path, digest] of sums) {
        ok(digest === null || /^[0-9a-f]{64}$/.test(digest));
        ok(path.split("/").every((step) => !["", ".", ".."].includes(step)));
      }
      const files = [...sums.keys()].map((path) => ({ path, pathInTorrent: path }));
      deepStrictEqual(matchSums(sums, files, "root").length, files.length);
    },
  });
});
