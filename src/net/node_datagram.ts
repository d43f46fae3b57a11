/** UDP on `node:dgram`, which needs no unstable flag: for runs without our deno.json. */
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { Channel } from "../base/channel.ts";
import type { Endpoint } from "../base/endpoint.ts";
import { hostAsSeenFrom, remoteEndpoint } from "./socket_address.ts";
import type { DatagramSocket } from "./transport.ts";

/** Datagrams that wait for the consumer; when so many do, new ones are lost. */
const MAX_WAITING_DATAGRAMS = 512;

interface Datagram {
  readonly bytes: Uint8Array;
  readonly from: Endpoint;
}

export class NodeDatagramSocket implements DatagramSocket {
  readonly port: number;
  readonly #localAddress: string;
  readonly #socket: Socket;
  readonly #received = new Channel<Datagram>(MAX_WAITING_DATAGRAMS);
  readonly #datagrams = this.#received[Symbol.asyncIterator]();

  /**
   * Binds at once; `isShared` to a port that others may share who say so too. Throws what the
   * system says when that is impossible.
   */
  constructor(
    { address, port, isShared = false }: { address: string; port: number; isShared?: boolean },
  ) {
    this.#localAddress = address;
    this.#socket = createSocket({
      type: address.includes(":") ? "udp6" : "udp4",
      reuseAddr: isShared,
      lookup: answerWithAddress,
    });
    let failure: Error | undefined;
    this.#socket.on("error", (error) => failure ??= error);
    this.#socket.on("message", (bytes: Uint8Array, { address, port }: RemoteInfo) => {
      this.#received.tryPush({ bytes, from: remoteEndpoint(address, port) });
    });
    this.#socket.bind(port, address);
    if (failure !== undefined) {
      this.#socket.close();
      throw failure;
    }
    this.port = this.#socket.address().port;
  }

  /** Hears a multicast group from now on; throws when that is impossible, or done already. */
  join(group: string, interfaceAddress: string): void {
    this.#socket.addMembership(group, interfaceAddress);
  }

  send(bytes: Uint8Array, to: Endpoint): Promise<void> {
    const host = hostAsSeenFrom(this.#localAddress, to.host);
    if (host === undefined || this.#received.isClosed) return Promise.resolve();
    // The outcome is told to the callback, and ignored: a lost datagram is a fact of life.
    return new Promise((resolve) => this.#socket.send(bytes, to.port, host, () => resolve()));
  }

  async receive(buffer: Uint8Array): Promise<{ length: number; from: Endpoint } | null> {
    const { value, done } = await this.#datagrams.next();
    if (done || this.#received.isClosed) return null;
    const length = Math.min(value.bytes.length, buffer.length);
    buffer.set(value.bytes.subarray(0, length));
    return { length, from: value.from };
  }

  close(): void {
    if (this.#received.isClosed) return;
    this.#received.close();
    this.#socket.close();
  }
}

/**
 * The `lookup` of sockets that are given IP addresses alone: answered at once, it makes `bind`
 * synchronous.
 */
export function answerWithAddress(
  host: string,
  _options: unknown,
  answer: (error: null, address: string, family: number) => void,
): void {
  answer(null, host, host.includes(":") ? 6 : 4);
}
