/** Options that `get` and `seed` have in common, and `info` and `verify` in part. Pure. */
import type { Endpoint } from "../../base/endpoint.ts";
import { flag, option, optionOr, options, under } from "./option.ts";
import {
  addressValue,
  choiceValue,
  durationValue,
  endpointValue,
  folderValue,
  headerValue,
  integerValue,
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

/** 0 is no limit, or none at all. */
export const connectionLimit = integerValue({ min: 0, max: MAX_CONNECTIONS });

/** How peers are found and reached: all that a magnet's metadata needs. */
export const searchOptions = {
  ...under("Peers", {
    peers: options("--peer", endpointValue, "peers to dial first, before any tracker answers"),
    port: option(
      "-p, --port",
      integerValue({ min: 0, max: 65_535 }),
      "listen port; when it is in use, the next (6881 to 6889, then any); 0 is any that is free",
    ),
    bindAddress: option("--bind", addressValue, "local address to listen on (all)"),
    noTracker: flag("--no-tracker", "ask no tracker"),
    noDht: flag("--no-dht", "do not use the DHT"),
    noPex: flag("--no-pex", "do not exchange peers with peers"),
    noLsd: flag("--no-lsd", "do not look for peers on the local network"),
    noUtp: flag("--no-utp", "reach peers by TCP alone"),
    noPortMap: flag("--no-port-map", "do not ask the router to forward the port"),
    dhtBootstrap: options(
      "--dht-bootstrap",
      endpointValue,
      "where an empty DHT table starts (the well-known routers)",
      WELL_KNOWN_ROUTERS,
    ),
    encryption: optionOr(
      "prefer",
      "--encryption",
      choiceValue("MODE", ["prefer", "require", "off"]),
      "protocol encryption (MSE): prefer, require or off (prefer)",
    ),
    proxy: option(
      "--proxy",
      proxyValue,
      "socks5://… for peers, trackers and web seeds, http://… for the last two alone",
    ),
  }),
  ...under("Limits", {
    metadataTimeoutMs: option(
      "--metadata-timeout",
      durationValue,
      "give up after this time without the metadata of a magnet",
    ),
    maxPeers: optionOr(
      DEFAULT_MAX_PEERS,
      "--max-peers",
      integerValue({ min: 1, max: MAX_CONNECTIONS }),
      "connections a torrent (80)",
    ),
  }),
  ...under("Files", {
    stateDir: option(
      "--state-dir",
      folderValue,
      "resume data, lock, metadata of magnets (OUTPUT/.starling)",
    ),
  }),
};

/** How to take part in a swarm. */
export const swarmOptions = {
  ...searchOptions,
  ...under("Limits", {
    uploadSlots: optionOr(
      DEFAULT_UPLOAD_SLOTS,
      "--max-uploads",
      connectionLimit,
      "peers uploaded to at once; 0 is none (8)",
    ),
    maxUploadRate: option("--max-upload-rate", rateValue, "most bytes a second"),
  }),
};

/** When there was enough sharing. */
export const sharingOptions = under("Sharing", {
  seedRatio: option(
    "--seed-ratio",
    ratioValue,
    "keep sharing until so many copies were sent: 1, 2.5",
  ),
  seedMs: option("--seed-time", durationValue, "keep sharing for this time"),
});

/** What is read, believed and told. */
export const reportOptions = {
  ...under("Files", {
    headers: options("--header", headerValue, "sent when fetching a .torrent URL"),
    noResume: flag("--no-resume", "recheck everything, trust no saved state"),
  }),
  ...under("Messages", {
    json: flag("--json", "one JSON object a line on standard output"),
    quiet: flag("-q, --quiet", "nothing but errors"),
    verbose: flag("-v, --verbose", "the busiest peers, and a debug log"),
    logDir: option("--log-dir", folderValue, "also write a log file"),
  }),
};
