/** The options of `feed`: which items, and those of `get` that fit several torrents. Pure. */
import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { multiple, optional, withDefault } from "@optique/core/modifiers";
import { type InferValue, parse } from "@optique/core/parser";
import { argument, constant, flag, option } from "@optique/core/primitives";
import { integer } from "@optique/core/valueparser";
import { assert } from "../../base/assert.ts";
import { downloadOptions, type GetOptions, getParser, targetOptions } from "./get_options.ts";
import { feedValue, sinceValue, titlePatternValue } from "./option_values.ts";
import { reportOptions, swarmOptions } from "./swarm_options.ts";

export const feedParser = object({
  command: constant("feed"),
  match: multiple(option("--match", titlePatternValue, {
    description: message`only items whose title has this in it; * is any text, ? any character`,
  })),
  reject: multiple(option("--reject", titlePatternValue, {
    description: message`no items whose title has this in it`,
  })),
  since: optional(option("--since", sinceValue, {
    description: message`no items from before this: 7d, 12h, 2026-11-20`,
  })),
  maxItems: optional(option("--max-items", integer({ metavar: "N", min: 1 }), {
    description: message`most items fetched in this run; the others wait for the next ones`,
  })),
  dryRun: withDefault(
    flag("--dry-run", { description: message`only say what would be fetched` }),
    false,
  ),
  retryFailed: withDefault(
    flag("--retry-failed", { description: message`try again what was given up` }),
    false,
  ),
  outputDir: targetOptions.outputDir,
  ...swarmOptions,
  ...downloadOptions,
  select: targetOptions.select,
  maxBytes: targetOptions.maxBytes,
  overwrite: targetOptions.overwrite,
  ...reportOptions,
  feed: argument(feedValue, { description: message`the URL of an RSS or Atom feed, or a file` }),
});

/** What `feed` was asked to do. */
export type FeedOptions = InferValue<typeof feedParser>;

/** The options of `get` for one item: whatever `feed` does not have is as if it were not given. */
export function itemOptions(options: FeedOptions): GetOptions {
  const defaults = parse(getParser, ["-"]);
  assert(defaults.success);
  return { ...defaults.value, ...options, command: "get", sources: [] };
}
