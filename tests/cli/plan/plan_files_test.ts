import { deepStrictEqual } from "node:assert/strict";
import { Bitfield } from "../../../src/base/bitfield.ts";
import type { FileIndex } from "../../../src/base/ids.ts";
import { plannedFiles } from "../../../src/cli/plan/plan_files.ts";
import type { TargetOutlook } from "../../../src/cli/plan/plan_target.ts";
import { chooseTarget } from "../../../src/cli/tasks/target.ts";
import { parseMetainfo } from "../../../src/metainfo/metainfo.ts";
import { diskPaths } from "../../../src/metainfo/paths.ts";
import { version2Torrent } from "../../metainfo/version_2_torrent.ts";

Deno.test("plannedFiles() counts what is here of files that begin with pieces of their own", async () => {
  const contents = { a: new Uint8Array(100), b: new Uint8Array(40_000), c: new Uint8Array(0) };
  const metainfo = parseMetainfo(version2Torrent(contents, { pieceLength: 16_384 }));
  const source = { metainfo, metainfoLength: 0, paths: diskPaths(metainfo, "linux") };
  const choice = { select: [], ranges: [], maxBytes: undefined };
  const target = await chooseTarget({ source, selectedFiles: undefined }, choice);
  const pieces = (...indices: number[]) => {
    const bits = new Bitfield(metainfo.layout.pieceCount);
    for (const index of indices) bits.set(index);
    return bits;
  };
  const present = new Set([2 as FileIndex]);
  const state = (have: Bitfield, unchecked: Bitfield) => {
    const outlook = { have, unchecked, occupied: new Set(), present } as Partial<TargetOutlook>;
    return Array.from(
      plannedFiles(target, outlook as TargetOutlook),
      ({ file, state, here, unchecked }) => [file.path, state, here, unchecked],
    );
  };
  deepStrictEqual(state(pieces(1, 3), pieces(0)), [
    ["folder/a", "unchecked", 0, 100],
    ["folder/b", "partial", 16_384 + 7_232, 0],
    ["folder/c", "complete", 0, 0],
  ]);
  deepStrictEqual(state(pieces(1, 2, 3), pieces()), [
    ["folder/a", "new", 0, 0],
    ["folder/b", "complete", 40_000, 0],
    ["folder/c", "complete", 0, 0],
  ]);
});
