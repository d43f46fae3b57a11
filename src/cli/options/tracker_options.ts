/** The options of `tracker`: the table in docs/reference.md is written from here. Pure. */
import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { multiple, optional, withDefault } from "@optique/core/modifiers";
import type { InferValue } from "@optique/core/parser";
import { constant, flag, option } from "@optique/core/primitives";
import { integer } from "@optique/core/valueparser";
import { addressValue, durationValue, infoHashValue } from "./option_values.ts";

/** The port that most trackers have. */
const DEFAULT_PORT = 6969;
/** Long enough for thousands of peers, short enough for a room in which machines come and go. */
const DEFAULT_INTERVAL_MS = 5 * 60_000;

export const trackerParser = object({
  command: constant("tracker"),
  port: withDefault(
    option("-p", "--port", integer({ metavar: "N", min: 0, max: 65_535 }), {
      description: message`port for HTTP and UDP (6969); 0 is any that is free`,
    }),
    DEFAULT_PORT,
  ),
  bindAddress: optional(option("--bind", addressValue, {
    description: message`local address to listen on (all)`,
  })),
  intervalMs: withDefault(
    option("--interval", durationValue, {
      description: message`how often peers are to announce (5m)`,
    }),
    DEFAULT_INTERVAL_MS,
  ),
  allowed: multiple(option("--allow", infoHashValue, {
    description: message`serve this torrent, and no other that is not allowed so`,
  })),
  quiet: withDefault(flag("-q", "--quiet", { description: message`nothing but errors` }), false),
});

export type TrackerOptions = InferValue<typeof trackerParser>;
