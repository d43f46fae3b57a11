/**
 * One UDP port for several protocols, as peers expect it (BEP 5, BEP 29): whose a datagram is, its
 * first byte tells.
 */
import type { Clock } from "../base/ambient.ts";
import { Channel } from "../base/channel.ts";
import type { Endpoint } from "../base/endpoint.ts";
import { TokenBucket } from "../base/rate.ts";
import { type DatagramSockets, openDatagramSockets } from "./datagram_sockets.ts";
import type { DatagramSocket, Network } from "./transport.ts";

export type DatagramProtocol = "dht" | "utp";

/** Messages of the DHT are dictionaries; those of uTP begin with a type of five, and version 1. */
const BEGINS: Readonly<Record<DatagramProtocol, (firstByte: number) => boolean>> = {
  dht: (firstByte) => firstByte === "d".charCodeAt(0),
  utp: (firstByte) => (firstByte & 0x0f) === 1 && firstByte >> 4 <= 4,
};

/** More than any message; a longer datagram is dropped: cut, it might pass for a whole one. */
const MAX_DATAGRAM_LENGTH = 4_096;
/** Datagrams of one protocol that nobody has read yet; more are lost, as on any socket. */
const MAX_WAITING_DATAGRAMS = 64;
/** Of a flood that nobody reads so much is taken; the rest the system drops, at no cost to us. */
const UNREAD_PER_SECOND = 500;
/**
 * So much while uTP is in use: what the system drops of a flood it drops of uTP too, which then
 * stands still. At 5 to 8 microseconds each that is less than half of a core.
 */
const UNREAD_PER_SECOND_IN_USE = 60_000;
/** uTP is in use for so long after a datagram from it or for it: as long as it tries to connect. */
const IN_USE_MS = 3_000;
const FLOOD_PAUSE_MS = 20;

export interface SharedPortOptions {
  readonly network: Network;
  readonly clock: Clock;
  /** The local address to use; all when left out. */
  readonly address?: string | undefined;
}

export class SharedPort {
  readonly #options: SharedPortOptions;
  #sockets: ReadonlyMap<DatagramSocket, SharedSocket> = new Map();
  #opened: DatagramSockets = new Map();

  constructor(options: SharedPortOptions) {
    this.#options = options;
  }

  /**
   * What comes for one protocol, and what it sends. The port is opened for the first of them, on
   * `port` if that is free, and closed with the last.
   */
  open(protocol: DatagramProtocol, port: number): DatagramSockets {
    const { network, clock, address } = this.#options;
    if (this.#sockets.values().every(({ isClosed }) => isClosed)) {
      this.#opened = openDatagramSockets(network, { port, address });
      const sockets = new Set(this.#opened.values());
      this.#sockets = new Map([...sockets].map((socket) => [
        socket,
        new SharedSocket(socket, clock),
      ]));
    }
    const parts = new Map([...this.#sockets].map(([socket, shared]) => [
      socket,
      shared.part(protocol),
    ]));
    return new Map([...this.#opened].map(([family, socket]) => [family, parts.get(socket)!]));
  }
}

interface Datagram {
  readonly bytes: Uint8Array;
  readonly from: Endpoint;
}

/** One socket, and whoever takes a part of what it receives. */
class SharedSocket {
  readonly #socket: DatagramSocket;
  readonly #clock: Clock;
  readonly #parts = new Map<DatagramProtocol, Channel<Datagram>>();
  readonly #closing = new AbortController();
  #inUseUntil = -Infinity;

  constructor(socket: DatagramSocket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
    void this.#handOut();
  }

  get isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  part(protocol: DatagramProtocol): DatagramSocket {
    const received = new Channel<Datagram>(MAX_WAITING_DATAGRAMS);
    const datagrams = received[Symbol.asyncIterator]();
    this.#parts.set(protocol, received);
    return {
      port: this.#socket.port,
      send: (bytes, to) => {
        if (received.isClosed) return Promise.resolve();
        this.#noteUse(protocol);
        return this.#socket.send(bytes, to);
      },
      receive: async (buffer) => {
        const { value } = await datagrams.next();
        if (value === undefined || received.isClosed) return null;
        const cut = value.bytes.subarray(0, buffer.length);
        buffer.set(cut);
        return { length: cut.length, from: value.from };
      },
      close: () => {
        received.close();
        if (this.#parts.get(protocol) === received) this.#parts.delete(protocol);
        if (this.#parts.size === 0) this.#close();
      },
    };
  }

  #close(): void {
    this.#closing.abort();
    this.#socket.close();
  }

  async #handOut(): Promise<void> {
    const buffer = new Uint8Array(MAX_DATAGRAM_LENGTH + 1); // Full: it may have been cut.
    const unread = this.#bucket(UNREAD_PER_SECOND);
    const unreadInUse = this.#bucket(UNREAD_PER_SECOND_IN_USE);
    while (true) {
      const received = await this.#socket.receive(buffer);
      if (received === null) return;
      const { length, from } = received;
      const isWhole = length <= MAX_DATAGRAM_LENGTH;
      if (isWhole && this.#hand(buffer.subarray(0, length), from)) continue;
      const now = this.#clock.now();
      const allowed = now < this.#inUseUntil ? unreadInUse : unread;
      allowed.take(1, now);
      if (allowed.waitMs(now) === 0) continue;
      await this.#clock.sleep(FLOOD_PAUSE_MS, this.#closing.signal);
    }
  }

  #bucket(datagramsPerSecond: number): TokenBucket {
    return new TokenBucket(datagramsPerSecond, this.#clock.now(), datagramsPerSecond);
  }

  /** False when nobody takes it. */
  #hand(bytes: Uint8Array, from: Endpoint): boolean {
    for (const [protocol, received] of this.#parts) {
      if (!BEGINS[protocol](bytes[0] ?? 0)) continue;
      this.#noteUse(protocol);
      return received.tryPush({ bytes: bytes.slice(), from });
    }
    return false;
  }

  /** The DHT asks again, and others: it can do without what is lost. */
  #noteUse(protocol: DatagramProtocol): void {
    if (protocol === "utp") this.#inUseUntil = this.#clock.now() + IN_USE_MS;
  }
}
