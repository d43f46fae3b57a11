/** A simulated DHT to put together node by node: honest ones, poisoners, liars, the silent. */
import type { SeededRandom } from "../../src/base/ambient.ts";
import type { Bytes } from "../../src/base/bytes.ts";
import { addressBytes, type Endpoint, formatEndpoint } from "../../src/base/endpoint.ts";
import type { InfoHash, NodeId } from "../../src/base/ids.ts";
import type { NodeInfo } from "../../src/dht/compact_node.ts";
import { type KrpcQuery, parseKrpc } from "../../src/dht/krpc.ts";
import { encodeError, encodeQuery, encodeResponse } from "../../src/dht/krpc_encoder.ts";
import { createNodeId } from "../../src/dht/node_id.ts";
import { type DhtSearch, DhtService, type DhtServiceOptions } from "../../src/dht/service.ts";
import { openDatagramSockets } from "../../src/net/datagram_sockets.ts";
import { ManualClock } from "./manual_clock.ts";
import type { DatagramLink } from "./sim_datagrams.ts";
import { SimNetwork } from "./sim_network.ts";

export const PORT = 6881;
/** As many nodes as a poisoner invents for one answer. */
const INVENTED_NODES = 16;
const INVENTED_PEERS = 4;

/** A node of ours. */
export class Member {
  readonly endpoint: Endpoint;
  readonly service: DhtService;
  /** When what was found, by peer. */
  readonly found = new Map<string, number>();

  constructor(readonly host: string, service: DhtService, private readonly clock: ManualClock) {
    this.endpoint = { host, port: PORT };
    this.service = service;
  }

  /** Searches for a torrent's peers; announces us where `port` says so. */
  search(infoHash: InfoHash, port: number | undefined, signal: AbortSignal): DhtSearch {
    const isHungry = () => port === undefined;
    const portFor = port === undefined ? undefined : () => port;
    const options = { portFor, isSeed: () => !isHungry(), isHungry, signal };
    const search = this.service.search(infoHash, options);
    void this.#collect(search);
    return search;
  }

  async #collect(search: DhtSearch): Promise<void> {
    for await (const peers of search) {
      for (const peer of peers) {
        const key = formatEndpoint(peer);
        if (!this.found.has(key)) this.found.set(key, this.clock.now());
      }
    }
  }
}

export class DhtLab {
  readonly clock = new ManualClock();
  readonly network: SimNetwork;
  readonly random: SeededRandom;
  readonly members: Member[] = [];
  /** Ends all searches. */
  readonly ending = new AbortController();
  readonly #poisoners: Endpoint[] = [];
  #hosts = 0;

  constructor(random: SeededRandom) {
    this.random = random;
    this.network = new SimNetwork(this.clock, random);
  }

  /** An address on the internet, each in a network of its own. */
  newHost(link: DatagramLink): string {
    const number = this.#hosts++;
    const host = `${20 + (number >> 8)}.${number & 255}.${this.random.below(256)}.7`;
    this.network.datagrams.setLink(host, link);
    return host;
  }

  /** A node of ours, at a new address unless it has one. */
  addMember(
    bootstrap: readonly Endpoint[],
    link: DatagramLink,
    options: Partial<DhtServiceOptions> & { host?: string } = {},
  ): Member {
    const host = options.host ?? this.newHost(link);
    const network = this.network.host(host);
    const service = new DhtService({
      network,
      sockets: openDatagramSockets(network, { port: PORT }),
      clock: this.clock,
      random: this.random,
      bootstrap,
      isReachable: () => true,
      ...options,
    });
    const member = new Member(host, service, this.clock);
    this.members.push(member);
    return member;
  }

  /** A node that follows a script: gives the answer to a query, or keeps silent. */
  addScripted(
    link: DatagramLink,
    answer: (query: KrpcQuery, from: Endpoint) => Bytes | undefined,
  ): { endpoint: Endpoint; send: (bytes: Bytes, to: Endpoint) => void } {
    const host = this.newHost(link);
    const socket = this.network.host(host).openDatagram({ port: PORT });
    this.ending.signal.addEventListener("abort", () => socket.close(), { once: true });
    const run = async () => {
      const buffer = new Uint8Array(2_000);
      while (true) {
        const received = await socket.receive(buffer);
        if (received === null) return;
        const query = parseKrpc(buffer.subarray(0, received.length));
        const bytes = query?.kind === "query" ? answer(query, received.from) : undefined;
        if (bytes !== undefined) void socket.send(bytes, received.from);
      }
    };
    void run();
    return { endpoint: { host, port: PORT }, send: (bytes, to) => void socket.send(bytes, to) };
  }

  /**
   * Answers every question with nodes that are all closer than any honest one: its friends, each
   * under an id made for the target, and inventions; and with peers that do not exist. It asks
   * `victims`, so that they come to know it.
   */
  addPoisoner(victims: readonly Endpoint[], link: DatagramLink): void {
    const answer = (query: KrpcQuery, from: Endpoint) => {
      const target = targetOf(query);
      return encodeResponse({
        kind: "response",
        transaction: query.transaction,
        id: target === undefined ? ownId : idBeside(target, poisoner.endpoint.host),
        nodes: target === undefined ? [] : this.#inventNodes(target),
        values: query.method === "get_peers" ? this.#inventPeers() : [],
        token: Uint8Array.of(1, 2, 3, 4),
        observed: { host: "99.99.99.99", port: from.port },
      });
    };
    const ownId = createNodeId(undefined, this.random);
    const poisoner = this.addScripted(link, answer);
    this.#poisoners.push(poisoner.endpoint);
    this.#introduce(poisoner.send, ownId, victims);
  }

  /** Answers with the right transaction, but nonsense, another id each time, or not at all. */
  addLiar(victims: readonly Endpoint[], link: DatagramLink): void {
    const ownId = createNodeId(undefined, this.random);
    const { send } = this.addScripted(link, ({ transaction, method }, from) => {
      if (method === "ping") return this.#respond(transaction, ownId, from);
      const choice = this.random.below(4);
      if (choice === 0) {
        return this.#respond(transaction, createNodeId(undefined, this.random), from);
      }
      if (choice === 1) return this.random.bytes(100);
      if (choice === 2) return encodeError({ transaction, code: 202, text: "no" });
      return undefined;
    });
    this.#introduce(send, ownId, victims);
  }

  #respond(transaction: Uint8Array, id: NodeId, observed: Endpoint): Bytes {
    const nothing = { nodes: [], values: [], token: undefined };
    return encodeResponse({ kind: "response", transaction, id, observed, ...nothing });
  }

  #introduce(
    send: (bytes: Bytes, to: Endpoint) => void,
    id: NodeId,
    victims: readonly Endpoint[],
  ): void {
    for (const victim of victims) {
      const transaction = this.random.bytes(2);
      send(
        encodeQuery({ kind: "query", method: "ping", transaction, id, isReadOnly: false }),
        victim,
      );
    }
  }

  /** A host that no node has. */
  inventHost(): string {
    return `200.${this.random.below(256)}.${this.random.below(256)}.${1 + this.random.below(254)}`;
  }

  async pass(durationMs: number): Promise<void> {
    await this.clock.run(() => false, durationMs);
  }

  async end(): Promise<void> {
    this.ending.abort();
    for (const { service } of this.members) service.close();
    await this.pass(1_000);
  }

  #inventNodes(target: Uint8Array): NodeInfo[] {
    return Array.from({ length: INVENTED_NODES }, (_, index) => {
      const friend = this.#poisoners[this.random.below(this.#poisoners.length)]!;
      const endpoint = index % 2 === 0 ? friend : { host: this.inventHost(), port: PORT };
      return { id: idBeside(target, endpoint.host), endpoint };
    });
  }

  #inventPeers(): Endpoint[] {
    return Array.from({ length: INVENTED_PEERS }, () => ({ host: this.inventHost(), port: PORT }));
  }
}

/** An id closer to the target than chance would have it, the same each time. */
function idBeside(target: Uint8Array, host: string): NodeId {
  const id = target.slice() as NodeId;
  for (const [index, byte] of addressBytes(host)!.entries()) id[16 + index] = byte;
  return id;
}

function targetOf(query: KrpcQuery): Uint8Array | undefined {
  if (query.method === "get_peers") return query.infoHash;
  return query.method === "find_node" ? query.target : undefined;
}
