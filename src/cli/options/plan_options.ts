/**
 * The options of `plan`: those of `get` that decide what it would do. The others are accepted, so
 * that a line for `get` can be tried as it is; but not `--metadata-only`, which is no download.
 * Pure.
 */
import { getTable, targetOptions, webSeedOptions } from "./get_options.ts";
import { flag, type Given, ignored, optionOr } from "./option.ts";
import { durationValue } from "./option_values.ts";
import { reportOptions, searchOptions } from "./swarm_options.ts";

/** Long enough for a tracker, a search in the DHT, and dials that are answered at all. */
const DEFAULT_SURVEY_MS = 10_000;

const { metadataOnly: _, ...getOptions } = getTable;

export const planTable = {
  ...ignored(getOptions),
  outputDir: targetOptions.outputDir,
  ...searchOptions,
  select: targetOptions.select,
  ranges: targetOptions.ranges,
  maxBytes: targetOptions.maxBytes,
  overwrite: targetOptions.overwrite,
  ...webSeedOptions,
  check: flag("--check", "hash what is here already, as get would"),
  offline: flag("--offline", "ask nobody"),
  surveyMs: optionOr(
    DEFAULT_SURVEY_MS,
    "--timeout",
    durationValue,
    "ask trackers and peers for at most this time (10s)",
  ),
  headers: reportOptions.headers,
  noResume: reportOptions.noResume,
  json: reportOptions.json,
  sources: targetOptions.sources,
};

/** What `plan` was asked. */
export type PlanOptions = Given<"plan", typeof planTable>;
