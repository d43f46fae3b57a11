/** UDP between the hosts of a simulation: late, lost, or on its way to nobody. */
import type { Clock, Random } from "../../src/base/ambient.ts";
import { Channel } from "../../src/base/channel.ts";
import { type Endpoint, familyOf, formatEndpoint } from "../../src/base/endpoint.ts";
import { ConnectError, type DatagramSocket } from "../../src/net/transport.ts";

/** Datagrams that a socket keeps until they are read; more are lost. */
const MAX_WAITING_DATAGRAMS = 512;
const FIRST_FREE_PORT = 40_000;

/** How datagrams get to a host, and from it. */
export interface DatagramLink {
  /** One way; both hosts' links add up. */
  readonly latencyMs: number;
  /** Of a hundred datagrams so many are lost on this link, 0 when left out. */
  readonly lossPercent?: number;
  /** Nothing gets through, either way. */
  readonly isDown?: boolean;
  /** Datagrams get in from those only to whom some went out before: a NAT, or a firewall. */
  readonly isFiltered?: boolean;
}

interface Datagram {
  readonly bytes: Uint8Array;
  readonly from: Endpoint;
}

const PERFECT_LINK: DatagramLink = { latencyMs: 1 };

export class SimDatagrams {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #links = new Map<string, DatagramLink>();
  readonly #sockets = new Map<string, Channel<Datagram>>();
  /** Who has sent to whom. */
  readonly #opened = new Set<string>();
  #nextPort = FIRST_FREE_PORT;
  /** Datagrams sent so far. */
  sent = 0;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  setLink(host: string, link: DatagramLink): void {
    this.#links.set(host, link);
  }

  /** A socket of a host, which has the one address. */
  open(host: string, { address = host, port = 0 }: { address?: string; port?: number }) {
    if (familyOf(address) !== familyOf(host)) {
      throw new ConnectError("unreachable", "Cannot open: the host is of the other family");
    }
    const endpoint = { host, port: port === 0 ? this.#nextPort++ : port };
    const key = formatEndpoint(endpoint);
    if (this.#sockets.has(key)) throw new ConnectError("limit", "Cannot open: the port is taken");
    const received = new Channel<Datagram>(MAX_WAITING_DATAGRAMS);
    this.#sockets.set(key, received);
    return this.#socketOf(endpoint, received);
  }

  #socketOf(endpoint: Endpoint, received: Channel<Datagram>): DatagramSocket {
    const datagrams = received[Symbol.asyncIterator]();
    return {
      port: endpoint.port,
      send: (bytes, to) => {
        if (!received.isClosed) this.#send(bytes, endpoint, to);
        return Promise.resolve();
      },
      receive: async (buffer) => {
        const { value, done } = await datagrams.next();
        if (done || received.isClosed) return null;
        const cut = value.bytes.subarray(0, buffer.length);
        buffer.set(cut);
        return { length: cut.length, from: value.from };
      },
      close: () => {
        received.close();
        this.#sockets.delete(formatEndpoint(endpoint));
      },
    };
  }

  #send(bytes: Uint8Array, from: Endpoint, to: Endpoint): void {
    this.sent++;
    this.#opened.add(`${from.host} ${to.host}`);
    const links = [from, to].map(({ host }) => this.#links.get(host) ?? PERFECT_LINK);
    const isLost = links.some(({ isDown = false, lossPercent = 0 }) =>
      isDown || this.#random.next() * 100 < lossPercent
    );
    const isRefused = links[1]!.isFiltered && !this.#opened.has(`${to.host} ${from.host}`);
    if (isLost || isRefused) return;
    const latencyMs = links.reduce((sum, link) => sum + link.latencyMs, 0);
    const datagram = { bytes: bytes.slice(), from };
    void this.#clock.sleep(latencyMs).then(() =>
      this.#sockets.get(formatEndpoint(to))?.tryPush(datagram)
    );
  }
}
