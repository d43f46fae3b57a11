/**
 * The network as the rest of the program sees it. `deno_network.ts` is the real one; the
 * simulation has its own. Nothing else opens a socket.
 */
import type { Endpoint } from "../base/endpoint.ts";

/** A byte stream to one peer. */
export interface Connection {
  readonly remote: Endpoint;
  /** A web server that plays a peer: nobody else could speak to it as to one. */
  readonly isWebSeed?: boolean;
  /** It is one of uTP (BEP 29), and `remote` is where the peer listens for others, too. */
  readonly isUtp?: boolean;
  /**
   * Bytes read into `buffer`, at least 1; null once nothing more can come: the stream ended, the
   * peer broke it off, or we closed it. Never rejects.
   */
  read(buffer: Uint8Array): Promise<number | null>;
  /**
   * Writes all of `bytes`, which must not change until it is done. Throws ProtocolError
   * "remote-closed" once it cannot.
   */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends both directions at once. May be called again. */
  close(): void;
}

/** Incoming connections; iteration ends with `close`. */
export interface Listener extends AsyncIterable<Connection> {
  readonly port: number;
  close(): void;
}

/**
 * Why an endpoint could not be connected to, or no socket opened: `limit`, no port is free or we
 * have enough; `exhausted`, the system gives us no more sockets; `proxy`, our proxy is not there, or
 * refuses us.
 */
export type ConnectFailure =
  | "refused"
  | "timeout"
  | "unreachable"
  | "unknown-name"
  | "aborted"
  | "limit"
  | "exhausted"
  | "proxy";

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
  /** The next datagram, cut to `buffer`; null after `close`. One receiver at a time. */
  receive(buffer: Uint8Array): Promise<{ length: number; from: Endpoint } | null>;
  close(): void;
}

export interface ConnectOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** By no other way than uTP, of a network that `hasUtp`. */
  readonly onlyUtp?: boolean;
  /** TCP does not lead there, and uTP is still tried. */
  readonly onTcpFailure?: (error: ConnectError) => void;
  /** Nobody answers by uTP, and TCP is still tried. */
  readonly onUtpTimeout?: () => void;
}

export interface Network {
  /** Why there are no datagrams, and no look-ups of names, on this network; else left out. */
  readonly noDatagrams?: string;
  /** Peers are reached by uTP, too (BEP 29); else left out. */
  readonly hasUtp?: boolean;
  /** So few connections for each torrent leave the process files to open; else left out. */
  readonly maxPeers?: number;
  /** Throws ConnectError. A name is resolved, and its addresses of both families raced. */
  connect(to: Endpoint, options: ConnectOptions): Promise<Connection>;
  /**
   * Listens on the first free port of `ports`, 0 for any: on `address` alone, or else on all
   * addresses of both families. Throws ConnectError, "limit" when no port is free.
   */
  listen(options: { ports: readonly number[]; address?: string }): Listener;
  /**
   * A UDP socket of the family of `address` (default `0.0.0.0`; `::` reaches both families), on
   * a port or any. Throws ConnectError, "limit" when the port is taken.
   */
  openDatagram(options: { address?: string; port?: number }): DatagramSocket;
  /**
   * A UDP socket that hears a multicast group, and whose `send` to that group goes out on each
   * interface in reach. The port is shared: every program on this machine that does the same
   * hears what one of them sends, the sender too. Rejects with ConnectError, "limit" when another
   * program has the port for itself alone; having no network yet is no error.
   */
  openMulticast(options: { group: string; port: number }): Promise<DatagramSocket>;
  /** The addresses of a name, IPv4 and IPv6; empty when it has none. */
  resolve(name: string): Promise<string[]>;
}
