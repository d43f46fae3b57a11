/** The network through a SOCKS5 proxy: nothing goes around it, not even a look-up of a name. */
import type { Clock } from "../base/ambient.ts";
import { Channel } from "../base/channel.ts";
import { type Endpoint, formatEndpoint, NOT_LISTENING_PORT } from "../base/endpoint.ts";
import { withDeadline } from "./deadline.ts";
import { formatProxy, type Proxy } from "./proxy.ts";
import { openSocks5Tunnel } from "./socks5_tunnel.ts";
import {
  ConnectError,
  type Connection,
  type DatagramSocket,
  type Listener,
  type Network,
} from "./transport.ts";

const NO_DATAGRAMS = "a proxy is set, and UDP does not go through it";

/**
 * What peers and trackers are reached by when a proxy is set: through it when it is a SOCKS5
 * proxy, and `network` itself when it is an HTTP proxy, which carries HTTP requests alone.
 */
export function proxiedNetwork(
  network: Network,
  proxy: Proxy,
  { clock }: { clock: Clock },
): Network {
  return proxy.kind === "socks5" ? new Socks5Network(network, proxy, clock) : network;
}

class Socks5Network implements Network {
  readonly noDatagrams = NO_DATAGRAMS;
  readonly #network: Network;
  readonly #proxy: Proxy;
  readonly #clock: Clock;

  constructor(network: Network, proxy: Proxy, clock: Clock) {
    this.#network = network;
    this.#proxy = proxy;
    this.#clock = clock;
  }

  /** A connection of the proxy to `to`; a name is the proxy's to look up. */
  async connect(
    to: Endpoint,
    { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
  ): Promise<Connection> {
    const attempt = `Cannot connect to ${formatEndpoint(to)} through ${formatProxy(this.#proxy)}`;
    return await withDeadline(
      { clock: this.#clock, timeoutMs, signal },
      (ending) => this.#tunnel(to, attempt, { timeoutMs, signal: ending }),
      (reason) => {
        const why = reason === "timeout" ? `no answer in ${timeoutMs} ms` : "cancelled";
        return new ConnectError(reason, `${attempt}: ${why}`);
      },
    );
  }

  async #tunnel(
    to: Endpoint,
    attempt: string,
    limits: { timeoutMs: number; signal: AbortSignal },
  ): Promise<Connection> {
    const { signal } = limits;
    const connection = await this.#connectToProxy(attempt, limits);
    const close = () => connection.close();
    signal.addEventListener("abort", close);
    if (signal.aborted) close();
    try {
      await openSocks5Tunnel(connection, to, this.#proxy, attempt);
      // Whoever gave up waiting takes no connection any more.
      if (signal.aborted) throw new ConnectError("aborted", `${attempt}: cancelled`);
      return new TunnelledConnection(connection, to);
    } catch (error) {
      close();
      throw error;
    } finally {
      signal.removeEventListener("abort", close);
    }
  }

  async #connectToProxy(
    attempt: string,
    limits: { timeoutMs: number; signal: AbortSignal },
  ): Promise<Connection> {
    try {
      return await this.#network.connect(this.#proxy.endpoint, limits);
    } catch (error) {
      if (!(error instanceof ConnectError)) throw error;
      throw unreachableProxy(error, attempt);
    }
  }

  /** Nobody comes: a listener of ours would be reached around the proxy. */
  listen(): Listener {
    return new NobodyComes();
  }

  openDatagram(): DatagramSocket {
    throw new ConnectError("unreachable", `Cannot open a UDP port: ${NO_DATAGRAMS}`);
  }

  openMulticast(): Promise<DatagramSocket> {
    return Promise.try(() => this.openDatagram());
  }

  /** None: names are looked up by the proxy. */
  resolve(): Promise<string[]> {
    return Promise.resolve([]);
  }
}

/** What it means for an attempt through a proxy that the proxy itself cannot be connected to. */
export function unreachableProxy(error: ConnectError, attempt: string): ConnectError {
  const why = error.message.replace(/^Cannot connect to \S+: /, "");
  // Without a socket of our own the proxy has never been asked.
  const failure = error.failure === "limit" ? "limit" : "proxy";
  return new ConnectError(failure, `${attempt}: the proxy cannot be reached: ${why}`);
}

/** The connection with the proxy, once it is one with somebody else. */
class TunnelledConnection implements Connection {
  readonly remote: Endpoint;
  readonly #connection: Connection;

  constructor(connection: Connection, remote: Endpoint) {
    this.#connection = connection;
    this.remote = remote;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#connection.read(buffer);
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#connection.write(bytes);
  }

  close(): void {
    this.#connection.close();
  }
}

class NobodyComes implements Listener {
  readonly port = NOT_LISTENING_PORT;
  readonly #nobody = new Channel<Connection>(1);

  close(): void {
    this.#nobody.close();
  }

  [Symbol.asyncIterator](): AsyncIterator<Connection> {
    return this.#nobody[Symbol.asyncIterator]();
  }
}
