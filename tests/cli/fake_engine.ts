/** An engine whose torrents do what the test says. */
import { StorageError } from "../../src/base/errors.ts";
import type { Engine, RunningTorrent, ShareRequest, TorrentRequest } from "../../src/cli/engine.ts";
import type { PeerSnapshot, TorrentSnapshot } from "../../src/torrent/snapshot.ts";
import { StoppedError } from "../../src/torrent/torrent.ts";
import type { Verdict } from "../../src/torrent/verdict.ts";
import { makeSnapshot } from "./snapshots.ts";

/** One torrent. The test changes `snapshotChanges` and calls `complete` or `fail`. */
export class FakeTorrent implements RunningTorrent {
  readonly request: TorrentRequest;
  /** What `seed` asked for; undefined for a download. */
  readonly share: ShareRequest | undefined;
  snapshotChanges: Partial<TorrentSnapshot> = {};
  peers: PeerSnapshot[] = [];
  answer: Verdict = makeVerdict();
  /** What was called, in order. */
  readonly calls: string[] = [];
  readonly #ending = Promise.withResolvers<void>();
  readonly #leaving = Promise.withResolvers<void>();

  constructor(request: TorrentRequest | ShareRequest) {
    this.request = request as TorrentRequest;
    this.share = "place" in request ? request : undefined;
    this.#ending.promise.catch(() => {});
  }

  complete(changes: Partial<TorrentSnapshot> = {}): void {
    this.snapshotChanges = { ...this.snapshotChanges, state: "complete", ...changes };
    this.#ending.resolve();
  }

  /** All is here, and is shared from now on. */
  seedOn(changes: Partial<TorrentSnapshot> = {}): void {
    const { size = this.snapshot().size } = changes;
    this.complete({ state: "seeding", bytes: size, downRate: 0, ...changes });
  }

  fail(error: unknown): void {
    this.#ending.reject(error);
  }

  download(): Promise<void> {
    this.calls.push("download");
    return this.#ending.promise;
  }

  seed(): Promise<void> {
    this.calls.push("seed");
    return this.#leaving.promise;
  }

  stop(): Promise<void> {
    this.calls.push("stop");
    this.#ending.reject(new StoppedError("stopped"));
    this.#leaving.resolve();
    return Promise.resolve();
  }

  snapshot(): TorrentSnapshot {
    return makeSnapshot(this.snapshotChanges);
  }

  peerSnapshots(): readonly PeerSnapshot[] {
    return this.peers;
  }

  verdict(): Verdict {
    return this.answer;
  }

  close(): Promise<void> {
    this.calls.push("close");
    return Promise.resolve();
  }
}

export class FakeEngine implements Engine {
  /** By name of the torrent. */
  readonly torrents = new Map<string, FakeTorrent>();
  /** Called for every torrent that is opened: may throw, or let it end at once. */
  readonly #onOpen: (torrent: FakeTorrent) => void;
  isClosed = false;

  constructor(onOpen: (torrent: FakeTorrent) => void = () => {}) {
    this.#onOpen = onOpen;
  }

  get only(): FakeTorrent {
    const [torrent] = this.torrents.values();
    return torrent!;
  }

  open(request: TorrentRequest): Promise<RunningTorrent> {
    return this.#add(request);
  }

  share(request: ShareRequest): Promise<RunningTorrent> {
    return this.#add(request);
  }

  async #add(request: TorrentRequest | ShareRequest): Promise<RunningTorrent> {
    await Promise.resolve();
    const torrent = new FakeTorrent(request);
    this.#onOpen(torrent);
    this.torrents.set(request.source.metainfo.name, torrent);
    return torrent;
  }

  close(): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }
}

export function makeVerdict(): Verdict {
  return {
    cause: "all-choked",
    exitCode: 14,
    retryable: true,
    detail: "12 peers connected, and all of them choke us; try again later",
    evidence: {
      isComplete: false,
      trackers: [],
      namedPeers: 0,
      peersKnown: 12,
      peersConnected: 12,
      peersEverConnected: 12,
      peersChoking: 12,
      peersBanned: 0,
      dialFailures: {},
      piecesMissing: 50,
      piecesUnavailable: 0,
      piecesOnlyCorrupt: 0,
      sinceProgressMs: 60_000,
    },
  };
}

export function lockedError(): StorageError {
  return new StorageError("locked", "x.lock", "Cannot use x: another run holds x.lock");
}
