/** Where a target is, and where what is remembered of it is. Pure. */
import { STATE_FOLDER } from "../../metainfo/paths.ts";
import type { GetOptions } from "../options/get_options.ts";
import type { StateFolders } from "./environment.ts";

/** `--output`, and `--state-dir`, which is a folder in it unless it is named. */
export function foldersOf(
  { outputDir, stateDir }: Pick<GetOptions, "outputDir"> & Partial<Pick<GetOptions, "stateDir">>,
): StateFolders {
  return { outputDir, stateDir: stateDir ?? `${outputDir}/${STATE_FOLDER}` };
}
