/**
 * What a person sees of running downloads: the lines of the live view, and the one plain line
 * where there is no terminal. Pure: from snapshots, a width and a height to text.
 */
import { formatEndpoint } from "../../base/endpoint.ts";
import { shareRatio } from "../../torrent/seeding_goal.ts";
import type { PeerSnapshot, TorrentSnapshot } from "../../torrent/snapshot.ts";
import type { Subject } from "./notice.ts";
import { FULL_CELL, PARTIAL_CELL, pieceBar, plainBar } from "./piece_bar.ts";
import { cutToWidth, fitToWidth, textWidth } from "./text_width.ts";
import { formatCount, formatDuration, formatPercent, formatRate, formatSize } from "./units.ts";

/** One source of `get`, at this moment. */
export interface SourceView {
  readonly subject: Subject;
  /** What it is doing while there is no snapshot, or how it ended: printable. */
  readonly status: string;
  /** The running torrent; undefined before it runs. */
  readonly torrent: TorrentSnapshot | undefined;
}

export interface ViewOptions {
  /** Columns and rows of the terminal; 0 for unknown. */
  readonly columns: number;
  readonly rows: number;
  readonly useColor: boolean;
}

const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;
const MIN_BAR_CELLS = 10;
const MAX_NAME_COLUMNS = 32;
/** Peers in the table of the busiest. */
const MAX_PEERS_SHOWN = 10;

const GREEN = 32, YELLOW = 33, DIM = 2, BOLD = 1;

/** The lines of the live view, none wider than the terminal, fewer than its rows. */
export function renderView(
  sources: readonly SourceView[],
  peers: readonly PeerSnapshot[],
  options: ViewOptions,
): string[] {
  const { columns, rows, paint } = canvasOf(options);
  const lines = sources.length === 1
    ? renderSingle(sources[0]!, columns, paint)
    : renderMany(sources, columns, rows, paint);
  if (peers.length > 0) lines.push(...renderPeers(peers, columns, paint));
  return lines.slice(0, Math.max(1, rows));
}

/** The lines of hashing files on disk. `verb` says what happened to the bytes: `checked`. */
export function renderCheck(
  name: string,
  hashed: { readonly verb: string; readonly bytes: number; readonly total: number },
  options: ViewOptions,
): string[] {
  const { columns, paint } = canvasOf(options);
  const { verb, bytes, total } = hashed;
  return [
    paint(cutToWidth(name, columns), BOLD),
    renderGauge(
      (cells) => plainBar(bytes, total, cells),
      formatPercent(bytes, total),
      columns,
      paint,
    ),
    cutToWidth(`${verb} ${formatSize(bytes)} of ${formatSize(total)}`, columns),
  ];
}

/** One line on all sources together, for logs: no control codes. */
export function renderPlainLine(sources: readonly SourceView[]): string {
  const [only] = sources;
  if (sources.length === 1 && only !== undefined) {
    const { torrent, status, subject: { name } } = only;
    if (torrent === undefined) return `${name}: ${status}`;
    const facts = [stateOf(torrent), percentOf(torrent), ...factsOf(torrent)];
    if (torrent.state !== "checking") facts.push(peersOf(torrent));
    return `${name}: ${facts.join(", ")}`;
  }
  return `${formatCount(sources.length, "torrent")}: ${totalsOf(sources).join(", ")}`;
}

type Paint = (text: string, code: number) => string;

function canvasOf({ columns, rows, useColor }: ViewOptions) {
  return {
    // The last column stays free: a terminal that wraps early would ruin the redraw.
    columns: (columns > 0 ? columns : DEFAULT_COLUMNS) - 1,
    rows: (rows > 0 ? rows : DEFAULT_ROWS) - 1,
    paint: useColor ? withColor : (text: string) => text,
  };
}

function renderSingle({ subject, status, torrent }: SourceView, columns: number, paint: Paint) {
  const title = paint(cutToWidth(subject.name, columns), BOLD);
  if (torrent === undefined) return [title, cutToWidth(status, columns)];
  return [
    title,
    renderGauge((cells) => barOf(torrent, cells), percentOf(torrent), columns, paint),
    joinWhileFits(
      torrent.state === "downloading" ? factsOf(torrent) : [stateOf(torrent), ...factsOf(torrent)],
      "  ",
      columns,
    ),
    ...(torrent.state === "checking" ? [] : [cutToWidth(peersOf(torrent), columns)]),
  ];
}

function renderMany(
  sources: readonly SourceView[],
  columns: number,
  rows: number,
  paint: Paint,
): string[] {
  // Room for the totals, and for saying how many are not shown.
  const room = Math.max(1, rows - 2);
  const shown = sources.slice(0, sources.length <= room ? sources.length : room - 1);
  const nameColumns = Math.min(MAX_NAME_COLUMNS, Math.floor(columns / 4));
  const lines = shown.map((source) => renderRow(source, nameColumns, columns, paint));
  if (shown.length < sources.length) {
    lines.push(cutToWidth(`and ${sources.length - shown.length} more`, columns));
  }
  lines.push(joinWhileFits(["all:", ...totalsOf(sources)], "  ", columns));
  return lines;
}

function renderRow(
  { subject, status, torrent }: SourceView,
  nameColumns: number,
  columns: number,
  paint: Paint,
): string {
  const title = fitToWidth(subject.name, nameColumns);
  if (torrent === undefined || torrent.state === "complete") {
    return cutToWidth(`${title} ${status}`, columns);
  }
  const percent = percentOf(torrent).padStart(6);
  const { connected, known, choking } = torrent.peers;
  const facts = joinWhileFits(
    [
      ...(torrent.state === "seeding" ? sharingOf(torrent) : [
        formatRate(torrent.downRate).padStart(11),
        `ETA ${etaOf(torrent)}`.padEnd(11),
      ]),
      `peers ${connected}/${known}/${choking}`,
    ],
    " ",
    columns - nameColumns - percent.length - MIN_BAR_CELLS - 5,
  );
  const cells = columns - nameColumns - percent.length - textWidth(facts) - 5;
  const bar = cells >= MIN_BAR_CELLS ? ` [${paintBar(barOf(torrent, cells), paint)}]` : "";
  const end = facts === "" ? "" : ` ${facts}`;
  const row = `${title}${bar} ${percent}${end}`;
  return bar === "" ? cutToWidth(row, columns) : row;
}

/** A bar and a percentage as wide as the terminal; the percentage alone when it is narrow. */
function renderGauge(
  bar: (cells: number) => string,
  percent: string,
  columns: number,
  paint: Paint,
): string {
  const cells = columns - "[] 100.0%".length;
  if (cells < 1) return cutToWidth(percent, columns);
  return `[${paintBar(bar(cells), paint)}] ${percent.padStart("100.0%".length)}`;
}

function barOf(torrent: TorrentSnapshot, cells: number): string {
  const { checked } = torrent;
  return torrent.state === "checking"
    ? plainBar(checked.bytes, checked.total, cells)
    : pieceBar(torrent.havePieces, torrent.partialPieces, cells);
}

function paintBar(bar: string, paint: Paint): string {
  return bar
    .replaceAll(new RegExp(`${FULL_CELL}+`, "g"), (run) => paint(run, GREEN))
    .replaceAll(new RegExp(`${PARTIAL_CELL}+`, "g"), (run) => paint(run, YELLOW));
}

/** The busiest peers, as a table. */
function renderPeers(peers: readonly PeerSnapshot[], columns: number, paint: Paint): string[] {
  const busiest = peers.toSorted((a, b) => b.downRate + b.upRate - a.downRate - a.upRate)
    .slice(0, MAX_PEERS_SHOWN);
  const rows = [
    ["PEER", "DOWN", "UP", "HAS", "CLIENT", ""],
    ...busiest.map((peer) => [
      formatEndpoint(peer.endpoint),
      formatRate(peer.downRate),
      formatRate(peer.upRate),
      formatPercent(peer.progress, 1),
      peer.client,
      stateOfPeer(peer),
    ]),
  ];
  const widths = rows[0]!.map((_, column) =>
    Math.min(MAX_NAME_COLUMNS, Math.max(...rows.map((row) => textWidth(row[column]!))))
  );
  return rows.map((row, index) => {
    const cells = row.map((cell, column) => fitToWidth(cell, widths[column]!));
    const line = cutToWidth(cells.join("  ").trimEnd(), columns);
    return index === 0 ? paint(line, DIM) : line;
  });
}

function stateOfPeer(peer: PeerSnapshot): string {
  if (peer.isChokingUs) return "choking us";
  return peer.isSnubbed ? "silent" : "";
}

function stateOf({ state }: TorrentSnapshot): string {
  return state === "finishing" ? "flushing to disk" : state;
}

/** The most important first: on a narrow terminal the last ones are left out. */
function factsOf(torrent: TorrentSnapshot): string[] {
  const { checked } = torrent;
  if (torrent.state === "checking") {
    return [`${formatSize(checked.bytes)} of ${formatSize(checked.total)}`];
  }
  if (torrent.state === "seeding") return sharingOf(torrent);
  return [
    `down ${formatRate(torrent.downRate)}`,
    `ETA ${etaOf(torrent)}`,
    `${formatSize(torrent.bytes)} of ${formatSize(torrent.size)}`,
    `up ${formatRate(torrent.upRate)}`,
  ];
}

function sharingOf({ upRate, uploaded, size }: TorrentSnapshot): string[] {
  const ratio = shareRatio(uploaded, size).toFixed(2);
  return [`up ${formatRate(upRate)}`, `sent ${formatSize(uploaded)}`, `ratio ${ratio}`];
}

function peersOf({ peers }: TorrentSnapshot): string {
  return `peers ${peers.connected} connected, ${peers.known} known, ${peers.choking} choking us`;
}

function totalsOf(sources: readonly SourceView[]): string[] {
  const torrents = sources.flatMap(({ torrent }) => torrent === undefined ? [] : [torrent]);
  const bytes = sum(torrents, (torrent) => torrent.bytes);
  const size = sum(torrents, (torrent) => torrent.size);
  const running = torrents.filter(({ state }) => state !== "complete");
  const complete = torrents.filter(({ state }) => state === "complete" || state === "seeding");
  return [
    formatPercent(bytes, size),
    `${complete.length} of ${sources.length} complete`,
    `${formatSize(bytes)} of ${formatSize(size)}`,
    `down ${formatRate(sum(running, (torrent) => torrent.downRate))}`,
    `up ${formatRate(sum(running, (torrent) => torrent.upRate))}`,
    `peers ${sum(running, (torrent) => torrent.peers.connected)} connected`,
  ];
}

function sum(
  torrents: readonly TorrentSnapshot[],
  fact: (torrent: TorrentSnapshot) => number,
): number {
  return torrents.reduce((total, torrent) => total + fact(torrent), 0);
}

function percentOf({ state, checked, bytes, size }: TorrentSnapshot): string {
  return state === "checking"
    ? formatPercent(checked.bytes, checked.total)
    : formatPercent(bytes, size);
}

function etaOf({ etaMs }: TorrentSnapshot): string {
  return etaMs === undefined ? "unknown" : formatDuration(etaMs);
}

/** As many of `parts` as fit, in their order. */
function joinWhileFits(parts: readonly string[], separator: string, columns: number): string {
  let line = "";
  for (const part of parts) {
    const longer = line === "" ? part : line + separator + part;
    if (textWidth(longer) > columns) return line === "" ? cutToWidth(part, columns) : line;
    line = longer;
  }
  return line;
}

function withColor(text: string, code: number): string {
  return `\x1b[${code}m${text}\x1b[0m`;
}
