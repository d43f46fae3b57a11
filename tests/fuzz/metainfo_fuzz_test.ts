import { equal, ok } from "node:assert/strict";
import { createHash } from "node:crypto";
import { MetainfoError } from "../../src/base/errors.ts";
import { type Metainfo, parseMetainfo } from "../../src/metainfo/metainfo.ts";
import { diskPaths } from "../../src/metainfo/paths.ts";
import { checkDiskPaths } from "../metainfo/check_disk_paths.ts";
import { fuzz } from "./mutation.ts";

function parse(input: Uint8Array): Metainfo | undefined {
  try {
    return parseMetainfo(input);
  } catch (error) {
    ok(error instanceof MetainfoError, `${error}`);
    ok(/^Cannot read the torrent: [\x20-\x7e]+$/.test(error.message), error.message);
    return undefined;
  }
}

Deno.test("fuzz: parseMetainfo() gives a torrent that holds together, or throws MetainfoError", () => {
  fuzz({
    corpus: "metainfo",
    check(input) {
      const metainfo = parse(input);
      if (metainfo === undefined) return;
      const { layout, files, infoBytes, pieceHashes, warnings } = metainfo;
      const isVersion2 = metainfo.version === 2;
      equal(pieceHashes.length, (isVersion2 ? 32 : 20) * layout.pieceCount);
      equal(layout.fileCount, files.length);
      ok(layout.dataLength > 0 && layout.pieceCount > 0);
      equal(
        layout.totalLength,
        files[Symbol.iterator]().reduce((total, { length }) => total + length, 0),
      );
      const algorithm = isVersion2 ? "sha256" : "sha1";
      equal(metainfo.infoHashHex, createHash(algorithm).update(infoBytes).digest("hex"));
      equal(metainfo.infoHash.toHex(), metainfo.infoHashHex.slice(0, 40));
      for (const url of [...metainfo.trackers.flat(), ...metainfo.webSeeds]) ok(URL.canParse(url));
      for (const warning of warnings) ok(/^[\x20-\x7e]+$/.test(warning), warning);
      const paths = diskPaths(metainfo, "windows");
      checkDiskPaths(paths, metainfo, "windows");
      for (const file of files) {
        equal(paths.pathOf(file.index) !== "", file.isOnDisk);
      }
    },
  });
});
