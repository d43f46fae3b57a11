/** The options of `create`: the table in docs/reference.md is written from here. Pure. */
import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { multiple, optional, withDefault } from "@optique/core/modifiers";
import type { InferValue } from "@optique/core/parser";
import { argument, constant, flag, option } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import {
  endpointValue,
  nameValue,
  pathValue,
  pieceLengthValue,
  tierValue,
  webSeedValue,
} from "./option_values.ts";

const text = string({ metavar: "TEXT" });

export const createParser = object({
  command: constant("create"),
  output: optional(option("-o", "--output", pathValue("FILE", "any"), {
    description: message`the .torrent to write, or the folder for it (NAME.torrent)`,
  })),
  trackers: multiple(option("-t", "--tracker", tierValue, {
    description: message`a tracker; more of them are asked in this order, "," joins equal ones`,
  })),
  pieceLength: optional(option("--piece-length", pieceLengthValue, {
    description: message`bytes of a piece, a power of two (by size: 16K to 16M)`,
  })),
  isPrivate: withDefault(
    flag("--private", { description: message`peers may come from the trackers only` }),
    false,
  ),
  comment: optional(option("--comment", text, { description: message`a remark for people` })),
  source: optional(option("--source", text, {
    description: message`where it is published; gives the torrent an info-hash of its own`,
  })),
  webSeeds: multiple(option("--web-seed", webSeedValue, {
    description: message`an http(s) URL of the same data`,
  })),
  nodes: multiple(option("--node", endpointValue, {
    description: message`a DHT node, for torrents without a tracker`,
  })),
  name: optional(option("--name", nameValue, {
    description: message`what downloads are called (the name of PATH)`,
  })),
  excluded: multiple(option("--exclude", string({ metavar: "GLOB" }), {
    description: message`leave out files and folders: *.tmp in any folder, sub/dir below PATH`,
  })),
  noDate: withDefault(
    flag("--no-date", {
      description: message`write no date: the same input gives the same .torrent`,
    }),
    false,
  ),
  overwrite: withDefault(
    flag("--overwrite", { description: message`may replace the .torrent if there is one` }),
    false,
  ),
  json: withDefault(flag("--json", { description: message`machine-readable` }), false),
  path: argument(pathValue("PATH", "any"), { description: message`a file or a folder` }),
});

export type CreateOptions = InferValue<typeof createParser>;
