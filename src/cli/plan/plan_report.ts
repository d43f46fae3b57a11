/** A plan as people read it, and as programs do. Untrusted text is made printable here. Pure. */
import { printable } from "../../base/printable.ts";
import type { SurveyReport } from "../../torrent/survey.ts";
import { failedDials } from "../../torrent/verdict_words.ts";
import { fileCountOf, shownPath } from "../files/file_list.ts";
import type { Failure } from "../output/failure.ts";
import { jsonParts, toJson } from "../output/json.ts";
import {
  formatCount,
  formatDuration,
  formatPercent,
  formatSize,
  toSeconds,
} from "../output/units.ts";
import type { Target } from "../tasks/target.ts";
import { CHANGE_WORDS, changedNameCount, type PlannedFile, plannedFiles } from "./plan_files.ts";
import type { Findings } from "./plan_verdict.ts";

const MAX_NAME_LENGTH = 300;
/** Obstacles that are told one by one; the files say the rest. */
const MAX_OBSTACLES = 10;
const MAX_TRACKERS = 50;

/** All that is known of what `get` would do for one source. */
export interface Plan extends Findings {
  /** As errors name it. */
  readonly source: string;
  readonly target: Target;
  /** As the user named it. */
  readonly outputDir: string;
  /** Undefined when `get` would go. */
  readonly failure: Failure | undefined;
}

type Row = readonly [name: string, value: string];

/** Line by line: however many files there are, they are not in memory a second time. */
export function* planForPeople(plan: Plan): Iterable<string> {
  const rows = [...rowsOf(plan)];
  const width = Math.max(...rows.map(([name]) => name.length));
  for (const [name, value] of rows) yield `${name.padStart(width)}  ${value}`;
  yield "";
  const { target, outlook } = plan;
  const digits = String(fileCountOf(target.source.metainfo)).length;
  for (const planned of plannedFiles(target, outlook)) yield* linesOf(planned, digits);
  yield "";
  yield verdictLine(plan);
}

function* rowsOf(plan: Plan): Iterable<Row> {
  const { target, outlook } = plan;
  const { source: { metainfo, paths }, selected } = target;
  yield ["Name", printable(metainfo.name, MAX_NAME_LENGTH)];
  if (paths.root !== metainfo.name) {
    yield ["On Disk", `${shownPath(paths.root)}${reasons(paths.rootChanges)}`];
  }
  yield ["Info Hash", metainfo.infoHashHex];
  const count = formatCount(selected.size, "file");
  const fileCount = fileCountOf(metainfo);
  const of = selected.size === fileCount ? "" : ` of ${fileCount}`;
  yield ["Content", `${formatSize(target.size)} in ${count}${of}`];
  const changed = changedNameCount(target);
  if (changed > 0) yield ["Names", `${changed} not as in the torrent`];
  const place = outlook.isFolderThere ? outlook.folder : `${plan.outputDir} (to be made)`;
  yield ["Folder", shownPath(place)];
  yield* diskRows(plan);
  yield* surveyRows(plan);
}

function* diskRows({ target, outlook }: Plan): Iterable<Row> {
  const { bytes, missing, wanted, space, obstacles, isComplete, isHeld, accessFlag } = outlook;
  const { layout } = target.source.metainfo;
  const whole = isComplete ? ", complete" : "";
  yield ["Here", `${formatSize(bytes.here)} (${formatPercent(bytes.here, bytes.wanted)})${whole}`];
  if (bytes.unchecked > 0) {
    yield [
      "Unchecked",
      `${formatSize(bytes.unchecked)} are here, if they are good (--check tells)`,
    ];
  }
  const pieces = `${missing.count} of ${formatCount(wanted.count, "piece")}`;
  yield [
    "To Fetch",
    `${formatSize(bytes.toFetch)} in ${pieces} of ${formatSize(layout.pieceLength)}`,
  ];
  const { ranges } = target;
  if (ranges.length > 0) yield ["First", formatCount(ranges.length, "range")];
  yield ["Free Space", spaceWords(space)];
  if (accessFlag !== undefined) yield ["Writable", `unknown: ${accessFlag} would tell`];
  if (isHeld) yield ["Held", "by another run"];
  for (const { message } of obstacles.slice(0, MAX_OBSTACLES)) {
    yield ["In The Way", printable(message, MAX_NAME_LENGTH)];
  }
  if (obstacles.length > MAX_OBSTACLES) {
    yield ["In The Way", `and ${obstacles.length - MAX_OBSTACLES} more`];
  }
}

function spaceWords({ bytes, flag }: Findings["outlook"]["space"]): string {
  if (bytes !== undefined) return formatSize(bytes);
  return flag === undefined ? "unknown: the system does not say" : `unknown: ${flag} would tell`;
}

function* surveyRows({ survey, outlook: { missing } }: Plan): Iterable<Row> {
  if (survey === undefined) {
    yield ["Swarm", missing.isEmpty ? "not asked: nothing is missing" : "not asked"];
    return;
  }
  yield* trackerRows(survey);
  const { dht, pieces, failures, webSeedFaults } = survey;
  if (dht !== undefined) {
    yield ["DHT", `${dht.answered} of ${formatCount(dht.asked, "node")} answered`];
  }
  for (const { server, fault } of webSeedFaults) {
    const sentence = `Cannot use the web seed at ${server}: ${fault}`;
    yield ["Web Seed", printable(sentence, MAX_NAME_LENGTH)];
  }
  const isAny = Object.keys(failures).length > 0 || survey.dialsUnderWay > 0;
  const others = isAny ? ` (${failedDials(failureFacts(survey))})` : "";
  yield [
    "Peers",
    `${survey.peersReached} of ${survey.peersKnown} known reached, ` +
    `${formatCount(survey.seeds, "seed")} among them${others}`,
  ];
  const lacking = pieces.atNobody === 0
    ? ""
    : `, ${formatCount(pieces.atNobody, "piece")} of ${pieces.wanted} at nobody`;
  yield ["Available", `${(Math.floor(pieces.copies * 100) / 100).toFixed(2)} copies${lacking}`];
  yield ["Asked", `for ${formatDuration(survey.durationMs)}`];
}

function failureFacts(survey: SurveyReport) {
  const { failures, dialsUnderWay, peersOurselves } = survey;
  return { dialFailures: failures, departures: {}, dialsUnderWay, peersOurselves };
}

function* trackerRows({ trackers }: SurveyReport): Iterable<Row> {
  for (const tracker of trackers.slice(0, MAX_TRACKERS)) {
    const { url, hasAnswered, seeders, leechers, lastPeers = 0, failure, warning } = tracker;
    const counts = [
      ...(seeders === undefined ? [] : [formatCount(seeders, "seeder")]),
      ...(leechers === undefined ? [] : [formatCount(leechers, "leecher")]),
      `${formatCount(lastPeers, "peer")} named`,
    ];
    const words = [
      ...(hasAnswered ? [counts.join(", ")] : []),
      ...(failure === undefined ? [] : [failure]),
      ...(warning === undefined ? [] : [`it warns: ${warning}`]),
    ];
    yield ["Tracker", `${shownPath(url)}: ${words.join("; ") || "no answer yet"}`];
  }
  const more = trackers.length - MAX_TRACKERS;
  if (more > 0) yield ["Tracker", `and ${more} more`];
}

function* linesOf(planned: PlannedFile, digits: number): Iterable<string> {
  const { file: { number, path, size, pathInTorrent }, changes } = planned;
  const indent = " ".repeat(digits);
  yield `${String(number).padStart(digits)}  ${formatSize(size).padStart(9)}  ` +
    `${stateWords(planned).padEnd(10)}  ${shownPath(path)}`;
  if (changes.length === 0) return;
  yield `${indent}${" ".repeat(25)}instead of ${shownPath(pathInTorrent)}${reasons(changes)}`;
}

function stateWords({ state, here, file: { size } }: PlannedFile): string {
  if (state === "partial") return formatPercent(here, size);
  return state === "in-the-way" ? "IN THE WAY" : state;
}

function reasons(changes: PlannedFile["changes"]): string {
  if (changes.length === 0) return "";
  return ` (${changes.map((change) => CHANGE_WORDS[change]).join(", ")})`;
}

function verdictLine({ failure, outlook: { isComplete, missing }, survey }: Plan): string {
  if (failure !== undefined) return `No go: ${failure.verdict}, exit ${failure.exitCode}`;
  if (isComplete) return "Go: all is here, get would do nothing";
  if (missing.isEmpty) return "Go: all is here, if it is good; get would check that";
  return survey === undefined ? "Go, as far as this machine knows: nobody was asked" : "Go";
}

/** One JSON object of one line, in parts. */
export function planForPrograms(plan: Plan): Iterable<string> {
  const files = plannedFiles(plan.target, plan.outlook).map(fileOf);
  return jsonParts({ ...summaryOf(plan), files });
}

/** The same for a source that could not be read. */
export function unplannedForPrograms(source: string, failure: Failure): string {
  return toJson({ source, ...verdictOf(failure) });
}

function summaryOf(plan: Plan): Record<string, unknown> {
  const { source, target, outlook, survey, failure } = plan;
  const { metainfo, paths } = target.source;
  const { bytes, space } = outlook;
  return {
    source,
    ...verdictOf(failure),
    name: metainfo.name,
    infoHash: metainfo.infoHashHex,
    private: metainfo.isPrivate,
    path: paths.root,
    pathChanges: paths.rootChanges,
    folder: outlook.isFolderThere ? outlook.folder : plan.outputDir,
    folderExists: outlook.isFolderThere,
    size: target.size,
    fileCount: target.selected.size,
    filesInTorrent: fileCountOf(metainfo),
    changedNames: changedNameCount(target),
    complete: outlook.isComplete,
    bytes,
    pieces: {
      length: metainfo.pieceLength,
      wanted: outlook.wanted.count,
      here: outlook.have.count,
      unchecked: outlook.unchecked.count,
      toFetch: outlook.missing.count,
    },
    ranges: target.ranges.length,
    freeSpace: space.bytes ?? null,
    freeSpaceFlag: space.flag ?? null,
    accessFlag: outlook.accessFlag ?? null,
    heldByAnotherRun: outlook.isHeld,
    inTheWay: outlook.obstacles.map(({ path, reason, message }) => ({ path, reason, message })),
    ...(survey === undefined ? NOBODY_ASKED : swarmOf(survey)),
  };
}

const NOBODY_ASKED = {
  trackers: null,
  dht: null,
  peers: null,
  availability: null,
  surveySeconds: null,
};

function swarmOf(survey: SurveyReport): Record<keyof typeof NOBODY_ASKED, unknown> {
  const { pieces, dht = null } = survey;
  return {
    trackers: survey.trackers.map((tracker) => ({
      url: tracker.url,
      ok: tracker.hasAnswered,
      seeders: tracker.seeders ?? null,
      leechers: tracker.leechers ?? null,
      peers: tracker.lastPeers ?? null,
      failure: tracker.failure ?? null,
      warning: tracker.warning ?? null,
    })),
    dht,
    peers: {
      known: survey.peersKnown,
      reached: survey.peersReached,
      seeds: survey.seeds,
      useful: survey.peersUseful,
      unanswered: survey.dialsUnderWay,
      failures: survey.failures,
    },
    availability: { copies: pieces.copies, atNobody: pieces.atNobody },
    surveySeconds: toSeconds(survey.durationMs),
  };
}

function verdictOf(failure: Failure | undefined): Record<string, unknown> {
  const none = { verdict: null, exitCode: 0, retryable: false, detail: null, evidence: null };
  return { go: failure === undefined, ...(failure ?? none) };
}

function fileOf({ file, state, here, unchecked, changes }: PlannedFile): Record<string, unknown> {
  const { number, path, size, pathInTorrent } = file;
  return { number, path, size, state, here, unchecked, pathInTorrent, changes };
}
