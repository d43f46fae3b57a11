/**
 * From an info-hash alone to the info dictionary (BEP 9): the sources of peers, the dialer, and
 * a swarm that wants nothing but metadata. Nothing of it outlives the search but what it found.
 */
import { type Endpoint, formatEndpoint } from "../base/endpoint.ts";
import { StoppedError } from "../base/errors.ts";
import type { FullInfoHash, InfoHash } from "../base/ids.ts";
import { shortInfoHash } from "../metainfo/info_hash.ts";
import { PeerList } from "../peer/peer_list.ts";
import type { FetchProgress, GivenMetadata } from "../peer/torrent_fetch.ts";
import type { TrackerStatus } from "../tracker/tracker_roster.ts";
import { Dialer, type ReadyPeer } from "./dialer.ts";
import { discover, type Sighting } from "./discovery.ts";
import { MetadataSwarm } from "./metadata_swarm.ts";
import { PeerSources, type SourceSwitches } from "./peer_sources.ts";
import type { TorrentEvent } from "./snapshot.ts";
import type { Surroundings } from "./torrent_options.ts";

/** The one timer of a search: deadlines, dials. */
const TICK_MS = 500;
/** A download that has not begun by then tells the trackers `started` itself. */
const HANDOVER_TIMEOUT_MS = 30_000;
/** What trackers are told that we lack: not nothing, for then they would take us for a seed. */
const UNKNOWN_LEFT = 16_384;
/** Endpoints handed on, so that the download need not look for peers again. */
const MAX_FOUND_PEERS = 500;

export interface MetadataOptions {
  readonly infoHash: FullInfoHash;
  /** Tiers of announce URLs. */
  readonly trackers: readonly (readonly string[])[];
  /** Peers that the user or the link named. */
  readonly peers: readonly Endpoint[];
  /** Who may be asked for more. */
  readonly sources: SourceSwitches;
  readonly maxPeers: number;
  readonly onEvent: (event: TorrentEvent) => void;
}

export interface FoundMetadata extends GivenMetadata {
  /** Peers of the torrent: those that gave metadata, those that have it, and others. */
  readonly peers: readonly Endpoint[];
}

/** How far a search is, and why it may be no further. */
export interface MetadataStatus {
  readonly peersKnown: number;
  readonly peersConnected: number;
  /** Known peers that were dialled; who was dialled twice counts once. */
  readonly peersTried: number;
  /** Those of them that have shaken hands. */
  readonly peersReached: number;
  /** Peers that ever said that they have metadata. */
  readonly peersWithMetadata: number;
  /** Those that sent false metadata, or false piece hashes; they are not known any more. */
  readonly peersBanned: number;
  /** Bytes of the metadata that are here, not verified, and then of its piece hashes. */
  readonly bytes: number;
  /** All of its bytes, as peers claim; undefined while nobody does. */
  readonly size?: number | undefined;
  /** In version 2, once the info dictionary is here: hashes of pieces, proved by it. */
  readonly pieceHashes?: FetchProgress["pieceHashes"] | undefined;
  /** Since the info dictionary was here, or the last of its piece hashes that came: whole ones. */
  readonly sinceProgressMs?: number | undefined;
  /** DHT nodes that were asked for peers. */
  readonly nodesAsked: number;
  readonly trackers: readonly TrackerStatus[];
}

interface Stages {
  readonly sources: PeerSources;
  readonly dialer: Dialer;
  readonly swarm: MetadataSwarm;
}

export class MetadataSearch {
  /** As peers know it. */
  readonly infoHash: InfoHash;
  readonly #options: MetadataOptions;
  readonly #surroundings: Surroundings;
  readonly #peerList: PeerList;
  /** By their text. */
  readonly #sighted = new Map<string, Endpoint>();
  readonly #leaving = new AbortController();
  readonly #end = Promise.withResolvers<GivenMetadata>();
  #stages: Stages | undefined;
  #ticking: Promise<void> = Promise.resolve();
  #left: Promise<void> | undefined;
  #parted: Promise<void> | undefined;
  readonly #over = Promise.withResolvers<void>();

  constructor(options: MetadataOptions, surroundings: Surroundings) {
    this.infoHash = shortInfoHash(options.infoHash);
    this.#options = options;
    this.#surroundings = surroundings;
    this.#peerList = new PeerList(surroundings);
    this.#end.promise.catch(() => {}); // `find` sees it, if it runs at all
  }

  /** Resolves once no tracker is told anything any more. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /**
   * Waits for ever. Rejects with StoppedError after `stop`; call it once. Trackers still list us
   * then: somebody may go on under the same peer id (`handOver`), and `stop` says goodbye.
   */
  async find(): Promise<FoundMetadata> {
    try {
      this.#join();
      const given = await this.#end.promise;
      const peers = this.#foundPeers();
      await this.#leave();
      void this.#partUnlessReplaced();
      return { ...given, peers };
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Leaves the swarm, and says goodbye to the trackers; `find`, if it waits, rejects. */
  async stop(): Promise<void> {
    this.#end.reject(new StoppedError("Cannot go on: the search for metadata was stopped"));
    await this.#leave();
    await this.#part((sources) => sources.close());
  }

  /** Whoever goes on announces itself: once all is found, no tracker hears of the search again. */
  async handOver(): Promise<void> {
    if (this.#left === undefined) return;
    await this.#left;
    await this.#part((sources) => sources.abandon());
  }

  /** A peer that found us; the caller closes the connection when it is not taken. */
  admit(peer: ReadyPeer): boolean {
    return this.#stages !== undefined && this.#stages.dialer.admit(peer);
  }

  status(): MetadataStatus {
    const { sources, swarm } = this.#stages ?? {};
    const { trackers = [], dht } = sources?.evidence() ?? {};
    const { tried, reached } = this.#peerList.attempts;
    const progress = swarm?.progress, provedAt = progress?.provedAt;
    const now = this.#surroundings.clock.now();
    return {
      peersKnown: this.#peerList.counts.known,
      peersConnected: swarm?.size ?? 0,
      peersTried: tried,
      peersReached: reached,
      peersWithMetadata: swarm?.ownerCount ?? 0,
      peersBanned: this.#peerList.counts.banned,
      bytes: progress?.bytes ?? 0,
      size: progress?.size,
      pieceHashes: progress?.pieceHashes,
      sinceProgressMs: provedAt === undefined ? undefined : Math.round(now - provedAt),
      nodesAsked: dht?.asked ?? 0,
      trackers,
    };
  }

  #join(): void {
    if (this.#leaving.signal.aborted) return;
    const stages = this.#stages = this.#createStages();
    const { sources, dialer, swarm } = stages;
    const sightings = this.#note(discover(sources.sightings()));
    swarm.collect(dialer.connect(sightings)).then(this.#end.resolve, this.#end.reject);
    this.#ticking = this.#tickUntilLeft(stages);
    this.#ticking.catch(this.#end.reject);
  }

  #createStages(): Stages {
    const { sources: switches, peers, maxPeers, onEvent } = this.#options;
    const { infoHash } = this;
    const { clock, clientName, peerId, portFor, udpPortFor } = this.#surroundings;
    const dht = switches.dht ? this.#surroundings.dht() : undefined;
    const dhtPort = dht?.port;
    const peerList = this.#peerList;
    this.#surroundings.listen();
    const swarm: MetadataSwarm = new MetadataSwarm({
      infoHash: this.#options.infoHash,
      peerList,
      clock,
      clientName,
      portFor,
      dhtPort,
      udpPortFor,
      maxPeers,
      usePex: switches.pex,
      onPexPeers: (endpoints, namedBy) => sources.addPexPeers(endpoints, namedBy),
      onDhtNode: (node) => dht?.addNode(node),
      onBanned: (endpoint, reason) => onEvent({ kind: "peer-banned", endpoint, reason }),
      onPeerGone: () => dialer.dial(),
    });
    const dialer: Dialer = new Dialer({
      ...this.#surroundings,
      peerList,
      ourHandshake: { infoHash, peerId, dht: dhtPort !== undefined },
      wanted: () => swarm.wanted,
    });
    const sources: PeerSources = new PeerSources({
      ...this.#options,
      infoHash,
      nodes: [],
      known: [{ endpoints: peers, source: "named" }],
      surroundings: this.#surroundings,
      numbers: () => ({ uploaded: 0, downloaded: 0, left: UNKNOWN_LEFT }),
      isHungry: () => !this.#leaving.signal.aborted && swarm.wanted > 0,
      isAlone: () => swarm.size === 0,
      // What a tracker says when all is found already is nobody's news.
      onEvent: (event) => {
        if (!this.#leaving.signal.aborted) onEvent(event);
      },
    });
    return { sources, dialer, swarm };
  }

  async *#note(sightings: AsyncIterable<Sighting>): AsyncIterable<Sighting> {
    for await (const sighting of sightings) {
      for (const endpoint of sighting.endpoints) {
        if (this.#sighted.size >= MAX_FOUND_PEERS) break;
        this.#sighted.set(formatEndpoint(endpoint), endpoint);
      }
      yield sighting;
    }
  }

  async #tickUntilLeft({ sources, dialer, swarm }: Stages): Promise<void> {
    const { clock } = this.#surroundings;
    const signal = this.#leaving.signal;
    while (!signal.aborted) {
      await clock.sleep(TICK_MS, signal);
      if (signal.aborted) return;
      swarm.tick(clock.now());
      dialer.dial();
      if (swarm.wanted > 0) sources.wake();
    }
  }

  #foundPeers(): Endpoint[] {
    const peers = new Map<string, Endpoint>();
    const sighted = this.#sighted.values();
    for (const endpoint of [...this.#stages?.swarm.owners ?? [], ...sighted]) {
      if (!this.#peerList.isBanned(endpoint)) peers.set(formatEndpoint(endpoint), endpoint);
    }
    return [...peers.values()].slice(0, MAX_FOUND_PEERS);
  }

  /** Whoever announces under the same peer id must have begun by then, or nobody is there. */
  async #partUnlessReplaced(): Promise<void> {
    const parted = new AbortController();
    void this.over.then(() => parted.abort());
    await this.#surroundings.clock.sleep(HANDOVER_TIMEOUT_MS, parted.signal);
    await this.stop();
  }

  #leave(): Promise<void> {
    return this.#left ??= this.#leaveSwarm();
  }

  /** Trackers excepted. */
  async #leaveSwarm(): Promise<void> {
    this.#leaving.abort();
    const { dialer, swarm, sources } = this.#stages ?? {};
    dialer?.close();
    swarm?.close();
    sources?.end();
    await this.#ticking.catch(() => {});
    this.#surroundings.onLeft();
  }

  /** The first end counts. */
  #part(end: (sources: PeerSources) => Promise<void>): Promise<void> {
    return this.#parted ??= this.#endSources(end);
  }

  async #endSources(end: (sources: PeerSources) => Promise<void>): Promise<void> {
    if (this.#stages !== undefined) await end(this.#stages.sources);
    this.#over.resolve();
  }
}
