/** The options of `seed`: the table "seed" in docs/reference.md is written from here. Pure. */
import { flag, type Given, words } from "./option.ts";
import { torrentValue } from "./option_values.ts";
import { reportOptions, sharingOptions, swarmOptions } from "./swarm_options.ts";

export const seedTable = {
  ...sharingOptions,
  partial: flag("--partial", "share what is there, even when that is not all"),
  superSeed: flag(
    "--super",
    "show each peer one piece at a time (BEP 16): to give a first copy away",
  ),
  ...swarmOptions,
  ...reportOptions,
  words: words(
    torrentValue("TORRENT... [PATH]", "any"),
    ".torrent files, magnet links; PATH is the data, or the folder that it is in (the current one)",
    "a torrent is missing",
  ),
};

export type SeedOptions = Given<"seed", typeof seedTable>;
