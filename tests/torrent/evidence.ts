/** Facts for verdicts: what a test does not say is as at the start. */
import type { Evidence } from "../../src/torrent/verdict.ts";

export const DEAD_TRACKER = { url: "http://a/announce", hasAnswered: false, failure: "refused" };
export const EMPTY_TRACKER = { url: "http://b/announce", hasAnswered: true };

/** By default of a torrent that has just been joined, and about which nothing is known. */
export function makeEvidence(facts: Partial<Evidence> = {}): Evidence {
  return {
    isComplete: false,
    trackers: [],
    webSeedFaults: [],
    namedPeers: 0,
    peersKnown: 0,
    peersOurselves: 0,
    peersConnected: 0,
    peersGiving: 0,
    peersHeldBack: 0,
    peersChoking: 0,
    peersMute: 0,
    peersEmpty: 0,
    peersEverConnected: 0,
    peersContributed: 0,
    peersBanned: 0,
    banned: [],
    dialsUnderWay: 0,
    dialFailures: {},
    departures: {},
    piecesMissing: 10,
    piecesUnavailable: 10,
    piecesCorrupt: 0,
    piecesOnlyCorrupt: 0,
    hashFailures: 0,
    ...facts,
  };
}
