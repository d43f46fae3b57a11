import { deepStrictEqual } from "node:assert/strict";
import { listFiles, shownPath } from "../../../src/cli/files/file_list.ts";
import { diskPaths } from "../../../src/metainfo/paths.ts";
import { makeMetainfo } from "../torrents.ts";

Deno.test("listFiles() counts from 1, without padding, with both names", () => {
  const metainfo = makeMetainfo({
    name: "pack",
    files: [
      { path: "a/../b.txt", length: 10 },
      { path: "pad", length: 5, isPadding: true },
      { path: "c.txt", length: 0 },
    ],
  });
  deepStrictEqual([...listFiles({ metainfo, paths: diskPaths(metainfo, "linux") })], [
    { index: 0, number: 1, pathInTorrent: "a/../b.txt", path: "pack/a/_/b.txt", size: 10 },
    { index: 2, number: 2, pathInTorrent: "c.txt", path: "pack/c.txt", size: 0 },
  ]);
});

Deno.test("listFiles() names the only file of a single-file torrent as the torrent", () => {
  const metainfo = makeMetainfo({ name: "debian.iso" });
  const [file] = listFiles({ metainfo, paths: diskPaths(metainfo, "linux") });
  deepStrictEqual([file!.pathInTorrent, file!.path], ["debian.iso", "debian.iso"]);
});

Deno.test("S13 shownPath() cannot move a cursor", () => {
  deepStrictEqual(shownPath("a\n\x1b[A"), "a\\x0a\\x1b[A");
});
