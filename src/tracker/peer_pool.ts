/** Peers of one swarm and family, with random choice among them in constant time. */
import { assert } from "../base/assert.ts";
import type { Random } from "../base/ambient.ts";
import { type Endpoint, formatEndpoint } from "../base/endpoint.ts";
import type { KnownPeer } from "./announce.ts";

export interface PooledPeer extends KnownPeer {
  readonly isSeeder: boolean;
  /** The peer is gone when it has not announced before this time (ms). */
  readonly expiresAt: number;
}

/** Peers looked at for each one wanted, so that a pool of seeders costs a seeder little. */
const MAX_LOOKS_PER_PEER = 4;

export class PeerPool {
  readonly #peers: PooledPeer[] = [];
  /** Index in `#peers` by endpoint. */
  readonly #indices = new Map<string, number>();
  #seederCount = 0;

  get size(): number {
    return this.#peers.length;
  }

  get seederCount(): number {
    return this.#seederCount;
  }

  has(endpoint: Endpoint): boolean {
    return this.#indices.has(formatEndpoint(endpoint));
  }

  /** Adds or replaces the peer of an endpoint; was it a seeder before? */
  put(peer: PooledPeer): boolean {
    const key = formatEndpoint(peer.endpoint);
    const index = this.#indices.get(key) ?? this.#peers.length;
    const wasSeeder = this.#peers[index]?.isSeeder ?? false;
    this.#peers[index] = peer;
    this.#indices.set(key, index);
    this.#seederCount += Number(peer.isSeeder) - Number(wasSeeder);
    return wasSeeder;
  }

  /** False when there is no such peer. */
  remove(endpoint: Endpoint): boolean {
    const index = this.#indices.get(formatEndpoint(endpoint));
    if (index === undefined) return false;
    this.#removeAt(index);
    return true;
  }

  removeAny(random: Random): void {
    this.#removeAt(random.below(this.#peers.length));
  }

  /** Removes who is gone; how many were. */
  expire(now: number): number {
    const sizeBefore = this.#peers.length;
    for (let index = sizeBefore - 1; index >= 0; index--) {
      if (this.#peers[index]!.expiresAt <= now) this.#removeAt(index);
    }
    return sizeBefore - this.#peers.length;
  }

  /** At most `count` peers, from a random place on. */
  sample(
    count: number,
    { except, leechersOnly }: { except: Endpoint; leechersOnly: boolean },
    random: Random,
  ): PooledPeer[] {
    const chosen: PooledPeer[] = [];
    const size = this.#peers.length;
    const exceptAt = this.#indices.get(formatEndpoint(except));
    const start = random.below(size);
    const looks = Math.min(size, count * MAX_LOOKS_PER_PEER);
    for (let step = 0; step < looks && chosen.length < count; step++) {
      const index = (start + step) % size;
      const peer = this.#peers[index]!;
      if (index !== exceptAt && !(leechersOnly && peer.isSeeder)) chosen.push(peer);
    }
    return chosen;
  }

  /** The last peer takes the place of the one that leaves. */
  #removeAt(index: number): void {
    const removed = this.#peers[index];
    const last = this.#peers.pop();
    assert(removed !== undefined && last !== undefined);
    this.#indices.delete(formatEndpoint(removed.endpoint));
    this.#seederCount -= Number(removed.isSeeder);
    if (removed === last) return;
    this.#peers[index] = last;
    this.#indices.set(formatEndpoint(last.endpoint), index);
  }
}
