/** The options of `get`: the table "get" in docs/reference.md is written from here. Pure. */
import { flag, type Given, option, optionOr, options, under, words } from "./option.ts";
import {
  durationValue,
  folderValue,
  pathValue,
  rangeValue,
  rateValue,
  sizeValue,
  sourceValue,
  textValue,
  waitValue,
  webSeedValue,
} from "./option_values.ts";
import { connectionLimit, reportOptions, sharingOptions, swarmOptions } from "./swarm_options.ts";

const DEFAULT_MEMORY_BYTES = 64 * 1024 * 1024;

/** What is to be downloaded, and where to. */
export const targetOptions = {
  ...under("Files", {
    outputDir: optionOr(".", "-o, --output", folderValue, "where the data goes (.)"),
    select: options(
      "--select",
      textValue("PATTERN"),
      "only these files: a glob on the path, or numbers as in info (1,3-5)",
    ),
    ranges: options(
      "--range",
      rangeValue,
      "fetch these bytes of a file first; END is not included",
    ),
    maxBytes: option("--max-bytes", sizeValue, "refuse a torrent whose selected size is larger"),
    overwrite: flag("--overwrite", "may replace files that are not this torrent's data"),
  }),
  sources: words(
    sourceValue,
    "a .torrent file, its URL, a magnet link, an info-hash, or - for standard input",
    "a source is missing: a .torrent file, its URL, a magnet link, or -",
  ),
};

/** Servers that have the files of a torrent (BEP 19). */
export const webSeedOptions = under("Peers", {
  webSeeds: options("--web-seed", webSeedValue, "a web server that has the same files, too"),
  noWebSeed: flag("--no-web-seed", "take nothing from the web servers that the torrent names"),
});

/** How each torrent is downloaded, and what is done with it then. */
export const downloadOptions = {
  ...under("Files", {
    sequential: flag("--sequential", "fetch pieces in order"),
    sha256: flag("--sha256", "keep the SHA-256 of all files in the receipt"),
    saveTorrent: flag("--save-torrent", "keep the .torrent as OUTPUT/NAME.torrent"),
    waitLockMs: optionOr(
      0,
      "--wait-lock",
      waitValue,
      "wait this long for another run on the same target (0)",
    ),
    onDone: option(
      "--on-done",
      textValue("CMD"),
      "run this after verification and the final renames",
    ),
  }),
  ...under("Limits", {
    maxDownloads: optionOr(
      0,
      "--max-downloads",
      connectionLimit,
      "peers downloaded from at once (0: no limit)",
    ),
    maxDownloadRate: option(
      "--max-download-rate",
      rateValue,
      "most bytes a second: 2M, 500K, 1.5G",
    ),
    memoryBytes: optionOr(
      DEFAULT_MEMORY_BYTES,
      "--memory",
      sizeValue,
      "most bytes of pieces held in memory; one piece always has room (64M)",
    ),
    deadlineMs: option("--deadline", durationValue, "give up after this time: 90s, 10m, 2h, 1d"),
    stallMs: option(
      "--stall",
      durationValue,
      "give up after this time without a new verified piece",
    ),
  }),
};

export const getTable = {
  outputDir: targetOptions.outputDir,
  select: targetOptions.select,
  ranges: targetOptions.ranges,
  maxBytes: targetOptions.maxBytes,
  overwrite: targetOptions.overwrite,
  ...under("Files", {
    sums: option(
      "--sums",
      pathValue("FILE|URL", "file"),
      "SHA-256 sums that must hold before files get their names",
    ),
    metadataOnly: flag(
      "--metadata-only",
      "save the .torrent of a magnet (-o FILE.torrent), and exit",
    ),
  }),
  ...swarmOptions,
  ...webSeedOptions,
  ...downloadOptions,
  ...under("Sharing", { seed: flag("--seed", "keep sharing once complete, until stopped") }),
  ...sharingOptions,
  ...reportOptions,
  sources: targetOptions.sources,
};

/** What `get` was asked to do. */
export type GetOptions = Given<"get", typeof getTable>;
