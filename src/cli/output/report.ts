/** `--json`: one object a line. The contract is in docs/reference.md, "JSON lines". */
import type { Clock } from "../../base/ambient.ts";
import { formatEndpoint } from "../../base/endpoint.ts";
import type { TorrentEvent, TorrentSnapshot } from "../../torrent/snapshot.ts";
import { redactTrackerUrl } from "../../tracker/tracker_url.ts";
import { toJson } from "./json.ts";
import { type Audience, meanRate, type Notice, type Subject } from "./notice.ts";
import type { Output } from "./output.ts";
import type { SourceView } from "./progress.ts";
import { toSeconds } from "./units.ts";

/** `progress` comes no more often than this, for each torrent. */
const PROGRESS_INTERVAL_MS = 1000;

type Fields = Readonly<Record<string, unknown>>;

export class JsonReport implements Audience {
  readonly #output: Output;
  readonly #clock: Clock;
  #shownAt = -Infinity;

  constructor(output: Output, clock: Clock) {
    this.#output = output;
    this.#clock = clock;
  }

  hear(subject: Subject, notice: Notice): void {
    const told = describe(notice);
    if (told !== undefined) this.#write(told[0], subject, told[1]);
  }

  show(sources: readonly SourceView[]): void {
    const now = this.#clock.now();
    if (now - this.#shownAt < PROGRESS_INTERVAL_MS) return;
    this.#shownAt = now;
    for (const { subject, torrent } of sources) {
      if (torrent === undefined || torrent.state === "complete") continue;
      this.#write("progress", subject, progressOf(torrent));
    }
  }

  close(): Promise<void> {
    return this.#output.flush();
  }

  #write(event: string, { infoHash, source, sourceIndex }: Subject, fields: Fields): void {
    const time = new Date(this.#clock.wallTime()).toISOString();
    this.#output.writeLine(toJson({ event, time, infoHash, source, sourceIndex, ...fields }));
  }
}

function progressOf(torrent: TorrentSnapshot): Fields {
  const { connected, known, choking } = torrent.peers;
  return {
    state: torrent.state,
    ...(torrent.state === "checking" && { checked: torrent.checked }),
    have: torrent.have,
    pieces: torrent.pieces,
    bytes: torrent.bytes,
    size: torrent.size,
    downRate: Math.round(torrent.downRate),
    upRate: Math.round(torrent.upRate),
    peers: { connected, known, choking },
    eta: torrent.etaMs === undefined ? null : Math.round(torrent.etaMs / 1000),
  };
}

/** The name of the event and its fields; undefined for what is only for people. */
function describe(notice: Notice): readonly [event: string, fields: Fields] | undefined {
  switch (notice.kind) {
    case "added": {
      const { metainfo, size, fileCount } = notice;
      return ["added", {
        name: metainfo.name,
        size,
        files: fileCount,
        pieces: metainfo.layout.pieceCount,
        pieceLength: metainfo.pieceLength,
        private: metainfo.isPrivate,
        trackers: metainfo.trackers.map((tier) => tier.map(redactTrackerUrl)),
      }];
    }
    case "metadata": {
      const { length, isKept, durationMs } = notice;
      return ["metadata", { bytes: length, seconds: toSeconds(durationMs), kept: isKept }];
    }
    case "saved": {
      const { path, length, durationMs } = notice;
      const seconds = toSeconds(durationMs);
      const nothing = { meanRate: 0, uploaded: 0, downloaded: 0, peers: 0 };
      return ["done", { bytes: length, seconds, path, ...nothing }];
    }
    case "done": {
      const { size, durationMs, uploaded, path, downloaded, contributors } = notice.summary;
      const seconds = toSeconds(durationMs), rate = meanRate(notice.summary);
      return [
        "done",
        { bytes: size, seconds, meanRate: rate, uploaded, path, downloaded, peers: contributors },
      ];
    }
    case "seeding": {
      const { bytes, size, path } = notice;
      return ["seeding", { bytes, size, path }];
    }
    case "seeded": {
      const { reason, durationMs, uploaded, ratio } = notice.shared;
      return ["seeded", { reason, seconds: toSeconds(durationMs), uploaded, ratio }];
    }
    case "failed": {
      const { verdict, exitCode, retryable, detail, evidence } = notice.failure;
      return ["failed", { verdict, exitCode, retryable, detail, evidence }];
    }
    case "standing": {
      const { state, verdict, detail } = notice.standing;
      return ["verdict", {
        state,
        verdict: verdict?.cause ?? null,
        exitCode: verdict?.exitCode ?? null,
        retryable: verdict?.retryable ?? null,
        detail,
        evidence: verdict?.evidence ?? {},
      }];
    }
    case "feed": {
      const { title, isUnchanged: unchanged, items, added, known, skipped, waiting } = notice;
      return ["feed", { title, unchanged, items, added, known, skipped, waiting }];
    }
    case "feed-item": {
      const { title, state, tries } = notice;
      return ["feed-item", { title, state, tries }];
    }
    case "warning":
      return ["warning", { message: notice.message }];
    case "debug":
      return undefined;
    case "torrent":
      return describeEvent(notice.event);
  }
}

function describeEvent(event: TorrentEvent): readonly [string, Fields] | undefined {
  switch (event.kind) {
    case "file":
      return ["file", { path: event.path, size: event.size }];
    case "tracker": {
      const { url, ok, peers, failure, warning } = event;
      return ["tracker", { url, ok, peers, failure, warning }];
    }
    case "peer-banned":
      return ["peer-banned", { endpoint: formatEndpoint(event.endpoint), reason: event.reason }];
    case "checked":
      return ["checked", { have: event.have, pieces: event.pieces }];
    case "warning":
      return ["warning", { message: event.message }];
    case "piece":
    case "piece-corrupt":
    case "debug":
      return undefined;
  }
}
