import type { FileIndex } from "../../src/base/ids.ts";
import type { Metainfo } from "../../src/metainfo/metainfo.ts";
import { diskPaths } from "../../src/metainfo/paths.ts";
import { FilePlan } from "../../src/storage/file_plan.ts";

/** A plan of these files, in folders that need not exist. */
export function planOf(
  metainfo: Metainfo,
  selected: readonly number[],
  options: { readonly holdsNames?: boolean; readonly overwrite?: boolean } = {},
): FilePlan {
  return new FilePlan({
    metainfo,
    paths: diskPaths(metainfo, "linux"),
    outputDir: "/out",
    stateDir: "/state",
    selected: new Set(selected as FileIndex[]),
    overwrite: false,
    ...options,
  });
}
