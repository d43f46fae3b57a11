/** Options that `get` and `seed` have in common. Pure. */
import { message } from "@optique/core/message";
import { multiple, optional, withDefault } from "@optique/core/modifiers";
import { flag, option } from "@optique/core/primitives";
import { integer, string } from "@optique/core/valueparser";
import {
  addressValue,
  durationValue,
  endpointValue,
  headerValue,
  rateValue,
  ratioValue,
} from "./option_values.ts";

const DEFAULT_MAX_PEERS = 80;
const DEFAULT_UPLOAD_SLOTS = 8;
/** More connections than this no machine has ports for. */
const MAX_CONNECTIONS = 65_535;

const folder = string({ metavar: "DIR" });
const connections = integer({ metavar: "N", min: 1, max: MAX_CONNECTIONS });
/** 0 is no limit, or none at all. */
export const connectionLimit = integer({ metavar: "N", min: 0, max: MAX_CONNECTIONS });

/** How to take part in a swarm. */
export const swarmOptions = {
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
  uploadSlots: withDefault(
    option("--max-uploads", connectionLimit, { description: message`peers uploaded to at once` }),
    DEFAULT_UPLOAD_SLOTS,
  ),
  maxUploadRate: optional(option("--max-upload-rate", rateValue, {
    description: message`most bytes a second`,
  })),
  noTracker: withDefault(flag("--no-tracker", { description: message`ask no tracker` }), false),
};

/** When there was enough sharing. */
export const sharingOptions = {
  seedRatio: optional(option("--seed-ratio", ratioValue, {
    description: message`keep sharing until so many copies were sent: 1, 2.5`,
  })),
  seedMs: optional(option("--seed-time", durationValue, {
    description: message`keep sharing for this time`,
  })),
};

/** What is read, believed and told. */
export const reportOptions = {
  headers: multiple(option("--header", headerValue, {
    description: message`sent when fetching a .torrent URL`,
  })),
  noResume: withDefault(
    flag("--no-resume", { description: message`recheck everything, trust no saved state` }),
    false,
  ),
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
};
