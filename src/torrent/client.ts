/** All torrents of one program: they share the listener, the rate limits and the identity. */
import type { Clock, Random } from "../base/ambient.ts";
import { concatBytes, equalBytes } from "../base/bytes.ts";
import { ProtocolError } from "../base/errors.ts";
import type { InfoHash, PeerId } from "../base/ids.ts";
import { TokenBucket } from "../base/rate.ts";
import type { FetchBounded } from "../net/http.ts";
import type { Connection, Listener, Network } from "../net/transport.ts";
import { type EncryptionMode, torrentHash } from "../wire/mse.ts";
import { type Hosted, type Introduction, welcome } from "./handshaking.ts";
import { type MetadataOptions, MetadataSearch } from "./metadata_search.ts";
import { allowedSources, type SourceSwitches } from "./peer_sources.ts";
import { RateLimit } from "./rate_limit.ts";
import { Survey, type SurveyOptions } from "./survey.ts";
import { Torrent } from "./torrent.ts";
import type { ReadyPeer } from "./dialer.ts";
import type { Dht, LocalPeers, Surroundings, TorrentOptions } from "./torrent_options.ts";

/** Incoming connections that have not said who they are; more are closed at once (P32). */
const MAX_PENDING_HANDSHAKES = 256;
/**
 * Connections taken up a second, and at once after a pause. A handshake may cost a tenth of a
 * millisecond, and more with encryption: whoever floods us fills the system's queue, not a core.
 */
const WELCOMES_PER_SECOND = 50;
const MAX_WELCOMES_AT_ONCE = 300;

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
}

/** Whoever takes peers of one info-hash. */
interface Participant {
  readonly introduction: Introduction;
  readonly admit: (peer: ReadyPeer) => boolean;
  readonly stop: () => Promise<void>;
  /** It may ask the DHT, now or later. */
  readonly usesDht: () => boolean;
}

export class Client {
  readonly #options: ClientOptions;
  #listener: Listener | undefined;
  #accepting: Promise<void> = Promise.resolve();
  readonly #downloadLimit: RateLimit;
  readonly #uploadLimit: RateLimit;
  readonly #participants: Participant[] = [];
  #dht: (Dht & Disposable) | undefined;
  #lsd: (LocalPeers & Disposable) | undefined;
  readonly #pending = new Set<Connection>();
  readonly #closing = new AbortController();
  readonly #hosted: Hosted = {
    find: (infoHash) => this.#find(infoHash)?.introduction,
    findByTorrentHash: (hash) =>
      this.#participants.map(({ introduction }) => introduction)
        .find(({ infoHash }) => equalBytes(torrentHash(infoHash), hash)),
  };

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#downloadLimit = new RateLimit(options.maxDownloadRate, options.clock);
    this.#uploadLimit = new RateLimit(options.maxUploadRate, options.clock);
  }

  /**
   * The port where peers can reach us, from the first call on: whoever joins no swarm opens no
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
    const surroundings = this.#surroundings(infoHash);
    const torrent = new Torrent(options, surroundings);
    const sources = allowedSources(options.sources, isPrivate);
    this.#participants.push({
      introduction: this.#introduction(surroundings, infoHash, sources),
      admit: (peer) => torrent.admit(peer),
      stop: () => torrent.stop(),
      usesDht: () => sources.dht,
    });
    if (isPrivate) this.#endIdleDht();
    return torrent;
  }

  /** A search for the metadata of a magnet; nothing happens before its `find`. */
  findMetadata(options: MetadataOptions): MetadataSearch {
    const { infoHash } = options;
    const surroundings = this.#surroundings(infoHash);
    const search = new MetadataSearch(options, surroundings);
    this.#participants.push({
      introduction: this.#introduction(surroundings, infoHash, options.sources),
      admit: (peer) => search.admit(peer),
      stop: () => search.stop(),
      usesDht: () => options.sources.dht && !search.isOver,
    });
    return search;
  }

  /** A look at the swarm of a torrent; nothing happens before its `run`. */
  survey(options: SurveyOptions): Survey {
    const { infoHash } = options.metainfo;
    const surroundings = this.#surroundings(infoHash);
    const survey = new Survey(options, surroundings);
    this.#participants.push({
      introduction: { infoHash, peerId: surroundings.peerId },
      admit: () => false,
      stop: () => survey.stop(),
      usesDht: () => options.sources.dht,
    });
    return survey;
  }

  /** Stops listening, and every torrent that still runs. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#listener?.close();
    for (const connection of this.#pending) connection.close();
    await Promise.all(this.#participants.map((participant) => participant.stop()));
    this.#dht?.[Symbol.dispose]();
    this.#lsd?.[Symbol.dispose]();
    await this.#accepting;
  }

  /** A magnet has turned out to be private: a node that nobody needs says nothing more. */
  #endIdleDht(): void {
    if (this.#participants.some((participant) => participant.usesDht())) return;
    this.#dht?.[Symbol.dispose]();
    this.#dht = undefined;
  }

  /** Who we are for those who find us: with the DHT, where it is used. */
  #introduction(
    { peerId }: Surroundings,
    infoHash: InfoHash,
    sources: SourceSwitches,
  ): Introduction {
    return { infoHash, peerId, dht: sources.dht && this.#options.openDht !== undefined };
  }

  #surroundings(infoHash: InfoHash): Surroundings {
    const { network, fetch, clock, random, encryption, version, openDht, openLsd } = this.#options;
    return {
      network,
      fetch,
      clock,
      random,
      encryption,
      // One identity for each info-hash: trackers count peers by it.
      peerId: this.#find(infoHash)?.introduction.peerId ?? createPeerId(version, random),
      listen: () => this.listen(),
      clientName: `starling ${version}`,
      downloadLimit: this.#downloadLimit,
      uploadLimit: this.#uploadLimit,
      dht: () => this.#dht ??= openDht?.(this.listen()),
      lsd: () => this.#lsd ??= openLsd?.(),
    };
  }

  async #accept(listener: Listener): Promise<void> {
    const { clock } = this.#options;
    const pace = new TokenBucket(WELCOMES_PER_SECOND, clock.now(), MAX_WELCOMES_AT_ONCE);
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
      const introduced = await welcome(raw, this.#hosted, this.#options);
      const peer = { ...introduced, endpoint: raw.remote, isIncoming: true };
      if (!this.#find(introduced.handshake.infoHash)?.admit(peer)) raw.close();
    } catch (error) {
      raw.close();
      if (!(error instanceof ProtocolError)) throw error;
    } finally {
      this.#pending.delete(raw);
    }
  }

  /** The latest: a torrent comes after the search for its metadata. */
  #find(infoHash: InfoHash): Participant | undefined {
    return this.#participants.findLast(({ introduction }) =>
      equalBytes(introduction.infoHash, infoHash)
    );
  }
}

/** `-SL0100-` and twelve random bytes (BEP 20). */
function createPeerId(version: string, random: Random): PeerId {
  const [major = "0", minor = "0", patch = "0"] = version.split(".");
  const prefix = new TextEncoder().encode(`-SL${major}${minor}${patch}0-`);
  return concatBytes(prefix.subarray(0, 7), prefix.subarray(-1), random.bytes(12)) as PeerId;
}
