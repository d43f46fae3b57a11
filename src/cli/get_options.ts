/** The options of `get`: the table "get" in README.md is written from here. Pure. */
import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { multiple, optional, withDefault } from "@optique/core/modifiers";
import type { InferValue } from "@optique/core/parser";
import { argument, constant, flag, option } from "@optique/core/primitives";
import { integer, string } from "@optique/core/valueparser";
import {
  addressValue,
  durationValue,
  endpointValue,
  headerValue,
  rangeValue,
  rateValue,
  sizeValue,
  waitValue,
} from "./option_values.ts";

const DEFAULT_MAX_PEERS = 80;
const DEFAULT_UPLOAD_SLOTS = 8;
const DEFAULT_MEMORY_BYTES = 64 * 1024 * 1024;
/** More connections than this no machine has ports for. */
const MAX_CONNECTIONS = 65_535;

const folder = string({ metavar: "DIR" });
const connections = integer({ metavar: "N", min: 1, max: MAX_CONNECTIONS });
const connectionLimit = integer({ metavar: "N", min: 0, max: MAX_CONNECTIONS });

export const getParser = object({
  command: constant("get"),
  outputDir: withDefault(
    option("-o", "--output", folder, { description: message`where the data goes` }),
    ".",
  ),
  peers: multiple(option("--peer", endpointValue, {
    description: message`peers to dial first, before any tracker answers`,
  })),
  port: optional(option("-p", "--port", integer({ metavar: "N", min: 1, max: 65_535 }), {
    description: message`listen port; when it is in use, the next (6881 to 6889, then any)`,
  })),
  bindAddress: optional(option("--bind", addressValue, {
    description: message`local address to listen on (all)`,
  })),
  maxPeers: withDefault(
    option("--max-peers", connections, { description: message`connections a torrent` }),
    DEFAULT_MAX_PEERS,
  ),
  maxDownloads: withDefault(
    option("--max-downloads", connectionLimit, {
      description: message`peers downloaded from at once; 0 is no limit`,
    }),
    0,
  ),
  uploadSlots: withDefault(
    option("--max-uploads", connectionLimit, { description: message`peers uploaded to at once` }),
    DEFAULT_UPLOAD_SLOTS,
  ),
  maxDownloadRate: optional(option("--max-download-rate", rateValue, {
    description: message`most bytes a second: 2M, 500K, 1.5G`,
  })),
  maxUploadRate: optional(option("--max-upload-rate", rateValue, {
    description: message`most bytes a second`,
  })),
  select: multiple(option("--select", string({ metavar: "PATTERN" }), {
    description: message`only these files: a glob on the path, or numbers as in info (1,3-5)`,
  })),
  ranges: multiple(option("--range", rangeValue, {
    description: message`fetch these bytes of a file first; END is not included`,
  })),
  sequential: withDefault(
    flag("--sequential", { description: message`fetch pieces in order` }),
    false,
  ),
  noTracker: withDefault(flag("--no-tracker", { description: message`ask no tracker` }), false),
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
  headers: multiple(option("--header", headerValue, {
    description: message`sent when fetching a .torrent URL`,
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
  noResume: withDefault(
    flag("--no-resume", { description: message`recheck everything, trust no saved state` }),
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
  json: withDefault(
    flag("--json", { description: message`one JSON object a line on standard output` }),
    false,
  ),
  quiet: withDefault(flag("-q", "--quiet", { description: message`nothing but errors` }), false),
  verbose: withDefault(
    flag("-v", "--verbose", { description: message`the busiest peers, and a debug log` }),
    false,
  ),
  logDir: optional(option("--log-dir", folder, { description: message`also write a log file` })),
  stateDir: optional(option("--state-dir", folder, {
    description: message`resume data and lock (OUTPUT/.starling)`,
  })),
  sources: multiple(
    argument(string({ metavar: "SOURCE" }), {
      description: message`a .torrent file, an http(s) URL of one, or - for standard input`,
    }),
    { min: 1, errors: { tooFew: message`a source is missing: a .torrent file, its URL, or -` } },
  ),
});

/** What `get` was asked to do. */
export type GetOptions = InferValue<typeof getParser>;
