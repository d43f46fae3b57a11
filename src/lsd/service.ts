/** Local service discovery (BEP 14): finds peers on the local network, and tells them of us. */
import type { Clock, Random } from "../base/ambient.ts";
import { Channel } from "../base/channel.ts";
import type { Endpoint } from "../base/endpoint.ts";
import type { InfoHash } from "../base/ids.ts";
import { TokenBucket } from "../base/rate.ts";
import { ConnectError, type DatagramSocket, type Network } from "../net/transport.ts";
import { MAX_DATAGRAM_LENGTH } from "./announcement.ts";
import { Neighbourhood } from "./neighbourhood.ts";

/** The groups of BEP 14. */
const GROUPS: readonly Endpoint[] = [
  { host: "239.192.152.143", port: 6771 },
  { host: "ff15::efc0:988f", port: 6771 },
];
/** Datagrams that are read of a group in a second; a flood beyond them is left to the kernel. */
const DATAGRAMS_PER_SECOND = 100;
/** Sightings that wait for whoever searches; when so many do, new ones are lost. */
const MAX_WAITING_SIGHTINGS = 64;

export interface LocalDiscoveryOptions {
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  /** Takes a line for people, when there is no way to search. */
  readonly onLog?: (message: string) => void;
}

export interface LocalSearchOptions {
  /** Where the local network reaches us, 1 to 65535. */
  readonly port: number;
  /** Ends the search. */
  readonly signal: AbortSignal;
}

interface Group {
  readonly endpoint: Endpoint;
  readonly socket: DatagramSocket;
}

/** Has sockets only while it searches: of a torrent that nobody searches, nothing is said. */
export class LocalDiscovery {
  readonly #network: Network;
  readonly #clock: Clock;
  readonly #onLog: (message: string) => void;
  readonly #neighbourhood: Neighbourhood;
  /** By info-hash, in hex. */
  readonly #searches = new Map<string, Channel<readonly Endpoint[]>>();
  /** Undefined while nobody searches. */
  #groups: Group[] | undefined;
  #isClosed = false;
  /** Ends the wait for the next announcement, which is due earlier than was thought. */
  #waiting = new AbortController();

  constructor({ network, clock, random, onLog = () => {} }: LocalDiscoveryOptions) {
    this.#network = network;
    this.#clock = clock;
    this.#onLog = onLog;
    this.#neighbourhood = new Neighbourhood({ random });
  }

  /**
   * Announces a torrent on the local network, and yields who else does; one search of a torrent
   * at a time, the newest. Ends when the signal aborts, or with `close`. Never for a private
   * torrent (BEP 27): that is for the caller to see to. Never throws.
   */
  async *search(
    infoHash: InfoHash,
    { port, signal }: LocalSearchOptions,
  ): AsyncIterable<readonly Endpoint[]> {
    if (signal.aborted || this.#isClosed) return;
    const key = infoHash.toHex();
    const found = new Channel<readonly Endpoint[]>(MAX_WAITING_SIGHTINGS);
    const stop = () => found.close();
    signal.addEventListener("abort", stop);
    this.#searches.get(key)?.close();
    this.#searches.set(key, found);
    this.#neighbourhood.add(infoHash, port, this.#clock.now());
    if (this.#groups === undefined) this.#open().catch((error) => this.#failAll(error));
    this.#waiting.abort();
    try {
      yield* found;
    } finally {
      signal.removeEventListener("abort", stop);
      if (this.#searches.get(key) === found) {
        this.#searches.delete(key);
        this.#neighbourhood.remove(infoHash);
        if (this.#searches.size === 0) this.#shut();
      }
    }
  }

  /** Ends all searches. May be called again. */
  close(): void {
    this.#isClosed = true;
    for (const found of this.#searches.values()) found.close();
    this.#shut();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #open(): Promise<void> {
    const groups: Group[] = this.#groups = [];
    for (const endpoint of GROUPS) {
      const socket = await this.#join(endpoint);
      // Nobody searches any more, or somebody does anew.
      if (groups !== this.#groups) return socket?.close();
      if (socket !== undefined) groups.push({ endpoint, socket });
    }
    if (groups.length === 0) return this.#shut();
    for (const { socket } of groups) void this.#listen(socket);
    void this.#announce(groups);
  }

  /** By a bug of ours. */
  #failAll(error: unknown): void {
    for (const found of this.#searches.values()) found.fail(error);
  }

  /** One family is enough, and none no reason to fail: there are other sources. */
  async #join({ host: group, port }: Endpoint): Promise<DatagramSocket | undefined> {
    try {
      return await this.#network.openMulticast({ group, port });
    } catch (error) {
      if (!(error instanceof ConnectError)) throw error;
      this.#onLog(error.message);
      return undefined;
    }
  }

  #shut(): void {
    for (const { socket } of this.#groups ?? []) socket.close();
    this.#groups = undefined;
    this.#waiting.abort();
  }

  /** Until the sockets are shut. */
  async #announce(groups: readonly Group[]): Promise<void> {
    while (groups === this.#groups) {
      const now = this.#clock.now();
      const due = this.#neighbourhood.drain(groups.map(({ endpoint }) => endpoint), now);
      for (const { bytes, to } of due) {
        groups.find(({ endpoint }) => endpoint === to)!.socket.send(bytes, to);
      }
      this.#waiting = new AbortController();
      const deadline = this.#neighbourhood.deadline();
      if (deadline === undefined) return;
      await this.#clock.sleep(deadline - now, this.#waiting.signal);
    }
  }

  /** Until the socket is closed. */
  async #listen(socket: DatagramSocket): Promise<void> {
    const buffer = new Uint8Array(MAX_DATAGRAM_LENGTH + 1);
    const budget = new TokenBucket(DATAGRAMS_PER_SECOND, this.#clock.now(), DATAGRAMS_PER_SECOND);
    while (true) {
      const waitMs = budget.waitMs(this.#clock.now());
      if (waitMs > 0) await this.#clock.sleep(waitMs);
      const received = await socket.receive(buffer);
      if (received === null) return;
      const now = this.#clock.now();
      budget.take(1, now);
      const datagram = buffer.subarray(0, received.length);
      for (const { infoHash, endpoint } of this.#handle(datagram, received.from, now)) {
        this.#searches.get(infoHash.toHex())?.tryPush([endpoint]);
      }
    }
  }

  #handle(datagram: Uint8Array, from: Endpoint, now: number) {
    const before = this.#neighbourhood.deadline();
    const neighbours = this.#neighbourhood.handleDatagram(datagram, from, now);
    if (this.#neighbourhood.deadline() !== before) this.#waiting.abort();
    return neighbours;
  }
}
