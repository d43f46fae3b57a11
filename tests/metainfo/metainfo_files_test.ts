import { deepStrictEqual, equal } from "node:assert/strict";
import type { FileIndex } from "../../src/base/ids.ts";
import { parseMetainfo } from "../../src/metainfo/metainfo.ts";
import { rejectsTorrent } from "./rejects_torrent.ts";
import { sampleFiles, sampleTorrent } from "./sample_torrent.ts";

const FIRST = 0 as FileIndex;

Deno.test("parseMetainfo() reads a multi-file torrent, empty files included", () => {
  const metainfo = parseMetainfo(sampleFiles([
    { path: ["a", "b.txt"], length: 10 },
    { path: ["empty"], length: 0 },
    { path: ["run"], length: 5, attr: "x" },
  ]));
  equal(metainfo.isMultiFile, true);
  deepStrictEqual(Array.from(metainfo.files, ({ path, length }) => [path, length]), [
    [["a", "b.txt"], 10],
    [["empty"], 0],
    [["run"], 5],
  ]);
});

Deno.test("M13 parseMetainfo() rejects impossible lengths and torrents without data", () => {
  for (const length of [-1, 2 ** 48, 2n ** 62n]) {
    rejectsTorrent(
      sampleTorrent({ length }),
      "invalid-field",
      /length of file 1 is not a number from 0/,
    );
    const files = [{ path: ["a"] }, { path: ["b"], length }];
    rejectsTorrent(sampleFiles(files), "invalid-field", /length of file 2 is not a number from 0/);
  }
  rejectsTorrent(
    sampleFiles([{ path: ["a"], length: undefined }]),
    "invalid-field",
    /length of file 1/,
  );
  rejectsTorrent(sampleTorrent({ length: 0, pieces: "" }), "invalid-field", /holds no data/);
  const padded = [{ path: ["a"], length: 0 }, { path: ["p"], length: 9, attr: "p" }];
  rejectsTorrent(sampleFiles(padded), "invalid-field", /holds no data/);
  const huge = Array.from({ length: 100 }, () => ({ path: ["a"], length: 2 ** 48 - 1 }));
  rejectsTorrent(sampleFiles(huge), "too-large", /more than 2097152 pieces/);
});

Deno.test("M15 parseMetainfo() rejects a path that is no list of names, keeps odd names raw", () => {
  for (const path of [undefined, "a", [], [1], ["a", []], {}] as const) {
    rejectsTorrent(
      sampleTorrent({ length: undefined, files: [{ length: 1, path }] }),
      "invalid-field",
      /path of file 1 is not a list of names/,
    );
  }
  const path = ["..", "", "/etc/passwd", "a\0b"];
  deepStrictEqual(parseMetainfo(sampleFiles([{ path }])).files.at(FIRST).path, path);
});

Deno.test("M21 parseMetainfo() rejects directories more than 100 deep", () => {
  const deep = (depth: number) => [{ path: new Array<string>(depth).fill("d") }];
  rejectsTorrent(
    sampleFiles(deep(101)),
    "too-large",
    /path of file 1 has 101 names, more than 100/,
  );
  equal(parseMetainfo(sampleFiles(deep(100))).files.at(FIRST).path.length, 100);
});

Deno.test("M22 parseMetainfo() takes symbolic links as nothing, wherever they point", () => {
  for (const target of [["..", "..", "etc", "passwd"], ["link"], ["missing"], []]) {
    const link = { path: ["link"], length: undefined, attr: "l", "symlink path": target };
    const metainfo = parseMetainfo(sampleFiles([link, { path: ["file"], length: 5 }]));
    equal(metainfo.files.kindOf(FIRST), "symlink");
    equal(metainfo.files.at(FIRST).length, 0);
    equal(metainfo.layout.totalLength, 5);
    deepStrictEqual(metainfo.warnings, ["symbolic links are not made: 1 left out"]);
  }
  const lying = { path: ["link"], length: 1_000_000, attr: "lx" };
  const metainfo = parseMetainfo(sampleFiles([{ path: ["file"], length: 5 }, lying]));
  equal(metainfo.layout.totalLength, 5);
});

Deno.test("M22 parseMetainfo() rejects links whose target is no list of names, and padding links", () => {
  for (const target of ["name", ["foo", 4], [[]], {}]) {
    const link = { path: ["link"], length: 0, attr: "l", "symlink path": target };
    const files = [{ path: ["file"], length: 5 }, link];
    rejectsTorrent(sampleFiles(files), "invalid-field", /target of file 2 is not a list of names/);
  }
  const both = [{ path: ["file"] }, { path: ["link"], attr: "pl" }];
  rejectsTorrent(sampleFiles(both), "invalid-field", /file 2 is both padding and a symbolic link/);
});

Deno.test("M23 parseMetainfo() gives padding without a path one", () => {
  const info = {
    length: undefined,
    files: [{ length: 45, path: ["a"] }, { attr: "p", length: 2_124 }],
    pieces: new Uint8Array(20),
  };
  const { files } = parseMetainfo(sampleTorrent(info));
  deepStrictEqual(files.at(1 as FileIndex).path, [".pad", "2124"]);
  equal(files.at(1 as FileIndex).isPadding, true);
});

Deno.test("M23 parseMetainfo() knows padding by its attribute and by its old names", () => {
  const isPadding = (path: string[], attr?: string) => {
    const file = attr === undefined ? { path } : { path, attr };
    return parseMetainfo(sampleFiles([file, { path: ["z"] }])).files.at(FIRST).isPadding;
  };
  equal(isPadding(["any"], "p"), true);
  equal(isPadding(["any"], "xhp"), true);
  equal(isPadding([".pad", "16000"]), true);
  equal(isPadding(["_____padding_file_0_if you see this file, please update to BitComet"]), true);
  equal(isPadding(["d", "_____padding_file_7_"]), true);
  equal(isPadding(["any"]), false);
  equal(isPadding(["any"], "x"), false);
  equal(isPadding([".pad", "notes.txt"]), false);
  equal(isPadding([".pad", "a", "1"]), false);
  equal(isPadding([".pad"]), false);
  equal(isPadding(["_____padding_file_0_", "real"]), false);
});
