/** All torrents of one program: they share the listener, the rate limits and the identity. */
import type { Clock, Random } from "../base/ambient.ts";
import { concatBytes, equalBytes } from "../base/bytes.ts";
import { ProtocolError } from "../base/errors.ts";
import type { InfoHash, PeerId } from "../base/ids.ts";
import type { FetchBounded } from "../net/http.ts";
import type { Connection, Listener, Network } from "../net/transport.ts";
import { type Introduction, welcome } from "./handshaking.ts";
import { RateLimit } from "./rate_limit.ts";
import { Torrent } from "./torrent.ts";
import type { TorrentOptions } from "./torrent_options.ts";

/** Incoming connections that have not said who they are; more are closed at once (P32). */
const MAX_PENDING_HANDSHAKES = 256;

export interface ClientOptions {
  readonly network: Network;
  readonly fetch: FetchBounded;
  readonly clock: Clock;
  readonly random: Random;
  /** `MAJOR.MINOR.PATCH`. */
  readonly version: string;
  /** Ports to listen on, the first free one; 0 is any. */
  readonly ports: readonly number[];
  /** The local address to listen on; all when left out. */
  readonly address?: string;
  /** Bytes a second, all torrents together. */
  readonly maxDownloadRate?: number;
  readonly maxUploadRate?: number;
}

export class Client {
  readonly #options: ClientOptions;
  #listener: Listener | undefined;
  #accepting: Promise<void> = Promise.resolve();
  readonly #downloadLimit: RateLimit;
  readonly #uploadLimit: RateLimit;
  readonly #torrents: { readonly torrent: Torrent; readonly introduction: Introduction }[] = [];
  readonly #pending = new Set<Connection>();

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
    }
    return this.#listener.port;
  }

  /** A torrent of this program; nothing happens before its `download`. */
  add(options: TorrentOptions): Torrent {
    const { network, fetch, clock, random, version } = this.#options;
    const peerId = createPeerId(version, random);
    const torrent = new Torrent(options, {
      network,
      fetch,
      clock,
      random,
      peerId,
      listen: () => this.listen(),
      clientName: `starling ${version}`,
      downloadLimit: this.#downloadLimit,
      uploadLimit: this.#uploadLimit,
      dht: () => undefined,
      lsd: () => undefined,
    });
    const { infoHash } = options.metainfo;
    this.#torrents.push({ torrent, introduction: { infoHash, peerId } });
    return torrent;
  }

  /** Stops listening, and every torrent that still runs. */
  async close(): Promise<void> {
    this.#listener?.close();
    for (const connection of this.#pending) connection.close();
    await Promise.all(this.#torrents.map(({ torrent }) => torrent.stop()));
    await this.#accepting;
  }

  async #accept(listener: Listener): Promise<void> {
    for await (const connection of listener) {
      if (this.#pending.size >= MAX_PENDING_HANDSHAKES) connection.close();
      else void this.#receive(connection);
    }
  }

  async #receive(connection: Connection): Promise<void> {
    this.#pending.add(connection);
    try {
      const find = (infoHash: InfoHash) => this.#find(infoHash)?.introduction;
      const handshake = await welcome(connection, find, this.#options.clock);
      const peer = { connection, handshake, endpoint: connection.remote, isIncoming: true };
      if (!this.#find(handshake.infoHash)?.torrent.admit(peer)) connection.close();
    } catch (error) {
      connection.close();
      if (!(error instanceof ProtocolError)) throw error;
    } finally {
      this.#pending.delete(connection);
    }
  }

  #find(infoHash: InfoHash) {
    return this.#torrents.find(({ introduction }) => equalBytes(introduction.infoHash, infoHash));
  }
}

/** `-SL0100-` and twelve random bytes (BEP 20). */
function createPeerId(version: string, random: Random): PeerId {
  const [major = "0", minor = "0", patch = "0"] = version.split(".");
  const prefix = new TextEncoder().encode(`-SL${major}${minor}${patch}0-`);
  return concatBytes(prefix.subarray(0, 7), prefix.subarray(-1), random.bytes(12)) as PeerId;
}
