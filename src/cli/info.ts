/** `starling info`: what a torrent holds, for people and for programs. */
import { formatEndpoint } from "../base/endpoint.ts";
import { printable } from "../base/printable.ts";
import { type Magnet, magnetLink } from "../metainfo/magnet.ts";
import type { CommandContext } from "./environment/environment.ts";
import { fileCountOf, listFiles, shownPath, type SourceTorrent } from "./files/file_list.ts";
import type { InfoOptions } from "./options/commands.ts";
import { CommandError, ExitCode } from "./output/failure.ts";
import { jsonParts, toJson } from "./output/json.ts";
import { formatCount, formatSize } from "./output/units.ts";
import { withAnySource } from "./source/any_source.ts";

const MAX_SHOWN_TEXT_LENGTH = 1000;
/** Somebody waits at a terminal. */
const DEFAULT_METADATA_TIMEOUT_MS = 20_000;

/** What is printed on one line. */
export type Fact = readonly [name: string, value: string];

/**
 * Prints what a source holds; of a link whose metadata is not found, what it says itself. Throws
 * `CommandError` when it cannot be read or is not found.
 */
export async function info(
  { source, json, ...options }: InfoOptions,
  { environment, interruption: { signal } }: CommandContext,
): Promise<number> {
  const { stdout } = environment;
  const { metadataTimeoutMs = DEFAULT_METADATA_TIMEOUT_MS } = options;
  const search = { ...options, metadataTimeoutMs };
  let link: Magnet | undefined;
  const onLink = (found: Magnet) => void (link = found);
  const given = { environment, search, path: ".", signal, onLink };
  try {
    await withAnySource(source, given, async (torrent) => {
      if (json) await stdout.writeParts(jsonParts(describeForPrograms(torrent)));
      else await stdout.writeLines(describeForPeople(torrent));
      await stdout.flush(); // It is not to wait for the trackers.
    });
    return ExitCode.ok;
  } catch (error) {
    const isMissing = error instanceof CommandError && error.failure.verdict === "no-metadata";
    if (!isMissing || link === undefined) throw error;
    if (json) stdout.writeLine(toJson(describeLink(link)));
    else await stdout.writeLines(inColumns([...factsOfLink(link)]));
    throw error;
  }
}

/** The contract of `info --json`, which `create --json` keeps too. */
export function describeForPrograms(
  { metainfo, paths }: Pick<SourceTorrent, "metainfo" | "paths">,
): Record<string, unknown> {
  return {
    name: metainfo.name,
    infoHash: metainfo.infoHashHex,
    infoHashV2: metainfo.infoHashV2Hex ?? null,
    size: metainfo.layout.dataLength,
    pieceLength: metainfo.pieceLength,
    pieces: metainfo.layout.pieceCount,
    private: metainfo.isPrivate,
    files: listFiles({ metainfo, paths }).map(({ path, size }) => ({ path, size })),
    trackers: metainfo.trackers,
    comment: metainfo.comment ?? null,
    createdBy: metainfo.createdBy ?? null,
    creationDate: metainfo.creationDate ?? null,
    source: metainfo.source ?? null,
    webSeeds: metainfo.webSeeds,
    nodes: metainfo.nodes.map(formatEndpoint),
    magnet: magnetLink(metainfo),
  };
}

/** What is not known without the metadata is null. */
function describeLink(link: Magnet): Record<string, unknown> {
  const unknown = { pieceLength: null, pieces: null, private: null, files: null };
  return {
    name: link.name ?? null,
    infoHash: link.infoHashHex,
    infoHashV2: link.infoHashV2Hex ?? null,
    size: link.length ?? null,
    ...unknown,
    trackers: link.trackers,
    comment: null,
    createdBy: null,
    creationDate: null,
    source: null,
    webSeeds: link.webSeeds,
    nodes: [],
    magnet: magnetLink(link),
  };
}

function* describeForPeople(torrent: SourceTorrent): Iterable<string> {
  const count = String(fileCountOf(torrent.metainfo));
  yield* inColumns([...factsOf(torrent), ["Files", count]]);
  for (const { number, path, size } of listFiles(torrent)) {
    yield `${String(number).padStart(count.length)}  ${formatSize(size).padStart(9)}  ${
      shownPath(path)
    }`;
  }
}

/** One line for each, the names all as wide as the longest. */
export function* inColumns(facts: readonly Fact[]): Iterable<string> {
  const width = Math.max(...facts.map(([name]) => name.length));
  for (const [name, value] of facts) yield `${name.padStart(width)}  ${value}`;
}

function* factsOf({ metainfo, metainfoLength }: SourceTorrent): Iterable<Fact> {
  yield ["Name", shown(metainfo.name)];
  if (metainfo.comment !== undefined) yield ["Comment", shown(metainfo.comment)];
  if (metainfo.createdBy !== undefined) yield ["Created By", shown(metainfo.createdBy)];
  if (metainfo.creationDate !== undefined) yield ["Created", formatDate(metainfo.creationDate)];
  if (metainfo.source !== undefined) yield ["Source", shown(metainfo.source)];
  yield* factsOfInfoHash(metainfo);
  yield ["Torrent Size", formatSize(metainfoLength)];
  const { dataLength } = metainfo.layout;
  yield ["Content Size", `${formatSize(dataLength)} (${formatCount(dataLength, "byte")})`];
  yield ["Private", metainfo.isPrivate ? "yes" : "no"];
  yield ["Piece Size", formatSize(metainfo.pieceLength)];
  yield ["Piece Count", String(metainfo.layout.pieceCount)];
  yield* factsOfAddresses(metainfo);
  for (const node of metainfo.nodes) yield ["DHT Node", shown(formatEndpoint(node))];
  // Not cut: it is there to be copied, and escapes all that could harm a terminal.
  yield ["Magnet", magnetLink(metainfo)];
  for (const warning of metainfo.warnings) yield ["Warning", shown(warning)];
}

function* factsOfLink(link: Magnet): Iterable<Fact> {
  yield ["Name", link.name === undefined ? "unknown" : shown(link.name)];
  yield* factsOfInfoHash(link);
  yield ["Content Size", link.length === undefined ? "unknown" : formatSize(link.length)];
  yield* factsOfAddresses(link);
  for (const peer of link.peers) yield ["Peer", shown(formatEndpoint(peer))];
  yield ["Magnet", magnetLink(link)];
}

/** Both of a hybrid: clients of the other version know it by the second. */
export function* factsOfInfoHash(
  { infoHashHex, infoHashV2Hex = infoHashHex }: Pick<Magnet, "infoHashHex" | "infoHashV2Hex">,
): Iterable<Fact> {
  yield ["Info Hash", infoHashHex];
  if (infoHashV2Hex !== infoHashHex) yield ["Info Hash v2", infoHashV2Hex];
}

function* factsOfAddresses(
  { trackers, webSeeds }: Pick<Magnet, "trackers" | "webSeeds">,
): Iterable<Fact> {
  for (const [index, tier] of trackers.entries()) {
    for (const url of tier) yield [`Tracker ${index + 1}`, shown(url)];
  }
  for (const url of webSeeds) yield ["Web Seed", shown(url)];
}

/** `2022-04-21 13:37:00 UTC` */
function formatDate(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace("T", " ").replace(".000Z", " UTC");
}

function shown(text: string): string {
  return printable(text, MAX_SHOWN_TEXT_LENGTH);
}
