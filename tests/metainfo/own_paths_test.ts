import { deepStrictEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import type { FileIndex } from "../../src/base/ids.ts";
import { type Metainfo, parseMetainfo } from "../../src/metainfo/metainfo.ts";
import { ownPaths } from "../../src/metainfo/own_paths.ts";
import { canBeName, type Platform } from "../../src/metainfo/path_element.ts";
import { DiskPaths, diskPaths } from "../../src/metainfo/paths.ts";
import { checkReadPaths } from "./check_disk_paths.ts";
import { metainfoOfPaths, sampleFiles } from "./sample_torrent.ts";

const platforms: readonly Platform[] = ["linux", "darwin", "windows"];

function pathsOf(places: DiskPaths, { files }: Metainfo): string[] {
  return Array.from(files.keys(), (file) => places.pathOf(file));
}

/** The safe and the own paths, below the root, of a torrent with these files. */
function both(paths: readonly (readonly string[])[], platform: Platform = "linux"): string[][] {
  const metainfo = metainfoOfPaths("r", ...paths);
  const safe = diskPaths(metainfo, platform);
  return [safe, ownPaths(metainfo, safe, platform)].map((places) =>
    pathsOf(places, metainfo).map((path) => path.slice("r/".length))
  );
}

Deno.test("M16 M18 ownPaths() gives files the torrent's names where a file can have them", () => {
  const long = "x".repeat(255), tooLong = "y".repeat(256);
  const paths = [["می\u200cخواهم", "a\\b"], ["tab\t"], [long], [tooLong], ["plain"], [
    "..",
    "z\u200b",
  ]];
  const [safe, own] = both(paths);
  deepStrictEqual(own, [
    "می\u200cخواهم/a\\b",
    "tab\t",
    long,
    "y".repeat(240),
    "plain",
    "_/z",
  ]);
  deepStrictEqual(safe!.slice(0, 3), ["میخواهم/ab", "tab_", "x".repeat(240)]);
  deepStrictEqual(both([["a\\b"], ["con\u200b.txt"], ["a\u200b"]], "windows")[1], [
    "ab",
    "con\u200b.txt",
    "a\u200b",
  ]);
});

Deno.test("M20 ownPaths() gives no file a path that may be another's, finished or not", () => {
  const cases: [paths: string[][], own: string[]][] = [
    [[["pair"], ["pa\u200dir"]], ["pair", "pa\u200dir"]],
    [[["pa\u200dir"], ["pair"]], ["pa\u200dir", "pair.1"]],
    [[["a"], ["A"]], ["a", "A.1"]],
    [[["a\u200b"], ["A\u200b"], ["a\u200b"]], ["a\u200b", "A.1", "a.2"]],
    [[["a"], ["a.part"]], ["a", "a.1.part"]],
    [[["a\u200b"], ["a\u200b.part"]], ["a\u200b", "a.1.part"]],
    [[["Dir", "x"], ["dir", "x"]], ["Dir/x", "Dir/x.1"]],
  ];
  for (const [paths, expected] of cases) deepStrictEqual(both(paths)[1], expected);
});

Deno.test("M22 M23 ownPaths() gives padding and symbolic links no path", () => {
  const metainfo = parseMetainfo(sampleFiles([
    { path: ["p\u200d"], attr: "p" },
    { path: ["l\u200d"], attr: "l" },
    { path: ["a\u200d"] },
  ]));
  const own = ownPaths(metainfo, diskPaths(metainfo, "linux"), "linux");
  deepStrictEqual(pathsOf(own, metainfo), ["", "", "folder/a\u200d"]);
});

Deno.test("ownPaths() leaves no folder and no two files alike, whichever path each of them has", () => {
  const nasty = fc.string({
    unit: fc.constantFrom("a", "A", ".", "/", "\\", "\0", "\t", "é", "e\u0301", "\u200d", ":", "1"),
    maxLength: 3,
  });
  const name = fc.oneof(
    nasty,
    fc.constantFrom("..", "a.part", "a\u200d.part", "CON\t", "x".repeat(250), "é".repeat(125), "a"),
    fc.constantFrom("e\u0301".repeat(82) + "\u200d", "é".repeat(82) + "\u200d"),
    fc.string({ unit: "binary", maxLength: 6 }),
  );
  const file = fc.record({
    path: fc.array(name, { minLength: 1, maxLength: 3 }),
    isOwn: fc.boolean(),
  });
  const files = fc.array(file, { minLength: 1, maxLength: 25 });
  let ownCount = 0;
  fc.assert(
    fc.property(name, files, fc.constantFrom(...platforms), (root, files, platform) => {
      const metainfo = metainfoOfPaths(root, ...files.map(({ path }) => path));
      const safe = diskPaths(metainfo, platform);
      const own = ownPaths(metainfo, safe, platform);
      equal(own.root, safe.root);
      const changed = new Map(safe.changed);
      for (const [index, { isOwn }] of files.entries()) {
        const file = index as FileIndex;
        if (isOwn && !own.changed.has(file)) changed.delete(file);
      }
      checkReadPaths(new DiskPaths(metainfo, { ...safe, changed }), metainfo, platform);
      for (const { index, path: names } of metainfo.files) {
        const path = own.pathOf(index);
        equal(own.changed.has(index), safe.changed.has(index) && path === safe.pathOf(index));
        if (path === safe.pathOf(index)) continue;
        ownCount++;
        ok(names.every((name) => canBeName(name, platform)), path);
        equal(path, [safe.root, ...names].join("/"));
      }
    }),
    { numRuns: 1_000 },
  );
  ok(ownCount > 100, `${ownCount}`);
});
