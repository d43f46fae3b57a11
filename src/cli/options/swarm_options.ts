/** Options that `get` and `seed` have in common, and `info` and `verify` in part. Pure. */
import { message } from "@optique/core/message";
import { map, multiple, optional, withDefault } from "@optique/core/modifiers";
import { flag, option } from "@optique/core/primitives";
import { choice, integer } from "@optique/core/valueparser";
import type { Endpoint } from "../../base/endpoint.ts";
import {
  addressValue,
  durationValue,
  endpointValue,
  folderValue,
  headerValue,
  proxyValue,
  rateValue,
  ratioValue,
} from "./option_values.ts";

const DEFAULT_MAX_PEERS = 80;
const DEFAULT_UPLOAD_SLOTS = 8;
/** More connections than this no machine has ports for. */
const MAX_CONNECTIONS = 65_535;

/** Where a DHT without nodes asks for the first ones: kept up by BitTorrent, Transmission, libtorrent. */
const WELL_KNOWN_ROUTERS: readonly Endpoint[] = [
  { host: "router.bittorrent.com", port: 6881 },
  { host: "dht.transmissionbt.com", port: 6881 },
  { host: "router.utorrent.com", port: 6881 },
  { host: "dht.libtorrent.org", port: 25401 },
];

const connections = integer({ metavar: "N", min: 1, max: MAX_CONNECTIONS });
/** 0 is no limit, or none at all. */
export const connectionLimit = integer({ metavar: "N", min: 0, max: MAX_CONNECTIONS });

/** How peers are found and reached: all that a magnet's metadata needs. */
export const searchOptions = {
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
  noTracker: withDefault(flag("--no-tracker", { description: message`ask no tracker` }), false),
  noDht: withDefault(flag("--no-dht", { description: message`do not use the DHT` }), false),
  noPex: withDefault(
    flag("--no-pex", { description: message`do not exchange peers with peers` }),
    false,
  ),
  noLsd: withDefault(
    flag("--no-lsd", { description: message`do not look for peers on the local network` }),
    false,
  ),
  noPortMap: withDefault(
    flag("--no-port-map", { description: message`do not ask the router to forward the port` }),
    false,
  ),
  dhtBootstrap: map(
    multiple(option("--dht-bootstrap", endpointValue, {
      description: message`where an empty DHT table starts (the well-known routers)`,
    })),
    (endpoints) => endpoints.length > 0 ? endpoints : WELL_KNOWN_ROUTERS,
  ),
  encryption: withDefault(
    option("--encryption", choice(["prefer", "require", "off"], { metavar: "MODE" }), {
      description: message`protocol encryption (MSE): prefer, require or off (prefer)`,
    }),
    "prefer" as const,
  ),
  proxy: optional(option("--proxy", proxyValue, {
    description: message`socks5://… for peers and trackers, http://… for trackers alone`,
  })),
  metadataTimeoutMs: optional(option("--metadata-timeout", durationValue, {
    description: message`give up after this time without the metadata of a magnet`,
  })),
  stateDir: optional(option("--state-dir", folderValue, {
    description: message`resume data, lock, metadata of magnets (OUTPUT/.starling)`,
  })),
};

/** How to take part in a swarm. */
export const swarmOptions = {
  ...searchOptions,
  uploadSlots: withDefault(
    option("--max-uploads", connectionLimit, { description: message`peers uploaded to at once` }),
    DEFAULT_UPLOAD_SLOTS,
  ),
  maxUploadRate: optional(option("--max-upload-rate", rateValue, {
    description: message`most bytes a second`,
  })),
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
  logDir: optional(
    option("--log-dir", folderValue, { description: message`also write a log file` }),
  ),
};
