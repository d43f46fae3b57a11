/** The options of `create`: the table in docs/reference.md is written from here. Pure. */
import { flag, type Given, option, optionOr, options, word } from "./option.ts";
import {
  choiceValue,
  endpointValue,
  nameValue,
  pathValue,
  pieceLengthValue,
  textValue,
  tierValue,
  webSeedValue,
} from "./option_values.ts";

export const createTable = {
  output: option(
    "-o, --output",
    pathValue("FILE", "any"),
    "the .torrent to write, or the folder for it (NAME.torrent)",
  ),
  trackers: options(
    "-t, --tracker",
    tierValue,
    'a tracker; more of them are asked in this order, "," joins equal ones',
  ),
  format: optionOr(
    "v1",
    "--format",
    choiceValue("VERSION", ["v1", "v2", "hybrid"]),
    "BitTorrent's version: v1, v2 (BEP 52) or hybrid, which is both (v1)",
  ),
  pieceLength: option(
    "--piece-length",
    pieceLengthValue,
    "bytes of a piece, a power of two (by size: 16K to 16M)",
  ),
  isPrivate: flag("--private", "peers may come from the trackers only"),
  comment: option("--comment", textValue("TEXT"), "a remark for people"),
  source: option(
    "--source",
    textValue("TEXT"),
    "where it is published; gives the torrent an info-hash of its own",
  ),
  webSeeds: options("--web-seed", webSeedValue, "an http(s) URL of the same data"),
  nodes: options("--node", endpointValue, "a DHT node, for torrents without a tracker"),
  name: option("--name", nameValue, "what downloads are called (the name of PATH)"),
  excluded: options(
    "--exclude",
    textValue("GLOB"),
    "leave out files and folders: *.tmp in any folder, sub/dir below PATH",
  ),
  noDate: flag("--no-date", "write no date: the same input gives the same .torrent"),
  overwrite: flag("--overwrite", "may replace the .torrent if there is one"),
  json: flag("--json", "machine-readable"),
  path: word(pathValue("PATH", "any"), "a file or a folder"),
};

export type CreateOptions = Given<"create", typeof createTable>;
