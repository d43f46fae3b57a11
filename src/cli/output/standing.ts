/** Why a torrent is not done yet, while it runs: what SIGUSR1 and `-v` are told. Pure. */
import { shareRatio } from "../../torrent/seeding_goal.ts";
import type { TorrentSnapshot, TorrentState } from "../../torrent/snapshot.ts";
import type { Verdict } from "../../torrent/verdict.ts";
import type { SourceView } from "./progress.ts";
import { formatCount, formatDuration, formatPercent, formatRate, formatSize } from "./units.ts";

/** A piece that came later than this ago is no news. */
const LONG_AGO_MS = 30_000;

/** How a torrent stands at this moment. */
export interface Standing {
  /** "preparing" before it runs: its .torrent or its metadata is not here, or its lock. */
  readonly state: TorrentState | "preparing" | "ended";
  /** What it would end with now; undefined while that cannot be told. */
  readonly verdict: Pick<Verdict, "cause" | "exitCode" | "retryable" | "evidence"> | undefined;
  /** In words, printable. */
  readonly detail: string;
}

/** `verdict` is that of a torrent that runs. */
export function standingOf(
  { status, torrent }: SourceView,
  { verdict, hasEnded }: { verdict: Verdict | undefined; hasEnded: boolean },
): Standing {
  if (hasEnded) return { state: "ended", verdict: undefined, detail: status };
  if (torrent === undefined) return { state: "preparing", verdict: undefined, detail: status };
  // Before the disk was checked nothing is missing yet, and nothing was asked for.
  const isJudged = torrent.state !== "checking" && torrent.state !== "stopped";
  return {
    state: torrent.state,
    verdict: isJudged ? verdict : undefined,
    detail: wordsOf(torrent, verdict),
  };
}

function wordsOf(torrent: TorrentSnapshot, verdict: Verdict | undefined): string {
  switch (torrent.state) {
    case "checking": {
      const { bytes, total } = torrent.checked;
      return `checking what is on disk, ${formatPercent(bytes, total)} of ${formatSize(total)}`;
    }
    case "downloading": {
      const { bytes, size, downRate } = torrent;
      const done = `downloading, ${formatPercent(bytes, size)} of ${formatSize(size)}, ` +
        `down ${formatRate(downRate)}`;
      return verdict === undefined ? done : `${done}: ${verdict.situation}${lastPiece(verdict)}`;
    }
    case "finishing":
      return "all pieces are here; flushing to disk";
    case "seeding": {
      const { peers, uploaded, upRate, size } = torrent;
      return `seeding: ${
        formatCount(peers.connected, "peer")
      } connected of ${peers.known} known, ` +
        `up ${formatRate(upRate)}, sent ${formatSize(uploaded)}, ` +
        `ratio ${shareRatio(uploaded, size).toFixed(2)}`;
    }
    case "complete":
      return "complete and verified";
    case "stopped":
      return "stopping";
  }
}

function lastPiece({ evidence: { sinceProgressMs = 0 } }: Verdict): string {
  if (sinceProgressMs < LONG_AGO_MS) return "";
  return `; the last piece was verified ${formatDuration(sinceProgressMs)} ago`;
}
