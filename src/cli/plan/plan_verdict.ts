/** Would `get` go? The first of its causes that already holds, in the order in which it would. Pure. */
import type { Endpoint } from "../../base/endpoint.ts";
import type { SurveyReport } from "../../torrent/survey.ts";
import { type Evidence, judge } from "../../torrent/verdict.ts";
import { type Failure, failureBy, failureOf } from "../output/failure.ts";
import { formatSize } from "../output/units.ts";
import type { TargetOutlook } from "./plan_target.ts";

export interface Findings {
  /** More is selected than --max-bytes allows. */
  readonly tooLarge: Failure | undefined;
  readonly outlook: TargetOutlook;
  /** Undefined when nobody was asked. */
  readonly survey: SurveyReport | undefined;
  /** Peers that the user or the link named. */
  readonly namedPeers: readonly Endpoint[];
  /** Nobody but its trackers and the user may name peers. */
  readonly isPrivate: boolean;
}

/** Why `get` would not go; undefined when it would. */
export function planFailure(findings: Findings): Failure | undefined {
  const { tooLarge, outlook: { isHeld, obstacles, folder }, survey } = findings;
  if (tooLarge !== undefined) return tooLarge;
  if (isHeld) {
    const advice = "wait for it (--wait-lock), or try again later";
    return failureBy("locked", `another run holds the target in ${folder}; ${advice}`);
  }
  const [obstacle] = obstacles;
  if (obstacle !== undefined) return failureOf(obstacle);
  return lackOfSpace(findings.outlook) ?? (survey && swarmFailure(survey, findings));
}

function lackOfSpace({ bytes: { toFetch }, space, folder }: TargetOutlook): Failure | undefined {
  if (space.bytes === undefined || space.bytes >= toFetch) return undefined;
  return failureBy(
    "disk",
    `not enough space in ${folder}: ${formatSize(toFetch)} are to be fetched, and ` +
      `${formatSize(space.bytes)} are free; make room, or choose another --output`,
    { reason: "no-space", needed: toFetch, free: space.bytes },
  );
}

function swarmFailure(survey: SurveyReport, findings: Findings): Failure | undefined {
  if (survey.peersReached > 0 && survey.pieces.atNobody === 0) return undefined;
  const { cause, detail, evidence } = judge(evidenceOf(survey, findings));
  return failureBy(cause, detail, { ...evidence });
}

/** What a download would know at this moment: peers were asked for nothing, and gave nothing. */
function evidenceOf(survey: SurveyReport, { namedPeers, isPrivate }: Findings): Evidence {
  const { trackers, dht, peersReached, pieces } = survey;
  return {
    isComplete: false,
    trackers: trackers.map(({ url, hasAnswered, failure }) => ({
      url,
      hasAnswered,
      ...(failure === undefined ? {} : { failure }),
    })),
    ...(dht && { dht }),
    webSeedFaults: survey.webSeedFaults,
    ...(isPrivate && { isPrivate }),
    namedPeers: namedPeers.length,
    peersKnown: survey.peersKnown,
    peersOurselves: survey.peersOurselves,
    peersConnected: peersReached,
    peersGiving: 0,
    peersHeldBack: 0,
    peersChoking: 0,
    peersMute: 0,
    peersEmpty: peersReached - survey.peersUseful,
    peersEverConnected: peersReached,
    peersContributed: 0,
    peersBanned: 0,
    banned: [],
    dialsUnderWay: survey.dialsUnderWay,
    dialFailures: survey.failures,
    departures: {},
    piecesMissing: pieces.wanted,
    piecesUnavailable: pieces.atNobody,
    piecesCorrupt: 0,
    piecesOnlyCorrupt: 0,
    hashFailures: 0,
  };
}
