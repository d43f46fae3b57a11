/** A simulated swarm to put together piece by piece: seeds, liars, scripted peers, downloaders. */
import { ok } from "node:assert/strict";
import type { Random } from "../../src/base/ambient.ts";
import { Bitfield } from "../../src/base/bitfield.ts";
import type { Bytes } from "../../src/base/bytes.ts";
import type { Endpoint } from "../../src/base/endpoint.ts";
import { StoppedError } from "../../src/base/errors.ts";
import type { PeerId, PieceIndex } from "../../src/base/ids.ts";
import { LyingStorage } from "../../src/cli/demo/lying_storage.ts";
import type { Metainfo } from "../../src/metainfo/metainfo.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { Client, type ClientOptions } from "../../src/torrent/client.ts";
import type { TorrentEvent } from "../../src/torrent/snapshot.ts";
import type { Torrent } from "../../src/torrent/torrent.ts";
import type { TorrentOptions } from "../../src/torrent/torrent_options.ts";
import type { EncryptionMode } from "../../src/wire/mse.ts";
import { ManualClock } from "./manual_clock.ts";
import { type Behaviour, play } from "./scripted_peer.ts";
import { type Link, SimNetwork } from "./sim_network.ts";
import { SimDisk, SimStorage } from "./sim_storage.ts";
import { bytesOf, type SimTorrentOptions, torrentOf } from "./sim_torrent.ts";

export const PORT = 6881;
/** In simulated time: whatever has to settle at the end does so by then. */
const CLOSING_LIMIT_MS = 10_000;

export class Lab {
  readonly clock = new ManualClock();
  readonly network = new SimNetwork(this.clock);
  readonly metainfo: Metainfo;
  /** Everybody that a downloader will be told of. */
  readonly endpoints: Endpoint[] = [];
  /** What the downloaders' torrents told. */
  readonly events: TorrentEvent[] = [];
  /** Whether the clients of a host encrypt, unless it is said. */
  encryptionOf: (host: string) => EncryptionMode = () => "off";
  readonly #content: Bytes;
  readonly #random: Random;
  readonly #ending = new AbortController();
  readonly #clients = new Set<Client>();

  constructor(
    content: Bytes,
    pieceLength: number,
    random: Random,
    options: Omit<SimTorrentOptions, "pieceLength"> = {},
  ) {
    this.#content = content;
    this.#random = random;
    this.metainfo = torrentOf(content, { pieceLength, ...options });
  }

  /** An empty disk for a downloader. */
  createDisk(): SimDisk {
    return new SimDisk(this.metainfo.layout.pieceCount);
  }

  /** The disk of one that has everything. */
  createFullDisk(): SimDisk {
    const disk = this.createDisk();
    disk.claimed = fullBitfield(disk.claimed.length);
    for (const index of disk.claimed.ones()) {
      disk.pieces.set(index as PieceIndex, this.contentOf(index as PieceIndex));
    }
    return disk;
  }

  /** The bytes of a piece. */
  contentOf(piece: PieceIndex): Bytes {
    return bytesOf(this.metainfo, this.#content, piece);
  }

  /** A peer that has everything and uploads; with `lies`, some blocks come corrupt. */
  addSeed(host: string, link: Link, lies?: () => boolean): Torrent {
    this.network.setLink(host, link);
    const disk = this.createFullDisk();
    const honest = new SimStorage(this.metainfo, disk, this.clock, { latencyMs: 1 });
    const storage = lies === undefined ? honest : new LyingStorage(honest, lies);
    const torrent = this.addTorrent(this.createClient(host), storage, {
      peers: [],
      uploadSlots: 8,
      keepSeeding: true,
      onEvent: () => {},
    });
    torrent.download().catch((error) => ok(error instanceof StoppedError));
    this.endpoints.push({ host, port: PORT });
    return torrent;
  }

  /** A peer that follows a script. */
  addScripted(host: string, behaviour: Behaviour): void {
    const listener = this.network.host(host).listen({ ports: [PORT] });
    this.#ending.signal.addEventListener("abort", () => listener.close(), { once: true });
    this.endpoints.push({ host, port: PORT });
    const serve = async () => {
      for await (const connection of listener) {
        void play(connection, {
          infoHash: this.metainfo.infoHash,
          peerId: this.#random.bytes(20) as PeerId,
          clock: this.clock,
          behaviour,
          blockOf: (index, begin, length) =>
            this.contentOf(index as PieceIndex).slice(begin, begin + length),
          signal: this.#ending.signal,
        });
      }
    };
    void serve();
  }

  createClient(
    host: string,
    options: Partial<
      Pick<
        ClientOptions,
        | "network"
        | "fetch"
        | "maxDownloadRate"
        | "maxUploadRate"
        | "encryption"
        | "openDht"
        | "externalPort"
      >
    > = {},
  ): Client {
    const client = new Client({
      network: this.network.host(host),
      fetch: () => Promise.reject(new Error("there is no HTTP in the simulation")),
      clock: this.clock,
      random: this.#random,
      encryption: this.encryptionOf(host),
      version: "0.0.0",
      ports: [PORT],
      ...options,
    });
    this.#clients.add(client);
    return client;
  }

  /** By default a downloader of everything that knows all endpoints and does not upload. */
  addTorrent(client: Client, storage: Storage, options: Partial<TorrentOptions>): Torrent {
    return client.add({
      metainfo: this.metainfo,
      storage,
      peers: this.endpoints,
      sources: { trackers: false, dht: false, pex: false, lsd: false },
      maxPeers: 80,
      maxDownloads: 0,
      uploadSlots: 0,
      selected: new Set(this.metainfo.files.keys()),
      firstRanges: [],
      sequential: false,
      memoryBudgetBytes: 2 ** 20,
      keepSeeding: false,
      onEvent: (event) => this.events.push(event),
      ...options,
    });
  }

  /** Lets simulated time pass until the promise has settled; false when the limit came first. */
  async settled(promise: Promise<unknown>, limitMs: number): Promise<boolean> {
    let isSettled = false;
    const settle = () => void (isSettled = true);
    promise.then(settle, settle);
    return await this.clock.run(() => isSettled, limitMs);
  }

  async closeClient(client: Client): Promise<void> {
    this.#clients.delete(client);
    const closing = client.close();
    ok(await this.settled(closing, CLOSING_LIMIT_MS), "stops within ten seconds");
    await closing;
  }

  /** Ends everybody. */
  async end(): Promise<void> {
    this.#ending.abort();
    for (const client of this.#clients) await this.closeClient(client);
  }
}

export function fullBitfield(length: number): Bitfield {
  const field = new Bitfield(length);
  field.setAll();
  return field;
}
