/**
 * Who takes part in which torrent, as a tracker knows it. Pure: `now` is in milliseconds.
 * Everything is bounded, since anybody may announce anything.
 */
import type { Random } from "../base/ambient.ts";
import { familyOf } from "../base/endpoint.ts";
import {
  type KnownPeer,
  type ReceivedAnnounce,
  SHORTEST_INTERVAL_MS,
  type SwarmCounts,
} from "./announce.ts";
import { PeerPool } from "./peer_pool.ts";

const MAX_SWARMS = 10_000;
/** In all swarms together: some 300 bytes each. */
const MAX_PEERS = 100_000;
const MAX_PEERS_PER_SWARM = 5_000;
const DEFAULT_NUM_WANT = 50;
/** A peer that misses this many intervals is gone: of ours, where clients do not take shorter ones. */
const INTERVALS_UNTIL_GONE = 2;
/** Peers that are gone are looked for this often. */
const SWEEP_MS = 10_000;

/** All swarms together. */
export interface RegistryTotals {
  /** Torrents that somebody takes part in. */
  readonly torrents: number;
  readonly seeders: number;
  readonly leechers: number;
}

const NOBODY: SwarmCounts = { seeders: 0, leechers: 0, downloaded: 0 };

/** The answer to an announce. */
export type Announced =
  | { readonly counts: SwarmCounts; readonly peers: readonly KnownPeer[] }
  | { readonly refusal: string };

/** One torrent's peers: each family apart, for each is told of its own kind only (BEP 7). */
class Swarm {
  readonly ipv4 = new PeerPool();
  readonly ipv6 = new PeerPool();
  downloaded = 0;

  get size(): number {
    return this.ipv4.size + this.ipv6.size;
  }

  get counts(): SwarmCounts {
    const seeders = this.ipv4.seederCount + this.ipv6.seederCount;
    return { seeders, leechers: this.size - seeders, downloaded: this.downloaded };
  }
}

export class SwarmRegistry {
  readonly #random: Random;
  readonly #peerLifeMs: number;
  readonly #allowed: ReadonlySet<string> | undefined;
  /** By info-hash in hex. */
  readonly #swarms = new Map<string, Swarm>();
  #peerCount = 0;
  #sweepAt = -Infinity;

  /** `allowed`: info-hashes in lower-case hex; without it any torrent is served. */
  constructor(options: { random: Random; intervalMs: number; allowed?: ReadonlySet<string> }) {
    this.#random = options.random;
    this.#peerLifeMs = Math.max(options.intervalMs, SHORTEST_INTERVAL_MS) * INTERVALS_UNTIL_GONE;
    this.#allowed = options.allowed;
  }

  /** A peer at the address `host` announces; it is told of at most `maxPeers` others. */
  announce(received: ReceivedAnnounce, host: string, maxPeers: number, now: number): Announced {
    this.#sweep(now);
    const key = received.infoHash.toHex();
    if (this.#allowed?.has(key) === false) return { refusal: "this torrent is not served here" };
    const swarm = this.#swarms.get(key) ?? new Swarm();
    const pool = swarm[familyOf(host)];
    const endpoint = { host, port: received.port };
    if (received.event === "stopped") {
      if (pool.remove(endpoint)) this.#peerCount--;
      return { counts: swarm.counts, peers: [] };
    }
    if (!this.#hasRoom(key, swarm, pool.has(endpoint))) return { refusal: "the tracker is full" };
    this.#swarms.set(key, swarm);
    const { isSeeder, event, peerId } = received;
    const sizeBefore = pool.size;
    const wasSeeder = pool.put({
      endpoint,
      peerId: peerId.slice(),
      isSeeder,
      expiresAt: now + this.#peerLifeMs,
    });
    this.#peerCount += pool.size - sizeBefore;
    if (event === "completed" && !wasSeeder) swarm.downloaded++;
    const count = Math.min(received.numWant ?? DEFAULT_NUM_WANT, maxPeers);
    // Seeders have nothing for each other.
    const peers = pool.sample(count, { except: endpoint, leechersOnly: isSeeder }, this.#random);
    return { counts: swarm.counts, peers };
  }

  counts(infoHash: Uint8Array, now: number): SwarmCounts {
    this.#sweep(now);
    return this.#swarms.get(infoHash.toHex())?.counts ?? NOBODY;
  }

  totals(now: number): RegistryTotals {
    this.#sweep(now);
    let torrents = 0, seeders = 0, leechers = 0;
    for (const { size, counts } of this.#swarms.values()) {
      if (size > 0) torrents++;
      seeders += counts.seeders;
      leechers += counts.leechers;
    }
    return { torrents, seeders, leechers };
  }

  /** Room for one more, made at the cost of a random peer where only the swarm is full. */
  #hasRoom(key: string, swarm: Swarm, isKnown: boolean): boolean {
    if (isKnown) return true;
    if (this.#peerCount >= MAX_PEERS) return false;
    if (!this.#swarms.has(key)) return this.#swarms.size < MAX_SWARMS;
    if (swarm.size >= MAX_PEERS_PER_SWARM) {
      const larger = swarm.ipv4.size > swarm.ipv6.size ? swarm.ipv4 : swarm.ipv6;
      larger.removeAny(this.#random);
      this.#peerCount--;
    }
    return true;
  }

  #sweep(now: number): void {
    if (now < this.#sweepAt) return;
    this.#sweepAt = now + SWEEP_MS;
    for (const [key, swarm] of this.#swarms) {
      this.#peerCount -= swarm.ipv4.expire(now) + swarm.ipv6.expire(now);
      // What an empty swarm has counted is kept as long as there is room for it.
      const isWorthKeeping = swarm.downloaded > 0 && this.#swarms.size < MAX_SWARMS;
      if (swarm.size === 0 && !isWorthKeeping) this.#swarms.delete(key);
    }
  }
}
