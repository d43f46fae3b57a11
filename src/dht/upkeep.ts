/**
 * Keeps the routing tables true (BEP 5 "Routing Table"): nodes that have been silent, that were
 * named or saved, or that have asked us something are pinged; parts of a table that have long
 * not changed are looked into; and while a table is nearly empty, our own neighbourhood is
 * searched for, ever more rarely (hostile-inputs H12). Pure.
 */
import { type Endpoint, formatEndpoint } from "../base/endpoint.ts";
import type { NodeId } from "../base/ids.ts";
import type { Asking } from "./asking.ts";
import type { NodeInfo } from "./compact_node.ts";
import { compareDistance } from "./node_id.ts";
import type { Place } from "./place.ts";

/** How often the tables are looked after. */
const PERIOD_MS = 10_000;
/** Nodes that wait to be pinged; further ones are not. */
const MAX_WAITING = 32;
/** Pings of strangers' making that are under way. */
const MAX_PINGS = 4;
/** Saved nodes tried in each period. */
const REMEMBERED_PINGS = 4;
/** Saved nodes kept, all families together. */
const MAX_REMEMBERED = 1_000;
/** A table with fewer nodes is nearly empty. */
const FEW_NODES = 8;
/** From one search of our neighbourhood to the next, while the table is nearly empty; doubled. */
const FIRST_SEARCH_PAUSE_MS = 5_000;
const LONGEST_SEARCH_PAUSE_MS = 60_000;
/** Searches for upkeep that wait. */
const MAX_TARGETS = 16;

/** A part of the id space to be looked into. */
export interface Refresh {
  readonly place: Place;
  readonly target: NodeId;
}

interface Neighbourhood {
  /** Our id there when it was last searched for. */
  searchedFor: NodeId | undefined;
  searchAt: number;
  pauseMs: number;
}

export class Upkeep {
  readonly #places: readonly Place[];
  readonly #asking: Asking;
  /** Nodes of an earlier run that have not been asked in this one, by endpoint. */
  readonly #remembered = new Map<string, NodeInfo>();
  /** To be pinged, by endpoint. */
  readonly #waiting = new Map<string, { endpoint: Endpoint; id: NodeId | undefined }>();
  readonly #neighbourhoods: Map<Place, Neighbourhood>;
  #refreshes: Refresh[] = [];
  #pings = 0;
  #periodEndsAt: number;

  constructor(
    { places, asking, now }: { places: readonly Place[]; asking: Asking; now: number },
  ) {
    this.#places = places;
    this.#asking = asking;
    this.#periodEndsAt = now + PERIOD_MS;
    this.#neighbourhoods = new Map(
      places.map((place) => [
        place,
        { searchAt: now, pauseMs: FIRST_SEARCH_PAUSE_MS, searchedFor: undefined },
      ]),
    );
  }

  /** Nodes of an earlier run: as good as named by a friend, until they have answered. */
  remember(nodes: readonly NodeInfo[]): void {
    for (const node of nodes.slice(0, MAX_REMEMBERED)) {
      this.#remembered.set(formatEndpoint(node.endpoint), node);
    }
  }

  /** Nodes of an earlier run that nobody has tried yet. */
  get remembered(): NodeInfo[] {
    return [...this.#remembered.values()];
  }

  /** Is there one that can be asked now? The others are kept for a run with their family. */
  get remembersAnybody(): boolean {
    return this.#remembered.values().some((node) => this.#isOfOurFamilies(node));
  }

  #isOfOurFamilies({ endpoint }: NodeInfo): boolean {
    return this.#asking.placeOf(endpoint) !== undefined;
  }

  /** At most `count` nodes to begin a search with: those that answer, then those remembered. */
  closest(place: Place, target: Uint8Array, count: number): NodeInfo[] {
    const known = place.table.closest(target, count);
    if (known.length >= count) return known;
    const remembered = this.remembered
      .filter(({ endpoint }) => this.#asking.placeOf(endpoint) === place)
      .sort((a, b) => compareDistance(target, a.id, b.id));
    return [...known, ...remembered.slice(0, count - known.length)];
  }

  /** A node is being asked: it need not be remembered any more. */
  handleAsked(endpoint: Endpoint): void {
    this.#remembered.delete(formatEndpoint(endpoint));
  }

  /** A node has asked us something, or was named to us: is it one? */
  handleNamed(endpoint: Endpoint, id: NodeId | undefined, now: number): void {
    if (this.#waiting.size >= MAX_WAITING || this.#asking.placeOf(endpoint) === undefined) return;
    this.#waiting.set(formatEndpoint(endpoint), { endpoint, id });
    this.#pingWaiting(now);
  }

  handleTimeout(now: number): void {
    for (const [place, neighbourhood] of this.#neighbourhoods) {
      if (!this.#isStrange(place) || now < neighbourhood.searchAt) continue;
      neighbourhood.searchedFor = place.id;
      neighbourhood.searchAt = now + neighbourhood.pauseMs;
      neighbourhood.pauseMs = Math.min(neighbourhood.pauseMs * 2, LONGEST_SEARCH_PAUSE_MS);
      const target = place.id;
      const isWaiting = this.#refreshes.some((refresh) => refresh.target === target);
      if (!isWaiting) this.#refreshes.push({ place, target });
    }
    this.#pingWaiting(now);
    if (now < this.#periodEndsAt) return;
    this.#periodEndsAt = now + PERIOD_MS;
    for (const place of this.#places) {
      for (const { id, endpoint } of place.table.questionable(now)) this.#ping(endpoint, id, now);
      const targets = place.table.refreshTargets(now).map((target) => ({ place, target }));
      this.#refreshes.push(...targets.slice(0, Math.max(0, MAX_TARGETS - this.#refreshes.length)));
    }
    const usable = this.remembered.filter((node) => this.#isOfOurFamilies(node));
    for (const node of usable.slice(0, REMEMBERED_PINGS)) {
      this.#ping(node.endpoint, node.id, now);
    }
  }

  deadline(): number {
    const searches = this.#places.filter((place) => this.#isStrange(place))
      .map((place) => this.#neighbourhoods.get(place)!.searchAt);
    return Math.min(this.#periodEndsAt, ...searches);
  }

  /** Do we hardly know our neighbourhood? */
  #isStrange(place: Place): boolean {
    return place.table.size < FEW_NODES ||
      this.#neighbourhoods.get(place)!.searchedFor !== place.id;
  }

  /** A search to begin, if one is due. */
  takeRefresh(): Refresh | undefined {
    return this.#refreshes.shift();
  }

  #pingWaiting(now: number): void {
    for (const [key, { endpoint, id }] of this.#waiting) {
      if (this.#pings >= MAX_PINGS) return;
      this.#waiting.delete(key);
      this.#pings++;
      let isUnderWay = true;
      this.#ping(endpoint, id, now, () => {
        if (isUnderWay) this.#pings--;
        isUnderWay = false;
      });
    }
  }

  #ping(endpoint: Endpoint, id: NodeId | undefined, now: number, done = () => {}): void {
    if (this.#asking.isFull) return done();
    this.handleAsked(endpoint);
    const call = { method: "ping" } as const;
    this.#asking.ask(endpoint, { call, id, answered: done, slow: done, lost: done }, now);
  }
}
