/** The options of `cat`: those of `get` for one torrent whose data goes on to a program. Pure. */
import {
  downloadOptions,
  type GetOptions,
  getTable,
  targetOptions,
  webSeedOptions,
} from "./get_options.ts";
import { flag, type Given, under, valuesOfNone, word } from "./option.ts";
import { sourceValue } from "./option_values.ts";
import { reportOptions, swarmOptions } from "./swarm_options.ts";

export const catTable = {
  tar: flag("--tar", "all selected files, as an archive for tar x"),
  select: targetOptions.select,
  outputDir: targetOptions.outputDir,
  ...swarmOptions,
  maxDownloads: downloadOptions.maxDownloads,
  maxDownloadRate: downloadOptions.maxDownloadRate,
  deadlineMs: downloadOptions.deadlineMs,
  stallMs: downloadOptions.stallMs,
  memoryBytes: downloadOptions.memoryBytes,
  waitLockMs: downloadOptions.waitLockMs,
  maxBytes: targetOptions.maxBytes,
  ...webSeedOptions,
  overwrite: targetOptions.overwrite,
  headers: reportOptions.headers,
  noResume: reportOptions.noResume,
  ...under("Messages", {
    verbose: flag("-v, --verbose", "a debug log on standard error, in plain lines"),
  }),
  logDir: reportOptions.logDir,
  source: word(sourceValue, targetOptions.sources.description),
};

/** What `cat` was asked to do. */
export type CatOptions = Given<"cat", typeof catTable>;

/** The options of `get` for the source: whatever `cat` does not have is as if it were not given. */
export function downloadedAs(options: CatOptions): GetOptions {
  const { source } = options;
  return {
    ...valuesOfNone(getTable),
    ...options,
    command: "get",
    sources: [source],
    sequential: true,
  };
}
