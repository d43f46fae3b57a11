/**
 * One torrent: the owner of all its mutable state. It composes the pipeline, turns outcomes into
 * HAVE or a ban, ticks, saves, and says what it is doing.
 */
import { formatEndpoint } from "../base/endpoint.ts";
import { StoppedError } from "../base/errors.ts";
import type { PieceIndex } from "../base/ids.ts";
import { PeerList } from "../peer/peer_list.ts";
import { Assembly } from "../piece/assembly.ts";
import { Availability } from "../piece/availability.ts";
import { PiecePicker } from "../piece/picker.ts";
import { PieceTable } from "../piece/piece_table.ts";
import { Dialer, type ReadyPeer } from "./dialer.ts";
import { bytesLeft, evidenceOf, peerSnapshotsOf, snapshotOf, type TorrentFacts } from "./facts.ts";
import { allowedSources, PeerSources } from "./peer_sources.ts";
import { download, type Stages, type StoredPiece } from "./pipeline.ts";
import type { PeerSnapshot, TorrentSnapshot, TorrentState } from "./snapshot.ts";
import { selectFiles, selectPieces } from "./selection.ts";
import { Swarm } from "./swarm.ts";
import type { Surroundings, TorrentOptions } from "./torrent_options.ts";
import { Uploader } from "./uploader.ts";
import { judge, type Verdict } from "./verdict.ts";
import { WebSeeds } from "./web_seeds.ts";

/** The one timer of a torrent: deadlines of sessions, idle peers, dials, checkpoints. */
const TICK_MS = 500;
/** How much finished work a crash of the machine may cost. */
const SAVE_INTERVAL_MS = 5_000;
/** Banned peers that a verdict can name. */
const MAX_BANNED_NAMED = 20;

/** Not an error: peers may come by themselves, and nobody asked to give up. */
const NO_SOURCE = {
  kind: "warning",
  message: "no tracker may be asked and no peer is named (--peer): waiting for peers to come",
} as const;

export class Torrent {
  readonly #options: TorrentOptions;
  readonly #surroundings: Surroundings;
  readonly #table: PieceTable;
  readonly #peerList: PeerList;
  readonly #corruptPieces = new Set<PieceIndex>();
  #hashFailures = 0;
  readonly #banned: string[] = [];
  readonly #leaving = new AbortController();
  /** Resolves when the last piece is verified; rejects when there will be no last piece. */
  readonly #allVerified = Promise.withResolvers<void>();
  #stages: Stages | undefined;
  #running: Promise<void> = Promise.resolve();
  /** What ended the running, when it ended by itself. */
  #failure: { readonly error: unknown } | undefined;
  #saving: Promise<void> | undefined;
  #state: TorrentState = "checking";
  #checked = { bytes: 0, total: 0 };
  #progressAt: number | undefined;
  #savedAt: number;
  #isSaved = true;
  /** Until then there is nothing to save: the target may even be refused. */
  #isRestored = false;

  constructor(options: TorrentOptions, surroundings: Surroundings) {
    this.#options = options;
    this.#surroundings = surroundings;
    this.#table = new PieceTable(options.metainfo.layout);
    this.#peerList = new PeerList(surroundings);
    this.#savedAt = surroundings.clock.now();
    this.#allVerified.promise.catch(() => {}); // `download` sees it, if it runs at all
  }

  /**
   * Resolves once everything selected is verified, flushed and has its final name; then the
   * swarm is left, unless `keepSeeding`. Throws StorageError, StoppedError; never gives up
   * otherwise.
   */
  async download(): Promise<void> {
    const { storage, keepSeeding } = this.#options;
    try {
      await this.#restore();
      const wasComplete = this.#table.isComplete;
      if (!wasComplete || keepSeeding) this.#join();
      if (wasComplete) this.#allVerified.resolve();
      await this.#allVerified.promise;
      this.#state = "finishing";
      // Who lacks what was not selected has completed nothing (BEP 3); it says `paused` (BEP 21).
      if (!wasComplete && this.#table.have.isFull) this.#stages?.peerSources.completed();
      await Promise.all([storage.finish(), keepSeeding ? undefined : this.#leave()]);
      this.#state = keepSeeding ? "seeding" : "complete";
    } catch (error) {
      await this.#leave();
      await this.#save();
      // Of what was not checked to the end nobody may say how much is here.
      if (this.#isRestored) this.#state = "stopped";
      throw error;
    }
  }

  /** After `download` with `keepSeeding`: resolves once `stop` was called. Throws our own bugs. */
  async seed(): Promise<void> {
    await this.#running;
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Leaves the swarm, saves, and tells the trackers; `download`, if it waits, rejects. */
  async stop(): Promise<void> {
    if (this.#state === "stopped" || this.#state === "complete") return;
    this.#allVerified.reject(new StoppedError("Cannot go on: the torrent was stopped"));
    await this.#leave();
    await this.#save();
    if (this.#state === "seeding") this.#state = "complete";
  }

  /** A peer that found us; the caller closes the connection when it is not taken. */
  admit(peer: ReadyPeer): boolean {
    return this.#stages !== undefined && this.#stages.dialer.admit(peer);
  }

  async #restore(): Promise<void> {
    const { storage, onEvent, sharesOnly } = this.#options;
    if (!sharesOnly) selectFiles(this.#table, this.#options);
    const have = await storage.restore((bytes, total) => {
      this.#checked = { bytes, total };
    }, this.#leaving.signal);
    this.#isRestored = true;
    if (sharesOnly) selectPieces(this.#table, have.ones());
    for (const index of have.ones()) this.#table.markHave(index as PieceIndex);
    onEvent({ kind: "checked", have: have.count, pieces: have.length });
    this.#state = "downloading";
  }

  #join(): void {
    if (this.#leaving.signal.aborted) return;
    const { storage, onEvent } = this.#options;
    const stages = this.#stages = this.#createStages();
    const { swarm, peerSources } = stages;
    this.#surroundings.onJoined();
    if (!peerSources.isAny && !this.#table.isComplete) onEvent(NO_SOURCE);
    const stored = download(stages, storage);
    const settle = async () => {
      for await (const piece of stored) {
        this.#settle(piece, stages);
        // Small pieces come back many at a time: with many peers, to ask after each would be dear.
        if (stored.size === 0) swarm.downloader.goOn(this.#surroundings.clock.now());
      }
    };
    this.#running = Promise.all([settle(), this.#tickUntilLeft(stages)])
      .then(() => {}, (error) => {
        this.#failure = { error };
        this.#allVerified.reject(error);
      });
  }

  #createStages(): Stages {
    const { metainfo, memoryBudgetBytes, sequential, onEvent } = this.#options;
    const { layout, infoHash, isPrivate } = metainfo;
    const { network, clock, random, peerId, uploadLimit } = this.#surroundings;
    this.#surroundings.listen();
    const sources = allowedSources(this.#options.sources, isPrivate);
    const dht = sources.dht ? this.#surroundings.dht() : undefined;
    const table = this.#table, peerList = this.#peerList;
    const assembly = new Assembly({ layout, budgetBytes: memoryBudgetBytes });
    const availability = new Availability(layout.pieceCount, random);
    const uploader = new Uploader({ ...this.#options, layout, table, limit: uploadLimit, clock });
    const picker = new PiecePicker({ layout, table, availability, assembly, random, sequential });
    const swarm: Swarm = new Swarm({
      ...this.#surroundings,
      ...this.#options,
      infoHash,
      layout,
      table,
      availability,
      assembly,
      picker,
      peerList,
      uploader,
      usePex: sources.pex,
      useHolepunch: sources.pex && network.hasUtp === true,
      dhtPort: dht?.port,
      onPexPeers: (endpoints, from) => peerSources.addPexPeers(endpoints, from),
      onMeeting: (endpoint, from) => dialer.meet(endpoint, from),
      onDhtNode: (node) => dht?.addNode(node),
      onBanned: (endpoint, reason) => {
        if (this.#banned.length < MAX_BANNED_NAMED) this.#banned.push(formatEndpoint(endpoint));
        onEvent({ kind: "peer-banned", endpoint, reason });
      },
      onPeerGone: () => dialer.dial(),
    });
    const webSeeds = this.#createWebSeeds();
    const dialer = new Dialer({
      ...this.#surroundings,
      peerList,
      webSeeds,
      ourHandshake: { infoHash, peerId, dht: dht?.port !== undefined },
      onUnreachable: (endpoint) => swarm.seekRelay(endpoint),
      wanted: () => swarm.wantedCount,
    });
    const peerSources = this.#createSources(swarm, uploader, webSeeds);
    return { swarm, dialer, peerSources, uploader, assembly, availability };
  }

  #createWebSeeds(): WebSeeds {
    const { webSeeds: urls = [] } = this.#options;
    const { missing } = this.#table;
    return new WebSeeds({ ...this.#surroundings, ...this.#options, urls, missing });
  }

  #createSources(swarm: Swarm, uploader: Uploader, webSeeds: WebSeeds): PeerSources {
    const { metainfo, peers, found = [], sources, onEvent } = this.#options;
    return new PeerSources({
      ...metainfo,
      webSeeds,
      known: [{ endpoints: peers, source: "named" }, { endpoints: found, source: "tracker" }],
      sources: allowedSources(sources, metainfo.isPrivate),
      surroundings: this.#surroundings,
      numbers: () => ({
        uploaded: uploader.meter.total,
        downloaded: swarm.downloader.meter.total,
        ...bytesLeft(this.#table, metainfo.layout),
      }),
      isHungry: () => swarm.isHungry,
      isAlone: () => swarm.size === 0,
      onEvent,
    });
  }

  async #tickUntilLeft(stages: Stages): Promise<void> {
    const { clock } = this.#surroundings;
    const signal = this.#leaving.signal;
    while (!signal.aborted) {
      await clock.sleep(TICK_MS, signal);
      if (signal.aborted) return;
      const now = clock.now();
      stages.swarm.tick(now);
      stages.dialer.dial();
      if (stages.swarm.isHungry) stages.peerSources.wake();
      if (!this.#isSaved && now - this.#savedAt >= SAVE_INTERVAL_MS) void this.#save();
    }
  }

  /** What became of a piece: the way back from the disk to the swarm. */
  #settle({ piece, outcome }: StoredPiece, { swarm }: Stages): void {
    const { onEvent } = this.#options;
    const now = this.#surroundings.clock.now();
    if (outcome.kind === "good") {
      this.#progressAt = now;
      this.#isSaved = false;
      this.#corruptPieces.delete(piece.piece);
      onEvent({ kind: "piece", piece: piece.piece });
    } else if (outcome.kind === "corrupt") {
      this.#corruptPieces.add(piece.piece);
      this.#hashFailures++;
      onEvent({ kind: "piece-corrupt", piece: piece.piece });
    }
    swarm.downloader.settle(piece, outcome, now);
    if (outcome.kind === "failed") this.#allVerified.reject(outcome.error);
    else if (this.#table.isComplete) this.#allVerified.resolve();
  }

  /** One checkpoint at a time; whoever asks meanwhile waits for one that starts after that. */
  async #save(): Promise<void> {
    if (!this.#isRestored) return;
    while (this.#saving !== undefined) await this.#saving;
    this.#saving = this.#checkpoint().finally(() => this.#saving = undefined);
    await this.#saving;
  }

  async #checkpoint(): Promise<void> {
    this.#isSaved = true;
    this.#savedAt = this.#surroundings.clock.now();
    const outcome = await this.#options.storage.checkpoint();
    if (outcome.kind === "saved") return;
    if (outcome.lost.length > 0) return this.#allVerified.reject(outcome.error);
    this.#options.onEvent({ kind: "warning", message: outcome.error.message });
  }

  /** Ends every stage, lets what is on its way to the disk arrive, and says goodbye. */
  async #leave(): Promise<void> {
    this.#leaving.abort();
    const { dialer, swarm, peerSources } = this.#stages ?? {};
    dialer?.close();
    swarm?.close();
    await Promise.all([this.#running, peerSources?.close()]);
    this.#surroundings.onLeft();
  }

  /** What it is doing now. */
  snapshot(): TorrentSnapshot {
    return snapshotOf(this.#facts(), this.#surroundings.clock.now());
  }

  /** The connected peers, the busiest first. */
  peerSnapshots(): PeerSnapshot[] {
    return peerSnapshotsOf(this.#facts(), this.#surroundings.clock.now());
  }

  /** Why it is not complete now; see `judge`. */
  verdict(windowMs?: number): Verdict {
    const now = this.#surroundings.clock.now();
    return judge(evidenceOf(this.#facts(), windowMs ?? Infinity, now), windowMs);
  }

  #facts(): TorrentFacts {
    return {
      metainfo: this.#options.metainfo,
      namedPeers: this.#options.peers.length,
      state: this.#state,
      checked: this.#checked,
      table: this.#table,
      peerList: this.#peerList,
      stages: this.#stages,
      corruptPieces: this.#corruptPieces,
      hashFailures: this.#hashFailures,
      banned: this.#banned,
      progressAt: this.#progressAt,
    };
  }
}
