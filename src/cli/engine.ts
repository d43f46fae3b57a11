/** Network, disk and the torrents between them, put together for `get`. */
import type { FileIndex } from "../base/ids.ts";
import { STATE_FOLDER } from "../metainfo/paths.ts";
import { DenoNetwork } from "../net/deno_network.ts";
import { DiskStorage } from "../storage/disk_storage.ts";
import { Client } from "../torrent/client.ts";
import type { PeerSnapshot, TorrentEvent, TorrentSnapshot } from "../torrent/snapshot.ts";
import type { Torrent } from "../torrent/torrent.ts";
import type { Verdict } from "../torrent/verdict.ts";
import { WorkerPool } from "../workers/pool.ts";
import type { FileRange } from "./byte_range.ts";
import type { Environment } from "./environment.ts";
import { CommandError, permissionFailure } from "./failure.ts";
import type { GetOptions } from "./get_options.ts";
import type { SourceTorrent } from "./source.ts";
import { VERSION } from "./version.ts";

/** A torrent to be downloaded. */
export interface TorrentRequest {
  readonly source: SourceTorrent;
  readonly selected: ReadonlySet<FileIndex>;
  readonly ranges: readonly FileRange[];
  readonly memoryBudgetBytes: number;
  /** Ends the waiting for another run on the same target. */
  readonly signal: AbortSignal;
  readonly onEvent: (event: TorrentEvent) => void;
}

/** A torrent that holds its target; see torrent/torrent.ts. */
export interface RunningTorrent {
  download(): Promise<void>;
  stop(): Promise<void>;
  snapshot(): TorrentSnapshot;
  peerSnapshots(): readonly PeerSnapshot[];
  verdict(progressWindowMs?: number): Verdict;
  /** Lets go of the target; after `download` has ended. */
  close(): Promise<void>;
}

export interface Engine {
  /** Takes hold of the target. Throws StorageError; the reason of the request's signal. */
  open(request: TorrentRequest): Promise<RunningTorrent>;
  close(): Promise<void>;
}

/** Where a listener is looked for when the user names no port (BEP 3). */
const FIRST_PORT = 6881;
/** Ports tried, one after the other; then any. */
const PORTS_TRIED = 9;
const ANY_PORT = 0;
/** One core hashes while the other writes. */
const MIN_WORKERS = 2;
/** More workers than this wait for memory, not for cores. */
const MAX_WORKERS = 16;

/** Workers, sockets and files come into being when the first torrent needs them. */
export function openEngine(options: GetOptions, environment: Environment): Engine {
  return new LocalEngine(options, environment);
}

/** Disk workers for this machine. */
export function workerCount({ processorCount }: Environment): number {
  return Math.min(Math.max(processorCount, MIN_WORKERS), MAX_WORKERS);
}

/**
 * Throws `CommandError`, exit 4, when Deno may not read the source of the disk workers: it would
 * say so itself, but across the screen and with a stack.
 */
export function checkWorkerPermission(environment: Environment): void {
  const source = new URL("../workers/disk_worker.ts", import.meta.url);
  const missing = environment.missingPermission("read", source);
  if (missing === undefined) return;
  const { detail, ...failure } = permissionFailure(missing);
  throw new CommandError(failure, `Cannot start a disk worker: ${detail}`, failure.evidence);
}

class LocalEngine implements Engine {
  readonly #options: GetOptions;
  readonly #environment: Environment;
  readonly #pool: WorkerPool;
  readonly #client: Client;

  constructor(options: GetOptions, environment: Environment) {
    const { clock, random, fetch } = environment;
    const { bindAddress, maxDownloadRate, maxUploadRate } = options;
    this.#options = options;
    this.#environment = environment;
    this.#pool = new WorkerPool({ size: workerCount(environment) });
    this.#client = new Client({
      network: new DenoNetwork({ clock }),
      fetch,
      clock,
      random,
      version: VERSION,
      ports: portsToTry(options.port ?? FIRST_PORT),
      ...(bindAddress === undefined ? {} : { address: bindAddress }),
      ...(maxDownloadRate === undefined ? {} : { maxDownloadRate }),
      ...(maxUploadRate === undefined ? {} : { maxUploadRate }),
    });
  }

  async open(request: TorrentRequest): Promise<RunningTorrent> {
    checkWorkerPermission(this.#environment);
    const { outputDir, stateDir = `${outputDir}/${STATE_FOLDER}` } = this.#options;
    const { source: { metainfo, paths }, selected, signal, onEvent } = request;
    const storage = await DiskStorage.open({
      metainfo,
      paths,
      outputDir,
      stateDir,
      selected,
      pool: this.#pool,
      clock: this.#environment.clock,
      random: this.#environment.random,
      overwrite: this.#options.overwrite,
      trustState: !this.#options.noResume,
      waitLockMs: this.#options.waitLockMs,
      signal,
      onFileDone: (path, size) => onEvent({ kind: "file", path, size }),
      onWarning: (message) => onEvent({ kind: "warning", message }),
    });
    const torrent = this.#client.add({
      metainfo,
      storage,
      peers: this.#options.peers,
      useTrackers: !this.#options.noTracker,
      maxPeers: this.#options.maxPeers,
      maxDownloads: this.#options.maxDownloads,
      uploadSlots: this.#options.uploadSlots,
      selected,
      firstRanges: request.ranges,
      sequential: this.#options.sequential,
      memoryBudgetBytes: request.memoryBudgetBytes,
      keepSeeding: false,
      onEvent,
    });
    return new StoredTorrent(torrent, storage);
  }

  async close(): Promise<void> {
    await this.#client.close();
    this.#pool.close();
  }
}

/** A torrent and the storage that it uses up. */
class StoredTorrent implements RunningTorrent {
  readonly #torrent: Torrent;
  readonly #storage: DiskStorage;

  constructor(torrent: Torrent, storage: DiskStorage) {
    this.#torrent = torrent;
    this.#storage = storage;
  }

  download(): Promise<void> {
    return this.#torrent.download();
  }

  stop(): Promise<void> {
    return this.#torrent.stop();
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

function portsToTry(first: number): number[] {
  const ports = Array.from({ length: PORTS_TRIED }, (_, offset) => first + offset);
  return [...ports.filter((port) => port <= 65_535), ANY_PORT];
}
