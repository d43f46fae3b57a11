/**
 * uTP (BEP 29) over real sockets: hands datagrams and the time to a `Multiplexer`, sends what it
 * gives, and makes connections of its streams.
 */
import type { Clock, Random } from "../base/ambient.ts";
import { Channel } from "../base/channel.ts";
import { type Endpoint, familyOf, formatEndpoint, type IpFamily } from "../base/endpoint.ts";
import { ConnectError, type Connection, type DatagramSocket } from "../net/transport.ts";
import { UtpConnection } from "./connection.ts";
import { MAX_STREAMS, Multiplexer } from "./multiplexer.ts";
import type { Stream, StreamEnd } from "./stream.ts";

/** More than any packet that is not cut into fragments; a longer one is dropped, not cut. */
const MAX_DATAGRAM_LENGTH = 4_096;
/** Connections of peers that nobody has taken up yet, as many as over TCP. */
const MAX_WAITING_CONNECTIONS = 16;
/** The machine may sleep, and wake with all deadlines long past. */
const LONGEST_PAUSE_MS = 60_000;

export interface UtpServiceOptions {
  /** Whose datagrams are ours, by the family that they reach; may be one socket for both. */
  readonly sockets: ReadonlyMap<IpFamily, DatagramSocket>;
  readonly clock: Clock;
  readonly random: Random;
}

export class UtpService {
  readonly #sockets: ReadonlyMap<IpFamily, DatagramSocket>;
  readonly #clock: Clock;
  readonly #multiplexer: Multiplexer;
  readonly #connections = new Map<Stream, UtpConnection>();
  readonly #incoming = new Channel<Connection>(MAX_WAITING_CONNECTIONS);
  #isClosed = false;
  #waking = new AbortController();
  #wakesAt = -Infinity;

  /** Takes over the sockets: `close` closes them. */
  constructor({ sockets, clock, random }: UtpServiceOptions) {
    this.#sockets = sockets;
    this.#clock = clock;
    this.#multiplexer = new Multiplexer({
      random,
      now: clock.now(),
      isAccepting: () => !this.#isClosed && this.#incoming.size < MAX_WAITING_CONNECTIONS,
    });
    for (const socket of new Set(sockets.values())) this.#run(this.#receive(socket));
    this.#run(this.#keepTime());
  }

  /** Connections that peers have opened; one consumer. Ends with `close`. */
  get incoming(): AsyncIterable<Connection> {
    return this.#incoming;
  }

  /**
   * Connects to an IP address. Rejects with ConnectError: "timeout", "refused" by the peer,
   * "unreachable" without a socket of its family, "aborted", and "limit".
   */
  async connect(
    to: Endpoint,
    { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
  ): Promise<Connection> {
    const attempt = `Cannot connect to ${formatEndpoint(to)} by uTP`;
    if (signal.aborted) throw new ConnectError("aborted", `${attempt}: cancelled`);
    if (this.#isClosed || !this.#sockets.has(familyOf(to.host))) {
      throw new ConnectError("unreachable", `${attempt}: there is no UDP socket for it`);
    }
    const stream = this.#multiplexer.connect(to, timeoutMs, this.#clock.now());
    if (stream === undefined) {
      throw new ConnectError("limit", `${attempt}: ${MAX_STREAMS} connections are open`);
    }
    const connection = this.#add(stream);
    const abort = () => connection.close();
    signal.addEventListener("abort", abort);
    this.#act();
    const end = await connection.opened;
    signal.removeEventListener("abort", abort);
    if (end !== undefined) throw connectErrorFrom(end, attempt, timeoutMs);
    return connection;
  }

  /** Ends all connections, and closes the sockets. May be called again. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#multiplexer.close(this.#clock.now());
    this.#act();
    for (const socket of this.#sockets.values()) socket.close();
    this.#waking.abort();
    this.#incoming.close();
  }

  /** Sends and hands on what there is, and sees to it that nothing is late. */
  #act(): void {
    for (const effect of this.#multiplexer.drain()) {
      if (effect.kind === "send") {
        void this.#sockets.get(familyOf(effect.to.host))?.send(effect.bytes, effect.to);
      } else if (effect.kind === "opened") {
        this.#incoming.tryPush(this.#add(effect.stream));
      } else this.#settle(effect.stream);
    }
    if (this.#multiplexer.deadline() < this.#wakesAt) this.#waking.abort();
  }

  #add(stream: Stream): UtpConnection {
    const connection = new UtpConnection({
      stream,
      now: () => this.#clock.now(),
      onWork: (stream) => {
        this.#multiplexer.touch(stream, this.#clock.now());
        this.#act();
      },
    });
    this.#connections.set(stream, connection);
    return connection;
  }

  #settle(stream: Stream): void {
    this.#connections.get(stream)?.settle();
    if (stream.end !== undefined) this.#connections.delete(stream);
  }

  async #receive(socket: DatagramSocket): Promise<void> {
    const buffer = new Uint8Array(MAX_DATAGRAM_LENGTH + 1); // Full: it may have been cut.
    while (true) {
      const received = await socket.receive(buffer);
      if (received === null || this.#isClosed) return;
      if (received.length > MAX_DATAGRAM_LENGTH) continue;
      const datagram = buffer.subarray(0, received.length);
      this.#multiplexer.handleDatagram(datagram, received.from, this.#clock.now());
      this.#act();
    }
  }

  async #keepTime(): Promise<void> {
    while (!this.#isClosed) {
      const now = this.#clock.now();
      this.#waking = new AbortController();
      this.#wakesAt = Math.min(this.#multiplexer.deadline(), now + LONGEST_PAUSE_MS);
      await this.#clock.sleep(Math.max(1, this.#wakesAt - now), this.#waking.signal);
      if (this.#isClosed) return;
      this.#multiplexer.handleTimeout(this.#clock.now());
      this.#act();
    }
  }

  /** Nothing that the world does makes it fail: a mistake of ours is told to whoever listens. */
  #run(task: Promise<void>): void {
    task.catch((error) => {
      this.#incoming.fail(error);
      this.close();
    });
  }
}

function connectErrorFrom(end: StreamEnd, attempt: string, timeoutMs: number): ConnectError {
  switch (end) {
    case "timeout":
      return new ConnectError("timeout", `${attempt}: no answer in ${timeoutMs} ms`);
    case "refused":
    case "reset":
      return new ConnectError("refused", `${attempt}: the peer refuses`);
    case "closed":
      return new ConnectError("aborted", `${attempt}: cancelled`);
  }
}
