/** `starling info`: what a torrent holds, for people and for programs. */
import { formatEndpoint } from "../base/endpoint.ts";
import { printable } from "../base/printable.ts";
import { magnetLink } from "../metainfo/magnet.ts";
import type { InfoOptions } from "./args.ts";
import type { CommandContext } from "./environment.ts";
import { ExitCode } from "./failure.ts";
import { type ListedFile, shownPath } from "./file_list.ts";
import { toJson } from "./json.ts";
import { readTorrent, type SourceTorrent } from "./source.ts";
import { formatCount, formatSize } from "./units.ts";

const MAX_SHOWN_TEXT_LENGTH = 1000;

/** Prints what a source holds. Throws `CommandError` when it cannot be read. */
export async function info(
  { source, json }: InfoOptions,
  { environment, interruption: { signal } }: CommandContext,
): Promise<number> {
  const torrent = await readTorrent(source, { environment, headers: [], signal });
  const { stdout } = environment;
  if (json) stdout.writeLine(toJson(describeForPrograms(torrent)));
  else await stdout.writeLines(describeForPeople(torrent));
  return ExitCode.ok;
}

/** The contract of `info --json`, which `create --json` keeps too. */
export function describeForPrograms(
  { metainfo, files }: Pick<SourceTorrent, "metainfo" | "files">,
): Record<string, unknown> {
  return {
    name: metainfo.name,
    infoHash: metainfo.infoHashHex,
    size: sizeOf(files),
    pieceLength: metainfo.pieceLength,
    pieces: metainfo.layout.pieceCount,
    private: metainfo.isPrivate,
    files: files.map(({ path, size }) => ({ path, size })),
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

function* describeForPeople(torrent: SourceTorrent): Iterable<string> {
  const facts = [...factsOf(torrent)];
  const width = Math.max(...facts.map(([name]) => name.length));
  for (const [name, value] of facts) yield `${name.padStart(width)}  ${value}`;
  for (const warning of torrent.metainfo.warnings) {
    yield `${"Warning".padStart(width)}  ${shown(warning)}`;
  }
  const { files } = torrent;
  yield `${"Files".padStart(width)}  ${files.length}`;
  const digits = String(files.length).length;
  for (const { number, path, size } of files) {
    yield `${String(number).padStart(digits)}  ${formatSize(size).padStart(9)}  ${shownPath(path)}`;
  }
}

function* factsOf(
  { metainfo, metainfoLength, files }: SourceTorrent,
): Iterable<readonly [name: string, value: string]> {
  yield ["Name", shown(metainfo.name)];
  if (metainfo.comment !== undefined) yield ["Comment", shown(metainfo.comment)];
  if (metainfo.createdBy !== undefined) yield ["Created By", shown(metainfo.createdBy)];
  if (metainfo.creationDate !== undefined) yield ["Created", formatDate(metainfo.creationDate)];
  if (metainfo.source !== undefined) yield ["Source", shown(metainfo.source)];
  yield ["Info Hash", metainfo.infoHashHex];
  yield ["Torrent Size", formatSize(metainfoLength)];
  yield ["Content Size", `${formatSize(sizeOf(files))} (${formatCount(sizeOf(files), "byte")})`];
  yield ["Private", metainfo.isPrivate ? "yes" : "no"];
  yield ["Piece Size", formatSize(metainfo.pieceLength)];
  yield ["Piece Count", String(metainfo.layout.pieceCount)];
  for (const [index, tier] of metainfo.trackers.entries()) {
    for (const url of tier) yield [`Tracker ${index + 1}`, shown(url)];
  }
  for (const url of metainfo.webSeeds) yield ["Web Seed", shown(url)];
  for (const node of metainfo.nodes) yield ["DHT Node", shown(formatEndpoint(node))];
  // Not cut: it is there to be copied, and escapes all that could harm a terminal.
  yield ["Magnet", magnetLink(metainfo)];
}

function sizeOf(files: readonly ListedFile[]): number {
  return files.reduce((total, { size }) => total + size, 0);
}

/** `2022-04-21 13:37:00 UTC` */
function formatDate(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace("T", " ").replace(".000Z", " UTC");
}

function shown(text: string): string {
  return printable(text, MAX_SHOWN_TEXT_LENGTH);
}
