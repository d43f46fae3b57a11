/** TCP on Deno's sockets: one connection, and incoming ones of one or two address families. */
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/ambient.ts";
import { Channel } from "../base/channel.ts";
import type { Endpoint } from "../base/endpoint.ts";
import { ProtocolError } from "../base/errors.ts";
import { remoteEndpoint } from "./socket_address.ts";
import { socketErrorCode } from "./socket_errors.ts";
import type { SocketRoom } from "./socket_room.ts";
import type { Connection, Listener } from "./transport.ts";

/** After a failure to accept, as when no file descriptor is left, before the next try (P32). */
const ACCEPT_RETRY_MS = 1_000;
/** Accepted connections that wait for the consumer; more wait in the system's backlog. */
const MAX_WAITING_CONNECTIONS = 16;

/** What is needed of Deno's connection. */
export type TcpSocket = Pick<Deno.TcpConn, "read" | "write" | "close" | "setNoDelay">;

/** What is needed of Deno's listener. */
export interface TcpListenSocket {
  readonly addr: Deno.NetAddr;
  accept(): Promise<TcpSocket & { readonly remoteAddr: Deno.NetAddr }>;
  close(): void;
}

export class TcpConnection implements Connection {
  readonly remote: Endpoint;
  readonly #socket: TcpSocket;
  readonly #room: SocketRoom | undefined;
  #isClosed = false;

  /** `room` is where a place was taken for it, if it needs one. */
  constructor(socket: TcpSocket, remote: Endpoint, room?: SocketRoom) {
    this.remote = remote;
    this.#socket = socket;
    this.#room = room;
    disableDelay(socket);
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    assert(buffer.length > 0);
    if (this.#isClosed) return null;
    try {
      return await this.#socket.read(buffer);
    } catch {
      return null; // A reset ends the stream like everything else.
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    try {
      for (let written = 0; written < bytes.length && !this.#isClosed;) {
        written += await this.#socket.write(bytes.subarray(written));
      }
    } catch {
      this.close();
    }
    if (this.#isClosed) {
      throw new ProtocolError(
        "remote-closed",
        "Cannot write to the peer: the connection is closed",
      );
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.close();
    this.#room?.release();
  }
}

/** Small messages, as requests are, must not wait for an acknowledgement of earlier ones. */
function disableDelay(socket: TcpSocket): void {
  try {
    socket.setNoDelay(true);
  } catch {
    // The peer is gone already: the first read says so.
  }
}

/** Accepts from several sockets as if they were one. Survives every failure to accept. */
export class TcpListener implements Listener {
  readonly port: number;
  readonly #sockets: readonly TcpListenSocket[];
  readonly #clock: Clock;
  readonly #room: SocketRoom | undefined;
  readonly #accepted = new Channel<Connection>(MAX_WAITING_CONNECTIONS);
  readonly #closing = new AbortController();

  constructor(sockets: readonly TcpListenSocket[], clock: Clock, room?: SocketRoom) {
    this.port = sockets[0]!.addr.port;
    this.#sockets = sockets;
    this.#clock = clock;
    this.#room = room;
    for (const socket of sockets) void this.#acceptFrom(socket);
  }

  close(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    for (const socket of this.#sockets) socket.close();
    this.#accepted.close();
    void this.#closeWaiting();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Connection> {
    for await (const connection of this.#accepted) {
      if (this.#closing.signal.aborted) connection.close();
      else yield connection;
    }
  }

  async #acceptFrom(socket: TcpListenSocket): Promise<void> {
    const { signal } = this.#closing;
    const room = this.#room;
    while (!signal.aborted) {
      // Meanwhile they wait with the system, which has room for more of them than we.
      if (room !== undefined && !await room.takeWhenFree(signal)) return;
      try {
        const accepted = await socket.accept();
        const { hostname, port } = accepted.remoteAddr;
        const connection = new TcpConnection(accepted, remoteEndpoint(hostname, port), room);
        if (!await this.#accepted.push(connection)) connection.close();
      } catch (error) {
        room?.release();
        // A peer that gave up while it waited is no reason to pause.
        if (signal.aborted || socketErrorCode(error) === "ECONNABORTED") continue;
        await this.#clock.sleep(ACCEPT_RETRY_MS, signal);
      }
    }
  }

  /** Whoever was accepted, but not taken by the consumer, is turned away. */
  async #closeWaiting(): Promise<void> {
    for await (const connection of this.#accepted) connection.close();
  }
}
