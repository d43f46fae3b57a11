/** UDP on Deno's own sockets. */
import type { Clock } from "../base/ambient.ts";
import type { Endpoint } from "../base/endpoint.ts";
import { hostAsSeenFrom, remoteEndpoint } from "./socket_address.ts";
import type { DatagramSocket } from "./transport.ts";

/** After a failure to receive, before the next try, so that a lasting one costs nothing. */
const RECEIVE_RETRY_MS = 1_000;

/** What is needed of Deno's UDP socket. */
export type UdpSocket = Pick<Deno.DatagramConn, "send" | "receive" | "close" | "addr">;

export class DenoDatagramSocket implements DatagramSocket {
  readonly port: number;
  readonly #localAddress: string;
  readonly #socket: UdpSocket;
  readonly #clock: Clock;
  readonly #closing = new AbortController();
  /** Most datagrams are to whom the last one was, and from whom: to read an address takes time. */
  #lastTo: { readonly endpoint: Endpoint; readonly address: Deno.NetAddr } | undefined;
  #lastFrom: { readonly address: Deno.NetAddr; readonly endpoint: Endpoint } | undefined;

  constructor(socket: UdpSocket, clock: Clock) {
    const { hostname, port } = socket.addr as Deno.NetAddr;
    this.port = port;
    this.#localAddress = hostname;
    this.#socket = socket;
    this.#clock = clock;
  }

  async send(bytes: Uint8Array, to: Endpoint): Promise<void> {
    const address = this.#addressOf(to);
    if (address === undefined || this.#closing.signal.aborted) return;
    try {
      await this.#socket.send(bytes, address);
    } catch {
      // Lost, like so many datagrams: no route, too long, forbidden by a firewall.
    }
  }

  async receive(buffer: Uint8Array): Promise<{ length: number; from: Endpoint } | null> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        const [bytes, address] = await this.#socket.receive(buffer);
        return { length: bytes.length, from: this.#endpointOf(address as Deno.NetAddr) };
      } catch {
        await this.#clock.sleep(RECEIVE_RETRY_MS, signal);
      }
    }
    return null;
  }

  close(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.#socket.close();
  }

  #addressOf(to: Endpoint): Deno.NetAddr | undefined {
    const last = this.#lastTo;
    if (last?.endpoint.host === to.host && last.endpoint.port === to.port) return last.address;
    const hostname = hostAsSeenFrom(this.#localAddress, to.host);
    if (hostname === undefined) return undefined;
    const address: Deno.NetAddr = { transport: "udp", hostname, port: to.port };
    this.#lastTo = { endpoint: to, address };
    return address;
  }

  #endpointOf(address: Deno.NetAddr): Endpoint {
    const last = this.#lastFrom;
    if (last?.address.hostname === address.hostname && last.address.port === address.port) {
      return last.endpoint;
    }
    const endpoint = remoteEndpoint(address.hostname, address.port);
    this.#lastFrom = { address, endpoint };
    return endpoint;
  }
}
