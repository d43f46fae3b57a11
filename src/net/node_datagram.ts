/** UDP on `node:dgram`, which needs no unstable flag: for runs without our deno.json. */
import { ok as assert } from "node:assert/strict";
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
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
  readonly #waiting: Datagram[] = [];
  #wakeReceiver: (() => void) | undefined;
  #isClosed = false;

  /** Binds at once. Throws what the system says when that is impossible. */
  constructor({ address, port }: { address: string; port: number }) {
    this.#localAddress = address;
    this.#socket = createSocket({
      type: address.includes(":") ? "udp6" : "udp4",
      // Only IP addresses are ever looked up: answered at once, they make `bind` synchronous.
      lookup: (host, _options, answer) => answer(null, host, host.includes(":") ? 6 : 4),
    });
    let failure: Error | undefined;
    this.#socket.on("error", (error) => failure ??= error);
    this.#socket.on("message", (bytes: Uint8Array, from: RemoteInfo) => this.#take(bytes, from));
    this.#socket.bind(port, address);
    if (failure !== undefined) {
      this.#socket.close();
      throw failure;
    }
    this.port = this.#socket.address().port;
  }

  send(bytes: Uint8Array, to: Endpoint): Promise<void> {
    const host = hostAsSeenFrom(this.#localAddress, to.host);
    if (host === undefined || this.#isClosed) return Promise.resolve();
    // The outcome is told to the callback, and ignored: a lost datagram is a fact of life.
    return new Promise((resolve) => this.#socket.send(bytes, to.port, host, () => resolve()));
  }

  async receive(buffer: Uint8Array): Promise<{ length: number; from: Endpoint } | null> {
    assert(this.#wakeReceiver === undefined, "one receiver at a time");
    if (this.#waiting.length === 0 && !this.#isClosed) {
      await new Promise<void>((resolve) => this.#wakeReceiver = resolve);
    }
    const datagram = this.#isClosed ? undefined : this.#waiting.shift();
    if (datagram === undefined) return null;
    const length = Math.min(datagram.bytes.length, buffer.length);
    buffer.set(datagram.bytes.subarray(0, length));
    return { length, from: datagram.from };
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#waiting.length = 0;
    this.#socket.close();
    this.#wake();
  }

  #take(bytes: Uint8Array, { address, port }: RemoteInfo): void {
    if (this.#waiting.length >= MAX_WAITING_DATAGRAMS) return;
    this.#waiting.push({ bytes, from: remoteEndpoint(address, port) });
    this.#wake();
  }

  #wake(): void {
    this.#wakeReceiver?.();
    this.#wakeReceiver = undefined;
  }
}
