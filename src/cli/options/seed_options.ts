/** The options of `seed`: the table "seed" in docs/reference.md is written from here. Pure. */
import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { multiple, withDefault } from "@optique/core/modifiers";
import type { InferValue } from "@optique/core/parser";
import { argument, constant, flag } from "@optique/core/primitives";
import { pathValue } from "./option_values.ts";
import { reportOptions, sharingOptions, swarmOptions } from "./swarm_options.ts";

export const seedParser = object({
  command: constant("seed"),
  ...sharingOptions,
  partial: withDefault(
    flag("--partial", { description: message`share what is there, even when that is not all` }),
    false,
  ),
  superSeed: withDefault(
    flag("--super", {
      description: message`show each peer one piece at a time (BEP 16): to give a first copy away`,
    }),
    false,
  ),
  ...swarmOptions,
  ...reportOptions,
  words: multiple(
    argument(pathValue("TORRENT... [PATH]", "any"), {
      description:
        message`.torrent files, magnet links; PATH is the data, or the folder that it is in (the current one)`,
    }),
    { min: 1, errors: { tooFew: message`a torrent is missing` } },
  ),
});

export type SeedOptions = InferValue<typeof seedParser>;
