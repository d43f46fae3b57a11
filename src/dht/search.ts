/**
 * When the DHT is asked for the peers of one torrent, and told of us: at once, again while more
 * peers are wanted, ever more rarely, and often enough not to be forgotten. Pure.
 */
import type { Random } from "../base/ambient.ts";
import { type Endpoint, formatEndpoint, type PortFor } from "../base/endpoint.ts";
import type { InfoHash } from "../base/ids.ts";

/** From one round's start to the next one's, while hungry; doubled each time. */
const FIRST_PACE_MS = 15_000;
const LONGEST_PACE_MS = 5 * 60_000;
/** From a round that nobody answered to the next; doubled each time. */
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;
/** Others forget us after half an hour or more; evenly spread over this much on top. */
const ANNOUNCE_EVERY_MS = 15 * 60_000;
const ANNOUNCE_SPREAD_MS = 10 * 60_000;
/** Where so few answer there may soon be more: all is done again earlier. */
const FEW_NODES = 8;
const FIRST_PACE_AMONG_FEW_MS = 2_000;
const LONGEST_PACE_AMONG_FEW_MS = 60_000;
/** Peers remembered as found before; beyond that they may be told again. */
const MAX_REMEMBERED = 4_000;
/** Nodes of each sort that are told apart; beyond that they are not counted any more. */
const MAX_COUNTED_NODES = 10_000;

export interface SearchOptions {
  /** For TCP, and the host of the node that is told; left out: nobody is told of us. */
  readonly portFor?: PortFor | undefined;
  readonly isSeed: () => boolean;
  /** Are more peers wanted? */
  readonly isHungry: () => boolean;
}

export class Search {
  readonly infoHash: InfoHash;
  readonly options: SearchOptions;
  /** The last round in which a peer was found, by endpoint. */
  readonly #foundIn = new Map<string, number>();
  readonly #asked = new Set<string>();
  readonly #answered = new Set<string>();
  #round = 0;
  #isUnderWay = false;
  #startedAt = -Infinity;
  #paceMs = FIRST_PACE_MS;
  #paceAmongFewMs = FIRST_PACE_AMONG_FEW_MS;
  #isAmongFew = false;
  #retryMs = FIRST_RETRY_MS;
  #retryAt: number | undefined;
  #announceAt = -Infinity;

  constructor(infoHash: InfoHash, options: SearchOptions) {
    this.infoHash = infoHash;
    this.options = options;
  }

  /** Nodes asked, however often. */
  get asked(): number {
    return this.#asked.size;
  }

  /** How many of them answered. */
  get answered(): number {
    return this.#answered.size;
  }

  /** When the next round is to begin; undefined while there is no reason to, or one is on. */
  get dueAt(): number | undefined {
    if (this.#isUnderWay) return undefined;
    if (this.#retryAt !== undefined) return this.#retryAt;
    const times: number[] = [];
    const pace = this.#isAmongFew ? this.#paceAmongFewMs : this.#paceMs;
    if (this.options.portFor !== undefined) times.push(this.#announceAt);
    if (this.options.isHungry()) times.push(this.#startedAt + pace);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  begin(now: number): void {
    this.#isUnderWay = true;
    this.#startedAt = now;
    this.#round++;
  }

  handleAsked(node: Endpoint): void {
    count(this.#asked, node);
  }

  handleAnswered(node: Endpoint): void {
    count(this.#answered, node);
  }

  /** The round is over; so many nodes have answered. */
  end(answered: number, random: Random, now: number): void {
    this.#isUnderWay = false;
    if (answered === 0) {
      this.#retryAt = now + this.#retryMs;
      this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
      return;
    }
    this.#retryAt = undefined;
    this.#retryMs = FIRST_RETRY_MS;
    this.#isAmongFew = answered < FEW_NODES;
    if (this.#isAmongFew) {
      this.#paceAmongFewMs = Math.min(this.#paceAmongFewMs * 2, LONGEST_PACE_AMONG_FEW_MS);
      this.#announceAt = now + this.#paceAmongFewMs;
      return;
    }
    // The first pause is short: nodes may have been missed while hardly any were known.
    if (this.#round > 1) this.#paceMs = Math.min(this.#paceMs * 2, LONGEST_PACE_MS);
    this.#announceAt = now + ANNOUNCE_EVERY_MS + random.next() * ANNOUNCE_SPREAD_MS;
  }

  /** There is somebody to ask at last. */
  hasten(now: number): void {
    if (this.#retryAt !== undefined) this.#retryAt = Math.min(this.#retryAt, now);
  }

  /** Those of the peers that this round has not told of yet. */
  news(peers: readonly Endpoint[]): Endpoint[] {
    return peers.filter((peer) => {
      const key = formatEndpoint(peer);
      if (this.#foundIn.get(key) === this.#round) return false;
      if (this.#foundIn.size < MAX_REMEMBERED || this.#foundIn.has(key)) {
        this.#foundIn.set(key, this.#round);
      }
      return true;
    });
  }
}

function count(nodes: Set<string>, node: Endpoint): void {
  if (nodes.size < MAX_COUNTED_NODES) nodes.add(formatEndpoint(node));
}
