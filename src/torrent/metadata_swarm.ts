/** All connected peers of a torrent whose metadata is not known, from ready peers to metadata. */
import type { Clock } from "../base/ambient.ts";
import { type Endpoint, formatEndpoint, type PortFor, type UdpPortFor } from "../base/endpoint.ts";
import type { CloseReason } from "../base/errors.ts";
import type { FullInfoHash } from "../base/ids.ts";
import { LimitedMap } from "../base/limited_map.ts";
import type { MetadataPeer } from "../peer/metadata_buffer.ts";
import { MetadataSession } from "../peer/metadata_session.ts";
import type { PeerList } from "../peer/peer_list.ts";
import {
  type FetchProgress,
  type GivenMetadata,
  type TorrentEffect,
  TorrentFetch,
} from "../peer/torrent_fetch.ts";
import {
  encodeExtensionHandshake,
  EXTENSION_IDS,
  type ExtensionHandshake,
} from "../wire/extension.ts";
import { isSamePeer } from "./admission.ts";
import type { ReadyPeer } from "./dialer.ts";
import { MetadataConnection } from "./metadata_connection.ts";

/** A peer that has not said by then that it has metadata makes way for another. */
const USELESS_AFTER_MS = 10_000;
/** And one that says so and has given none, after this time. */
const MUTE_AFTER_MS = 120_000;
/** While fewer claim to have metadata, others are looked for. */
const ENOUGH_SOURCES = 20;
/** Endpoints remembered, so that those who had metadata are known at the end. */
const MAX_REMEMBERED_PEERS = 3_000;

export interface MetadataSwarmOptions {
  readonly infoHash: FullInfoHash;
  readonly peerList: PeerList;
  readonly clock: Clock;
  /** Name and version. */
  readonly clientName: string;
  readonly portFor: PortFor;
  /** The UDP port of our DHT node, if peers may know of it. */
  readonly dhtPort: number | undefined;
  readonly udpPortFor: UdpPortFor;
  readonly maxPeers: number;
  /** Whether peers are heard on other peers (BEP 11). */
  readonly usePex: boolean;
  readonly onPexPeers: (endpoints: readonly Endpoint[], namedBy: Endpoint) => void;
  readonly onDhtNode: (node: Endpoint) => void;
  readonly onBanned: (endpoint: Endpoint, reason: string) => void;
  /** There is room for another peer. */
  readonly onPeerGone: () => void;
}

export class MetadataSwarm {
  readonly #options: MetadataSwarmOptions;
  readonly #fetch: TorrentFetch;
  readonly #connections = new Map<MetadataPeer, MetadataConnection>();
  /** Where peers can be dialled that say they have metadata, those who are gone too. */
  readonly #owners = new LimitedMap<MetadataPeer, Endpoint>(MAX_REMEMBERED_PEERS);
  readonly #found = Promise.withResolvers<GivenMetadata>();
  #givers: ReadonlySet<MetadataPeer> = new Set();
  #lastKey: MetadataPeer = 0;
  #isClosed = false;

  constructor(options: MetadataSwarmOptions) {
    this.#options = options;
    this.#fetch = new TorrentFetch(options.infoHash);
    this.#found.promise.catch(() => {}); // whoever collects sees it
  }

  get size(): number {
    return this.#connections.size;
  }

  /** Endpoints that ever said they have metadata. */
  get ownerCount(): number {
    return new Set([...this.#owners.values()].map(formatEndpoint)).size;
  }

  /** Undefined while nobody claims to have metadata. */
  get progress(): FetchProgress | undefined {
    return this.#fetch.progress;
  }

  /** How many more peers it would be good to have. */
  get wanted(): number {
    if (this.#isClosed || this.#fetch.sourceCount >= ENOUGH_SOURCES) return 0;
    const now = this.#options.clock.now();
    let useful = 0;
    for (const peer of this.#connections.values()) if (!isUseless(peer, now)) useful++;
    return Math.max(0, this.#options.maxPeers - useful);
  }

  /** Where to dial peers that have metadata: those who gave it first. */
  get owners(): Endpoint[] {
    const byText = new Map<string, Endpoint>();
    const isGiver = (key: MetadataPeer) => this.#givers.has(key);
    const keys = [...this.#owners.keys()];
    for (const key of [...keys.filter(isGiver), ...keys.filter((key) => !isGiver(key))]) {
      const endpoint = this.#owners.get(key)!;
      byText.set(formatEndpoint(endpoint), endpoint);
    }
    return [...byText.values()];
  }

  /** Takes in all peers that come, until they have given the metadata. */
  collect(ready: AsyncIterable<ReadyPeer>): Promise<GivenMetadata> {
    const welcome = async () => {
      for await (const peer of ready) this.#join(peer);
    };
    welcome().catch((error) => this.#found.reject(error));
    return this.#found.promise;
  }

  /** To be called twice a second: deadlines, and messages that could wait. */
  tick(now: number): void {
    for (const peer of this.#connections.values()) {
      peer.session.handleTimeout(now);
      this.#handleEvents(peer, now);
      peer.flush();
      peer.tick(now);
    }
    this.#fetch.handleTimeout(now);
    this.#act(now);
  }

  /** Ends all connections; nothing is found after that. */
  close(): void {
    this.#isClosed = true;
    for (const peer of this.#connections.values()) peer.close("finished");
  }

  #join(ready: ReadyPeer): void {
    const { clock, peerList } = this.#options;
    const now = clock.now();
    const refusal = this.#refusal(ready, now);
    if (refusal !== undefined) {
      ready.connection.close();
      return peerList.disconnected(ready, { reason: refusal, wasUseful: false }, now);
    }
    const connection = this.#connect(ready, ++this.#lastKey, now);
    this.#connections.set(connection.key, connection);
    this.#fetch.handlePeer(connection.key, now);
    connection.run().then(
      (reason) => this.#leave(connection, reason),
      (error) => this.#found.reject(error),
    );
  }

  /** Why a peer cannot join; another makes way for it where it should. */
  #refusal(ready: ReadyPeer, now: number): CloseReason | undefined {
    const peers = this.#connections;
    if (this.#isClosed) return "finished";
    if (this.#options.peerList.isBanned(ready.endpoint)) return "banned";
    if (!ready.handshake.flags.extended) return "useless";
    for (const peer of peers.values()) {
      // When two have dialled each other, the other side decides which connection ends.
      const isTwin = peer.isIncoming === ready.isIncoming && isSamePeer(peer, ready);
      if (isTwin) return "duplicate-connection";
    }
    if (this.size < this.#options.maxPeers) return undefined;
    const useless = peers.values().find((peer) => isUseless(peer, now));
    useless?.close("useless");
    return useless === undefined ? "too-many-peers" : undefined;
  }

  #connect(ready: ReadyPeer, key: MetadataPeer, now: number): MetadataConnection {
    const { clientName, portFor, dhtPort: port, udpPortFor, usePex, clock } = this.#options;
    const { connection, handshake: { flags } } = ready;
    const { host } = connection.remote;
    const dhtPort = port === undefined ? undefined : () => udpPortFor(host, port);
    const session = new MetadataSession({ flags, host, pex: usePex, dhtPort, now });
    const { ut_pex, ut_metadata } = EXTENSION_IDS;
    const extensionHandshake = encodeExtensionHandshake({
      clientName,
      yourIp: host,
      listenPort: portFor(host),
      messages: { ut_metadata, ...(usePex && { ut_pex }) },
    });
    session.open(extensionHandshake, now);
    const peer: MetadataConnection = new MetadataConnection({
      key,
      ready,
      session,
      clock,
      onRead: (now) => {
        this.#handleEvents(peer, now);
        this.#act(now);
        peer.flush();
      },
    });
    return peer;
  }

  #handleEvents(peer: MetadataConnection, now: number): void {
    const { key, session, remote } = peer;
    for (const answer of session.drainAnswers()) {
      if (this.#fetch.handleAnswer(key, answer, now)) peer.hasGiven = true;
    }
    for (const event of session.drain()) {
      switch (event.kind) {
        case "extension-handshake":
          this.#noteHandshake(peer, event.handshake, now);
          break;
        case "pex-peers":
          this.#options.onPexPeers(event.peers.map(({ endpoint }) => endpoint), remote);
          break;
        case "dht-port":
          this.#options.onDhtNode({ host: remote.host, port: event.port });
          break;
        case "close":
          peer.close(event.reason);
      }
    }
  }

  #noteHandshake(peer: MetadataConnection, handshake: ExtensionHandshake, now: number): void {
    const { metadataSize, listenPort } = handshake;
    if (metadataSize === undefined || !peer.session.knowsMetadata) return;
    peer.hasMetadata = true;
    if (!peer.isIncoming) this.#owners.set(peer.key, peer.endpoint);
    else if (listenPort !== undefined) {
      this.#owners.set(peer.key, { host: peer.remote.host, port: listenPort });
    }
    this.#fetch.handleSize(peer.key, metadataSize, now);
  }

  /** Does what is due to get the metadata. */
  #act(now: number): void {
    for (const effect of this.#fetch.drain()) {
      switch (effect.kind) {
        case "request":
        case "request-hashes":
          this.#ask(effect, now);
          break;
        case "liar":
          this.#ban(effect.peer);
          break;
        case "malformed":
          this.#owners.delete(effect.peer);
          this.#connections.get(effect.peer)?.close("malformed-message");
          break;
        case "found":
          this.#givers = effect.givers;
          this.#found.resolve(effect.given);
      }
    }
  }

  #ask(request: TorrentEffect & { kind: `request${string}` }, now: number): void {
    const connection = this.#connections.get(request.peer);
    if (connection === undefined) return;
    const { session } = connection;
    if (request.kind === "request") session.request(request.piece, now);
    else session.requestHashes(request.root, request.range, now);
    connection.flush();
  }

  /** It may be gone: what it gave can take long to be found out. */
  #ban(key: MetadataPeer): void {
    const connection = this.#connections.get(key);
    const endpoint = this.#owners.get(key) ?? connection?.endpoint;
    this.#owners.delete(key);
    connection?.close("banned");
    if (endpoint === undefined || this.#options.peerList.isBanned(endpoint)) return;
    this.#options.peerList.ban(endpoint);
    this.#options.onBanned(endpoint, "sent metadata of something else");
  }

  #leave(peer: MetadataConnection, reason: CloseReason): void {
    this.#connections.delete(peer.key);
    const now = this.#options.clock.now();
    const wasUseful = peer.hasGiven && reason !== "malformed-message";
    this.#options.peerList.disconnected(peer, { reason, wasUseful }, now);
    if (this.#isClosed) return;
    this.#fetch.handleGone(peer.key, now);
    this.#act(now);
    this.#options.onPeerGone();
  }
}

/** It has been here for a while, and not said that it has metadata, or given none. */
function isUseless({ hasMetadata, hasGiven, joinedAt }: MetadataConnection, now: number): boolean {
  if (hasGiven) return false;
  return now - joinedAt > (hasMetadata ? MUTE_AFTER_MS : USELESS_AFTER_MS);
}
