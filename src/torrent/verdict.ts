/**
 * Why a torrent is not complete: exactly one cause, judged from facts that the engine has
 * anyway, in the order written here. Pure.
 */

/** The facts. Counts are of this run; durations in milliseconds. */
export interface Evidence {
  readonly isComplete: boolean;
  readonly trackers: readonly {
    readonly url: string;
    readonly hasAnswered: boolean;
    readonly failure?: string;
  }[];
  /** DHT nodes asked, and how many answered; absent when the DHT is off. */
  readonly dht?: { readonly asked: number; readonly answered: number };
  /** Were peers named by the user, so that trackers are not the only source? */
  readonly namedPeers: number;
  readonly peersKnown: number;
  readonly peersConnected: number;
  readonly peersEverConnected: number;
  /** Connected peers that choke us. */
  readonly peersChoking: number;
  readonly peersBanned: number;
  /** Failed dials by kind of failure: refused, timeout, unreachable … */
  readonly dialFailures: Readonly<Record<string, number>>;
  /** Wanted pieces that we lack, those among them that no connected peer has, and those that arrived corrupt. */
  readonly piecesMissing: number;
  readonly piecesUnavailable: number;
  readonly piecesOnlyCorrupt: number;
  /** Since the last piece was verified; absent when none was. */
  readonly sinceProgressMs?: number;
}

export type Cause =
  | "complete"
  | "trackers-failed"
  | "no-peers"
  | "peers-unreachable"
  | "all-choked"
  | "swarm-incomplete"
  | "only-bad-data"
  | "deadline";

export interface Verdict {
  readonly cause: Cause;
  readonly exitCode: number;
  readonly retryable: boolean;
  /** One sentence for a person: what happened, the evidence, what to try. */
  readonly detail: string;
  readonly evidence: Evidence;
}

/** A torrent that verified a piece within this time is still making progress. */
const PROGRESS_WINDOW_MS = 30_000;

const EXIT_CODES: Readonly<Record<Cause, number>> = {
  "complete": 0,
  "trackers-failed": 11,
  "no-peers": 12,
  "peers-unreachable": 13,
  "all-choked": 14,
  "swarm-incomplete": 15,
  "only-bad-data": 16,
  "deadline": 17,
};

/**
 * The one cause that explains the evidence, and what to say of it. Whoever has waited
 * `progressWindowMs` for a piece in vain does not take an older one for progress.
 */
export function judge(evidence: Evidence, progressWindowMs = PROGRESS_WINDOW_MS): Verdict {
  const cause = causeOf(evidence, progressWindowMs);
  return {
    cause,
    exitCode: EXIT_CODES[cause],
    retryable: cause !== "complete",
    detail: describe(cause, evidence),
    evidence,
  };
}

function causeOf(evidence: Evidence, progressWindowMs: number): Cause {
  const { isComplete, sinceProgressMs = Infinity } = evidence;
  if (isComplete) return "complete";
  if (evidence.peersConnected > 0 && sinceProgressMs < progressWindowMs) return "deadline";
  if (evidence.piecesOnlyCorrupt > 0) return "only-bad-data";
  if (evidence.peersConnected > 0) {
    if (evidence.piecesUnavailable > 0) return "swarm-incomplete";
    return evidence.peersChoking === evidence.peersConnected ? "all-choked" : "deadline";
  }
  if (evidence.peersKnown > 0) {
    return evidence.peersEverConnected > 0 ? "swarm-incomplete" : "peers-unreachable";
  }
  const isRefusedEverywhere = evidence.trackers.length > 0 &&
    evidence.trackers.every((tracker) => !tracker.hasAnswered);
  const hasOtherSource = evidence.namedPeers > 0 || (evidence.dht?.answered ?? 0) > 0;
  return isRefusedEverywhere && !hasOtherSource ? "trackers-failed" : "no-peers";
}

function describe(cause: Cause, evidence: Evidence): string {
  switch (cause) {
    case "complete":
      return "complete and verified";
    case "trackers-failed":
      return `no tracker gave an answer (${trackerFailures(evidence)}), and there is no other ` +
        `source of peers${dhtAnswers(evidence)}; try again later, or name a peer with --peer`;
    case "no-peers":
      return evidence.trackers.length === 0
        ? "no peers are known: the torrent names no tracker that may be asked" +
          `${dhtAnswers(evidence)}; name a peer with --peer`
        : `no peers are known: of ${count(evidence.trackers.length, "tracker")} ` +
          `${evidence.trackers.filter((tracker) => tracker.hasAnswered).length} answered, ` +
          `and named nobody${dhtAnswers(evidence)}; try again later`;
    case "peers-unreachable":
      return `none of ${count(evidence.peersKnown, "known peer")} can be reached ` +
        `(${dialFailures(evidence)}); check the network and try again later`;
    case "all-choked":
      return `${count(evidence.peersConnected, "peer")} connected, and all of them choke us; ` +
        "try again later";
    case "swarm-incomplete":
      return evidence.peersConnected > 0
        ? `${
          count(evidence.piecesUnavailable, "piece")
        } of ${evidence.piecesMissing} missing are ` +
          `at none of ${
            count(evidence.peersConnected, "connected peer")
          }; try again when a seed is back`
        : `${count(evidence.piecesMissing, "piece")} missing, and every peer has left; ` +
          "try again when a seed is back";
    case "only-bad-data":
      return `${count(evidence.piecesOnlyCorrupt, "piece")} arrived only corrupt ` +
        `(${count(evidence.peersBanned, "peer")} banned); try again when other peers are there`;
    case "deadline":
      return `time is up with ${count(evidence.piecesMissing, "piece")} missing, while ` +
        `${
          count(evidence.peersConnected, "peer")
        } were connected; what is here is kept, so run it again`;
  }
}

function dhtAnswers({ dht }: Evidence): string {
  if (dht === undefined) return "";
  if (dht.asked === 0) return ", and no DHT node is known";
  return `, and of ${count(dht.asked, "DHT node")} asked ${dht.answered} answered`;
}

function trackerFailures({ trackers }: Evidence): string {
  const shown = trackers.slice(0, 3)
    .map((tracker) => `${tracker.url}: ${tracker.failure ?? "no answer yet"}`);
  if (trackers.length > shown.length) shown.push(`and ${trackers.length - shown.length} more`);
  return shown.join("; ");
}

function dialFailures(evidence: Evidence): string {
  const failures = Object.entries(evidence.dialFailures)
    .filter(([, times]) => times > 0)
    .map(([failure, times]) => `${times} × ${failure}`);
  return failures.length > 0 ? failures.join(", ") : "no answer yet";
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
