/** The third stage: all connected peers of a torrent, from ready peers to full pieces. */
import type { Clock, Random } from "../base/ambient.ts";
import { Channel } from "../base/channel.ts";
import type { Endpoint, PortFor, UdpPortFor } from "../base/endpoint.ts";
import type { CloseReason } from "../base/errors.ts";
import type { InfoHash, PeerId, PieceIndex } from "../base/ids.ts";
import { LimitedMap } from "../base/limited_map.ts";
import { LayerTrees } from "../metainfo/layer_trees.ts";
import type { Layout } from "../metainfo/layout.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { Network } from "../net/transport.ts";
import type { PeerList } from "../peer/peer_list.ts";
import { allowedFastSet } from "../peer/allowed_fast.ts";
import { PeerSession } from "../peer/session.ts";
import type { Assembly, FullPiece } from "../piece/assembly.ts";
import type { Availability } from "../piece/availability.ts";
import type { PiecePicker } from "../piece/picker.ts";
import type { PeerKey, PieceTable } from "../piece/piece_table.ts";
import type { EncryptionMode } from "../wire/mse.ts";
import { PexFlag, type PexPeer } from "../wire/pex.ts";
import { Admission } from "./admission.ts";
import { Downloader } from "./downloader.ts";
import { PeerConnection } from "./connection.ts";
import { Dealings } from "./dealings.ts";
import type { ReadyPeer } from "./dialer.ts";
import { PexSending } from "./pex_sending.ts";
import { HolePunching } from "./hole_punching.ts";
import { ExtensionHandshakes } from "./extension_handshakes.ts";
import type { RateLimit } from "./rate_limit.ts";
import { Revealing } from "./revealing.ts";
import { Unchoking } from "./unchoking.ts";
import type { Uploader } from "./uploader.ts";

/** The longest message taken that is no bitfield (P4). */
const MAX_MESSAGE_LENGTH = 128 * 1024;
/** Endpoints remembered, so that a lie found late still finds its liar. */
const MAX_REMEMBERED_PEERS = 3000;

export interface SwarmOptions {
  readonly layout: Layout;
  readonly table: PieceTable;
  readonly availability: Availability;
  readonly assembly: Assembly;
  readonly picker: PiecePicker;
  readonly peerList: PeerList;
  readonly uploader: Uploader;
  readonly downloadLimit: RateLimit;
  readonly clock: Clock;
  readonly random: Random;
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  readonly portFor: PortFor;
  readonly clientName: string;
  readonly maxPeers: number;
  readonly network: Pick<Network, "maxPeers">;
  readonly maxDownloads: number;
  readonly uploadSlots: number;
  /** Show each peer one piece at a time, if everything is here from the start (BEP 16). */
  readonly superSeed?: boolean;
  readonly encryption: EncryptionMode;
  /** Peers may ask for its info dictionary (BEP 9), and in version 2 for its hashes (BEP 52). */
  readonly metainfo: Metainfo;
  /** Tell peers of each other, and hear of others (BEP 11); never for a private torrent (BEP 27). */
  readonly usePex: boolean;
  /** Bring peers together by uTP (BEP 55); never for a private torrent. */
  readonly useHolepunch: boolean;
  /** The UDP port of our DHT node, if peers may know of it: never for a private torrent. */
  readonly dhtPort: number | undefined;
  readonly udpPortFor: UdpPortFor;
  readonly onBanned: (endpoint: Endpoint, reason: string) => void;
  /** A peer says that it knows these, at most 50. */
  readonly onPexPeers: (endpoints: readonly Endpoint[], from: Endpoint) => void;
  /** A peer that one of ours knows expects us now (BEP 55). */
  readonly onMeeting: (endpoint: Endpoint, from: Endpoint) => void;
  /** A peer says that it has a DHT node there. */
  readonly onDhtNode: (node: Endpoint) => void;
  /** There is room for another peer. */
  readonly onPeerGone: () => void;
}

export class Swarm {
  /** What is asked of whom. */
  readonly downloader: Downloader;
  /** How peers have dealt with us. */
  readonly dealings = new Dealings();
  readonly #options: SwarmOptions;
  readonly #connections = new Map<PeerKey, PeerConnection>();
  readonly #remembered = new LimitedMap<PeerKey, Endpoint>(MAX_REMEMBERED_PEERS);
  readonly #admission: Admission;
  readonly #unchoking: Unchoking;
  readonly #revealing: Revealing;
  readonly #extensionHandshakes: ExtensionHandshakes;
  readonly #pexSending: PexSending;
  readonly #holePunching: HolePunching;
  readonly #fullPieces: Channel<FullPiece>;
  readonly #layers: LayerTrees | undefined;
  #lastKey: PeerKey = 0;
  #isClosed = false;

  constructor(options: SwarmOptions) {
    this.#options = options;
    const { metainfo } = options;
    this.#layers = metainfo.version === 2 ? new LayerTrees(metainfo) : undefined;
    this.#fullPieces = new Channel(this.maxPiecesInMemory);
    this.downloader = new Downloader({
      peers: this.#connections,
      picker: options.picker,
      assembly: options.assembly,
      availability: options.availability,
      maxDownloads: () =>
        Math.min(options.maxDownloads || Infinity, options.downloadLimit.maxPeers),
      onFullPiece: (piece) => this.#fullPieces.tryPush(piece),
      onLiar: (key, piece) => this.#ban(key, piece),
    });
    const peers = this.#connections, { have } = options.table;
    this.#admission = new Admission({ ...options, members: this.#connections });
    this.#unchoking = new Unchoking({ ...options, peers, slots: options.uploadSlots });
    this.#revealing = new Revealing({ ...options, peers, have });
    const extensionHandshakes = new ExtensionHandshakes({
      ...options,
      metadata: metainfo.infoBytes,
      onlyUploads: () => this.#onlyUploads,
    });
    const isBanned = (endpoint: Endpoint) => options.peerList.isBanned(endpoint);
    this.#extensionHandshakes = extensionHandshakes;
    this.#pexSending = new PexSending({ peers, extensionHandshakes, isBanned });
    this.#holePunching = new HolePunching({
      ...options,
      peers,
      extensionHandshakes,
      now: options.clock.now(),
    });
  }

  /** Full pieces on their way to the disk are bounded by the bytes of all pieces in memory. */
  get maxPiecesInMemory(): number {
    return this.#options.assembly.maxPieces;
  }

  /** Connected peers. */
  get peers(): Iterable<PeerConnection> {
    return this.#connections.values();
  }

  get size(): number {
    return this.#connections.size;
  }

  /** Peers that ever joined. */
  get joinedCount(): number {
    return this.#lastKey;
  }

  /** Peers that gave us a block. */
  get contributorCount(): number {
    for (const peer of this.#connections.values()) this.dealings.note(peer);
    return this.dealings.contributorCount;
  }

  /** Peers to be dialled for. */
  get wantedCount(): number {
    return this.#admission.wantedCount(this.#options.clock.now());
  }

  /** New peers are to be looked for. */
  get isHungry(): boolean {
    return this.#admission.isHungry(this.#options.clock.now());
  }

  /** Takes in all peers that come, and yields the pieces that they complete. */
  collect(ready: AsyncIterable<ReadyPeer>): AsyncIterable<FullPiece> {
    const welcome = async () => {
      for await (const peer of ready) this.#join(peer);
    };
    welcome().catch((error) => this.#fullPieces.fail(error));
    return this.#fullPieces;
  }

  /** To be called twice a second: deadlines, idle peers, and messages that could wait. */
  tick(now: number): void {
    // While the disk is behind we do not read: nobody is late then but ourselves.
    const { isComplete } = this.#options.table;
    const mayBeLate = this.downloader.backPressure() === undefined;
    if (!mayBeLate || this.#options.downloadLimit.isUsedUp) this.#admission.holdUp(now);
    for (const peer of this.#connections.values()) {
      if (mayBeLate) peer.session.handleTimeout(now);
      this.#handleEvents(peer, now);
      peer.tick(now);
    }
    this.#revealing.tick(now);
    if (isComplete) this.#extensionHandshakes.actAsSeed();
    this.#pexSending.tick(now);
    this.#unchoking.tick(isComplete, now);
    this.downloader.fillAll(now);
  }

  /** An endpoint could not be reached: was a peer that knows it asked to bring us together? */
  seekRelay(endpoint: Endpoint): boolean {
    return this.#holePunching.seek(endpoint, this.#options.clock.now());
  }

  /** Ends all connections, and the stream of pieces after those that are complete. */
  close(): void {
    this.#isClosed = true;
    for (const peer of this.#connections.values()) peer.close("finished");
    this.#fullPieces.close();
  }

  #join(ready: ReadyPeer): void {
    const { clock, peerList } = this.#options;
    const now = clock.now();
    const refusal = this.#isClosed ? "finished" : this.#admission.refusal(ready, now);
    if (refusal !== undefined) {
      ready.connection.close();
      return peerList.disconnected(ready, { reason: refusal, wasUseful: false }, now);
    }
    const connection = this.#connect(ready, ++this.#lastKey, now);
    this.#connections.set(connection.key, connection);
    this.#extensionHandshakes.join(connection, ready.handshake.flags.extended);
    this.#unchoking.join(connection, now);
    this.#remembered.set(connection.key, connection.endpoint);
    connection.run().then(
      (reason) => this.#leave(connection, reason),
      (error) => this.#fullPieces.fail(error),
    );
  }

  #connect(ready: ReadyPeer, key: PeerKey, now: number): PeerConnection {
    const { layout, clock, downloadLimit, uploader, uploadSlots, infoHash } = this.#options;
    const { connection, endpoint, handshake: { flags } } = ready;
    const have = this.#revealing.join(key);
    const { usePex: pex, useHolepunch: holepunch, metainfo, udpPortFor } = this.#options;
    const { dhtPort: port } = this.#options;
    const { host } = connection.remote;
    const dhtPort = port === undefined ? undefined : () => udpPortFor(host, port);
    const metadata = metainfo.infoBytes, layers = this.#layers;
    const beyond = { host, pex, holepunch, metadata, layers, dhtPort };
    const session = new PeerSession({ layout, have, flags, ...beyond, now });
    session.open(this.#extensionHandshakes.handshakeFor(connection.remote), now);
    if (uploadSlots > 0) {
      session.grantAllowedFast(allowedFastSet(endpoint.host, infoHash, layout), now);
    }
    const peer: PeerConnection = new PeerConnection({
      key,
      ready,
      session,
      maxMessageLength: Math.max(MAX_MESSAGE_LENGTH, 1 + Math.ceil(layout.pieceCount / 8)),
      clock,
      downloadLimit,
      onRead: (now) => {
        this.#handleEvents(peer, now);
        this.downloader.fill(peer, now);
        peer.flush();
      },
      backPressure: () => this.downloader.backPressure(),
      upload: (signal) => uploader.serve(peer, signal),
    });
    return peer;
  }

  #handleEvents(peer: PeerConnection, now: number): void {
    for (const event of peer.session.drain()) {
      switch (event.kind) {
        case "interested":
        case "not-interested":
          this.#unchoking.updateInterest(peer, now);
          break;
        case "extension-handshake":
          this.#extensionHandshakes.heard(peer.key, event.handshake);
          break;
        case "pex-peers":
          this.#notePexPeers(event.peers, peer);
          break;
        case "holepunch":
          this.#holePunching.handle(event.message, peer, now);
          break;
        case "dht-port":
          this.#options.onDhtNode({ host: peer.remote.host, port: event.port });
          break;
        case "close":
          peer.close(event.reason);
          break;
        default:
          this.downloader.handle(peer, event, now);
          if (event.kind === "have") this.#revealing.spread(event.piece, now);
          else if (event.kind === "unchoked") this.dealings.unchoked(peer, now);
      }
    }
  }

  /** To who wants nothing more, other seeds are no use. */
  #notePexPeers(peers: readonly PexPeer[], { remote }: PeerConnection): void {
    const { table: { isComplete }, onPexPeers } = this.#options;
    const useful = peers.filter(({ flags }) => !isComplete || (flags & PexFlag.uploadOnly) === 0);
    if (useful.length > 0) onPexPeers(useful.map(({ endpoint }) => endpoint), remote);
  }

  /** Nothing more is wanted (BEP 21). A super-seed does not say so: it seems to have nothing. */
  get #onlyUploads(): boolean {
    return this.#options.table.isComplete && !this.#revealing.isPartial;
  }

  #leave(peer: PeerConnection, reason: CloseReason): void {
    this.#connections.delete(peer.key);
    this.#extensionHandshakes.leave(peer.key);
    this.#unchoking.leave(peer);
    this.dealings.left(peer, reason);
    // It has parted from us as we would have from it, only sooner.
    const isUseless = this.#onlyUploads && !peer.session.isPeerInterested;
    const end = {
      reason: isUseless && reason === "remote-closed" ? "useless" : reason,
      wasUseful: peer.session.downloadedBytes > 0,
    };
    const now = this.#options.clock.now();
    this.#options.peerList.disconnected(peer, end, now);
    if (this.#isClosed) return;
    this.downloader.peerGone(peer);
    this.#revealing.leave(peer.key);
    this.downloader.fillAll(now);
    this.#options.onPeerGone();
  }

  #ban(key: PeerKey, piece: PieceIndex): void {
    const endpoint = this.#remembered.get(key);
    if (endpoint === undefined || this.#options.peerList.isBanned(endpoint)) return;
    this.#options.peerList.ban(endpoint);
    this.#connections.get(key)?.close("banned");
    this.#options.onBanned(endpoint, `sent bad data for piece ${piece}`);
  }
}
