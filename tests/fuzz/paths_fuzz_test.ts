import { MetainfoError } from "../../src/base/errors.ts";
import { parseMetainfo } from "../../src/metainfo/metainfo.ts";
import { ownPaths } from "../../src/metainfo/own_paths.ts";
import { diskPaths } from "../../src/metainfo/paths.ts";
import type { Platform } from "../../src/metainfo/path_element.ts";
import { checkDiskPaths, checkReadPaths } from "../metainfo/check_disk_paths.ts";
import { sampleFiles } from "../metainfo/sample_torrent.ts";
import { fuzz } from "./mutation.ts";

const platforms: readonly Platform[] = ["linux", "darwin", "windows"];
const LINE_FEED = 0x0a;
const BAR = 0x7c;

/** An input is a line a path, its names with a bar between; the first line is the torrent's name. */
function split(bytes: Uint8Array, separator: number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let start = 0;
  for (let at = 0; at <= bytes.length; at++) {
    if (at < bytes.length && bytes[at] !== separator) continue;
    parts.push(bytes.subarray(start, at));
    start = at + 1;
  }
  return parts;
}

function place(input: Uint8Array, platform: Platform): void {
  const [name, ...lines] = split(input, LINE_FEED);
  const files = lines.map((line) => ({ path: split(line, BAR) }));
  try {
    const metainfo = parseMetainfo(sampleFiles([...files, { path: ["z"] }], { name }));
    const safe = diskPaths(metainfo, platform);
    checkDiskPaths(safe, metainfo, platform);
    checkReadPaths(ownPaths(metainfo, safe, platform), metainfo, platform);
  } catch (error) {
    if (!(error instanceof MetainfoError)) throw error;
  }
}

Deno.test("fuzz: diskPaths() and ownPaths() keep any names under the root and apart, or throw MetainfoError", () => {
  fuzz({
    corpus: "paths",
    check(input) {
      for (const platform of platforms) place(input, platform);
    },
  });
});
