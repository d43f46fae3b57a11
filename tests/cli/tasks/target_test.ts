import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { parseTorrent } from "../../../src/cli/source/source.ts";
import { chooseTarget, summarize } from "../../../src/cli/tasks/target.ts";
import { makeTorrent } from "../torrents.ts";

const FILES = [{ path: "one.bin", length: 1000 }, { path: "two.txt", length: 500 }];
const SOURCE = await parseTorrent(makeTorrent({ name: "pack", files: FILES }), "x", {
  platform: "linux",
});
const ALL = { select: [], ranges: [], maxBytes: undefined };

Deno.test("chooseTarget() takes all files, those of the link, or those of the user", async () => {
  const found = { source: SOURCE, selectedFiles: undefined };
  const link = { source: SOURCE, selectedFiles: [{ first: 1, last: 1 }] };
  const two = { ...ALL, select: ["one.*"] };
  for (
    const [source, options, indices, size] of [
      [found, ALL, [0, 1], 1500],
      [link, ALL, [1], 500],
      [link, two, [0], 1000],
      [found, two, [0], 1000],
    ] as const
  ) {
    const target = await chooseTarget(source, options);
    deepStrictEqual([[...target.indices], target.size], [indices, size]);
    deepStrictEqual([...target.selected].map(({ index }) => index), indices);
  }
});

Deno.test("chooseTarget() finds ranges in what is selected", async () => {
  const found = { source: SOURCE, selectedFiles: undefined };
  const ranges = [{ pattern: "two.txt", start: 5, end: 9 }];
  const target = await chooseTarget(found, { ...ALL, ranges });
  deepStrictEqual(target.ranges, [{ file: 1, start: 5, end: 9 }]);
  await rejects(chooseTarget(found, { ...ALL, ranges, select: ["1"] }), { name: "CommandError" });
});

Deno.test("chooseTarget() refuses what is larger than --max-bytes, and counts only what is selected", async () => {
  const found = { source: SOURCE, selectedFiles: undefined };
  await rejects(chooseTarget(found, { ...ALL, maxBytes: 1499 }), (error: Error) => {
    strictEqual(
      error.message,
      "1500 bytes are selected, more than --max-bytes allows (1499 bytes)",
    );
    return true;
  });
  const far = chooseTarget(found, { ...ALL, maxBytes: 1024 });
  await rejects(far, /1\.46 KiB are selected, more than --max-bytes allows \(1 KiB\)/);
  await chooseTarget(found, { ...ALL, maxBytes: 1500 });
  await chooseTarget(found, { ...ALL, maxBytes: 500, select: ["2"] });
});

Deno.test("summarize() says where it is as the user would write it", async () => {
  const target = await chooseTarget({ source: SOURCE, selectedFiles: undefined }, ALL);
  const run = { downloaded: 1, uploaded: 2, peers: { contributed: 3 } };
  deepStrictEqual(summarize(target, run, { outputDir: "out//", durationMs: 4 }), {
    fileCount: 2,
    size: 1500,
    downloaded: 1,
    uploaded: 2,
    contributors: 3,
    durationMs: 4,
    path: "out/pack",
  });
  deepStrictEqual(summarize(target, run, { outputDir: ".", durationMs: 4 }).path, "pack");
});
