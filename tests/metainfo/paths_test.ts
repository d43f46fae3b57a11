import { deepStrictEqual, equal, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { MetainfoError } from "../../src/base/errors.ts";
import type { FileIndex } from "../../src/base/ids.ts";
import { type Metainfo, parseMetainfo } from "../../src/metainfo/metainfo.ts";
import type { Platform } from "../../src/metainfo/path_element.ts";
import { diskPaths } from "../../src/metainfo/paths.ts";
import { checkDiskPaths } from "./check_disk_paths.ts";
import { metainfoOfPaths, sampleFiles, sampleTorrent } from "./sample_torrent.ts";

const platforms: readonly Platform[] = ["linux", "darwin", "windows"];

function pathsOf(metainfo: Metainfo, platform: Platform = "linux"): string[] {
  const places = diskPaths(metainfo, platform);
  return Array.from(metainfo.files.keys(), (file) => places.pathOf(file));
}

/** The same, and why those that differ from the torrent do. */
function placesOf(metainfo: Metainfo): { path: string; changes?: readonly string[] }[] {
  const { changed } = diskPaths(metainfo, "linux");
  return pathsOf(metainfo).map((path, file) => {
    const changes = changed.get(file as FileIndex)?.changes;
    return changes === undefined ? { path } : { path, changes };
  });
}

/** The paths below the root of a torrent with these files. */
function placed(...paths: readonly (readonly string[])[]): string[] {
  return pathsOf(metainfoOfPaths("r", ...paths)).map((path) => path.slice("r/".length));
}

function rejects(metainfo: Metainfo, platform: Platform, problem: RegExp): void {
  throws(() => diskPaths(metainfo, platform), (error) => {
    ok(error instanceof MetainfoError && problem.test(error.message), `${error}`);
    return true;
  });
}

Deno.test("diskPaths() puts a single file at the root and several below it", () => {
  const single = parseMetainfo(sampleTorrent());
  const several = metainfoOfPaths("Album", ["cd1", "01.ogg"], ["cover.jpg"]);
  for (const [metainfo, root] of [[single, "sample.bin"], [several, "Album"]] as const) {
    const places = diskPaths(metainfo, "linux");
    deepStrictEqual([places.root, places.rootChanges], [root, []]);
  }
  deepStrictEqual(placesOf(single), [{ path: "sample.bin" }]);
  deepStrictEqual(placesOf(several), [{ path: "Album/cd1/01.ogg" }, { path: "Album/cover.jpg" }]);
});

Deno.test("M15 diskPaths() keeps every name under the root", () => {
  deepStrictEqual(
    placed(["..", "..", "x"], ["."], [""], ["/etc/passwd"], ["a/../b"], ["C:\\x"], ["\\\\s\\y"]),
    ["_/_/x", "_.1", "_.2", "etcpasswd", "a..b", "C:x", "sy"],
  );
  const outside = metainfoOfPaths("../../etc", ["passwd"]);
  const evil = diskPaths(outside, "linux");
  equal(evil.root, "....etc");
  deepStrictEqual(evil.rootChanges, ["separator"]);
  deepStrictEqual(placesOf(outside), [{ path: "....etc/passwd" }]);
});

Deno.test("M15 diskPaths() uses the info-hash where no name is left", () => {
  for (const name of ["", ".", "..", "/", "\\", "\u202e", "./"]) {
    for (const metainfo of [parseMetainfo(sampleTorrent({ name })), metainfoOfPaths(name, ["a"])]) {
      equal(diskPaths(metainfo, "linux").root, metainfo.infoHashHex, name);
    }
  }
  equal(diskPaths(parseMetainfo(sampleTorrent({ name: "\0" })), "linux").root, "_");
});

Deno.test("M16 M17 diskPaths() says why a path is not the one in the torrent", () => {
  deepStrictEqual(placesOf(metainfoOfPaths("r", ["a\n", "b\u202e", "c\ufffd"], ["d"])), [
    { path: "r/a_/b/c_", changes: ["control", "invisible", "invalid-text"] },
    { path: "r/d" },
  ]);
});

Deno.test("M18 diskPaths() rejects a path that the platform cannot hold, before anything", () => {
  const name = "n".repeat(240);
  const long = (depth: number) => metainfoOfPaths("r", new Array<string>(depth).fill(name));
  equal(pathsOf(long(16), "linux")[0]!.length, 1 + 16 * 241);
  rejects(long(17), "linux", /a path of it is longer than linux allows/);
  equal(pathsOf(long(4), "darwin").length, 1);
  rejects(long(5), "darwin", /longer than darwin allows/);
  equal(pathsOf(long(100), "windows").length, 1);
  deepStrictEqual(placed(["x".repeat(300)]), ["x".repeat(240)]);
});

Deno.test("M18 diskPaths() counts the root, and room for the suffix of unfinished files", () => {
  const most = 4_095 - ".part".length;
  const folders = new Array<string>(15).fill("n".repeat(240));
  const before = 16 * 241; // With the root.
  const torrent = (length: number) =>
    metainfoOfPaths("r".repeat(240), [...folders, "n".repeat(length)]);
  equal(pathsOf(torrent(most - before))[0]!.length, most);
  rejects(torrent(most - before + 1), "linux", /longer than linux allows/);
});

Deno.test("M19 diskPaths() avoids what Windows reserves, there only", () => {
  const metainfo = metainfoOfPaths("AUX", ["con", "a:b."], ["ok"]);
  deepStrictEqual(pathsOf(metainfo, "windows"), ["_AUX/_con/a_b_", "_AUX/ok"]);
  deepStrictEqual(pathsOf(metainfo, "linux"), ["AUX/con/a:b.", "AUX/ok"]);
});

Deno.test("M20 diskPaths() numbers files whose name is taken", () => {
  deepStrictEqual(placed(["a.txt"], ["a.txt"], ["a.txt"]), ["a.txt", "a.1.txt", "a.2.txt"]);
  deepStrictEqual(placed(["a"], ["A"], ["b"]), ["a", "A.1", "b"]);
  deepStrictEqual(placed(["é"], ["e\u0301"]), ["é", "e\u0301.1"]);
  deepStrictEqual(placed(["a\0"], ["a\n"]), ["a_", "a_.1"]);
  deepStrictEqual(placed(["a.1"], ["a"], ["a"]), ["a.1", "a", "a.2"]);
  const [, second] = placesOf(metainfoOfPaths("r", ["a"], ["a"]));
  deepStrictEqual(second, { path: "r/a.1", changes: ["duplicate"] });
});

Deno.test("M20 diskPaths() separates files from directories of the same name", () => {
  deepStrictEqual(placed(["a"], ["a", "x"], ["A", "y"]), ["a", "a.1/x", "a.1/y"]);
  deepStrictEqual(placed(["a", "x"], ["a"]), ["a/x", "a.1"]);
  deepStrictEqual(placed(["a"], ["a.1", "x"], ["a", "x"]), ["a", "a.1/x", "a.2/x"]);
  deepStrictEqual(placed(["a"], ["a", "x"], ["a.1", "x"]), ["a", "a.1/x", "a.1/x.1"]);
});

Deno.test("M20 diskPaths() gives directories that differ in case one spelling, and says so", () => {
  const places = placesOf(metainfoOfPaths("r", ["Dir", "a"], ["dir", "b"]));
  deepStrictEqual(places, [{ path: "r/Dir/a" }, { path: "r/Dir/b", changes: ["duplicate"] }]);
});

Deno.test("M20 diskPaths() never gives a file the path of another while that is unfinished", () => {
  deepStrictEqual(placed(["a"], ["a.part"]), ["a", "a.1.part"]);
  deepStrictEqual(placed(["a.part"], ["a"]), ["a.part", "a.1"]);
  deepStrictEqual(placed(["A.PART"], ["a"]), ["A.PART", "a.1"]);
  deepStrictEqual(placed(["a"], ["a.part", "x"]), ["a", "a.1.part/x"]);
  deepStrictEqual(placed(["a.part", "x"], ["a"]), ["a.part/x", "a.1"]);
  deepStrictEqual(placed(["a.part"], ["b"]), ["a.part", "b"]);
});

Deno.test("M20 diskPaths() rejects more than 100 files of one name, not fewer", () => {
  const same = (count: number) =>
    metainfoOfPaths("r", ...Array.from({ length: count }, () => ["a", "b.txt"]));
  equal(new Set(pathsOf(same(101))).size, 101);
  rejects(same(102), "linux", /more than 100 of its files share one name/);
  const taken = Array.from({ length: 100 }, (_, i) => [`a.${i + 1}`]);
  rejects(metainfoOfPaths("r", ...taken, ["a"], ["a"]), "linux", /more than 100 of its files/);
});

Deno.test("M20 diskPaths() rejects more than 500 files that share names, not fewer", () => {
  const pairs = (count: number) =>
    metainfoOfPaths("r", ...Array.from({ length: count }, (_, i) => [[`x${i}`], [`X${i}`]]).flat());
  equal(new Set(pathsOf(pairs(500))).size, 1_000);
  rejects(pairs(501), "linux", /more than 500 of its files share names/);
});

Deno.test("D10 diskPaths() keeps every torrent out of our own state folder", () => {
  for (const name of [".starling", ".Starling", ".star\u200bling", ".starling/"]) {
    equal(diskPaths(metainfoOfPaths(name, ["x.resume"]), "linux").root, `_${name.slice(0, 5)}ling`);
  }
  const { root, rootChanges } = diskPaths(metainfoOfPaths(".starling", ["x"]), "linux");
  equal(root, "_.starling");
  deepStrictEqual(rootChanges, ["reserved"]);
  deepStrictEqual(placed([".starling", "x"]), [".starling/x"]);
});

Deno.test("M22 M23 diskPaths() gives padding and symbolic links no path, and no claim to one", () => {
  const metainfo = parseMetainfo(sampleFiles([
    { path: ["a"], attr: "p" },
    { path: ["..", "..", "a"], attr: "l" },
    { path: ["a"] },
    { path: [".pad", "1"] },
  ]));
  deepStrictEqual(pathsOf(metainfo), ["", "", "folder/a", ""]);
});

Deno.test("M24 diskPaths() places hundreds of thousands of files in one pass", () => {
  const count = 200_000;
  const files = Array.from(
    { length: count },
    (_, i) => ({ path: [`${i % 7}`, `d${i % 999}`, `${i}`] }),
  );
  const paths = pathsOf(parseMetainfo(sampleFiles(files)));
  equal(new Set(paths).size, count);
});

Deno.test("diskPaths() keeps every path under its root and no two alike, whatever the torrent says", () => {
  const nasty = fc.string({
    unit: fc.constantFrom("a", "A", ".", "/", "\\", "\0", " ", "é", "e\u0301", "\ufffd", ":", "1"),
    maxLength: 3,
  });
  const name = fc.oneof(
    nasty,
    fc.constantFrom("..", "a.part", "CON", "con.txt", ".starling", "x".repeat(250), "a", "b"),
    fc.string({ unit: "binary", maxLength: 6 }),
  );
  const path = fc.array(name, { minLength: 1, maxLength: 3 });
  const torrent = fc.record({
    name,
    paths: fc.array(path, { minLength: 1, maxLength: 25 }),
    platform: fc.constantFrom(...platforms),
  });
  fc.assert(
    fc.property(torrent, ({ name, paths, platform }) => {
      const metainfo = metainfoOfPaths(name, ...paths);
      const found = diskPaths(metainfo, platform);
      checkDiskPaths(found, metainfo, platform);
      for (const file of metainfo.files.keys()) {
        const path = found.pathOf(file);
        if (path === "") continue;
        equal(found.changed.has(file), path !== [found.root, ...paths[file]!].join("/"), path);
      }
    }),
    { numRuns: 1_000 },
  );
});
