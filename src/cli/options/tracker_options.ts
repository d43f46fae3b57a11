/** The options of `tracker`: the table in docs/reference.md is written from here. Pure. */
import { flag, type Given, option, optionOr, options } from "./option.ts";
import {
  addressValue,
  announceIntervalValue,
  infoHashValue,
  integerValue,
} from "./option_values.ts";

/** The port that most trackers have. */
const DEFAULT_PORT = 6969;
/** Long enough for thousands of peers, short enough for a room in which machines come and go. */
const DEFAULT_INTERVAL_MS = 5 * 60_000;

export const trackerTable = {
  port: optionOr(
    DEFAULT_PORT,
    "-p, --port",
    integerValue({ min: 0, max: 65_535 }),
    "port for HTTP and UDP (6969); 0 is any that is free",
  ),
  bindAddress: option("--bind", addressValue, "local address to listen on (all)"),
  intervalMs: optionOr(
    DEFAULT_INTERVAL_MS,
    "--interval",
    announceIntervalValue,
    "how often peers are to announce, 10s at least (5m)",
  ),
  allowed: options(
    "--allow",
    infoHashValue,
    "serve this torrent, and no other that is not allowed so",
  ),
  quiet: flag("-q, --quiet", "nothing but errors"),
};

export type TrackerOptions = Given<"tracker", typeof trackerTable>;
