/**
 * A network on which peers are reached by TCP and by uTP (BEP 29) alike: whoever connects or
 * listens needs not know by which. uTP gets through where a NAT lets no TCP in.
 */
import type { Clock, Random } from "../base/ambient.ts";
import { Channel } from "../base/channel.ts";
import { addressBytes, type Endpoint, formatEndpoint } from "../base/endpoint.ts";
import { LimitedMap } from "../base/limited_map.ts";
import { raceAddresses } from "../net/address_race.ts";
import { raceAttempts } from "../net/attempt_race.ts";
import type { SharedPort } from "../net/shared_port.ts";
import {
  ConnectError,
  type Connection,
  type ConnectOptions,
  type DatagramSocket,
  type Listener,
  type Network,
} from "../net/transport.ts";
import type { UtpService } from "./service.ts";

/**
 * How long TCP is tried alone: it is several times as fast on one machine, and whoever is there has
 * mostly answered by then, the second SYN after a second if the first was lost.
 */
const TCP_HEAD_START_MS = 1_300;
/** SYNs of uTP are small and soon repeated: whoever has not answered by then is not there. */
const UTP_CONNECT_TIMEOUT_MS = 3_000;
/** Whoever has refused TCP is not far away, or not there: two SYNs tell. */
const UTP_AFTER_REFUSAL_MS = 1_500;
/** Endpoints that uTP led to when TCP did not, and how long it goes first there. */
const MAX_REMEMBERED = 1_000;
const UTP_FIRST_MS = 10 * 60_000;
/** Nobody has heard of us before: a short download does not load what uTP needs. */
const LISTEN_DELAY_MS = 2_000;
/** Connections that wait for the consumer; more wait with whoever accepted them. */
const MAX_WAITING_CONNECTIONS = 16;

type Transport = "tcp" | "utp";
export interface UtpNetworkOptions {
  /** Where TCP goes, and all that is no peer. */
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  /** Where uTP goes. */
  readonly sharedPort: SharedPort;
}

export class UtpNetwork implements Network {
  readonly hasUtp = true;
  readonly #options: UtpNetworkOptions;
  readonly #closing = new AbortController();
  /** When uTP led to an endpoint, the oldest first. */
  readonly #ledByUtpAt = new LimitedMap<string, number>(MAX_REMEMBERED);
  #port = 0;
  #service: Promise<UtpService> | undefined;

  constructor(options: UtpNetworkOptions) {
    this.#options = options;
  }

  get maxPeers(): number {
    return this.#options.network.maxPeers ?? Infinity;
  }

  /** The failure is that which came first, which is mostly that of TCP. */
  async connect(to: Endpoint, options: ConnectOptions): Promise<Connection> {
    const { signal, onlyUtp = false } = options;
    const key = formatEndpoint(to);
    const inTurn: readonly Transport[] = this.#isUtpFirst(key) ? ["utp", "tcp"] : ["tcp", "utp"];
    const ways: readonly Transport[] = onlyUtp ? ["utp"] : inTurn;
    let utpTimeoutMs = UTP_CONNECT_TIMEOUT_MS;
    let hasTcpFailed = false;
    const connectByTcp = async (signal: AbortSignal) => {
      try {
        return await this.#options.network.connect(to, { ...options, signal });
      } catch (error) {
        if (!(error instanceof ConnectError)) throw error;
        hasTcpFailed = true;
        if (error.failure === "refused") utpTimeoutMs = UTP_AFTER_REFUSAL_MS;
        if (!signal.aborted) options.onTcpFailure?.(error);
        throw error;
      }
    };
    const connectByUtp = async (signal: AbortSignal) => {
      try {
        return await this.#connectByUtp(to, utpTimeoutMs, signal);
      } catch (error) {
        const isSilent = error instanceof ConnectError && error.failure === "timeout";
        if (isSilent && !onlyUtp && !hasTcpFailed && !signal.aborted) options.onUtpTimeout?.();
        throw error;
      }
    };
    return await raceAttempts<Transport, Connection>({
      ways,
      delayMs: TCP_HEAD_START_MS,
      attempt: async (way, signal) => {
        const connection = way === "tcp" ? await connectByTcp(signal) : await connectByUtp(signal);
        if (!signal.aborted) this.#remember(key, way);
        return connection;
      },
      discard: (connection) => connection.close(),
      clock: this.#options.clock,
      signal,
    });
  }

  listen(options: { ports: readonly number[]; address?: string }): Listener {
    const tcp = this.#options.network.listen(options);
    this.#port = tcp.port;
    return new BothListener(tcp, () => this.#acceptByUtp());
  }

  openDatagram(options: { address?: string; port?: number }): DatagramSocket {
    return this.#options.network.openDatagram(options);
  }

  openMulticast(options: { group: string; port: number }): Promise<DatagramSocket> {
    return this.#options.network.openMulticast(options);
  }

  resolve(name: string): Promise<string[]> {
    return this.#options.network.resolve(name);
  }

  /** Ends what uses uTP. May be called again. */
  async close(): Promise<void> {
    this.#closing.abort();
    (await this.#service)?.close();
  }

  #isUtpFirst(key: string): boolean {
    const ledAt = this.#ledByUtpAt.get(key);
    return ledAt !== undefined && this.#options.clock.now() - ledAt < UTP_FIRST_MS;
  }

  #remember(key: string, way: Transport): void {
    if (way === "utp" && this.#isUtpFirst(key)) return; // TCP comes first again some time.
    this.#ledByUtpAt.delete(key);
    if (way === "tcp") return;
    this.#ledByUtpAt.set(key, this.#options.clock.now());
  }

  async #connectByUtp(to: Endpoint, timeoutMs: number, signal: AbortSignal): Promise<Connection> {
    const addresses = addressBytes(to.host) ? [to.host] : await this.resolve(to.host);
    if (addresses.length === 0) {
      const attempt = `Cannot connect to ${formatEndpoint(to)}`;
      throw new ConnectError("unknown-name", `${attempt}: its name is unknown`);
    }
    const service = await this.#open();
    return await raceAddresses<Connection>({
      addresses,
      attempt: (host, signal) => service.connect({ host, port: to.port }, { timeoutMs, signal }),
      discard: (connection) => connection.close(),
      clock: this.#options.clock,
      signal,
    });
  }

  /** Those who come by uTP, from a while after the start on. */
  async *#acceptByUtp(): AsyncGenerator<Connection> {
    await this.#options.clock.sleep(LISTEN_DELAY_MS, this.#closing.signal);
    if (!this.#closing.signal.aborted) yield* (await this.#open()).incoming;
  }

  #open(): Promise<UtpService> {
    return this.#service ??= this.#load();
  }

  async #load(): Promise<UtpService> {
    const { sharedPort, clock, random } = this.#options;
    const { UtpService } = await import("./service.ts");
    const service = new UtpService({
      sockets: sharedPort.open("utp", this.#port),
      clock,
      random,
    });
    if (this.#closing.signal.aborted) service.close();
    return service;
  }
}

/** What comes by TCP and by uTP, as if it came by one. */
class BothListener implements Listener {
  readonly port: number;
  readonly #tcp: Listener;
  readonly #accepted = new Channel<Connection>(MAX_WAITING_CONNECTIONS);

  constructor(tcp: Listener, byUtp: () => AsyncIterable<Connection>) {
    this.port = tcp.port;
    this.#tcp = tcp;
    for (const connections of [tcp, byUtp()]) void this.#forward(connections);
  }

  close(): void {
    this.#tcp.close();
    this.#accepted.close();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Connection> {
    for await (const connection of this.#accepted) {
      if (this.#accepted.isClosed) connection.close();
      else yield connection;
    }
  }

  /** Nothing that peers do makes it fail: a mistake of ours is told to whoever listens. */
  async #forward(connections: AsyncIterable<Connection>): Promise<void> {
    try {
      for await (const connection of connections) {
        if (!await this.#accepted.push(connection)) connection.close();
      }
    } catch (error) {
      this.#accepted.fail(error);
    }
  }
}
