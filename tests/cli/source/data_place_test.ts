import { deepStrictEqual, rejects } from "node:assert/strict";
import { join } from "node:path";
import type { FileIndex } from "../../../src/base/ids.ts";
import { findData, splitWords } from "../../../src/cli/source/data_place.ts";
import { diskPaths } from "../../../src/metainfo/paths.ts";
import { FakeEnvironment } from "../fake_environment.ts";
import { makeMetainfo, type TorrentShape } from "../torrents.ts";

async function find(shape: TorrentShape, path: string) {
  const metainfo = makeMetainfo(shape);
  const paths = diskPaths(metainfo, "linux");
  const source = { metainfo, metainfoLength: 0, paths };
  const place = await findData(source, path, new FakeEnvironment({ usesDisk: true }));
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
