import type { Endpoint } from "../../src/base/endpoint.ts";
import type { DatagramSocket } from "../../src/net/transport.ts";

const LENGTH = 100;

/** A socket on which datagrams of zeros come as fast as they are read, from ever new ports. */
export class FloodedSocket implements DatagramSocket {
  readonly port: number;
  readonly #host: string;
  #isClosed = false;
  /** Datagrams that were read. */
  reads = 0;

  constructor({ host, port }: Endpoint) {
    this.#host = host;
    this.port = port;
  }

  send(): Promise<void> {
    return Promise.resolve();
  }

  receive(): Promise<{ length: number; from: Endpoint } | null> {
    const from = { host: this.#host, port: ++this.reads % 60_000 + 1 };
    return Promise.resolve(this.#isClosed ? null : { length: LENGTH, from });
  }

  close(): void {
    this.#isClosed = true;
  }
}
