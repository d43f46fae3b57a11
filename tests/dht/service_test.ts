import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import { type Endpoint, formatEndpoint } from "../../src/base/endpoint.ts";
import type { InfoHash } from "../../src/base/ids.ts";
import { DhtService, type DhtServiceOptions } from "../../src/dht/service.ts";
import { openDatagramSockets } from "../../src/net/datagram_sockets.ts";
import { ConnectError, type DatagramSocket, type Network } from "../../src/net/transport.ts";
import { FloodedSocket } from "../sim/flooded_socket.ts";
import { ManualClock } from "../sim/manual_clock.ts";
import { SimNetwork } from "../sim/sim_network.ts";

const INFO_HASH = new Uint8Array(20).fill(0xaa) as InfoHash;
const PORT = 6881;
const HERE = "10.0.0.1", THERE = "10.0.0.2", NAME = "router.example.org";

type RoomOptions = DhtServiceOptions & { readonly network: Network };

class Room {
  readonly clock = new ManualClock();
  readonly random = new SeededRandom(1);
  readonly network = new SimNetwork(this.clock, this.random);
  readonly ending = new AbortController();

  start(host: string, options: Partial<RoomOptions> = {}): DhtService {
    const { network = this.network.host(host) } = options;
    return new DhtService({
      network,
      sockets: openDatagramSockets(network, { port: PORT, address: host }),
      clock: this.clock,
      random: this.random,
      bootstrap: [],
      ...options,
    });
  }

  /** What a search has found, as it finds it. */
  search(service: DhtService, port?: number): string[] {
    const found: string[] = [];
    const search = service.search(INFO_HASH, {
      portFor: port === undefined ? undefined : () => port,
      isSeed: () => false,
      isHungry: () => port === undefined,
      signal: this.ending.signal,
    });
    void this.#collect(search, found);
    return found;
  }

  async #collect(search: AsyncIterable<readonly Endpoint[]>, found: string[]): Promise<void> {
    for await (const peers of search) found.push(...peers.map(formatEndpoint));
    found.push("end");
  }

  async pass(durationMs: number): Promise<void> {
    await this.clock.run(() => false, durationMs);
  }
}

/** Nobody answers it. */
class SilentSocket implements DatagramSocket {
  readonly port = PORT;
  readonly asked = new Set<string>();
  readonly #closed = Promise.withResolvers<null>();

  send(_bytes: Uint8Array, { host }: Endpoint): Promise<void> {
    this.asked.add(host);
    return Promise.resolve();
  }

  receive(): Promise<null> {
    return this.#closed.promise;
  }

  close(): void {
    this.#closed.resolve(null);
  }
}

function naming(network: Network, resolve: () => string[]): Network {
  return { ...network, resolve: () => Promise.resolve(resolve()) };
}

Deno.test("search() announces to a node what another search finds there", async () => {
  const room = new Room();
  const router = room.start("10.0.0.9");
  const bootstrap = [{ host: "10.0.0.9", port: PORT }];
  const seed = room.start(THERE, { bootstrap });
  room.search(seed, 7_000);
  await room.pass(1_000);
  const seeker = room.start(HERE, { bootstrap });
  const found = room.search(seeker);
  await room.pass(1_000);
  deepStrictEqual(found, [`${THERE}:7000`]);
  room.ending.abort();
  await room.pass(1);
  deepStrictEqual(found.at(-1), "end");
  for (const service of [router, seed, seeker]) service.close();
  await room.pass(100_000);
});

Deno.test("H12 names of bootstrap nodes are resolved until they are known, ever more rarely", async () => {
  const room = new Room();
  const router = room.start(THERE);
  let tries = 0;
  const network = naming(room.network.host(HERE), () => ++tries < 6 ? [] : [THERE]);
  const service = room.start(HERE, { network, bootstrap: [{ host: NAME, port: PORT }] });
  await room.pass(40);
  strictEqual(tries, 0, "trackers are asked first");
  await room.pass(60_000);
  strictEqual(tries, 4);
  strictEqual(service.status().answered, 0);
  await room.pass(10 * 60_000);
  strictEqual(tries, 6);
  ok(service.status().answered > 0);
  service.close();
  router.close();
  await room.pass(1_000_000);
});

Deno.test("no name is looked up while saved nodes answer", async () => {
  const room = new Room();
  const others = Array.from({ length: 10 }, (_, n) => room.start(`10.0.1.${n}`));
  const bootstrap = others.map((_, n) => ({ host: `10.0.1.${n}`, port: PORT }));
  const first = room.start(HERE, { bootstrap });
  room.search(first);
  await room.pass(10_000);
  const saved = first.save();
  first.close();
  let tries = 0;
  const network = naming(room.network.host(THERE), () => (tries++, []));
  const names = [{ host: NAME, port: PORT }];
  const second = room.start(THERE, { network, saved, bootstrap: names });
  await room.pass(60_000);
  ok(second.status().nodes >= 8, `${second.status().nodes} nodes`);
  strictEqual(tries, 0);
  for (const service of [...others, second]) service.close();
  await room.pass(1_000_000);
});

Deno.test("H11 a damaged table is as if it were not there", async () => {
  const room = new Room();
  for (const saved of [new Uint8Array(0), new Uint8Array(500).fill(7)]) {
    const service = room.start(HERE, { saved });
    strictEqual(service.status().nodes, 0);
    service.close();
    await room.pass(100_000);
  }
});

Deno.test("a machine without UDP has a DHT that finds nobody", async () => {
  const room = new Room();
  const network: Network = {
    ...room.network.host(HERE),
    openDatagram: () => {
      throw new ConnectError("unreachable", "Cannot open: there is none");
    },
  };
  const bootstrap = [{ host: THERE, port: PORT }];
  const service = room.start(HERE, { network, bootstrap });
  const found = room.search(service);
  service.addNode({ host: THERE, port: PORT });
  await room.pass(60_000);
  deepStrictEqual([found, service.status().asked, service.port], [[], 0, undefined]);
  service.close();
  await room.pass(60_000);
  deepStrictEqual(found, ["end"]);
});

Deno.test("addNode() asks whether it is a node, names too, and begins a search that waits", async () => {
  for (const host of [THERE, NAME]) {
    const room = new Room();
    const router = room.start(THERE);
    const network = naming(room.network.host(HERE), () => [THERE]);
    const service = room.start(HERE, { network });
    room.search(service);
    await room.pass(30_000);
    strictEqual(service.status().nodes, 0);
    service.addNode({ host, port: PORT });
    await room.pass(1_000);
    strictEqual(service.status().nodes, 1);
    ok(service.status().answered >= 2, "the ping and the search");
    room.ending.abort();
    service.close();
    router.close();
    await room.pass(100_000);
  }
});

Deno.test("H12 of a name with many addresses eight are asked, of bootstrap nodes and of named ones", async () => {
  const name = { host: NAME, port: PORT };
  for (const bootstrap of [[name], []]) {
    const room = new Room();
    const hosts = Array.from({ length: 20 }, (_, n) => `10.0.1.${n + 1}`);
    const socket = new SilentSocket();
    const network = naming(room.network.host(HERE), () => hosts);
    const openDatagram = () => socket;
    const service = room.start(HERE, { network: { ...network, openDatagram }, bootstrap });
    if (bootstrap.length === 0) service.addNode(name);
    else room.search(service);
    await room.pass(1_000);
    deepStrictEqual([...socket.asked].toSorted(), hosts.slice(0, 8));
    service.close();
    await room.pass(1_000_000);
  }
});

Deno.test("H3 of an endless flood no more is read than costs next to nothing", async () => {
  const room = new Room();
  const socket = new FloodedSocket({ host: THERE, port: PORT });
  const network = { ...room.network.host(HERE), openDatagram: () => socket };
  const service = room.start(HERE, { network });
  await room.pass(10_000);
  ok(socket.reads > 1_000 && socket.reads < 6_000, `${socket.reads} in ten seconds`);
  service.close();
  await room.pass(100_000);
});
