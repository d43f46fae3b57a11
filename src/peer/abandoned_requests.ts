/**
 * Requests that we no longer wait for (cancelled, timed out, freed by a choke), remembered for a
 * while: their blocks may be on the way already, and a peer that answers what it was asked does
 * nothing wrong (P14).
 */

/** How long a late block is as good as a requested one. */
const MEMORY_MS = 60_000;
/** Most requests remembered: what the deepest window holds, twice. Then the oldest go. */
const MAX_REMEMBERED = 8_192;

export class AbandonedRequests {
  /** By block key, the moment of forgetting: ascending, as all are remembered equally long. */
  readonly #expiryByKey = new Map<number, number>();

  get size(): number {
    return this.#expiryByKey.size;
  }

  add(key: number, now: number): void {
    this.#expiryByKey.delete(key);
    this.#expiryByKey.set(key, now + MEMORY_MS);
    if (this.#expiryByKey.size <= MAX_REMEMBERED) return;
    for (const oldest of this.#expiryByKey.keys()) {
      this.#expiryByKey.delete(oldest);
      break;
    }
  }

  /** Forgets a request that has now been answered; false when it was not remembered. */
  take(key: number, now: number): boolean {
    const expiry = this.#expiryByKey.get(key);
    return expiry !== undefined && this.#expiryByKey.delete(key) && expiry > now;
  }

  expire(now: number): void {
    for (const [key, expiry] of this.#expiryByKey) {
      if (expiry > now) break;
      this.#expiryByKey.delete(key);
    }
  }
}
