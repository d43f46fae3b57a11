/**
 * The network as the rest of the program sees it. `deno_network.ts` is the real one; the
 * simulation has its own. Nothing else opens a socket.
 */
import type { Endpoint } from "../base/endpoint.ts";

/** A byte stream to one peer. */
export interface Connection {
  readonly remote: Endpoint;
  /** Bytes read into `buffer`, at least 1; null at the end of the stream or after `close`. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes all of `bytes`, which must not change until it is done. Rejects once it cannot. */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends both directions at once. May be called again. */
  close(): void;
}

/** Incoming connections; iteration ends with `close`. */
export interface Listener extends AsyncIterable<Connection> {
  readonly port: number;
  close(): void;
}

/** Why an endpoint could not be connected to. */
export type ConnectFailure = "refused" | "timeout" | "unreachable" | "aborted" | "limit";

/** A connection that did not come about. */
export class ConnectError extends Error {
  override readonly name = "ConnectError";
  constructor(readonly failure: ConnectFailure, message: string) {
    super(message);
  }
}

/** A UDP socket. */
export interface DatagramSocket {
  readonly port: number;
  /** Sends to an IP address, not a name. Never rejects: a lost datagram is a fact of life. */
  send(bytes: Uint8Array, to: Endpoint): Promise<void>;
  /** The next datagram, cut to `buffer`; null after `close`. */
  receive(buffer: Uint8Array): Promise<{ length: number; from: Endpoint } | null>;
  close(): void;
}

export interface Network {
  /** Throws ConnectError. A name is resolved, and its addresses of both families raced. */
  connect(to: Endpoint, options: { timeoutMs: number; signal: AbortSignal }): Promise<Connection>;
  /** Throws StorageError-free plain ConnectError("limit") when no port of `ports` is free. */
  listen(options: { ports: readonly number[]; address?: string }): Listener;
  /** A UDP socket of the family of `address` (default `0.0.0.0`), on a port or any. */
  openDatagram(options: { address?: string; port?: number }): DatagramSocket;
  /** The addresses of a name, IPv4 and IPv6; empty when it has none. */
  resolve(name: string): Promise<string[]>;
}
