/** Why a download ended before it was complete, when nothing has failed. Pure. */
import type { TorrentSnapshot, TorrentState } from "../../torrent/snapshot.ts";
import type { RunningTorrent } from "../environment/running_torrent.ts";
import type { GetOptions } from "../options/get_options.ts";
import { type Failure, failureBy, interruptedWith } from "../output/failure.ts";
import { formatDuration, formatPercent } from "../output/units.ts";

/** What a download does while another run holds its target. */
export const WAITING_FOR_LOCK = "waiting for another run on the same target";

/** A limit of time that was reached, and how far the download had come. */
export interface ReachedLimit {
  readonly limit: "deadline" | "stall";
  /** Since the command began. */
  readonly waitedMs: number;
  readonly stallMs: GetOptions["stallMs"];
  /** The next run begins its check anew, if it is told the same. */
  readonly noResume: GetOptions["noResume"];
  readonly torrent: RunningTorrent | undefined;
  /** What it did before there was a torrent. */
  readonly status: string;
}

/** Why it is not complete now that its time is over. */
export function failureAtLimit(reached: ReachedLimit): Failure {
  const { limit, waitedMs, stallMs = 0, noResume, torrent, status } = reached;
  const snapshot = torrent?.snapshot();
  if (torrent === undefined || snapshot?.state === "checking") {
    // What was waited for all the time is what is in the way.
    const isLocked = snapshot === undefined && status === WAITING_FOR_LOCK;
    return failureBy(
      isLocked ? "locked" : "deadline",
      `the ${limit} came after ${formatDuration(waitedMs)}, before the download began ` +
        `(${snapshot === undefined ? status : "checking what is on disk"}); ` +
        adviceFor(isLocked ? "locked" : snapshot?.state, noResume),
      { waitedMs: Math.round(waitedMs), limit },
    );
  }
  const verdict = torrent.verdict(limit === "stall" ? stallMs : undefined);
  const when = limit === "deadline"
    ? `at the deadline, after ${formatDuration(waitedMs)}`
    : `after ${formatDuration(stallMs)} without a new verified piece`;
  const detail = `gave up ${when}: ${verdict.detail}`;
  return failureBy(verdict.cause, detail, { ...verdict.evidence, limit });
}

/** What helps when the time was over before the download began. */
function adviceFor(state: TorrentState | "locked" | undefined, noResume: boolean): string {
  if (state === "locked") return "try again later";
  return state === "checking" && !noResume
    ? "run it again, and the check goes on"
    : "run it again with more time";
}

/** It was stopped by a signal; `isComplete` when only the command of --on-done was under way. */
export function failureOfInterruption(
  exitCode: number | undefined,
  snapshot: TorrentSnapshot | undefined,
  isComplete: boolean,
): Failure {
  const done = isComplete
    ? "while the command of --on-done ran; the data is complete"
    : snapshot === undefined || snapshot.state === "checking"
    ? "before the download began"
    : `at ${formatPercent(snapshot.bytes, snapshot.size)}; what is here is saved`;
  const evidence = { bytes: snapshot?.bytes ?? 0, size: snapshot?.size ?? null };
  const next = isComplete ? "the next run runs the command again" : "run the same command to go on";
  return interruptedWith(exitCode, `interrupted ${done}; ${next}`, evidence);
}
