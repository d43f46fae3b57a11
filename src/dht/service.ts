/**
 * The DHT over real sockets: hands datagrams and the time to a `DhtNode`, and sends and hands on
 * what it gives. A machine without a usable socket has a DHT that finds nobody.
 */
import type { Clock, Random } from "../base/ambient.ts";
import type { Bytes } from "../base/bytes.ts";
import { Channel } from "../base/channel.ts";
import { addressBytes, type Endpoint, familyOf } from "../base/endpoint.ts";
import type { InfoHash } from "../base/ids.ts";
import { TokenBucket } from "../base/rate.ts";
import type { DatagramSockets } from "../net/datagram_sockets.ts";
import type { DatagramSocket, Network } from "../net/transport.ts";
import { DhtNode, type DhtStatus } from "./node.ts";
import { encodeSavedTable, parseSavedTable } from "./saved_table.ts";
import type { Search, SearchOptions } from "./search.ts";

/** More than any message: the port that is shared with uTP drops longer datagrams. */
const MAX_DATAGRAM_LENGTH = 4_096;
/**
 * Datagrams read of each socket, and as many at once after a pause. A flood beyond that is
 * dropped by the system, whatever it brings, and costs us nothing.
 */
const DATAGRAMS_PER_SECOND = 500;
/** When so many have been read, the next are read after this. */
const FLOOD_PAUSE_MS = 20;
/** Finds that nobody has read yet; their peers come again with the next round. */
const MAX_WAITING_FINDS = 64;
/** Names that do not resolve are tried again, after ever longer pauses. */
const FIRST_RESOLVE_PAUSE_MS = 5_000;
const LONGEST_RESOLVE_PAUSE_MS = 5 * 60_000;
/** Trackers are asked and peers dialled first: to load what looks names up takes time. */
const FIRST_RESOLVE_DELAY_MS = 50;
/** With nodes of an earlier run, names are looked up only when these do not answer by then. */
const SAVED_NODES_FIRST_MS = 2_000;
/** With fewer nodes than this, names are looked up. */
const FEW_NODES = 8;
const MAX_ADDRESSES_OF_NAME = 8;
/** Names of nodes that are being looked up; further ones are left out. */
const MAX_RESOLVING = 8;
/** The machine may sleep, and wake with all deadlines long past. */
const LONGEST_PAUSE_MS = 60_000;

export interface DhtServiceOptions {
  /** Looks up names. */
  readonly network: Pick<Network, "resolve">;
  /** Its own from now on; none on a machine without a usable one. */
  readonly sockets: DatagramSockets;
  readonly clock: Clock;
  readonly random: Random;
  /** Nodes to begin with; their hosts may be names. */
  readonly bootstrap: readonly Endpoint[];
  /** What `save` gave in an earlier run; damaged or old, it is as if it were not there (H11). */
  readonly saved?: Uint8Array | undefined;
  /** Does the program know from elsewhere that strangers can reach us? */
  readonly isReachable?: () => boolean;
}

export interface DhtSearchOptions extends SearchOptions {
  /** Ends the search. */
  readonly signal: AbortSignal;
}

/** Peers of one torrent as they are found, those only that may be dialled; ends with its signal. */
export interface DhtSearch extends AsyncIterable<readonly Endpoint[]> {
  /** Nodes asked for this torrent, and how many of them answered. */
  readonly asked: number;
  readonly answered: number;
  /** More peers may be wanted now; may be called as often as one likes. */
  wake(): void;
}

export class DhtService implements Disposable {
  readonly #options: DhtServiceOptions;
  readonly #node: DhtNode;
  readonly #finds = new Map<Search, Channel<readonly Endpoint[]>>();
  readonly #closing = new AbortController();
  #resolving = 0;
  #waking = new AbortController();
  #wakesAt = -Infinity;

  constructor(options: DhtServiceOptions) {
    const { sockets, clock, random, saved } = options;
    this.#options = options;
    this.#node = new DhtNode({
      families: [...sockets.keys()],
      random,
      now: clock.now(),
      saved: saved && parseSavedTable(saved, clock.wallTime()),
      isReachable: options.isReachable ?? (() => false),
    });
    for (const socket of new Set(sockets.values())) this.#run(this.#receive(socket));
    this.#run(this.#keepTime());
    this.#run(this.#addBootstrap());
  }

  /** The UDP port; undefined without a socket. */
  get port(): number | undefined {
    const [socket] = this.#options.sockets.values();
    return socket?.port;
  }

  /** Searches for peers, and announces us, until the signal aborts. */
  search(infoHash: InfoHash, { signal, ...options }: DhtSearchOptions): DhtSearch {
    const channel = new Channel<readonly Endpoint[]>(MAX_WAITING_FINDS);
    const search = this.#node.search(infoHash, options, this.#now);
    this.#finds.set(search, channel);
    const end = () => {
      this.#node.end(search);
      this.#finds.delete(search);
      channel.close();
    };
    if (signal.aborted || this.#closing.signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
    this.#act();
    return {
      get asked() {
        return search.asked;
      },
      get answered() {
        return search.answered;
      },
      wake: () => {
        this.#node.wake(this.#now);
        this.#act();
      },
      [Symbol.asyncIterator]: () => channel[Symbol.asyncIterator](),
    };
  }

  /** A node that a peer or a torrent names: asked whether it is one. Names are resolved. */
  addNode(endpoint: Endpoint): void {
    this.#run(this.#addNamed(endpoint));
  }

  status(): DhtStatus {
    return this.#node.status(this.#now);
  }

  /** What the next run should be given as `saved`. */
  save(): Bytes {
    return encodeSavedTable(this.#node.save(this.#options.clock.wallTime()));
  }

  /** Ends everything, the searches too. May be called again. */
  close(): void {
    this.#closing.abort();
    this.#waking.abort();
    for (const socket of this.#options.sockets.values()) socket.close();
    for (const channel of this.#finds.values()) channel.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  get #now(): number {
    return this.#options.clock.now();
  }

  /** Sends and hands on what there is, and sees to it that nothing is late. */
  #act(): void {
    const { sockets } = this.#options;
    for (const effect of this.#node.drain()) {
      if (effect.kind === "found") this.#finds.get(effect.search)?.tryPush(effect.peers);
      else void sockets.get(familyOf(effect.to.host))?.send(effect.bytes, effect.to);
    }
    if (this.#node.deadline() < this.#wakesAt) this.#waking.abort();
  }

  async #receive(socket: DatagramSocket): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#closing;
    const buffer = new Uint8Array(MAX_DATAGRAM_LENGTH);
    const bucket = new TokenBucket(DATAGRAMS_PER_SECOND, this.#now, DATAGRAMS_PER_SECOND);
    while (true) {
      const received = await socket.receive(buffer);
      if (received === null) return;
      this.#node.handleDatagram(buffer.subarray(0, received.length), received.from, this.#now);
      this.#act();
      bucket.take(1, this.#now);
      if (bucket.waitMs(this.#now) > 0) await clock.sleep(FLOOD_PAUSE_MS, signal);
    }
  }

  async #keepTime(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      this.#waking = new AbortController();
      this.#wakesAt = Math.min(this.#node.deadline(), this.#now + LONGEST_PAUSE_MS);
      await clock.sleep(Math.max(1, this.#wakesAt - this.#now), this.#waking.signal);
      if (signal.aborted) return;
      this.#node.handleTimeout(this.#now);
      this.#act();
    }
  }

  /** Names are looked up when nodes are lacking: who has saved nodes tells no DNS server of us. */
  async #addBootstrap(): Promise<void> {
    const { clock, bootstrap, saved } = this.#options;
    const { signal } = this.#closing;
    const isAddress = ({ host }: Endpoint) => addressBytes(host) !== undefined;
    this.#node.addContacts(bootstrap.filter(isAddress), this.#now);
    this.#act();
    let names = bootstrap.filter((endpoint) => !isAddress(endpoint));
    let pauseMs = FIRST_RESOLVE_PAUSE_MS;
    await clock.sleep(saved === undefined ? FIRST_RESOLVE_DELAY_MS : SAVED_NODES_FIRST_MS, signal);
    while (names.length > 0 && !signal.aborted) {
      if (this.#node.status(this.#now).nodes < FEW_NODES) {
        const unresolved = await Promise.all(names.map((name) => this.#addContactsOf(name)));
        names = names.filter((_, index) => unresolved[index]);
      }
      await clock.sleep(pauseMs, signal);
      pauseMs = Math.min(pauseMs * 2, LONGEST_RESOLVE_PAUSE_MS);
    }
  }

  /** True when the name did not resolve. */
  async #addContactsOf(name: Endpoint): Promise<boolean> {
    const contacts = await this.#resolve(name);
    this.#node.addContacts(contacts, this.#now);
    this.#act();
    return contacts.length === 0;
  }

  async #addNamed(endpoint: Endpoint): Promise<void> {
    if (addressBytes(endpoint.host) !== undefined) this.#node.addNode(endpoint, this.#now);
    else if (this.#resolving < MAX_RESOLVING) {
      this.#resolving++;
      for (const node of await this.#resolve(endpoint)) this.#node.addNode(node, this.#now);
      this.#resolving--;
    }
    this.#act();
  }

  async #resolve({ host, port }: Endpoint): Promise<Endpoint[]> {
    const hosts = await this.#options.network.resolve(host);
    return hosts.slice(0, MAX_ADDRESSES_OF_NAME).map((host) => ({ host, port }));
  }

  /** Nothing that the world does makes it fail: a mistake of ours is told to whoever reads. */
  #run(task: Promise<void>): void {
    task.catch((error) => {
      for (const channel of this.#finds.values()) channel.fail(error);
      this.close();
    });
  }
}
