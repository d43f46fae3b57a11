/** The options of `feed`: which items, and those of `get` that fit several torrents. Pure. */
import {
  downloadOptions,
  type GetOptions,
  getTable,
  targetOptions,
  webSeedOptions,
} from "./get_options.ts";
import { flag, type Given, option, options, valuesOfNone, word } from "./option.ts";
import { feedValue, integerValue, sinceValue, titlePatternValue } from "./option_values.ts";
import { reportOptions, swarmOptions } from "./swarm_options.ts";

export const feedTable = {
  match: options(
    "--match",
    titlePatternValue,
    "only items whose title has this in it; * is any text, ? any character",
  ),
  reject: options("--reject", titlePatternValue, "no items whose title has this in it"),
  since: option("--since", sinceValue, "no items from before this: 7d, 12h, 2026-11-20"),
  maxItems: option(
    "--max-items",
    integerValue({ min: 1 }),
    "most items fetched in this run; the others wait for the next ones",
  ),
  dryRun: flag("--dry-run", "only say what would be fetched"),
  retryFailed: flag("--retry-failed", "try again what was given up"),
  outputDir: targetOptions.outputDir,
  ...swarmOptions,
  ...downloadOptions,
  select: targetOptions.select,
  maxBytes: targetOptions.maxBytes,
  noWebSeed: webSeedOptions.noWebSeed,
  overwrite: targetOptions.overwrite,
  ...reportOptions,
  feed: word(feedValue, "the URL of an RSS or Atom feed, or a file"),
};

/** What `feed` was asked to do. */
export type FeedOptions = Given<"feed", typeof feedTable>;

/** The options of `get` for one item: whatever `feed` does not have is as if it were not given. */
export function itemOptions(options: FeedOptions): GetOptions {
  return { ...valuesOfNone(getTable), ...options, command: "get", sources: [] };
}
