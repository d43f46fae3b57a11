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

  constructor(socket: UdpSocket, clock: Clock) {
    const { hostname, port } = socket.addr as Deno.NetAddr;
    this.port = port;
    this.#localAddress = hostname;
    this.#socket = socket;
    this.#clock = clock;
  }

  async send(bytes: Uint8Array, to: Endpoint): Promise<void> {
    const hostname = hostAsSeenFrom(this.#localAddress, to.host);
    if (hostname === undefined || this.#closing.signal.aborted) return;
    try {
      await this.#socket.send(bytes, { transport: "udp", hostname, port: to.port });
    } catch {
      // Lost, like so many datagrams: no route, too long, forbidden by a firewall.
    }
  }

  async receive(buffer: Uint8Array): Promise<{ length: number; from: Endpoint } | null> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        const [bytes, address] = await this.#socket.receive(buffer);
        const { hostname, port } = address as Deno.NetAddr;
        return { length: bytes.length, from: remoteEndpoint(hostname, port) };
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
}
