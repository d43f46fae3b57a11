import { deepStrictEqual } from "node:assert/strict";
import { join } from "node:path";
import { findData } from "../../src/cli/data_place.ts";
import { listFiles } from "../../src/cli/file_list.ts";
import { diskPaths } from "../../src/metainfo/paths.ts";
import { FakeEnvironment } from "./fake_environment.ts";
import { makeMetainfo, type TorrentShape } from "./torrents.ts";

async function find(shape: TorrentShape, path: string) {
  const metainfo = makeMetainfo(shape);
  const paths = diskPaths(metainfo, "linux");
  const source = { metainfo, metainfoLength: 0, paths, files: listFiles(metainfo, paths) };
  const place = await findData(source, path, new FakeEnvironment({ usesDisk: true }));
  return [place.outputDir, place.paths.files[0]!.path, place.folder];
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
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
