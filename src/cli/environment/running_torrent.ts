/** A torrent of the engine, with the storage that it writes to or reads from. */
import type { FinishedFile } from "../../storage/disk_storage.ts";
import type { PieceRun, ReadOutcome, Storage } from "../../storage/storage.ts";
import type { PeerSnapshot, TorrentSnapshot } from "../../torrent/snapshot.ts";
import type { Torrent } from "../../torrent/torrent.ts";
import type { Verdict } from "../../torrent/verdict.ts";

/** A torrent that holds its target; see torrent/torrent.ts. */
export interface RunningTorrent {
  download(): Promise<void>;
  seed(): Promise<void>;
  stop(): Promise<void>;
  /** Of a torrent that was downloaded: what there is now, and where (absolute). */
  finished(): Promise<FinishedTorrent>;
  /** Blocks of a piece that is here; see storage/storage.ts. Never rejects. */
  read(run: PieceRun, buffer?: ArrayBuffer): Promise<ReadOutcome>;
  snapshot(): TorrentSnapshot;
  peerSnapshots(): readonly PeerSnapshot[];
  verdict(progressWindowMs?: number): Verdict;
  /** Lets go of the target; after `download` and all reading have ended. */
  close(): Promise<void>;
}

export interface FinishedTorrent {
  readonly outputDir: string;
  readonly files: readonly FinishedFile[];
}

/** A torrent and the storage that it uses up. */
export class StoredTorrent implements RunningTorrent {
  readonly #torrent: Torrent;
  readonly #storage: Storage;
  readonly finished: () => Promise<FinishedTorrent>;

  constructor(torrent: Torrent, storage: Storage, finished: RunningTorrent["finished"]) {
    this.#torrent = torrent;
    this.#storage = storage;
    this.finished = finished;
  }

  download(): Promise<void> {
    return this.#torrent.download();
  }

  seed(): Promise<void> {
    return this.#torrent.seed();
  }

  stop(): Promise<void> {
    return this.#torrent.stop();
  }

  read(run: PieceRun, buffer?: ArrayBuffer): Promise<ReadOutcome> {
    return this.#storage.read(run, buffer);
  }

  snapshot(): TorrentSnapshot {
    return this.#torrent.snapshot();
  }

  peerSnapshots(): readonly PeerSnapshot[] {
    return this.#torrent.peerSnapshots();
  }

  verdict(progressWindowMs?: number): Verdict {
    return this.#torrent.verdict(progressWindowMs);
  }

  close(): Promise<void> {
    return this.#storage.close();
  }
}
