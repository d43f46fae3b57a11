/** All endpoints of a torrent that we have heard of: whom to dial next, and whom never again. */
import type { Random } from "../base/ambient.ts";
import { type Endpoint, formatEndpoint } from "../base/endpoint.ts";
import { LimitedSet } from "../base/limited_map.ts";
import { Bans } from "./bans.ts";
import {
  compareUrgency,
  deservesTrial,
  type Disconnection,
  isKept,
  type KnownPeer,
  newPeer,
  noteEnd,
  noteFailure,
  noteSource,
  type PeerSource,
} from "./known_peer.ts";

/** Endpoints that are known at once (T11); one that failed makes way for a new one. */
const MAX_KNOWN_PEERS = 3_000;
/**
 * Those among them that only other peers named (PEX), and that peers of one address named (P29):
 * whoever invents endpoints must not keep us from the true ones.
 */
const MAX_PEERS_FROM_PEX = 1_000;
const MAX_PEERS_NAMED_BY_ONE = 150;
/** Endpoints that are our own; then the oldest are forgotten. */
const MAX_OWN = 3_000;

/** A peer that was connected; whom we dialled, by the endpoint that we dialled. */
export interface ConnectedPeer {
  readonly endpoint: Endpoint;
  readonly isIncoming: boolean;
}

export interface PeerCounts {
  readonly known: number;
  readonly connected: number;
  readonly banned: number;
  /** Tried in vain, and never connected. */
  readonly unreachable: number;
}

interface Room {
  /** For so many nobody has to make way; … */
  readonly room: number;
  /** … so many there may be at once; … */
  readonly most: number;
  /** … and of these one makes way for each beyond the room. */
  readonly isRival: (peer: KnownPeer) => boolean;
}

export class PeerList {
  readonly #random: Random;
  /** By the text of the endpoint, like the set below. */
  readonly #known = new Map<string, KnownPeer>();
  readonly #bans: Bans;
  readonly #own = new LimitedSet<string>(MAX_OWN);

  /** `bans` are those of an earlier list too, if there was one. */
  constructor({ random, bans = new Bans() }: { readonly random: Random; readonly bans?: Bans }) {
    this.#random = random;
    this.#bans = bans;
  }

  get counts(): PeerCounts {
    let connected = 0, unreachable = 0;
    for (const peer of this.#known.values()) {
      if (peer.state === "connected") connected++;
      if (peer.failureCount > 0 && !peer.wasConnected) unreachable++;
    }
    const banned = this.#bans.endpointCount;
    return { known: this.#known.size, connected, banned, unreachable };
  }

  /** Known endpoints that were ever dialled, and those of them that have shaken hands. */
  get attempts(): { readonly tried: number; readonly reached: number } {
    let tried = 0, reached = 0;
    for (const { state, failureCount, wasConnected } of this.#known.values()) {
      if (state !== "idle" || failureCount > 0 || wasConnected) tried++;
      if (wasConnected) reached++;
    }
    return { tried, reached };
  }

  /** Endpoints that are ourselves; they are not known. */
  get ownCount(): number {
    return this.#own.size;
  }

  /**
   * Adds the endpoints that are new, as far as there is room; gives how many. `namedBy` is the
   * peer that named them ("pex").
   */
  add(endpoints: readonly Endpoint[], source: PeerSource, namedBy?: Endpoint): number {
    const by = namedBy?.host;
    const { room, most, isRival } = this.#roomFor(source, by);
    let dispensable: string[] | undefined;
    let addedCount = 0;
    for (const endpoint of endpoints) {
      const key = formatEndpoint(endpoint);
      const known = this.#known.get(key);
      if (known !== undefined) {
        noteSource(known, source);
        continue;
      }
      if (this.isBanned(endpoint) || this.#own.has(key)) continue;
      if (addedCount >= most) break;
      if (addedCount >= room) {
        dispensable ??= this.#findDispensable(isRival);
        const evicted = dispensable.pop();
        if (evicted === undefined) break;
        this.#known.delete(evicted);
      }
      this.#known.set(key, newPeer(endpoint, source, by));
      addedCount++;
    }
    return addedCount;
  }

  /**
   * The endpoint to dial now, which counts as being dialled from then on; undefined when there is
   * none. Named ones first, then those that failed or left least, then those that were useful, then
   * those that not only other peers named; among equals, chance decides.
   */
  next(now: number): Endpoint | undefined {
    let best: KnownPeer | undefined;
    let equalCount = 0;
    for (const peer of this.#known.values()) {
      if (peer.state !== "idle" || peer.retryAt > now) continue;
      const order = best === undefined ? -1 : compareUrgency(peer, best);
      if (order > 0) continue;
      equalCount = order < 0 ? 1 : equalCount + 1;
      if (this.#random.below(equalCount) === 0) best = peer;
    }
    if (best === undefined) return undefined;
    best.state = "dialling";
    return best.endpoint;
  }

  /** There is an endpoint to dial now even if somebody has to make way for it. */
  hasUntried(now: number): boolean {
    return this.#known.values().some((peer) => deservesTrial(peer, now));
  }

  /** The endpoint is to be dialled now, as one of `next`; false when it cannot be. */
  take(endpoint: Endpoint): boolean {
    const peer = this.#known.get(formatEndpoint(endpoint));
    if (peer?.state !== "idle") return false;
    peer.state = "dialling";
    return true;
  }

  /** From when on `next` gives an endpoint, unless something changes; undefined when never. */
  nextAt(): number | undefined {
    let earliest: number | undefined;
    for (const { state, retryAt } of this.#known.values()) {
      if (state === "idle" && (earliest === undefined || retryAt < earliest)) earliest = retryAt;
    }
    return earliest;
  }

  /** The dial failed, or the handshake after it. */
  failed(endpoint: Endpoint, now: number): void {
    const peer = this.#known.get(formatEndpoint(endpoint));
    if (peer !== undefined) noteFailure(peer, now);
  }

  /** The dial did not come about, for want of something of ours: `next` gives it as before. */
  postponed(endpoint: Endpoint): void {
    const peer = this.#known.get(formatEndpoint(endpoint));
    if (peer !== undefined) peer.state = "idle";
  }

  /** An endpoint that we dialled has shaken hands. */
  connected(endpoint: Endpoint): void {
    const peer = this.#known.get(formatEndpoint(endpoint));
    if (peer === undefined) return;
    peer.state = "connected";
    peer.wasConnected = true;
  }

  /** A connection has ended. What came by itself says nothing of where it came from. */
  disconnected({ endpoint, isIncoming }: ConnectedPeer, end: Disconnection, now: number): void {
    if (isIncoming) return;
    if (end.reason === "own-connection") return this.markOwn(endpoint);
    const peer = this.#known.get(formatEndpoint(endpoint));
    if (peer !== undefined) noteEnd(peer, end, now);
  }

  /** Never again, nor its address if that is banned by it. */
  ban(endpoint: Endpoint): void {
    this.#bans.add(endpoint);
    for (const [key, { endpoint: other }] of this.#known) {
      if (other.host === endpoint.host && this.#bans.has(other)) this.#known.delete(key);
    }
  }

  /** To be asked of incoming connections too. */
  isBanned(endpoint: Endpoint): boolean {
    return this.#bans.has(endpoint);
  }

  /** It is we ourselves (P3): never again, though nobody did wrong. */
  markOwn(endpoint: Endpoint): void {
    const key = formatEndpoint(endpoint);
    this.#own.add(key);
    this.#known.delete(key);
  }

  /** What room there is for one that names endpoints. */
  #roomFor(source: PeerSource, by: string | undefined): Room {
    if (source === "named") return { room: Infinity, most: Infinity, isRival: () => false };
    const room = Math.max(0, MAX_KNOWN_PEERS - this.#known.size);
    if (source !== "pex") {
      const isRival = (peer: KnownPeer) => peer.failureCount > 0 || peer.source === "pex";
      return { room, most: Infinity, isRival };
    }
    let fromPex = 0, namedByThem = 0;
    for (const peer of this.#known.values()) {
      if (peer.source === "pex") fromPex++;
      if (by !== undefined && peer.namedBy === by) namedByThem++;
    }
    const quota = MAX_PEERS_NAMED_BY_ONE - namedByThem;
    // Whoever has had its part can only replace it.
    const mustReplace = quota <= 0;
    return {
      room: mustReplace ? 0 : Math.min(room, MAX_PEERS_FROM_PEX - fromPex),
      most: mustReplace ? Infinity : quota,
      isRival: (peer) =>
        peer.failureCount > 0 && peer.source === "pex" && (!mustReplace || peer.namedBy === by),
    };
  }

  /** Rivals that may be forgotten for new ones, the worst last: they never were good. */
  #findDispensable(isRival: (peer: KnownPeer) => boolean): string[] {
    return [...this.#known]
      .filter(([, peer]) => peer.state === "idle" && isRival(peer) && !isKept(peer))
      .sort(([, a], [, b]) => a.failureCount - b.failureCount)
      .map(([key]) => key);
  }
}
