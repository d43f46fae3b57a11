/** Network, disk and the torrents between them, put together for `get` and `seed`. */
import { fail } from "../../base/assert.ts";
import { type Endpoint, MAX_PORT } from "../../base/endpoint.ts";
import type { FileIndex } from "../../base/ids.ts";
import { countFreeFiles } from "../../net/free_files.ts";
import { proxiedFetch } from "../../net/http.ts";
import { SocketRoom } from "../../net/socket_room.ts";
import { DiskStorage } from "../../storage/disk_storage.ts";
import type { DigestWish } from "../../storage/file_digests.ts";
import { SharedStorage } from "../../storage/shared_storage.ts";
import { Client } from "../../torrent/client.ts";
import type { MetadataOptions, MetadataSearch } from "../../torrent/metadata_search.ts";
import type { TorrentEvent } from "../../torrent/snapshot.ts";
import type { Survey, SurveyOptions } from "../../torrent/survey.ts";
import { WorkerPool } from "../../workers/pool.ts";
import type { FileRange } from "../files/byte_range.ts";
import type { SourceTorrent } from "../files/file_list.ts";
import type { GetOptions } from "../options/get_options.ts";
import { VERSION } from "../output/version.ts";
import { checkWorkerPermission, workerCount } from "./disk_workers.ts";
import type { DataPlace, Environment, StateFolders } from "./environment.ts";
import { Networks } from "./networks.ts";
import { PeerFinding } from "./peer_finding.ts";
import { type RunningTorrent, StoredTorrent } from "./running_torrent.ts";
import { foldersOf } from "./state_folders.ts";

/** What all torrents of a command share, and how each of them takes part in its swarm. */
export type EngineOptions =
  & Pick<
    GetOptions,
    | "bindAddress"
    | "port"
    | "maxUploadRate"
    | "peers"
    | "noTracker"
    | "noDht"
    | "noPex"
    | "noLsd"
    | "noPortMap"
    | "noUtp"
    | "dhtBootstrap"
    | "encryption"
    | "proxy"
    | "maxPeers"
    | "uploadSlots"
  >
  & {
    readonly maxDownloadRate?: number | undefined;
    /** Where what is learnt of the DHT is kept for the next run; left out: nowhere. */
    readonly folders?: StateFolders;
    /** What is learnt is kept nowhere: `folders` are only read. */
    readonly keepsNothing?: boolean;
    /** Takes what is about no torrent in particular, for people who look closely. */
    readonly onLog?: (message: string) => void;
  };

/** A torrent to be downloaded. */
export interface TorrentRequest {
  readonly source: SourceTorrent;
  /** Peers that were found on the way to its metadata. */
  readonly peers?: readonly Endpoint[];
  /** Where to, and how. */
  readonly target: Pick<
    GetOptions,
    | "outputDir"
    | "stateDir"
    | "overwrite"
    | "noResume"
    | "waitLockMs"
    | "maxDownloads"
    | "sequential"
  >;
  readonly webSeeds: readonly string[];
  readonly selected: ReadonlySet<FileIndex>;
  readonly ranges: readonly FileRange[];
  readonly memoryBudgetBytes: number;
  /** Stay in the swarm once complete, until `stop`. */
  readonly keepSeeding: boolean;
  /** The SHA-256 of files is wanted. */
  readonly digests: DigestWish | undefined;
  /** Ends the waiting for another run on the same target. */
  readonly signal: AbortSignal;
  readonly onEvent: (event: TorrentEvent) => void;
}

/** A torrent whose data is here already, and is only to be shared. */
export interface ShareRequest {
  readonly source: SourceTorrent;
  /** Peers that were found on the way to its metadata. */
  readonly peers?: readonly Endpoint[];
  readonly place: DataPlace;
  readonly stateDir: string | undefined;
  /** Believe a saved state that says that all is here. */
  readonly trustState: boolean;
  readonly allowPartial: boolean;
  /** Show each peer one piece at a time (BEP 16). */
  readonly superSeed: boolean;
  readonly onEvent: (event: TorrentEvent) => void;
}

/** A torrent of which no more is known than its info-hash; peers beside those of the user. */
export type MetadataRequest = Pick<MetadataOptions, "infoHash" | "trackers" | "peers" | "onEvent">;

/** A search for metadata; see torrent/metadata_search.ts. */
export type MetadataRun = Pick<MetadataSearch, "find" | "stop" | "status">;

/** A swarm to be looked at; peers beside those of the user. */
export type SurveyRequest = Pick<
  SurveyOptions,
  "metainfo" | "wanted" | "peers" | "webSeeds" | "limitMs"
>;

/** A look at a swarm; see torrent/survey.ts. */
export type SurveyRun = Pick<Survey, "run" | "stop">;

export interface Engine {
  /** Takes hold of the target. Throws StorageError; the reason of the request's signal. */
  open(request: TorrentRequest): Promise<RunningTorrent>;
  /** Throws StorageError when the folder of the data is not there. */
  share(request: ShareRequest): Promise<RunningTorrent>;
  /** Looks for the metadata of a magnet. Nothing happens before its `find`. */
  findMetadata(request: MetadataRequest): MetadataRun;
  /** Looks at a swarm without joining it. Nothing happens before its `run`. */
  survey(request: SurveyRequest): SurveyRun;
  close(): Promise<void>;
}

/** Where a listener is looked for when the user names no port (BEP 3). */
const FIRST_PORT = 6881;
/** Ports tried, one after the other; then any. */
const PORTS_TRIED = 9;
const ANY_PORT = 0;
/** Workers, sockets and files come into being when the first torrent needs them. */
export async function openEngine(
  options: EngineOptions,
  environment: Environment,
): Promise<Engine> {
  const engine = new LocalEngine(options, environment);
  await engine.load();
  return engine;
}

class LocalEngine implements Engine {
  readonly #options: EngineOptions;
  readonly #environment: Environment;
  readonly #pool: WorkerPool;
  readonly #client: Client;
  readonly #networks: Networks;
  readonly #finding: PeerFinding;
  readonly #usesDht: boolean;
  readonly #usesLsd: boolean;

  constructor(options: EngineOptions, environment: Environment) {
    const { clock, random, fetch } = environment;
    const { bindAddress, maxDownloadRate, maxUploadRate, proxy, noDht, noLsd, noPortMap } = options;
    const pool = this.#pool = new WorkerPool({ size: workerCount(environment) });
    const room = new SocketRoom({
      settled: () => pool.ready(),
      countFree: countFreeFiles,
      onScarce: () => pool.economize(),
    });
    const networks = this.#networks = new Networks(options, { clock, random, room });
    const { direct: network, sharedPort, hasDatagrams } = networks;
    const finding = this.#finding = new PeerFinding({
      ...options,
      environment,
      network,
      sharedPort,
    });
    this.#usesDht = !noDht && hasDatagrams;
    this.#usesLsd = !noLsd && hasDatagrams && !finding.isOnlyHere;
    this.#options = options;
    this.#environment = environment;
    this.#client = new Client({
      network: networks.peers,
      fetch: proxy === undefined ? fetch : proxiedFetch(fetch, proxy),
      clock,
      random,
      encryption: options.encryption,
      version: VERSION,
      ports: portsToTry(options.port ?? FIRST_PORT),
      ...(bindAddress === undefined ? {} : { address: bindAddress }),
      ...(maxDownloadRate === undefined ? {} : { maxDownloadRate }),
      ...(maxUploadRate === undefined ? {} : { maxUploadRate }),
      ...(this.#usesDht ? { openDht: (port) => finding.openDht(port) } : {}),
      ...(this.#usesLsd ? { openLsd: () => finding.openLsd() } : {}),
      ...(noPortMap || !hasDatagrams ? {} : { onListening: (port) => void finding.mapPort(port) }),
      externalPort: (protocol) => finding.externalPort(protocol),
    });
  }

  /** Makes ready what torrents open at once. */
  async load(): Promise<void> {
    await this.#finding.load({ dht: this.#usesDht, lsd: this.#usesLsd });
  }

  async open(request: TorrentRequest): Promise<RunningTorrent> {
    checkWorkerPermission(this.#environment);
    this.#pool.warm();
    const { source: { metainfo, paths }, target, selected, signal, onEvent } = request;
    const storage = await DiskStorage.open({
      metainfo,
      paths,
      ...foldersOf(target),
      selected,
      pool: this.#pool,
      clock: this.#environment.clock,
      random: this.#environment.random,
      overwrite: target.overwrite,
      trustState: !target.noResume,
      digests: request.digests,
      waitLockMs: target.waitLockMs,
      signal,
      onFileDone: (path, size) => onEvent({ kind: "file", path, size }),
      onWarning: (message) => onEvent({ kind: "warning", message }),
    });
    const torrent = this.#client.add({
      ...this.#swarmOptions(request.peers),
      metainfo,
      storage,
      maxDownloads: target.maxDownloads,
      selected,
      firstRanges: request.ranges,
      sequential: target.sequential,
      webSeeds: request.webSeeds,
      memoryBudgetBytes: request.memoryBudgetBytes,
      keepSeeding: request.keepSeeding,
      onEvent,
    });
    return new StoredTorrent(torrent, storage, () => storage.finishedTarget());
  }

  async share(request: ShareRequest): Promise<RunningTorrent> {
    checkWorkerPermission(this.#environment);
    this.#pool.warm();
    const { source: { metainfo }, place, onEvent } = request;
    const { folder, outputDir, paths } = place;
    const { trustState, allowPartial } = request;
    const { stateDir } = foldersOf({ outputDir: folder, stateDir: request.stateDir });
    const storage = await SharedStorage.open({
      metainfo,
      paths,
      outputDir,
      stateDir,
      trustState,
      allowPartial,
      pool: this.#pool,
    });
    const torrent = this.#client.add({
      ...this.#swarmOptions(request.peers),
      metainfo,
      storage,
      maxDownloads: 0,
      selected: new Set(),
      firstRanges: [],
      sequential: false,
      memoryBudgetBytes: metainfo.pieceLength,
      keepSeeding: true,
      sharesOnly: true,
      superSeed: request.superSeed,
      onEvent,
    });
    return new StoredTorrent(torrent, storage, () => fail("whoever only shares finishes nothing"));
  }

  findMetadata(request: MetadataRequest): MetadataRun {
    const { sources, maxPeers, peers } = this.#swarmOptions(request.peers);
    return this.#client.findMetadata({ ...request, peers, sources, maxPeers });
  }

  survey(request: SurveyRequest): SurveyRun {
    const { sources, maxPeers, peers } = this.#swarmOptions(request.peers);
    return this.#client.survey({ ...request, peers, sources, maxPeers });
  }

  /** The user's own peers come first. */
  #swarmOptions(peers: readonly Endpoint[] = []) {
    const { noTracker, noDht, noPex, noLsd, maxPeers, uploadSlots } = this.#options;
    return {
      peers: [...this.#options.peers, ...peers],
      sources: { trackers: !noTracker, dht: !noDht, pex: !noPex, lsd: !noLsd },
      maxPeers,
      uploadSlots,
    };
  }

  async close(): Promise<void> {
    await this.#client.close();
    await this.#finding.close();
    await this.#networks.close();
    this.#pool.close();
  }
}

function portsToTry(first: number): number[] {
  const ports = Array.from({ length: PORTS_TRIED }, (_, offset) => first + offset);
  return [...ports.filter((port) => port <= MAX_PORT), ANY_PORT];
}
