/** All torrents of one program: they share the listener, the rate limits and the identity. */
import type { Clock, Random } from "../base/ambient.ts";
import { concatBytes, equalBytes } from "../base/bytes.ts";
import { familyOf, hostScope } from "../base/endpoint.ts";
import { ProtocolError } from "../base/errors.ts";
import type { InfoHash, PeerId } from "../base/ids.ts";
import { LimitedMap } from "../base/limited_map.ts";
import { TokenBucket } from "../base/rate.ts";
import { shortInfoHash } from "../metainfo/info_hash.ts";
import type { FetchBounded } from "../net/http.ts";
import type { MappedProtocol } from "../net/nat_pmp.ts";
import type { Connection, Listener, Network } from "../net/transport.ts";
import { Bans } from "../peer/bans.ts";
import { type EncryptionMode, torrentHash } from "../wire/mse.ts";
import { acceptHandshake, type Hosted, type OurHandshake } from "./handshaking.ts";
import { type MetadataOptions, MetadataSearch } from "./metadata_search.ts";
import { allowedSources } from "./peer_sources.ts";
import { RateLimit } from "./rate_limit.ts";
import { Survey, type SurveyOptions } from "./survey.ts";
import { Torrent } from "./torrent.ts";
import type { ReadyPeer } from "./dialer.ts";
import type { Dht, LocalPeers, Surroundings, TorrentOptions } from "./torrent_options.ts";

/** Incoming connections that have not said who they are; more are closed at once (P32). */
const MAX_PENDING_HANDSHAKES = 256;
/** Info-hashes of whose swarm something is remembered: of a feed there may be ever more. */
const MAX_SWARM_MEMORIES = 1_000;
/**
 * Connections taken up a second, and at once after a pause. A handshake may cost a tenth of a
 * millisecond, and more with encryption: whoever floods us fills the system's queue, not a core.
 */
const HANDSHAKES_PER_SECOND = 50;
const MAX_HANDSHAKES_AT_ONCE = 300;

export interface ClientOptions {
  readonly network: Network;
  readonly fetch: FetchBounded;
  readonly clock: Clock;
  readonly random: Random;
  readonly encryption: EncryptionMode;
  /** `MAJOR.MINOR.PATCH`. */
  readonly version: string;
  /** Ports to listen on, the first free one; 0 is any. */
  readonly ports: readonly number[];
  /** The local address to listen on; all when left out. */
  readonly address?: string;
  /** Bytes a second, all torrents together. */
  readonly maxDownloadRate?: number;
  readonly maxUploadRate?: number;
  /** Starts the DHT, on the port where we listen if it can be had; left out where it is off. */
  readonly openDht?: (port: number) => Dht & Disposable;
  /** Starts the search on the local network, likewise. */
  readonly openLsd?: () => LocalPeers & Disposable;
  /** Peers may come to this port from now on. */
  readonly onListening?: (port: number) => void;
  /** The port of the gateway that leads to ours; undefined while it has opened none. */
  readonly externalPort?: (protocol: MappedProtocol) => number | undefined;
}

/** What stays the same for all that enter the swarm of an info-hash one after the other. */
interface SwarmMemory {
  /** Trackers count peers by it. */
  readonly peerId: PeerId;
  readonly bans: Bans;
}

/** Whoever takes peers of one info-hash. */
interface Participant {
  readonly ourHandshake: OurHandshake;
  /** How MSE names its torrent. */
  readonly torrentHash: Uint8Array;
  readonly admit: (peer: ReadyPeer) => boolean;
  readonly stop: () => Promise<void>;
  /** It may ask the DHT, now or later. */
  readonly usesDht: boolean;
}

export class Client {
  readonly #options: ClientOptions;
  #listener: Listener | undefined;
  #accepting: Promise<void> = Promise.resolve();
  readonly #downloadLimit: RateLimit;
  readonly #uploadLimit: RateLimit;
  /** Those that have not left their swarm. */
  readonly #participants = new Set<Participant>();
  /** Those for which a tracker may list us: some go on when they have left their swarm. */
  readonly #searches = new Set<MetadataSearch>();
  /** By the hex of their info-hash, the oldest first. */
  readonly #memories = new LimitedMap<string, SwarmMemory>(MAX_SWARM_MEMORIES);
  #dht: (Dht & Disposable) | undefined;
  #lsd: (LocalPeers & Disposable) | undefined;
  readonly #pending = new Set<Connection>();
  readonly #closing = new AbortController();
  readonly #hosted: Hosted = {
    find: (infoHash) => this.#find(infoHash)?.ourHandshake,
    findByTorrentHash: (hash) =>
      this.#findWhere((participant) => equalBytes(participant.torrentHash, hash))?.ourHandshake,
  };

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#downloadLimit = new RateLimit(options.maxDownloadRate, options.clock);
    this.#uploadLimit = new RateLimit(options.maxUploadRate, options.clock);
  }

  /**
   * Takes peers from the first call on, at the port that it gives: whoever joins no swarm opens no
   * socket. Throws ConnectError "limit" when no port can be had.
   */
  listen(): number {
    if (this.#listener === undefined) {
      const { network, ports, address } = this.#options;
      this.#listener = network.listen({ ports, ...(address === undefined ? {} : { address }) });
      this.#accepting = this.#accept(this.#listener);
      this.#options.onListening?.(this.#listener.port);
    }
    return this.#listener.port;
  }

  /** A torrent of this program; nothing happens before its `download`. */
  add(options: TorrentOptions): Torrent {
    const { infoHash, isPrivate } = options.metainfo;
    const { dht } = allowedSources(options.sources, isPrivate);
    const torrent = this.#enter(
      infoHash,
      dht,
      (surroundings) => new Torrent(options, surroundings),
    );
    if (isPrivate) this.#endIdleDht();
    return torrent;
  }

  /** A search for the metadata of a magnet; nothing happens before its `find`. */
  findMetadata(options: MetadataOptions): MetadataSearch {
    const { sources: { dht } } = options, infoHash = shortInfoHash(options.infoHash);
    const search = this.#enter(
      infoHash,
      dht,
      (surroundings) => new MetadataSearch(options, surroundings),
    );
    this.#searches.add(search);
    void search.over.then(() => this.#searches.delete(search));
    return search;
  }

  /** A look at the swarm of a torrent; nothing happens before its `run`. */
  survey(options: SurveyOptions): Survey {
    const { metainfo: { infoHash }, sources: { dht } } = options;
    return this.#enter(infoHash, dht, (surroundings) => new Survey(options, surroundings));
  }

  /** Stops listening, and every torrent that still runs. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#listener?.close();
    for (const connection of this.#pending) connection.close();
    const runners = [...this.#participants, ...this.#searches];
    await Promise.all(runners.map((runner) => runner.stop()));
    this.#dht?.[Symbol.dispose]();
    this.#lsd?.[Symbol.dispose]();
    await this.#accepting;
  }

  /** A magnet has turned out to be private: a node that nobody needs says nothing more. */
  #endIdleDht(): void {
    if (this.#findWhere((participant) => participant.usesDht) !== undefined) return;
    this.#dht?.[Symbol.dispose]();
    this.#dht = undefined;
  }

  /** Peers that come for the info-hash are handed to it until it has left. */
  #enter<Runner extends Pick<Participant, "stop"> & Partial<Pick<Participant, "admit">>>(
    infoHash: InfoHash,
    usesDht: boolean,
    create: (surroundings: Surroundings) => Runner,
  ): Runner {
    const memory = this.#memoryOf(infoHash), { peerId } = memory;
    const runner = create({
      ...this.#surroundings(memory),
      onJoined: () => this.#replaceSearches(infoHash),
      onLeft: () => this.#participants.delete(participant),
    });
    const participant: Participant = {
      ourHandshake: { infoHash, peerId, dht: usesDht && this.#options.openDht !== undefined },
      torrentHash: torrentHash(infoHash),
      admit: (peer) => runner.admit?.(peer) ?? false,
      stop: () => runner.stop(),
      usesDht,
    };
    this.#participants.add(participant);
    return runner;
  }

  /** A torrent announces itself from now on, and says goodbye in the end. */
  #replaceSearches(infoHash: InfoHash): void {
    for (const search of this.#searches) {
      if (equalBytes(search.infoHash, infoHash)) void search.handOver();
    }
  }

  #memoryOf(infoHash: InfoHash): SwarmMemory {
    const { version, random } = this.#options;
    const key = infoHash.toHex();
    const memory = this.#memories.get(key) ??
      { peerId: createPeerId(version, random), bans: new Bans() };
    this.#memories.set(key, memory);
    return memory;
  }

  #surroundings(memory: SwarmMemory): Omit<Surroundings, "onJoined" | "onLeft"> {
    const { network, fetch, clock, random, encryption, version, openDht, openLsd } = this.#options;
    return {
      network,
      fetch,
      clock,
      random,
      encryption,
      ...memory,
      listen: () => this.listen(),
      portFor: (host) => this.#portFor(host),
      udpPortFor: (host, port) => this.#udpPortFor(host, port),
      clientName: `starling ${version}`,
      downloadLimit: this.#downloadLimit,
      uploadLimit: this.#uploadLimit,
      dht: () => this.#dht ??= openDht?.(this.listen()),
      lsd: () => this.#lsd ??= openLsd?.(),
    };
  }

  #portFor(host: string): number {
    return (isBeyondGateway(host) ? this.#options.externalPort?.("tcp") : undefined) ??
      this.listen();
  }

  /** The gateway opens the port where we listen, for datagrams too, and no other. */
  #udpPortFor(host: string, port: number): number {
    const isMapped = isBeyondGateway(host) && port === this.listen();
    return (isMapped ? this.#options.externalPort?.("udp") : undefined) ?? port;
  }

  async #accept(listener: Listener): Promise<void> {
    const { clock } = this.#options;
    const pace = new TokenBucket(HANDSHAKES_PER_SECOND, clock.now(), MAX_HANDSHAKES_AT_ONCE);
    for await (const connection of listener) {
      if (this.#pending.size >= MAX_PENDING_HANDSHAKES) connection.close();
      else void this.#receive(connection);
      const now = clock.now();
      pace.take(1, now);
      const pauseMs = pace.waitMs(now);
      if (pauseMs > 0) await clock.sleep(pauseMs, this.#closing.signal);
    }
  }

  async #receive(raw: Connection): Promise<void> {
    this.#pending.add(raw);
    try {
      const result = await acceptHandshake(raw, this.#hosted, this.#options);
      const peer = { ...result, endpoint: raw.remote, isIncoming: true };
      if (!this.#find(peer.handshake.infoHash)?.admit(peer)) raw.close();
    } catch (error) {
      raw.close();
      if (!(error instanceof ProtocolError)) throw error;
    } finally {
      this.#pending.delete(raw);
    }
  }

  #find(infoHash: InfoHash): Participant | undefined {
    return this.#findWhere(({ ourHandshake }) => equalBytes(ourHandshake.infoHash, infoHash));
  }

  #findWhere(matches: (participant: Participant) => boolean): Participant | undefined {
    return this.#participants.values().find(matches);
  }
}

/** Who is on our side of the gateway does not pass it, and nothing is mapped for IPv6. */
function isBeyondGateway(host: string): boolean {
  return familyOf(host) === "ipv4" && ["global", "name"].includes(hostScope(host));
}

/** `-SL0100-` and twelve random bytes (BEP 20). */
function createPeerId(version: string, random: Random): PeerId {
  const [major = "0", minor = "0", patch = "0"] = version.split(".");
  const prefix = new TextEncoder().encode(`-SL${major}${minor}${patch}0-`);
  return concatBytes(prefix.subarray(0, 7), prefix.subarray(-1), random.bytes(12)) as PeerId;
}
