/** The options of `plan`: those of `get` that decide what it would do. Pure. */
import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { withDefault } from "@optique/core/modifiers";
import type { InferValue } from "@optique/core/parser";
import { constant, flag, option } from "@optique/core/primitives";
import { targetOptions } from "./get_options.ts";
import { durationValue } from "./option_values.ts";
import { reportOptions, searchOptions } from "./swarm_options.ts";

/** Long enough for a tracker, a search in the DHT, and dials that are answered at all. */
const DEFAULT_SURVEY_MS = 10_000;

export const planParser = object({
  command: constant("plan"),
  outputDir: targetOptions.outputDir,
  ...searchOptions,
  select: targetOptions.select,
  ranges: targetOptions.ranges,
  maxBytes: targetOptions.maxBytes,
  overwrite: targetOptions.overwrite,
  check: withDefault(
    flag("--check", { description: message`hash what is here already, as get would` }),
    false,
  ),
  offline: withDefault(flag("--offline", { description: message`ask nobody` }), false),
  surveyMs: withDefault(
    option("--timeout", durationValue, {
      description: message`ask trackers and peers for at most this time (10s)`,
    }),
    DEFAULT_SURVEY_MS,
  ),
  headers: reportOptions.headers,
  noResume: reportOptions.noResume,
  json: reportOptions.json,
  sources: targetOptions.sources,
});

/** What `plan` was asked. */
export type PlanOptions = InferValue<typeof planParser>;
