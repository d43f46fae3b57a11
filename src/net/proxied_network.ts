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
  type ConnectOptions,
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

  get maxPeers(): number {
    return this.#network.maxPeers ?? Infinity;
  }

  /** A connection of the proxy to `to`; a name is the proxy's to look up. */
  async connect(to: Endpoint, { timeoutMs, signal }: ConnectOptions): Promise<Connection> {
    const attempt = attemptThrough(this.#proxy, to);
    return await withDeadline(
      { clock: this.#clock, timeoutMs, signal },
      (ending) => this.#tunnel(to, attempt, { timeoutMs, signal: ending }),
      (reason, why) => new ConnectError(reason, `${attempt}: ${why}`),
    );
  }

  async #tunnel(
    to: Endpoint,
    attempt: string,
    options: ConnectOptions,
  ): Promise<Connection> {
    const { signal } = options;
    const connection = await connectToProxy(this.#network, this.#proxy, options, attempt);
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

/** How sentences begin about a connection to somebody through a proxy. */
export function attemptThrough(proxy: Proxy, to: Endpoint): string {
  return `Cannot connect to ${formatEndpoint(to)} through ${formatProxy(proxy)}`;
}

/** A connection to the proxy itself. Throws ConnectError: it is the proxy that has failed then. */
export async function connectToProxy(
  network: Network,
  { endpoint }: Proxy,
  options: ConnectOptions,
  attempt: string,
): Promise<Connection> {
  try {
    return await network.connect(endpoint, options);
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    const why = error.message.replace(/^Cannot connect to \S+: /, "");
    // Without a socket of our own the proxy has never been asked.
    const isOurs = error.failure === "limit" || error.failure === "exhausted";
    const failure = isOurs ? error.failure : "proxy";
    throw new ConnectError(failure, `${attempt}: the proxy cannot be reached: ${why}`);
  }
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
