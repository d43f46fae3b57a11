/** An engine whose torrents do what the test says. */
import { StoppedError, StorageError } from "../../src/base/errors.ts";
import type {
  Engine,
  MetadataRequest,
  MetadataRun,
  ShareRequest,
  SurveyRequest,
  SurveyRun,
  TorrentRequest,
} from "../../src/cli/environment/engine.ts";
import { listFiles } from "../../src/cli/files/file_list.ts";
import type { FinishedTorrent, RunningTorrent } from "../../src/cli/environment/running_torrent.ts";
import type { FoundMetadata, MetadataStatus } from "../../src/torrent/metadata_search.ts";
import type { PeerSnapshot, TorrentSnapshot } from "../../src/torrent/snapshot.ts";
import type { SurveyReport } from "../../src/torrent/survey.ts";
import { judge, type Verdict } from "../../src/torrent/verdict.ts";
import type { Bytes } from "../../src/base/bytes.ts";
import type { PieceRun, ReadOutcome } from "../../src/storage/storage.ts";
import { frameBlocks, headersLength } from "../../src/wire/block_run.ts";
import { makeEvidence } from "../torrent/evidence.ts";
import { makeSnapshot } from "./snapshots.ts";

/** One torrent. The test changes `snapshotChanges` and calls `complete` or `fail`. */
export class FakeTorrent implements RunningTorrent {
  readonly request: TorrentRequest;
  /** What `seed` asked for; undefined for a download. */
  readonly share: ShareRequest | undefined;
  snapshotChanges: Partial<TorrentSnapshot> = {};
  peers: PeerSnapshot[] = [];
  answer: Verdict = makeVerdict();
  /** What reading fails with. */
  readError: StorageError | undefined;
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

  /** In `/out`, with sizes and times of a row. */
  finished(): Promise<FinishedTorrent> {
    const { source, selected } = this.request;
    const finished = listFiles(source).filter(({ index }) => selected.has(index))
      .map(({ path, size, index }) => ({ path, size, modifiedMs: index, sha256: undefined }));
    return Promise.resolve({ outputDir: "/out", files: [...finished] });
  }

  /** Every byte of a piece is the number of the piece, modulo 256. */
  read(run: PieceRun, buffer?: ArrayBuffer): Promise<ReadOutcome> {
    const { readError: error } = this;
    if (error !== undefined) return Promise.resolve({ kind: "failed", error, lost: [] });
    return Promise.resolve(readFrom(run, buffer, (blocks) => blocks.fill(run.piece)));
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

/** A search for metadata: it finds what the test gives it. */
export class FakeSearch implements MetadataRun {
  readonly request: MetadataRequest;
  statusChanges: Partial<MetadataStatus> = {};
  /** What was called, in order. */
  readonly calls: string[] = [];
  readonly #ending = Promise.withResolvers<FoundMetadata>();

  constructor(request: MetadataRequest) {
    this.request = request;
    this.#ending.promise.catch(() => {});
  }

  succeed(
    infoBytes: FoundMetadata["infoBytes"],
    peers: FoundMetadata["peers"] = [],
    pieceLayers: FoundMetadata["pieceLayers"] = new Map(),
  ): void {
    this.#ending.resolve({ infoBytes, pieceLayers, peers });
  }

  fail(error: unknown): void {
    this.#ending.reject(error);
  }

  find(): Promise<FoundMetadata> {
    this.calls.push("find");
    return this.#ending.promise;
  }

  stop(): Promise<void> {
    this.calls.push("stop");
    this.#ending.reject(new StoppedError("stopped"));
    return Promise.resolve();
  }

  status(): MetadataStatus {
    return makeSearchStatus(this.statusChanges);
  }
}

export class FakeEngine implements Engine {
  /** By name of the torrent. */
  readonly torrents = new Map<string, FakeTorrent>();
  readonly searches: FakeSearch[] = [];
  readonly surveys: SurveyRequest[] = [];
  /** What every survey finds, beside a seed. */
  surveyChanges: Partial<SurveyReport> = {};
  /** Called for every torrent that is opened: may throw, or let it end at once. */
  readonly #onOpen: (torrent: FakeTorrent) => void;
  /** Called for every search for metadata: may let it end at once. */
  readonly #onSearch: (search: FakeSearch) => void;
  isClosed = false;

  constructor(
    onOpen: (torrent: FakeTorrent) => void = () => {},
    onSearch: (search: FakeSearch) => void = () => {},
  ) {
    this.#onOpen = onOpen;
    this.#onSearch = onSearch;
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

  findMetadata(request: MetadataRequest): MetadataRun {
    const search = new FakeSearch(request);
    this.searches.push(search);
    this.#onSearch(search);
    return search;
  }

  survey(request: SurveyRequest): SurveyRun {
    this.surveys.push(request);
    const report = { ...makeSurveyReport(), ...this.surveyChanges };
    return { run: () => Promise.resolve(report), stop: () => Promise.resolve() };
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

/** What a storage answers whose blocks `fill` writes into their place. */
export function readFrom(
  run: PieceRun,
  buffer: ArrayBuffer | undefined,
  fill: (blocks: Bytes) => void,
): ReadOutcome {
  const headers = headersLength(run), length = headers + run.length;
  const messages = new Uint8Array(
    buffer?.byteLength === length ? buffer : new ArrayBuffer(length),
  );
  fill(messages.subarray(headers));
  frameBlocks(messages, run);
  return { kind: "read", messages };
}

export function makeVerdict(): Verdict {
  const peers = { peersKnown: 12, peersConnected: 12, peersChoking: 12, peersEverConnected: 12 };
  return judge(makeEvidence({ ...peers, piecesUnavailable: 0, sinceProgressMs: 60_000 }));
}

/** Of a swarm with one seed that a tracker has named. */
export function makeSurveyReport(): SurveyReport {
  return {
    durationMs: 500.349,
    trackers: [],
    peersKnown: 1,
    peersOurselves: 0,
    peersReached: 1,
    seeds: 1,
    peersUseful: 1,
    dialsUnderWay: 0,
    failures: {},
    webSeedFaults: [],
    pieces: { wanted: 1, atNobody: 0, copies: 1 },
  };
}

/** Of a search that has asked, and found nobody yet. */
export function makeSearchStatus(changes: Partial<MetadataStatus> = {}): MetadataStatus {
  return {
    peersKnown: 0,
    peersConnected: 0,
    peersTried: 0,
    peersReached: 0,
    peersWithMetadata: 0,
    peersBanned: 0,
    bytes: 0,
    nodesAsked: 0,
    trackers: [],
    ...changes,
  };
}

export function lockedError(): StorageError {
  return new StorageError("locked", "x.lock", "Cannot use x: another run holds x.lock");
}
