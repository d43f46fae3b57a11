/**
 * A node of the DHT (BEP 5): searches for the peers of torrents, announces us as one, answers
 * others. Pure; `now` is in milliseconds. The driver hands in datagrams and the time, and sends
 * and hands on what `drain` gives.
 */
import { type Random, shuffle } from "../base/ambient.ts";
import {
  addressScope,
  type Endpoint,
  familyOf,
  formatEndpoint,
  type IpFamily,
  isDialable,
} from "../base/endpoint.ts";
import type { InfoHash } from "../base/ids.ts";
import { Asking, type OutgoingDatagram } from "./asking.ts";
import { type KrpcBadQuery, type KrpcQuery, parseKrpc } from "./krpc.ts";
import { createNodeId } from "./node_id.ts";
import { PeerStore } from "./peer_store.ts";
import { Place } from "./place.ts";
import { Reachability } from "./reachability.ts";
import { Responder } from "./responder.ts";
import { Round } from "./round.ts";
import { RoundRunner } from "./round_runner.ts";
import type { SavedTable } from "./saved_table.ts";
import { Search, type SearchOptions } from "./search.ts";
import { Throttle } from "./throttle.ts";
import { Upkeep } from "./upkeep.ts";

/** Endpoints without ids that are kept, to be asked when no node answers. */
const MAX_CONTACTS = 64;
/** Of these, those that one search asks. */
const CONTACTS_AT_ONCE = 8;
/** Known nodes that a search begins with. */
const FIRST_CANDIDATES = 16;
/** Searches for upkeep at a time. */
const MAX_REFRESHES = 2;

export interface DhtNodeOptions {
  /** The address families that there is a socket for. */
  readonly families: readonly IpFamily[];
  readonly random: Random;
  readonly now: number;
  /** What an earlier run has left. */
  readonly saved?: SavedTable | undefined;
  /** Does the program know from elsewhere that we can be reached? */
  readonly isReachable: () => boolean;
}

/** What the driver is to do. */
export type DhtEffect =
  | ({ readonly kind: "send" } & OutgoingDatagram)
  /** Peers for whoever searches: new ones, all dialable. */
  | { readonly kind: "found"; readonly search: Search; readonly peers: readonly Endpoint[] };

/** Nodes in the tables, queries and how many were answered. */
export interface DhtStatus {
  readonly nodes: number;
  readonly asked: number;
  readonly answered: number;
  readonly isReadOnly: boolean;
}

export class DhtNode {
  readonly #random: Random;
  readonly #places: readonly Place[];
  readonly #reachability: Reachability;
  readonly #asking: Asking;
  readonly #peers: PeerStore;
  readonly #responder: Responder;
  readonly #upkeep: Upkeep;
  readonly #runner: RoundRunner;
  readonly #throttle = new Throttle();
  /** By endpoint, longest known first. */
  readonly #contacts = new Map<string, Endpoint>();
  readonly #saved: SavedTable | undefined;
  readonly #searches = new Map<Search, Round | undefined>();
  #refreshes = 0;
  #found: (DhtEffect & { kind: "found" })[] = [];

  constructor({ families, random, now, saved, isReachable }: DhtNodeOptions) {
    this.#random = random;
    this.#saved = saved;
    const ownId = saved?.ownId ?? createNodeId(undefined, random);
    const externalHost = saved?.externalHost;
    this.#places = families.map((family) => {
      const host = externalHost !== undefined && familyOf(externalHost) === family
        ? externalHost
        : undefined;
      return new Place({ family, ownId, externalHost: host, random });
    });
    this.#reachability = new Reachability({ now, isKnown: isReachable });
    const places = this.#places;
    this.#asking = new Asking({ places, reachability: this.#reachability, random });
    this.#peers = new PeerStore({ random });
    this.#responder = new Responder({ places, peers: this.#peers, random, now });
    this.#upkeep = new Upkeep({ places, asking: this.#asking, now });
    this.#runner = new RoundRunner({
      asking: this.#asking,
      contacts: () => this.#chooseContacts(),
    });
    this.#upkeep.remember(saved?.nodes ?? []);
  }

  /** A datagram of at most a few KiB, from anybody. */
  handleDatagram(bytes: Uint8Array, from: Endpoint, now: number): void {
    const message = parseKrpc(bytes);
    if (message === undefined || this.#asking.placeOf(from) === undefined) return;
    if (message.kind === "query" || message.kind === "bad-query") {
      this.#handleQuery(message, from, now);
    } else {
      const isFirst = this.#nodeCount === 0;
      if (!this.#asking.handleAnswer(message, from, now)) return;
      if (isFirst) { for (const search of this.#searches.keys()) search.hasten(now); }
      this.#carryOn(now);
    }
  }

  /** Time has passed. */
  handleTimeout(now: number): void {
    this.#asking.handleTimeout(now);
    this.#upkeep.handleTimeout(now);
    this.#carryOn(now);
  }

  /** When `handleTimeout` is to be called. */
  deadline(): number {
    const times = [this.#asking.deadline(), this.#upkeep.deadline(), this.#runner.deadline()];
    if (this.#isAnybodyKnown) {
      for (const search of this.#searches.keys()) times.push(search.dueAt);
    }
    return Math.min(...times.filter((time) => time !== undefined));
  }

  /** Nodes whose ids are not known, to be asked when no others answer. */
  addContacts(endpoints: readonly Endpoint[], now: number): void {
    for (const endpoint of endpoints) {
      if (this.#asking.placeOf(endpoint) === undefined) continue;
      if (this.#contacts.size >= MAX_CONTACTS) return;
      this.#contacts.set(formatEndpoint(endpoint), endpoint);
    }
    for (const search of this.#searches.keys()) search.hasten(now);
    this.#carryOn(now);
  }

  /** Somebody has named a node: asked whether it is one. */
  addNode(endpoint: Endpoint, now: number): void {
    this.#upkeep.handleNamed(endpoint, undefined, now);
  }

  /** Searches for the peers of a torrent, and announces us, until `end`. */
  search(infoHash: InfoHash, options: SearchOptions, now: number): Search {
    const search = new Search(infoHash, options);
    this.#searches.set(search, undefined);
    for (const { family } of this.#places) {
      this.#find(
        search,
        this.#peers.peers(infoHash, family, { max: 50, withoutSeeds: false, now }),
      );
    }
    this.#carryOn(now);
    return search;
  }

  end(search: Search): void {
    const round = this.#searches.get(search);
    if (round !== undefined) this.#runner.cancel(round);
    this.#searches.delete(search);
  }

  /** More peers may be wanted now. */
  wake(now: number): void {
    this.#carryOn(now);
  }

  /** What has become due since the last call. */
  drain(): DhtEffect[] {
    const found = this.#found;
    this.#found = [];
    return [
      ...this.#asking.drain().map((datagram) => ({ kind: "send" as const, ...datagram })),
      ...found,
    ];
  }

  status(now: number): DhtStatus {
    return {
      nodes: this.#nodeCount,
      asked: this.#asking.asked,
      answered: this.#asking.answered,
      isReadOnly: this.#reachability.isReadOnly(now),
    };
  }

  /** What the next run should know; `savedAtMs` is the calendar's time. */
  save(savedAtMs: number): SavedTable {
    // Without a network every node seems dead: that is no reason to forget them.
    if (this.#asking.answered === 0 && this.#saved !== undefined) return this.#saved;
    const [first] = this.#places;
    const nodes = this.#places.flatMap(({ table }) => table.nodes());
    return {
      ownId: first?.id ?? createNodeId(undefined, this.#random),
      nodes: [...nodes, ...this.#upkeep.remembered],
      externalHost: first?.externalHost,
      savedAtMs,
    };
  }

  get #nodeCount(): number {
    return this.#places.reduce((sum, { table }) => sum + table.size, 0);
  }

  get #isAnybodyKnown(): boolean {
    return this.#nodeCount > 0 || this.#contacts.size > 0 || this.#upkeep.remembersAnybody;
  }

  #handleQuery(query: KrpcQuery | KrpcBadQuery, from: Endpoint, now: number): void {
    if (!this.#throttle.allows(from, now)) return;
    this.#reachability.handleQuery(from, now);
    const bytes = this.#responder.answer(query, from, now);
    if (bytes !== undefined) this.#asking.send({ bytes, to: from }, now);
    if (query.kind === "bad-query" || query.isReadOnly) return;
    const table = this.#asking.placeOf(from)!.table;
    if (!table.isWanted({ id: query.id, endpoint: from })) return;
    this.#upkeep.handleNamed(from, query.id, now);
  }

  /** Begins what is due, and goes on with what is under way. */
  #carryOn(now: number): void {
    if (this.#isAnybodyKnown) {
      for (const search of this.#searches.keys()) {
        if ((search.dueAt ?? Infinity) <= now) this.#begin(search, now);
      }
      this.#refresh(now);
    }
    this.#runner.carryOn(now);
  }

  #begin(search: Search, now: number): void {
    const { infoHash } = search;
    const round = this.#createRound(infoHash, this.#places, now);
    this.#searches.set(search, round);
    search.begin(now);
    this.#runner.start({
      round,
      call: { method: "get_peers", infoHash, want: this.#want, withoutSeeds: false },
      onAsked: (endpoint) => {
        search.handleAsked(endpoint);
        this.#upkeep.handleAsked(endpoint);
      },
      onAnswered: ({ values, observed }, from) => {
        search.handleAnswered(from);
        const scope = addressScope(from.host);
        // Who sees us where it says a peer is, at the port that we announce, means us.
        const isUs = ({ host, port }: Endpoint) =>
          host === observed?.host && port === search.options.portFor?.(from.host);
        this.#find(search, values.filter((peer) => isDialable(peer, scope) && !isUs(peer)));
      },
      onDone: (now) => {
        search.end(round.answered, this.#random, now);
        this.#searches.set(search, undefined);
        this.#announce(search, round, now);
      },
    }, now);
  }

  #announce({ infoHash, options }: Search, round: Round, now: number): void {
    const { portFor } = options;
    if (portFor === undefined) return;
    const isSeed = options.isSeed();
    for (
      const { id, endpoint, token } of round.lookups.flatMap((lookup) => lookup.announceTargets())
    ) {
      if (this.#asking.isFull) return;
      const port = portFor(endpoint.host);
      const call = { method: "announce_peer", infoHash, token, port, isSeed } as const;
      this.#asking.ask(endpoint, { call, id }, now);
    }
  }

  #refresh(now: number): void {
    while (this.#refreshes < MAX_REFRESHES) {
      const refresh = this.#upkeep.takeRefresh();
      if (refresh === undefined) return;
      const { place, target } = refresh;
      this.#refreshes++;
      this.#runner.start({
        round: this.#createRound(target, [place], now),
        call: { method: "find_node", target, want: this.#want },
        onAsked: (endpoint) => this.#upkeep.handleAsked(endpoint),
        onDone: () => this.#refreshes--,
      }, now);
    }
  }

  #createRound(target: Uint8Array, places: readonly Place[], now: number): Round {
    const round = new Round(target, places.map(({ family }) => family), now);
    for (const [index, lookup] of round.lookups.entries()) {
      lookup.add(this.#upkeep.closest(places[index]!, target, FIRST_CANDIDATES));
    }
    return round;
  }

  #chooseContacts(): Endpoint[] {
    const contacts = [...this.#contacts.values()];
    shuffle(contacts, this.#random);
    return contacts.slice(0, CONTACTS_AT_ONCE);
  }

  /** Answers shall name nodes of all our families (BEP 32). */
  get #want(): readonly IpFamily[] | undefined {
    return this.#places.length > 1 ? this.#places.map(({ family }) => family) : undefined;
  }

  #find(search: Search, peers: readonly Endpoint[]): void {
    const news = search.news(peers);
    if (news.length > 0) this.#found.push({ kind: "found", search, peers: news });
  }
}
