/**
 * Requests that we no longer wait for (cancelled, timed out, freed by a choke), remembered for a
 * while: their blocks may be on the way already, and a peer that answers what it was asked does
 * nothing wrong (P14).
 */
import { LimitedMap } from "../base/limited_map.ts";

/** How long a late block is as good as a requested one. */
const MEMORY_MS = 60_000;
/** Most requests remembered: what the deepest window holds, twice. Then the oldest go. */
const MAX_REMEMBERED = 8_192;

interface Abandoned {
  readonly expiresAt: number;
  /** How often it was asked for and given up: each time may be answered, by a Reject or the block. */
  readonly count: number;
}

export class AbandonedRequests {
  /** By block key; the first to expire first, as all are remembered equally long. */
  readonly #byKey = new LimitedMap<number, Abandoned>(MAX_REMEMBERED);

  /** How many blocks are remembered. */
  get size(): number {
    return this.#byKey.size;
  }

  add(key: number, now: number): void {
    const count = (this.#byKey.get(key)?.count ?? 0) + 1;
    this.#byKey.delete(key);
    this.#byKey.set(key, { expiresAt: now + MEMORY_MS, count });
  }

  /** Forgets one request that has now been answered; false when none was remembered. */
  take(key: number, now: number): boolean {
    const known = this.#byKey.get(key);
    if (known === undefined) return false;
    const { expiresAt, count } = known;
    if (count === 1) this.#byKey.delete(key);
    else this.#byKey.set(key, { expiresAt, count: count - 1 });
    return expiresAt > now;
  }

  expire(now: number): void {
    for (const [key, { expiresAt }] of this.#byKey) {
      if (expiresAt > now) break;
      this.#byKey.delete(key);
    }
  }
}
