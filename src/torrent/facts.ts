/** From the live parts of a torrent to plain values: what it is doing, and why it is not done. */
import type { PieceIndex } from "../base/ids.ts";
import type { Layout } from "../metainfo/layout.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import { printable } from "../base/printable.ts";
import type { PeerList } from "../peer/peer_list.ts";
import type { PieceTable } from "../piece/piece_table.ts";
import type { Standing } from "./dealings.ts";
import type { Stages } from "./pipeline.ts";
import type { PeerSnapshot, TorrentSnapshot, TorrentState } from "./snapshot.ts";
import type { Evidence } from "./verdict.ts";

const MAX_NAME_LENGTH = 200;

export interface TorrentFacts {
  readonly metainfo: Metainfo;
  readonly namedPeers: number;
  readonly state: TorrentState;
  readonly checked: { readonly bytes: number; readonly total: number };
  readonly table: PieceTable;
  readonly peerList: PeerList;
  /** Undefined before the swarm is joined. */
  readonly stages: Stages | undefined;
  /** Pieces that arrived corrupt and have not arrived good since; how often any piece did. */
  readonly corruptPieces: ReadonlySet<PieceIndex>;
  readonly hashFailures: number;
  /** Peers that were banned, some of them. */
  readonly banned: readonly string[];
  /** When a piece was last verified; undefined before the first. */
  readonly progressAt: number | undefined;
}

export function snapshotOf(facts: TorrentFacts, now: number): TorrentSnapshot {
  const { metainfo, state, checked, table, stages } = facts;
  const downRate = stages?.swarm.downloader.meter.rate(now) ?? 0;
  const missingBytes = table.bytesWanted - table.bytesHave;
  return {
    infoHash: metainfo.infoHashHex,
    name: printable(metainfo.name, MAX_NAME_LENGTH),
    state,
    checked,
    have: table.haveSelectedCount,
    pieces: table.selectedCount,
    bytes: table.bytesHave,
    size: table.bytesWanted,
    downRate,
    upRate: stages?.uploader.meter.rate(now) ?? 0,
    downloaded: stages?.swarm.downloader.meter.total ?? 0,
    uploaded: stages?.uploader.meter.total ?? 0,
    wasted: stages?.swarm.downloader.wastedBytes ?? 0,
    peers: {
      connected: stages?.swarm.size ?? 0,
      known: facts.peerList.counts.known,
      choking: countChoking(stages),
      contributed: stages?.swarm.contributorCount ?? 0,
      banned: facts.peerList.counts.banned,
    },
    etaMs: downRate > 0 && state === "downloading" ? missingBytes * 1000 / downRate : undefined,
    havePieces: table.have,
    partialPieces: Array.from(stages?.assembly.partials() ?? [], ({ piece }) => piece),
    memoryBytes: stages?.assembly.usedBytes ?? 0,
  };
}

/** The busiest first. */
export function peerSnapshotsOf({ stages, table }: TorrentFacts, now: number): PeerSnapshot[] {
  const snapshots = Array.from(stages?.swarm.peers ?? [], (peer) => {
    const { endpoint, isIncoming, isWebSeed, session } = peer;
    return {
      endpoint,
      client: isWebSeed ? "web seed" : session.clientName,
      downRate: session.downloadRate(now),
      upRate: session.uploadRate(now),
      downloaded: session.downloadedBytes,
      uploaded: session.uploadedBytes,
      progress: session.theirHave.count / table.have.length,
      isChokingUs: session.isPeerChoking,
      isSnubbed: session.isSnubbed,
      isIncoming,
    };
  });
  return snapshots.sort((a, b) => b.downRate + b.upRate - a.downRate - a.upRate);
}

/** To be sent nothing for `windowMs` is to be sent nothing. */
export function evidenceOf(facts: TorrentFacts, windowMs: number, now: number): Evidence {
  const { table, peerList, stages, corruptPieces } = facts;
  const { known, banned } = peerList.counts;
  const missing = Array.from(table.missing.ones(), (piece) => piece as PieceIndex);
  const unavailable = missing.filter((piece) => stages?.availability.count(piece) === 0);
  const corrupt = missing.filter((piece) => corruptPieces.has(piece));
  const { trackers = [], dht, webSeedFaults = [] } = stages?.peerSources.evidence() ?? {};
  return {
    isComplete: table.isComplete,
    trackers: trackers.map(({ url, hasAnswered, failure }) => ({
      url,
      hasAnswered,
      ...(failure === undefined ? {} : { failure }),
    })),
    ...(dht && { dht }),
    webSeedFaults,
    ...(facts.metainfo.isPrivate && { isPrivate: true }),
    namedPeers: facts.namedPeers,
    peersKnown: known,
    peersOurselves: peerList.ownCount,
    peersConnected: stages?.swarm.size ?? 0,
    ...countStandings(facts, windowMs, now),
    peersEverConnected: stages?.swarm.joinedCount ?? 0,
    peersContributed: stages?.swarm.contributorCount ?? 0,
    peersBanned: banned,
    banned: facts.banned,
    dialsUnderWay: stages?.dialer.unansweredCount ?? 0,
    dialFailures: { ...stages?.dialer.failures },
    departures: { ...stages?.swarm.dealings.departures },
    piecesMissing: missing.length,
    piecesUnavailable: unavailable.length,
    piecesCorrupt: corrupt.length,
    // Of a peer that is here they may yet be good.
    piecesOnlyCorrupt: unavailable.filter((piece) => corruptPieces.has(piece)).length,
    hashFailures: facts.hashFailures,
    ...(facts.progressAt === undefined
      ? {}
      : { sinceProgressMs: Math.round(now - facts.progressAt) }),
  };
}

function countStandings(
  { table, stages }: TorrentFacts,
  windowMs: number,
  now: number,
): Pick<
  Evidence,
  "peersGiving" | "peersHeldBack" | "peersChoking" | "peersMute" | "peersEmpty"
> {
  const counts: Record<Standing, number> = { giving: 0, choking: 0, mute: 0, empty: 0 };
  let peersHeldBack = 0;
  for (const peer of stages?.swarm.peers ?? []) {
    if (peer.isHeldBack) peersHeldBack++;
    counts[stages!.swarm.dealings.standing(peer, table.missing, windowMs, now)]++;
  }
  return {
    peersGiving: counts.giving,
    peersHeldBack,
    peersChoking: counts.choking,
    peersMute: counts.mute,
    peersEmpty: counts.empty,
  };
}

function countChoking(stages: Stages | undefined): number {
  let choking = 0;
  for (const { session } of stages?.swarm.peers ?? []) if (session.isPeerChoking) choking++;
  return choking;
}

/** What is wanted yet; once nothing is, what there would be to want (BEP 21). */
export function bytesLeft(
  table: PieceTable,
  layout: Layout,
): { left: number; isPartialSeed: boolean } {
  const isPartialSeed = table.isComplete && !table.have.isFull;
  if (!isPartialSeed) return { left: table.bytesWanted - table.bytesHave, isPartialSeed };
  let left = 0;
  for (let index = 0; index < layout.pieceCount; index++) {
    if (!table.have.has(index)) left += layout.pieceSize(index as PieceIndex);
  }
  return { left, isPartialSeed };
}
