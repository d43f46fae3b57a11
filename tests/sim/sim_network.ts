/** A network in memory: hosts, streams with latency and rate, and everything that goes wrong. */
import { type Clock, type Random, SeededRandom } from "../../src/base/ambient.ts";
import { type Endpoint, formatEndpoint } from "../../src/base/endpoint.ts";
import { ProtocolError } from "../../src/base/errors.ts";
import {
  ConnectError,
  type Connection,
  type DatagramSocket,
  type Listener,
  type Network,
} from "../../src/net/transport.ts";
import { Channel } from "../../src/base/channel.ts";
import { SimDatagrams } from "./sim_datagrams.ts";

/** Bytes that a simulated socket takes before `write` waits. */
const SOCKET_BUFFER_LENGTH = 64 * 1024;
const MAX_WAITING_CONNECTIONS = 512;

/** How the link to a host behaves. */
export interface Link {
  /** One way. */
  readonly latencyMs: number;
  readonly bytesPerSecond: number;
  /** Connecting to it never succeeds and never fails. */
  readonly isBlackHole?: boolean;
  /** Bytes after which the stream from the host stalls for good. */
  readonly stallsAfterBytes?: number;
  /** Bytes after which the stream from the host breaks. */
  readonly resetsAfterBytes?: number;
}

const PERFECT_LINK: Link = { latencyMs: 1, bytesPerSecond: Infinity };

/** All hosts of one simulation. `host(address)` is a Network as that host sees it. */
export class SimNetwork {
  readonly #clock: Clock;
  readonly #listeners = new Map<string, Channel<Connection>>();
  readonly #links = new Map<string, Link>();
  readonly datagrams: SimDatagrams;
  #nextPort = 50_000;

  constructor(clock: Clock, random: Random = new SeededRandom(1)) {
    this.#clock = clock;
    this.datagrams = new SimDatagrams(clock, random);
  }

  setLink(host: string, link: Link): void {
    this.#links.set(host, link);
  }

  host(address: string): Network {
    return {
      connect: (to, { timeoutMs, signal }) => this.#connect(address, to, timeoutMs, signal),
      listen: ({ ports }) => this.#listen(address, ports),
      openDatagram: (options) => this.datagrams.open(address, options),
      openMulticast: () => Promise.resolve(silentSocket()),
      resolve: (name) => Promise.resolve([name]),
    };
  }

  #listen(address: string, ports: readonly number[]): Listener {
    const port = ports.find((port) =>
      !this.#listeners.has(formatEndpoint({ host: address, port }))
    );
    if (port === undefined) throw new ConnectError("limit", "Cannot listen: no port is free");
    const key = formatEndpoint({ host: address, port });
    const incoming = new Channel<Connection>(MAX_WAITING_CONNECTIONS);
    this.#listeners.set(key, incoming);
    return {
      port,
      [Symbol.asyncIterator]: () => incoming[Symbol.asyncIterator](),
      close: () => {
        incoming.close();
        this.#listeners.delete(key);
      },
    };
  }

  async #connect(
    from: string,
    to: Endpoint,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<Connection> {
    const link = this.#links.get(to.host) ?? PERFECT_LINK;
    await this.#clock.sleep(link.isBlackHole ? timeoutMs : 2 * link.latencyMs, signal);
    if (signal.aborted) throw new ConnectError("aborted", "Cannot connect: stopped");
    if (link.isBlackHole) throw new ConnectError("timeout", "Cannot connect: no answer");
    const incoming = this.#listeners.get(formatEndpoint(to));
    if (incoming === undefined) throw new ConnectError("refused", "Cannot connect: refused");
    const ours: Endpoint = { host: from, port: this.#nextPort++ };
    const there = new Pipe(this.#clock, { ...PERFECT_LINK, latencyMs: link.latencyMs });
    const back = new Pipe(this.#clock, link);
    incoming.tryPush(new SimConnection(ours, there, back));
    return new SimConnection(to, back, there);
  }
}

class SimConnection implements Connection {
  constructor(
    readonly remote: Endpoint,
    private readonly incoming: Pipe,
    private readonly outgoing: Pipe,
  ) {}

  read(buffer: Uint8Array): Promise<number | null> {
    return this.incoming.read(buffer);
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.outgoing.write(bytes);
  }

  close(): void {
    this.incoming.abandon();
    this.outgoing.end();
  }
}

/** One direction of a stream. */
class Pipe {
  readonly #clock: Clock;
  readonly #link: Link;
  readonly #parcels: { bytes: Uint8Array; arrivesAt: number }[] = [];
  #bufferedBytes = 0;
  #sentBytes = 0;
  #departsAt = 0;
  #isEnded = false;
  #isAbandoned = false;
  #wakeReader: (() => void) | undefined;
  #wakeWriter: (() => void) | undefined;

  constructor(clock: Clock, link: Link) {
    this.#clock = clock;
    this.#link = link;
  }

  async write(bytes: Uint8Array): Promise<void> {
    while (this.#bufferedBytes >= SOCKET_BUFFER_LENGTH && !this.#isOver()) {
      await new Promise<void>((resolve) => this.#wakeWriter = resolve);
    }
    if (this.#isOver()) throw new ProtocolError("remote-closed", "Cannot write: closed");
    const { latencyMs, bytesPerSecond, resetsAfterBytes, stallsAfterBytes } = this.#link;
    this.#sentBytes += bytes.length;
    this.#bufferedBytes += bytes.length;
    if (resetsAfterBytes !== undefined && this.#sentBytes > resetsAfterBytes) return this.end();
    if (stallsAfterBytes !== undefined && this.#sentBytes > stallsAfterBytes) return;
    this.#departsAt = Math.max(this.#clock.now(), this.#departsAt) +
      bytes.length * 1000 / bytesPerSecond;
    this.#parcels.push({ bytes: bytes.slice(), arrivesAt: this.#departsAt + latencyMs });
    void this.#clock.sleep(this.#departsAt + latencyMs - this.#clock.now()).then(() =>
      this.#wakeReader?.()
    );
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (true) {
      if (this.#isAbandoned) return null;
      const first = this.#parcels[0];
      if (first !== undefined && first.arrivesAt <= this.#clock.now()) {
        const taken = first.bytes.subarray(0, buffer.length);
        buffer.set(taken);
        if (taken.length === first.bytes.length) this.#parcels.shift();
        else first.bytes = first.bytes.subarray(taken.length);
        this.#bufferedBytes -= taken.length;
        this.#wakeWriter?.();
        return taken.length;
      }
      if (first === undefined && this.#isEnded) return null;
      await new Promise<void>((resolve) => this.#wakeReader = resolve);
    }
  }

  /** The writer closed: what is on its way still arrives. */
  end(): void {
    this.#isEnded = true;
    this.#wakeReader?.();
    this.#wakeWriter?.();
  }

  /** The reader closed. */
  abandon(): void {
    this.#isAbandoned = true;
    this.#wakeReader?.();
    this.#wakeWriter?.();
  }

  #isOver(): boolean {
    return this.#isEnded || this.#isAbandoned;
  }
}

function silentSocket(): DatagramSocket {
  const closed = Promise.withResolvers<null>();
  return {
    port: 1,
    send: () => Promise.resolve(),
    receive: () => closed.promise,
    close: () => closed.resolve(null),
  };
}
