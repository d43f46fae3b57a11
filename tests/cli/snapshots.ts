/** Snapshots of torrents and peers, for tests of how they are shown. */
import { Bitfield } from "../../src/base/bitfield.ts";
import type { Failure } from "../../src/cli/output/failure.ts";
import type { Subject } from "../../src/cli/output/notice.ts";
import type { SourceView } from "../../src/cli/output/progress.ts";
import type { PeerSnapshot, TorrentSnapshot } from "../../src/torrent/snapshot.ts";

export const SUBJECT: Subject = {
  sourceIndex: 1,
  source: "x.torrent",
  name: "debian.iso",
  infoHash: "ab".repeat(20),
};

export const FAILURE: Failure = {
  verdict: "no-peers",
  exitCode: 12,
  retryable: true,
  detail: "no peers are known",
  evidence: { peersKnown: 0 },
};

/** Half of 100 pieces of 1 MiB. */
export function makeSnapshot(changes: Partial<TorrentSnapshot> = {}): TorrentSnapshot {
  const havePieces = new Bitfield(100);
  for (let piece = 0; piece < 50; piece++) havePieces.set(piece);
  const mebibyte = 1024 * 1024;
  return {
    infoHash: SUBJECT.infoHash!,
    name: SUBJECT.name,
    state: "downloading",
    checked: { bytes: 0, total: 0 },
    have: 50,
    pieces: 100,
    bytes: 50 * mebibyte,
    size: 100 * mebibyte,
    downRate: 12.34 * mebibyte,
    upRate: 1024,
    downloaded: 50 * mebibyte,
    uploaded: 5 * mebibyte,
    wasted: 0,
    peers: { connected: 12, known: 52, choking: 3, contributed: 7, banned: 1 },
    etaMs: 4_050,
    havePieces,
    partialPieces: [60, 61],
    memoryBytes: 0,
    ...changes,
  };
}

export function makeView(changes: Partial<TorrentSnapshot> = {}, name = SUBJECT.name): SourceView {
  return { subject: { ...SUBJECT, name }, status: "", torrent: makeSnapshot(changes) };
}

export function makePeer(changes: Partial<PeerSnapshot> = {}): PeerSnapshot {
  return {
    endpoint: { host: "192.0.2.1", port: 6881 },
    client: "libtorrent/2.0",
    downRate: 5 * 1024 * 1024,
    upRate: 0,
    downloaded: 0,
    uploaded: 0,
    progress: 1,
    isChokingUs: false,
    isSnubbed: false,
    isIncoming: false,
    ...changes,
  };
}
