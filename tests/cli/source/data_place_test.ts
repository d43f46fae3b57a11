import { deepStrictEqual, rejects } from "node:assert/strict";
import { join } from "node:path";
import type { FileIndex } from "../../../src/base/ids.ts";
import { findData, splitWords } from "../../../src/cli/source/data_place.ts";
import { diskPaths } from "../../../src/metainfo/paths.ts";
import { TemporaryFolder } from "../../workers/temporary_folder.ts";
import { FakeEnvironment } from "../fake_environment.ts";
import { makeMetainfo, type TorrentShape } from "../torrents.ts";

function placeOf(shape: TorrentShape, path: string) {
  const metainfo = makeMetainfo(shape);
  const paths = diskPaths(metainfo, "linux");
  const source = { metainfo, metainfoLength: 0, paths };
  return findData(source, path, new FakeEnvironment({ usesDisk: true }));
}

async function find(shape: TorrentShape, path: string) {
  const place = await placeOf(shape, path);
  return [place.outputDir, place.paths.pathOf(0 as FileIndex), place.folder];
}

Deno.test("findData() tells the data from the folder that it is in, whatever its name", async () => {
  const folder = await Deno.makeTempDir({ prefix: "starling_test_" });
  try {
    const single = { name: "one.bin" };
    const tree = { name: "tree", files: [{ path: "sub/x", length: 1 }] };
    await Deno.mkdir(join(folder, "wood", "sub"), { recursive: true });
    await Deno.writeTextFile(join(folder, "wood", "sub", "x"), "x");
    await Deno.writeTextFile(join(folder, "renamed.bin"), "1");
    deepStrictEqual(await find(single, join(folder, "renamed.bin")), [
      folder,
      "renamed.bin",
      folder,
    ]);
    deepStrictEqual(await find(tree, join(folder, "wood")), [
      join(folder, "wood"),
      "sub/x",
      folder,
    ]);
    deepStrictEqual(await find(tree, folder), [folder, "tree/sub/x", folder]);
    await Deno.rename(join(folder, "wood"), join(folder, "tree"));
    deepStrictEqual(await find(tree, folder), [folder, "tree/sub/x", folder]);
    const file = join(folder, "renamed.bin");
    await rejects(find(tree, file), {
      message: `Cannot use ${file} as the place of the data: it is a file; name the folder that ` +
        "the data is in, or the torrent's own",
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("findData() takes the torrent's own name of what is not there by the safe one", async () => {
  const tree = {
    name: "so\u200cngs",
    files: ["a\u200db", "dir\u200d/x", "plain"].map((path) => ({ path, length: 1 })),
  };
  const own = ["a\u200db", "dir\u200d/x", "plain"], safe = ["ab", "dir/x", "plain"];
  const cases: [onDisk: string[], within: string, root: string, found: string[]][] = [
    [own.map((path) => `so\u200cngs/${path}`), "", "so\u200cngs/", own],
    [own.map((path) => `songs/${path}`), "", "songs/", own],
    [safe.map((path) => `so\u200cngs/${path}`), "", "so\u200cngs/", safe],
    [[...own, ...safe].map((path) => `songs/${path}`), "", "songs/", safe],
    [["songs/ab", "so\u200cngs/a\u200db"], "", "songs/", safe],
    [["songs/ab", "songs/dir\u200d/x"], "", "songs/", ["ab", "dir\u200d/x", "plain"]],
    // What stands there is no file.
    [["songs/a\u200db/c"], "", "songs/", safe],
    [["renamed/a\u200db"], "/renamed", "", ["a\u200db", "dir/x", "plain"]],
    [["renamed/dir/x"], "/renamed", "", safe],
    [["other"], "", "songs/", safe],
  ];
  for (const [onDisk, within, root, found] of cases) {
    using folder = new TemporaryFolder();
    for (const path of onDisk) folder.write(path, "x");
    const place = await placeOf(tree, folder.path + within);
    deepStrictEqual(place.outputDir, folder.path + within);
    deepStrictEqual(place.folder, folder.path);
    deepStrictEqual(
      found.map((_, file) => place.paths.pathOf(file as FileIndex)),
      found.map((path) => root + path),
    );
    deepStrictEqual(place.paths.root, root.slice(0, -1));
  }
});

Deno.test("findData() knows a single file by its own name, but never our state folder", async () => {
  using folder = new TemporaryFolder();
  for (const name of ["o\u200dne.bin", "two.bin", ".starling"]) folder.write(name, "1");
  for (
    const [name, found] of [
      ["o\u200dne.bin", "o\u200dne.bin"],
      ["t\u200dwo.bin", "two.bin"],
      ["thr\u200dee.bin", "three.bin"],
      [".starling", "_.starling"],
      ["/", makeMetainfo({ name: "/" }).infoHashHex],
    ] as const
  ) {
    deepStrictEqual(await find({ name }, folder.path), [folder.path, found, folder.path]);
  }
});

Deno.test("splitWords() takes a last word for the place of the data unless it names a torrent", () => {
  const cases: [words: string[], torrents: number, path: string][] = [
    [["x"], 1, "."],
    [["x.torrent"], 1, "."],
    [["x.torrent", "data"], 1, "data"],
    [["x.torrent", "y.TORRENT"], 2, "."],
    [["x.torrent", "y.torrent", "/data"], 2, "/data"],
    [["x.torrent", "https://example.org/dl?id=3"], 2, "."],
    [["x.torrent", "./y.torrent/"], 1, "./y.torrent/"],
    [["x.torrent", `magnet:?xt=urn:btih:${"ab".repeat(20)}`], 2, "."],
    [["x.torrent", "ab".repeat(20)], 2, "."],
    [["ab".repeat(20), "data"], 1, "data"],
    [["x.torrent", "-"], 2, "."],
    [["-", "data"], 1, "data"],
  ];
  for (const [words, count, path] of cases) {
    deepStrictEqual(splitWords(words), { torrents: words.slice(0, count), path });
  }
});
