/** The options of `get`: the table "get" in docs/reference.md is written from here. Pure. */
import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { multiple, optional, withDefault } from "@optique/core/modifiers";
import type { InferValue } from "@optique/core/parser";
import { argument, constant, flag, option } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import {
  durationValue,
  folderValue,
  pathValue,
  rangeValue,
  rateValue,
  sizeValue,
  sourceValue,
  waitValue,
} from "./option_values.ts";
import { connectionLimit, reportOptions, sharingOptions, swarmOptions } from "./swarm_options.ts";

const DEFAULT_MEMORY_BYTES = 64 * 1024 * 1024;

/** What is to be downloaded, and where to. */
export const targetOptions = {
  outputDir: withDefault(
    option("-o", "--output", folderValue, { description: message`where the data goes` }),
    ".",
  ),
  select: multiple(option("--select", string({ metavar: "PATTERN" }), {
    description: message`only these files: a glob on the path, or numbers as in info (1,3-5)`,
  })),
  ranges: multiple(option("--range", rangeValue, {
    description: message`fetch these bytes of a file first; END is not included`,
  })),
  maxBytes: optional(option("--max-bytes", sizeValue, {
    description: message`refuse a torrent whose selected size is larger`,
  })),
  overwrite: withDefault(
    flag("--overwrite", {
      description: message`may replace files that are not this torrent's data`,
    }),
    false,
  ),
  sources: multiple(
    argument(sourceValue, {
      description:
        message`a .torrent file, its URL, a magnet link, an info-hash, or - for standard input`,
    }),
    {
      min: 1,
      errors: {
        tooFew: message`a source is missing: a .torrent file, its URL, a magnet link, or -`,
      },
    },
  ),
};

/** How each torrent is downloaded, and what is done with it then. */
export const downloadOptions = {
  maxDownloads: withDefault(
    option("--max-downloads", connectionLimit, {
      description: message`peers downloaded from at once; 0 is no limit`,
    }),
    0,
  ),
  maxDownloadRate: optional(option("--max-download-rate", rateValue, {
    description: message`most bytes a second: 2M, 500K, 1.5G`,
  })),
  sequential: withDefault(
    flag("--sequential", { description: message`fetch pieces in order` }),
    false,
  ),
  deadlineMs: optional(option("--deadline", durationValue, {
    description: message`give up after this time: 90s, 10m, 2h, 1d`,
  })),
  stallMs: optional(option("--stall", durationValue, {
    description: message`give up after this time without a new verified piece`,
  })),
  memoryBytes: withDefault(
    option("--memory", sizeValue, {
      description: message`most bytes of pieces held in memory (64M)`,
    }),
    DEFAULT_MEMORY_BYTES,
  ),
  sha256: withDefault(
    flag("--sha256", { description: message`keep the SHA-256 of all files in the receipt` }),
    false,
  ),
  saveTorrent: withDefault(
    flag("--save-torrent", { description: message`keep the .torrent as OUTPUT/NAME.torrent` }),
    false,
  ),
  waitLockMs: withDefault(
    option("--wait-lock", waitValue, {
      description: message`wait this long for another run on the same target (0)`,
    }),
    0,
  ),
  onDone: optional(option("--on-done", string({ metavar: "CMD" }), {
    description: message`run this after verification and the final renames`,
  })),
};

export const getParser = object({
  command: constant("get"),
  outputDir: targetOptions.outputDir,
  ...swarmOptions,
  ...downloadOptions,
  select: targetOptions.select,
  ranges: targetOptions.ranges,
  maxBytes: targetOptions.maxBytes,
  sums: optional(option("--sums", pathValue("FILE|URL", "file"), {
    description: message`SHA-256 sums that must hold before files get their names`,
  })),
  metadataOnly: withDefault(
    flag("--metadata-only", {
      description: message`save the .torrent of a magnet (-o FILE.torrent), and exit`,
    }),
    false,
  ),
  overwrite: targetOptions.overwrite,
  seed: withDefault(
    flag("--seed", { description: message`keep sharing once complete, until stopped` }),
    false,
  ),
  ...sharingOptions,
  ...reportOptions,
  sources: targetOptions.sources,
});

/** What `get` was asked to do. */
export type GetOptions = InferValue<typeof getParser>;
