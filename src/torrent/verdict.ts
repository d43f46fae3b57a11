/**
 * How a job can end, and why a torrent is not complete: exactly one cause, judged from facts that
 * the engine has anyway, in the order written here. Pure.
 */
import type { Departure } from "./dealings.ts";
import type { WebSeedFault } from "./web_seeds.ts";
import { adviceOn, breakCount, knownPeers, situationOf, unreachedCount } from "./verdict_words.ts";

/** Once no piece was verified for so long, what still comes and is corrupt is no progress. */
const PROGRESS_WINDOW_MS = 30_000;

/** What a cause means to a script. */
interface Consequence {
  readonly exitCode: number;
  /** May the same command succeed later? */
  readonly retryable: boolean;
}

/** Every way in which a job can end: "Exit codes" in README.md. */
export const CAUSES = {
  "complete": { exitCode: 0, retryable: false },
  "bug": { exitCode: 1, retryable: false },
  "usage": { exitCode: 2, retryable: false },
  /** Not a torrent, magnet or feed that we accept. */
  "invalid-torrent": { exitCode: 3, retryable: false },
  /** Over `--max-bytes`. */
  "too-large": { exitCode: 3, retryable: false },
  /** Deno was not given a permission. */
  "permission": { exitCode: 4, retryable: false },
  "disk": { exitCode: 5, retryable: true },
  /** `verify` found something bad or missing. */
  "incomplete": { exitCode: 5, retryable: true },
  /** The target holds something else. */
  "occupied": { exitCode: 6, retryable: false },
  "on-done-failed": { exitCode: 7, retryable: false },
  "sums-mismatch": { exitCode: 8, retryable: false },
  "no-metadata": { exitCode: 10, retryable: true },
  /** The server of a .torrent or a feed did not give it now. */
  "source-unreachable": { exitCode: 10, retryable: true },
  "trackers-failed": { exitCode: 11, retryable: true },
  "no-peers": { exitCode: 12, retryable: true },
  "peers-unreachable": { exitCode: 13, retryable: true },
  "all-choked": { exitCode: 14, retryable: true },
  "swarm-incomplete": { exitCode: 15, retryable: true },
  "only-bad-data": { exitCode: 16, retryable: true },
  "deadline": { exitCode: 17, retryable: true },
  /** Another run holds the target. */
  "locked": { exitCode: 75, retryable: true },
  /** Whoever read standard output has left: as shells report a program that SIGPIPE ended. */
  "reader-gone": { exitCode: 141, retryable: true },
  /** 128 and the number of the signal: 130 is that of SIGINT. */
  "interrupted": { exitCode: 130, retryable: true },
} as const satisfies Readonly<Record<string, Consequence>>;

/** One word for programs. */
export type Cause = keyof typeof CAUSES;

/** The facts. Counts are of this run; durations in milliseconds. */
export interface Evidence {
  readonly isComplete: boolean;
  readonly trackers: readonly {
    readonly url: string;
    readonly hasAnswered: boolean;
    /** In its own words, where it has any. */
    readonly failure?: string;
  }[];
  /** DHT nodes asked, and how many answered; absent when the DHT is off. */
  readonly dht?: { readonly asked: number; readonly answered: number };
  /** Why web servers were of no use, once or ever since. */
  readonly webSeedFaults: readonly WebSeedFault[];
  /** Its trackers and the user alone may name peers (BEP 27); absent when others may. */
  readonly isPrivate?: true;
  /** Peers that the user named: trackers are not the only source then. */
  readonly namedPeers: number;
  readonly peersKnown: number;
  /** Endpoints that turned out to be ourselves. */
  readonly peersOurselves: number;
  readonly peersConnected: number;
  /** Connected peers that send us what we lack, or have just been asked; … */
  readonly peersGiving: number;
  /** Those of them that our own limit of the rate keeps waiting. */
  readonly peersHeldBack: number;
  /** … that choke us; that let us ask, and send nothing; … */
  readonly peersChoking: number;
  readonly peersMute: number;
  /** … and those that have nothing we lack. */
  readonly peersEmpty: number;
  readonly peersEverConnected: number;
  /** Peers that ever gave us a block. */
  readonly peersContributed: number;
  readonly peersBanned: number;
  /** Who was banned, as far as they are remembered. */
  readonly banned: readonly string[];
  /** Dials that are not answered yet. */
  readonly dialsUnderWay: number;
  /** Failed dials by kind of failure: refused, timeout, no-encryption … */
  readonly dialFailures: Readonly<Record<string, number>>;
  /** How connections ended that we made, or that gave us something. */
  readonly departures: Readonly<Partial<Record<Departure, number>>>;
  /** Wanted pieces that we lack; those among them that no connected peer has; … */
  readonly piecesMissing: number;
  readonly piecesUnavailable: number;
  /** … that arrived, always corrupt; and those of these that no connected peer has. */
  readonly piecesCorrupt: number;
  readonly piecesOnlyCorrupt: number;
  /** How often a piece arrived corrupt. */
  readonly hashFailures: number;
  /** Since the last piece was verified; absent when none was. */
  readonly sinceProgressMs?: number;
}

/**
 * Why a torrent is not complete: the first of these that holds. While good data comes, only time
 * was lacking. Else we ask what would have to change first: better data, then peers that let us
 * have theirs, then peers that have more, then peers that can be reached, then somebody who knows
 * any.
 */
const ORDER: readonly (readonly [Cause, (facts: Evidence, windowMs: number) => boolean])[] = [
  ["complete", ({ isComplete }) => isComplete],
  ["deadline", (facts, windowMs) => facts.peersGiving > 0 && !isAllCorrupt(facts, windowMs)],
  [
    "only-bad-data",
    (facts, windowMs) => facts.piecesOnlyCorrupt > 0 || isAllCorrupt(facts, windowMs),
  ],
  ["all-choked", ({ peersChoking, peersMute }) => peersChoking + peersMute > 0],
  [
    "swarm-incomplete",
    ({ peersConnected, peersContributed }) => peersConnected + peersContributed > 0,
  ],
  // Most were reached, and let us have nothing.
  ["all-choked", (facts) => knownPeers(facts) > 0 && breakCount(facts) > unreachedCount(facts)],
  ["peers-unreachable", (facts) => knownPeers(facts) > 0],
  ["trackers-failed", (facts) => isRefusedEverywhere(facts) && !(facts.dht?.answered)],
  ["no-peers", () => true],
];

export interface Verdict extends Consequence {
  readonly cause: Cause;
  /** What is so, and the evidence, in words: "2 peers are connected, and both choke us". */
  readonly situation: string;
  /** The situation, and what to try. */
  readonly detail: string;
  readonly evidence: Evidence;
}

/**
 * The one cause that explains the evidence, and what to say of it. Whoever has waited
 * `windowMs` for a piece in vain does not take an older one for progress.
 */
export function judge(evidence: Evidence, windowMs = PROGRESS_WINDOW_MS): Verdict {
  const cause = ORDER.find(([, holds]) => holds(evidence, windowMs))![0];
  const situation = situationOf(cause, evidence);
  const advice = adviceOn(cause, evidence);
  const detail = advice === "" ? situation : `${situation}; ${advice}`;
  return { cause, ...CAUSES[cause], situation, detail, evidence };
}

/** Data comes, but it has only been corrupt lately, and more than once. */
function isAllCorrupt(facts: Evidence, windowMs: number): boolean {
  const { piecesCorrupt, hashFailures, peersGiving, sinceProgressMs = Infinity } = facts;
  return piecesCorrupt > 0 && hashFailures > 1 && peersGiving > 0 && sinceProgressMs >= windowMs;
}

function isRefusedEverywhere({ trackers }: Evidence): boolean {
  return trackers.length > 0 && trackers.every(({ hasAnswered }) => !hasAnswered);
}
