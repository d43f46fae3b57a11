/**
 * What a download would meet in its swarm, found out without joining it: trackers are asked by a
 * `TrackerEnquiry`, the DHT is searched and not told of us, peers shake hands and say what they
 * have, and nothing is asked of them. The local network is left alone, since to ask it is to tell
 * it (BEP 14); and so are the peers that peers know, who name them in a longer conversation alone.
 */
import { type Endpoint, formatEndpoint } from "../base/endpoint.ts";
import { ProtocolError } from "../base/errors.ts";
import type { Bitfield } from "../base/bitfield.ts";
import type { DhtSearch } from "../dht/service.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import { PeerList } from "../peer/peer_list.ts";
import { TrackerEnquiry } from "../tracker/enquiry.ts";
import type { TrackerStatus } from "../tracker/tracker_roster.ts";
import { askPieces } from "./asked_peer.ts";
import { CopyCount } from "./copies.ts";
import { Dialer, type ReadyPeer } from "./dialer.ts";
import { discover, known, sighted, type Sighting } from "./discovery.ts";
import { allowedSources, FAREWELL_TIMEOUT_MS, type SourceSwitches } from "./peer_sources.ts";
import type { Surroundings } from "./torrent_options.ts";
import { type WebSeedFault, WebSeeds } from "./web_seeds.ts";

/** The one timer of a survey. */
const TICK_MS = 250;
/** A search in the DHT that has found nobody new for so long is likely to be over. */
const DHT_QUIET_MS = 3_000;

export interface SurveyOptions {
  readonly metainfo: Metainfo;
  /** Pieces that a download would fetch. */
  readonly wanted: Bitfield;
  /** Peers that the user or the link named. */
  readonly peers: readonly Endpoint[];
  /** Servers that have the same files (BEP 19), the best first. */
  readonly webSeeds?: readonly string[];
  /** Who may be asked for more; of these `pex` and `lsd` do not matter. */
  readonly sources: SourceSwitches;
  /** Peers that are asked what they have. */
  readonly maxPeers: number;
  /** How long it may take; it ends before when everybody has answered. */
  readonly limitMs: number;
}

export interface SurveyReport {
  readonly durationMs: number;
  readonly trackers: readonly TrackerStatus[];
  /** DHT nodes asked, and how many answered; absent when it was not used. */
  readonly dht?: { readonly asked: number; readonly answered: number };
  readonly peersKnown: number;
  /** Endpoints that turned out to be ourselves. */
  readonly peersOurselves: number;
  /** Peers that said what they have; those of them that have everything; that have what we lack. */
  readonly peersReached: number;
  readonly seeds: number;
  readonly peersUseful: number;
  /** Dials that were not answered in time. */
  readonly dialsUnderWay: number;
  /** Why others were not reached, and how often. */
  readonly failures: Readonly<Record<string, number>>;
  readonly webSeedFaults: readonly WebSeedFault[];
  readonly pieces: {
    readonly wanted: number;
    /** Wanted pieces that none of the reached peers has. */
    readonly atNobody: number;
    /** Copies of the wanted pieces (see `Copies`). */
    readonly copies: number;
  };
}

export class Survey {
  readonly #options: SurveyOptions;
  readonly #surroundings: Surroundings;
  readonly #peerList: PeerList;
  readonly #copies: CopyCount;
  readonly #ending = new AbortController();
  /** Questions under way. */
  readonly #asking = new Set<Promise<void>>();
  readonly #failures: Record<string, number> = {};
  /** Some are known by several addresses. */
  readonly #peerIds = new Set<string>();
  #reached = 0;
  #seeds = 0;
  #useful = 0;
  /** When somebody new was named, or asked in the DHT. */
  #newsAt = 0;
  #nodesAsked = 0;
  #failure: unknown;
  #ended: Promise<void> = Promise.resolve();

  constructor(options: SurveyOptions, surroundings: Surroundings) {
    this.#options = options;
    this.#surroundings = surroundings;
    this.#peerList = new PeerList(surroundings);
    this.#copies = new CopyCount(options.metainfo.layout.pieceCount);
  }

  /** Asks everybody; when it resolves no tracker lists us. Call it once. */
  async run(): Promise<SurveyReport> {
    const running = this.#run();
    this.#ended = running.then(() => {}, () => {});
    try {
      return await running;
    } finally {
      this.#surroundings.onLeft();
    }
  }

  /** `run` resolves soon, with what is known. */
  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#ended;
  }

  async #run(): Promise<SurveyReport> {
    const { clock } = this.#surroundings;
    const startedAt = this.#newsAt = clock.now();
    const enquiry = this.#createEnquiry();
    const lookup = this.#createLookup();
    const webSeeds = this.#createWebSeeds();
    const dialer = this.#createDialer(webSeeds);
    const sightings = discover(this.#note(webSeeds, enquiry, lookup));
    const asking = this.#askAll(dialer.connect(sightings));
    asking.catch((error) => this.#fail(error));
    while (!this.#ending.signal.aborted && clock.now() - startedAt < this.#options.limitMs) {
      dialer.dial();
      if (this.#isOver(enquiry, lookup, dialer)) break;
      lookup?.wake();
      await clock.sleep(TICK_MS, this.#ending.signal);
    }
    const report = this.#report(lookup, dialer, clock.now() - startedAt);
    this.#ending.abort();
    webSeeds.close();
    dialer.close();
    await Promise.all([enquiry?.close(FAREWELL_TIMEOUT_MS), asking.catch(() => {})]);
    await Promise.all(this.#asking);
    if (this.#failure !== undefined) throw this.#failure;
    // Those who have not answered have had their time.
    return { ...report, trackers: enquiry?.status() ?? [], webSeedFaults: webSeeds.faults };
  }

  /** By a mistake of ours. */
  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#ending.abort();
  }

  #createEnquiry(): TrackerEnquiry | undefined {
    const { metainfo: { trackers, infoHash, layout }, sources, wanted } = this.#options;
    if (!sources.trackers || trackers.length === 0) return undefined;
    let left = 0;
    for (const piece of wanted.ones()) left += layout.pieceSize(layout.pieceIndex(piece)!);
    this.#surroundings.listen();
    return new TrackerEnquiry({ ...this.#surroundings, trackers, infoHash, left });
  }

  #createLookup(): DhtSearch | undefined {
    const { metainfo: { infoHash, isPrivate, nodes }, sources } = this.#options;
    const dht = allowedSources(sources, isPrivate).dht ? this.#surroundings.dht() : undefined;
    for (const node of nodes) dht?.addNode(node);
    return dht?.search(infoHash, {
      isSeed: () => false,
      isHungry: () => true,
      signal: this.#ending.signal,
    });
  }

  #createWebSeeds(): WebSeeds {
    const { metainfo, wanted: missing, webSeeds: urls = [] } = this.#options;
    return new WebSeeds({
      ...this.#surroundings,
      metainfo,
      urls,
      missing,
      onEvent: () => {}, // its report tells of their faults
    });
  }

  #createDialer(webSeeds: WebSeeds): Dialer {
    const { metainfo: { infoHash }, maxPeers } = this.#options;
    return new Dialer({
      ...this.#surroundings,
      peerList: this.#peerList,
      webSeeds,
      ourHandshake: { infoHash, peerId: this.#surroundings.peerId },
      wanted: () => maxPeers - this.#reached - this.#asking.size,
    });
  }

  #note(
    webSeeds: WebSeeds,
    enquiry?: TrackerEnquiry,
    lookup?: DhtSearch,
  ): AsyncIterable<Sighting>[] {
    const named = known([{ endpoints: this.#options.peers, source: "named" }]);
    const sources = [named, webSeeds.sightings()];
    if (enquiry !== undefined) sources.push(sighted(enquiry.endpoints(), "tracker"));
    if (lookup !== undefined) sources.push(sighted(lookup, "dht"));
    return sources.map((source) => this.#timed(source));
  }

  /** Remembers when somebody new was last named. */
  async *#timed(sightings: AsyncIterable<Sighting>): AsyncIterable<Sighting> {
    const seen = new Set<string>();
    for await (const sighting of sightings) {
      const sizeBefore = seen.size;
      for (const endpoint of sighting.endpoints) seen.add(formatEndpoint(endpoint));
      if (seen.size > sizeBefore) this.#newsAt = this.#surroundings.clock.now();
      yield sighting;
    }
  }

  async #askAll(ready: AsyncIterable<ReadyPeer>): Promise<void> {
    for await (const peer of ready) {
      // As many at once as the dialer may deliver: no more than are wanted.
      const asked = this.#ask(peer).catch((error) => this.#fail(error))
        .finally(() => this.#asking.delete(asked));
      this.#asking.add(asked);
    }
  }

  async #ask(peer: ReadyPeer): Promise<void> {
    const { metainfo: { layout: { pieceCount } }, wanted } = this.#options;
    const { clock } = this.#surroundings;
    try {
      const pieces = await askPieces(peer, { pieceCount, clock, signal: this.#ending.signal });
      const peerId = peer.handshake.peerId.toHex();
      if (this.#peerIds.has(peerId)) return;
      this.#peerIds.add(peerId);
      this.#reached++;
      if (pieces.isFull) this.#seeds++;
      if (pieces.nextCommon(wanted) >= 0) this.#useful++;
      this.#copies.add(pieces);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#failures[error.reason] = (this.#failures[error.reason] ?? 0) + 1;
    }
  }

  #isOver(
    enquiry: TrackerEnquiry | undefined,
    lookup: DhtSearch | undefined,
    dialer: Dialer,
  ): boolean {
    if (enquiry?.isOver === false || dialer.underWayCount + this.#asking.size > 0) return false;
    const now = this.#surroundings.clock.now();
    if (lookup !== undefined && lookup.asked > this.#nodesAsked) {
      this.#nodesAsked = lookup.asked;
      this.#newsAt = now;
    }
    const quietMs = now - this.#newsAt;
    return quietMs >= (lookup === undefined ? TICK_MS : DHT_QUIET_MS);
  }

  #report(
    lookup: DhtSearch | undefined,
    dialer: Dialer,
    durationMs: number,
  ): Omit<SurveyReport, "trackers" | "webSeedFaults"> {
    const { wanted } = this.#options;
    const failures = { ...this.#failures };
    for (const [reason, times] of Object.entries(dialer.failures)) {
      failures[reason] = (failures[reason] ?? 0) + times;
    }
    return {
      durationMs,
      ...(lookup && { dht: { asked: lookup.asked, answered: lookup.answered } }),
      peersKnown: this.#peerList.counts.known,
      peersOurselves: this.#peerList.ownCount,
      peersReached: this.#reached,
      seeds: this.#seeds,
      peersUseful: this.#useful,
      dialsUnderWay: dialer.unansweredCount + this.#asking.size,
      failures,
      pieces: { wanted: wanted.count, ...this.#copies.of(wanted) },
    };
  }
}
