/** A network of names, UDP hosts and web servers, each a function; time is the clock's. */
import type { Clock } from "../../src/base/ambient.ts";
import { Channel } from "../../src/base/channel.ts";
import { type Endpoint, formatEndpoint } from "../../src/base/endpoint.ts";
import { type FetchBounded, type FetchOptions, HttpError } from "../../src/net/http.ts";
import { ConnectError, type DatagramSocket, type Network } from "../../src/net/transport.ts";

/** A UDP host's answer to a packet, if it has one. */
export type UdpHost = (packet: Uint8Array, from: Endpoint) => Uint8Array | undefined;

/** A web server's answer; what it throws is an HttpError. */
export type WebHost = (
  url: URL,
  options: FetchOptions,
) => Promise<{ status: number; bytes: Uint8Array<ArrayBuffer> }>;

type Datagram = { bytes: Uint8Array; from: Endpoint };

export class FakeNetwork implements Network {
  readonly #clock: Clock;
  /** One way. */
  latencyMs = 10;
  /** Addresses by name; a name of "silence" is never found nor not found. */
  readonly names = new Map<string, readonly string[] | "silence">();
  /** By `host:port`. */
  readonly udpHosts = new Map<string, UdpHost>();
  /** By the URL's host. */
  readonly webHosts = new Map<string, WebHost>();
  /** Our own addresses, by the address that sockets are opened with; without one it fails. */
  readonly ownAddresses = new Map([["0.0.0.0", "192.0.2.1"], ["::", "2001:db8::1"]]);
  readonly sockets: FakeSocket[] = [];
  readonly lookups: string[] = [];
  readonly fetched: string[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  connect(): never {
    throw new ConnectError("refused", "Cannot connect: nobody listens here");
  }

  listen(): never {
    throw new ConnectError("limit", "Cannot listen: this network is for clients");
  }

  openDatagram({ address = "0.0.0.0" }: { address?: string }): DatagramSocket {
    const host = this.ownAddresses.get(address);
    if (host === undefined) throw new ConnectError("unreachable", "Cannot open: no such family");
    const socket = new FakeSocket({ host, port: 50_000 + this.sockets.length }, this);
    this.sockets.push(socket);
    return socket;
  }

  openMulticast(): Promise<DatagramSocket> {
    return Promise.reject(
      new ConnectError("unreachable", "Cannot open: this network has no multicast"),
    );
  }

  resolve(name: string): Promise<string[]> {
    this.lookups.push(name);
    const found = this.names.get(name) ?? [];
    return found === "silence" ? new Promise(() => {}) : Promise.resolve([...found]);
  }

  /** Carries a packet to its host, and the answer back. */
  async carry(packet: Uint8Array, to: Endpoint, socket: FakeSocket): Promise<void> {
    const host = this.udpHosts.get(formatEndpoint(to));
    if (host === undefined) return;
    await this.#clock.sleep(this.latencyMs);
    const answer = host(packet, socket.local);
    if (answer === undefined) return;
    await this.#clock.sleep(this.latencyMs);
    socket.deliver(answer, to);
  }

  readonly fetch: FetchBounded = async (text, options) => {
    this.fetched.push(text);
    const url = new URL(text);
    const host = this.webHosts.get(url.host);
    await this.#clock.sleep(this.latencyMs, options.signal);
    if (host === undefined) {
      throw new HttpError("unreachable", `Cannot fetch from ${url.host}: it is unreachable`);
    }
    const ended = Promise.withResolvers<never>();
    options.signal.addEventListener("abort", () => {
      ended.reject(new HttpError("aborted", `Cannot fetch from ${url.host}: cancelled`));
    });
    if (options.signal.aborted) throw new HttpError("aborted", "cancelled");
    const { status, bytes } = await Promise.race([host(url, options), ended.promise]);
    return { status, bytes, url: text };
  };
}

export class FakeSocket implements DatagramSocket {
  readonly #network: FakeNetwork;
  readonly #received = new Channel<Datagram>(1_000);
  readonly #reading = this.#received[Symbol.asyncIterator]();
  isClosed = false;

  constructor(readonly local: Endpoint, network: FakeNetwork) {
    this.#network = network;
  }

  get port(): number {
    return this.local.port;
  }

  send(bytes: Uint8Array, to: Endpoint): Promise<void> {
    return this.#network.carry(bytes.slice(), to, this);
  }

  /** A packet from anybody. */
  deliver(bytes: Uint8Array, from: Endpoint): void {
    this.#received.tryPush({ bytes, from });
  }

  async receive(buffer: Uint8Array): Promise<{ length: number; from: Endpoint } | null> {
    const { done, value } = await this.#reading.next();
    if (done) return null;
    const cut = value.bytes.subarray(0, buffer.length);
    buffer.set(cut);
    return { length: cut.length, from: value.from };
  }

  close(): void {
    this.isClosed = true;
    this.#received.close();
  }
}

/** A web server that answers no request. */
export function silentWebHost(): ReturnType<WebHost> {
  return new Promise(() => {});
}

/** A web server that answers each request alike. */
export function webHost(bytes: Uint8Array<ArrayBuffer>, status = 200): WebHost {
  return () => Promise.resolve({ status, bytes });
}
