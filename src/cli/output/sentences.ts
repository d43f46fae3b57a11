/** What happens, in sentences for people. Pure. */
import { formatEndpoint } from "../../base/endpoint.ts";
import { printable } from "../../base/printable.ts";
import type { TorrentEvent } from "../../torrent/snapshot.ts";
import type { Failure } from "./failure.ts";
import {
  type FeedItemState,
  type FeedSummary,
  meanRate,
  type Notice,
  numberedSource,
  PROGRAM,
  type Shared,
  type Subject,
  type Summary,
} from "./notice.ts";
import { formatCount, formatDuration, formatRate, formatSize } from "./units.ts";

/**
 * How much a sentence matters: an `answer` was asked for, `debug` is for -v, `trace` for log files
 * alone.
 */
export type Level = "error" | "answer" | "warning" | "info" | "debug" | "trace";

export interface Sentence {
  readonly level: Level;
  /** One line of printable text. */
  readonly text: string;
}

const MAX_SENTENCE_LENGTH = 4000;

/** What a person is told of a notice; made fit to be read when it is, as most are not. */
export function sentenceOf(about: Subject, notice: Notice): Sentence {
  const { name, source } = about;
  const words = wordsOf(notice);
  return {
    level: words.level,
    get text() {
      const { text } = words;
      // Failures to read a source name it themselves.
      const isNamed = about === PROGRAM || text.includes(source);
      const subject = !isNamed ? name : about.isAmbiguous ? numberedSource(about) : "";
      const start = subject === "" ? "" : `${subject}: `;
      return start + printable(text, MAX_SENTENCE_LENGTH);
    },
  };
}

function wordsOf(notice: Notice): Sentence {
  switch (notice.kind) {
    case "added": {
      const { metainfo, size, fileCount } = notice;
      const pieces = formatCount(metainfo.layout.pieceCount, "piece");
      return debug(`${formatCount(fileCount, "file")}, ${formatSize(size)}, ${pieces}`);
    }
    case "metadata": {
      const { length, isKept, durationMs } = notice;
      if (isKept) return debug("the metadata is here from an earlier run");
      const took = formatDuration(durationMs);
      return { level: "info", text: `found the metadata: ${formatSize(length)} in ${took}` };
    }
    case "saved": {
      const { path, length, isNew } = notice;
      const text = isNew ? `saved ${path} (${formatSize(length)})` : `${path} is here already`;
      return { level: "info", text };
    }
    case "done":
      return { level: "info", text: completion(notice.summary) };
    case "seeding":
      return { level: "info", text: seeding(notice) };
    case "seeded":
      return { level: "info", text: seeded(notice.shared) };
    case "failed":
      return failed(notice.failure);
    case "standing":
      return { level: notice.isAsked ? "answer" : "debug", text: notice.standing.detail };
    case "feed":
      return debug(feedWords(notice));
    case "feed-item":
      return feedItemWords(notice);
    case "warning":
    case "debug":
      return { level: notice.kind, text: notice.message };
    case "torrent":
      return wordsOfEvent(notice.event);
  }
}

/** Whoever has left is told nothing, as other programs in a pipe do. */
function failed({ verdict, detail: text }: Failure): Sentence {
  return { level: verdict === "reader-gone" ? "debug" : "error", text };
}

function wordsOfEvent(event: TorrentEvent): Sentence {
  switch (event.kind) {
    case "checked":
      return debug(`${event.have} of ${formatCount(event.pieces, "piece")} are here already`);
    case "file":
      return {
        level: "debug",
        get text() {
          return `finished ${event.path} (${formatSize(event.size)})`;
        },
      };
    case "tracker":
      return trackerWords(event);
    case "peer-banned":
      return {
        level: "warning",
        text: `banned ${formatEndpoint(event.endpoint)}: ${event.reason}`,
      };
    case "piece":
      return { level: "trace", text: `piece ${event.piece} is verified and written` };
    case "piece-corrupt":
      return debug(`piece ${event.piece} arrived corrupt and is fetched again`);
    case "warning":
    case "debug":
      return { level: event.kind, text: event.message };
  }
}

function trackerWords(event: Extract<TorrentEvent, { kind: "tracker" }>): Sentence {
  const { url, ok, peers = 0, failure = "no reason given", isRefusal = false, warning } = event;
  if (warning !== undefined) return { level: "warning", text: `tracker ${url} warns: ${warning}` };
  if (ok) return debug(`tracker ${url} named ${formatCount(peers, "peer")}`);
  return { level: isRefusal ? "warning" : "debug", text: `tracker ${url}: ${failure}` };
}

/** The last line of a download: files, size, time, mean rate, from how many peers, ratio. */
function completion(summary: Summary): string {
  const { fileCount, size, durationMs, downloaded, uploaded, contributors, path } = summary;
  const what = `${formatCount(fileCount, "file")}, ${formatSize(size)} in ${path}`;
  if (downloaded === 0) return `already complete: ${what}`;
  return [
    `complete and verified: ${what}`,
    `${formatDuration(durationMs)} at ${formatRate(meanRate(summary))}`,
    `from ${formatCount(contributors, "peer")}`,
    `ratio ${(uploaded / downloaded).toFixed(2)}`,
  ].join(", ");
}

function feedWords(feed: FeedSummary): string {
  const { isUnchanged, items, added, known, skipped, waiting } = feed;
  const read = isUnchanged
    ? "it has not changed"
    : `${formatCount(items, "item")}: ${added} new, ${known} known, ${skipped} not wanted`;
  return `${read}; ${waiting} to be fetched`;
}

function feedItemWords({ title, state, tries }: FeedItemState): Sentence {
  if (state === "found") return { level: "info", text: `would fetch "${title}"` };
  const failures = tries === 0 ? "" : ` (failed ${formatCount(tries, "time")})`;
  return debug(`item "${title}": ${state}${failures}`);
}

function seeding({ bytes, size, path }: Extract<Notice, { kind: "seeding" }>): string {
  const what = bytes === size ? formatSize(size) : `${formatSize(bytes)} of ${formatSize(size)}`;
  return `seeding ${what} from ${path}`;
}

const ENDINGS: Readonly<Record<Shared["reason"], string>> = {
  ratio: "the ratio is reached",
  time: "its time is over",
  stopped: "stopped",
};

function seeded({ reason, durationMs, uploaded, ratio }: Shared): string {
  return `seeded ${formatSize(uploaded)} in ${formatDuration(durationMs)}, ` +
    `ratio ${ratio.toFixed(2)}: ${ENDINGS[reason]}`;
}

function debug(text: string): Sentence {
  return { level: "debug", text };
}
