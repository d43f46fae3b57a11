/** A small tracker: HTTP and UDP, IPv4 and IPv6, on one port. */
import { assert } from "../base/assert.ts";
import type { Clock, Random } from "../base/ambient.ts";
import { formatEndpoint } from "../base/endpoint.ts";
import { ConnectError, type Connection, type DatagramSocket } from "../net/transport.ts";
import type { Listener, Network } from "../net/transport.ts";
import { HEAD_END, HttpService } from "./http_service.ts";
import { type RegistryTotals, SwarmRegistry } from "./swarm_registry.ts";
import { UdpService } from "./udp_service.ts";

export interface TrackerServerOptions {
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  /** Addresses to listen on; without them `127.0.0.1` alone. */
  readonly addresses?: readonly string[];
  /** 0 or nothing for any that is free. */
  readonly port?: number;
  /** What clients are told; without it half an hour. */
  readonly intervalMs?: number;
  /** Info-hashes in lower-case hex; without them any torrent is served. */
  readonly allowed?: ReadonlySet<string>;
}

const DEFAULT_ADDRESSES = ["127.0.0.1"];
const DEFAULT_INTERVAL_MS = 1_800_000;
/** Attempts to find a port that is free for TCP and UDP and on every address. */
const MAX_PORT_ATTEMPTS = 10;
/** HTTP clients served at once; further ones are turned away. */
const MAX_CONNECTIONS = 256;
const MAX_HEAD_LENGTH = 8_192;
/** For a client to ask and to take the answer. */
const CONNECTION_TIMEOUT_MS = 10_000;
/** Longer than any packet of BEP 15; options of BEP 41 beyond it are cut and not missed. */
const MAX_PACKET_LENGTH = 2_048;

const latin1 = new TextDecoder("latin1");

/** The sockets of one address. */
interface Door {
  readonly address: string;
  readonly listener: Listener;
  readonly socket: DatagramSocket;
}

export class TrackerServer {
  readonly #clock: Clock;
  readonly #registry: SwarmRegistry;
  readonly #http: HttpService;
  readonly #udp: UdpService;
  readonly #doors: readonly Door[];
  readonly #connections = new Set<Promise<void>>();
  readonly #ending = new AbortController();
  readonly #loops: readonly Promise<void>[];

  /** Listens from now on. Throws ConnectError when it cannot. */
  constructor(options: TrackerServerOptions) {
    const { clock, random, intervalMs = DEFAULT_INTERVAL_MS, allowed } = options;
    const registry = new SwarmRegistry({
      random,
      intervalMs,
      ...(allowed === undefined ? {} : { allowed }),
    });
    this.#clock = clock;
    this.#registry = registry;
    this.#http = new HttpService(registry, { intervalMs });
    this.#udp = new UdpService(registry, { random, intervalMs });
    this.#doors = openDoors(options);
    this.#loops = this.#doors.flatMap(({ listener, socket }) => [
      this.#serveHttp(listener),
      this.#serveUdp(socket),
    ]);
  }

  get port(): number {
    return this.#doors[0]!.listener.port;
  }

  /** Where to announce: HTTP and UDP at every address. */
  get announceUrls(): string[] {
    return this.#doors.flatMap(({ address }) => {
      const place = formatEndpoint({ host: address, port: this.port });
      return [`http://${place}/announce`, `udp://${place}/announce`];
    });
  }

  /** Whom it knows now. */
  totals(): RegistryTotals {
    return this.#registry.totals(this.#clock.now());
  }

  /** Ends everything at once; resolves when nothing runs any more. */
  async close(): Promise<void> {
    this.#ending.abort();
    for (const door of this.#doors) closeDoor(door);
    await Promise.all([...this.#loops, ...this.#connections]);
  }

  async #serveUdp(socket: DatagramSocket): Promise<void> {
    const buffer = new Uint8Array(MAX_PACKET_LENGTH);
    while (true) {
      const received = await socket.receive(buffer);
      if (received === null) return;
      const { length, from } = received;
      const answer = this.#udp.answer(buffer.subarray(0, length), from, this.#clock.now());
      // One answer at a time: a flood of packets waits in the system's buffer, not in ours.
      if (answer !== undefined) await socket.send(answer, from);
    }
  }

  async #serveHttp(listener: Listener): Promise<void> {
    for await (const connection of listener) {
      if (this.#connections.size >= MAX_CONNECTIONS) {
        connection.close();
        continue;
      }
      const served = this.#serve(connection).finally(() => this.#connections.delete(served));
      this.#connections.add(served);
    }
  }

  async #serve(connection: Connection): Promise<void> {
    const done = new AbortController();
    const end = () => {
      done.abort();
      connection.close();
    };
    this.#ending.signal.addEventListener("abort", end);
    void this.#clock.sleep(CONNECTION_TIMEOUT_MS, done.signal).then(end);
    const head = await readHead(connection);
    if (head !== undefined) {
      const answer = this.#http.answer(head, connection.remote.host, this.#clock.now());
      // A client that is gone before it has its answer may ask again.
      await connection.write(answer).catch(() => {});
    }
    this.#ending.signal.removeEventListener("abort", end);
    end();
  }
}

/** The text of a request up to its empty line; undefined when there is no such thing. */
async function readHead(connection: Connection): Promise<string | undefined> {
  const buffer = new Uint8Array(MAX_HEAD_LENGTH);
  let head = "";
  while (head.length < MAX_HEAD_LENGTH) {
    const read = await connection.read(buffer.subarray(head.length));
    if (read === null) return undefined;
    // Only the new end is searched, or a byte at a time would make us read all of it each time.
    const searchFrom = Math.max(0, head.length - HEAD_END.length);
    head += latin1.decode(buffer.subarray(head.length, head.length + read));
    if (head.includes(HEAD_END, searchFrom)) return head;
  }
  return undefined;
}

function openDoors(options: TrackerServerOptions): Door[] {
  for (let attempt = 1;; attempt++) {
    try {
      return tryDoors(options);
    } catch (error) {
      assert(error instanceof ConnectError);
      const mayFindAnother = (options.port ?? 0) === 0 && error.failure === "limit";
      if (!mayFindAnother || attempt === MAX_PORT_ATTEMPTS) throw error;
    }
  }
}

/** All of them on the port that the first one gets. */
function tryDoors(
  { network, addresses = DEFAULT_ADDRESSES, port = 0 }: TrackerServerOptions,
): Door[] {
  const doors: Door[] = [];
  try {
    for (const address of addresses) {
      const listener = network.listen({ ports: [doors[0]?.listener.port ?? port], address });
      try {
        const socket = network.openDatagram({ address, port: listener.port });
        doors.push({ address, listener, socket });
      } catch (error) {
        listener.close();
        throw error;
      }
    }
    return doors;
  } catch (error) {
    doors.forEach(closeDoor);
    throw error;
  }
}

function closeDoor({ listener, socket }: Door): void {
  listener.close();
  socket.close();
}
