/**
 * Queries of ours that wait for an answer (BEP 5, "KRPC protocol"). An answer counts only with
 * the id of its query and from the endpoint that was asked (H2). A query is first slow, then
 * lost: a slow one may still be answered, but nobody waits for it any more.
 */
import type { Random } from "../base/ambient.ts";
import { assert } from "../base/assert.ts";
import { type Bytes, getUint32 } from "../base/bytes.ts";
import { type Endpoint, formatEndpoint } from "../base/endpoint.ts";

/** Random, so that nobody who does not see our packets can answer for others. */
const ID_LENGTH = 4;
/** Queries under way; further ones are not begun. */
const MAX_UNDER_WAY = 512;
/** A query is lost after this. */
const LOST_AFTER_MS = 8_000;
/** A query is slow after a few usual round trips, within these bounds. */
const SLOW_AFTER_ROUND_TRIPS = 3;
const MIN_SLOW_AFTER_MS = 150;
const MAX_SLOW_AFTER_MS = 1_000;
/** What is usual before anybody has answered. */
const FIRST_ROUND_TRIP_MS = 200;
/** How much of the mean a new round trip makes. */
const ROUND_TRIP_WEIGHT = 1 / 8;

/** A query under way. */
export interface Transaction<Purpose> {
  readonly id: Bytes;
  readonly to: Endpoint;
  readonly purpose: Purpose;
}

interface Entry<Purpose> extends Transaction<Purpose> {
  readonly askedAt: number;
  readonly slowAt: number;
  isSlow: boolean;
}

export class Transactions<Purpose> {
  readonly #random: Random;
  /** By id, oldest first. */
  readonly #underWay = new Map<number, Entry<Purpose>>();
  #roundTripMs = FIRST_ROUND_TRIP_MS;

  constructor({ random }: { random: Random }) {
    this.#random = random;
  }

  get size(): number {
    return this.#underWay.size;
  }

  get isFull(): boolean {
    return this.#underWay.size >= MAX_UNDER_WAY;
  }

  /** A new query to an endpoint. Not while `isFull`. */
  begin(to: Endpoint, purpose: Purpose, now: number): Transaction<Purpose> {
    assert(!this.isFull, "no more queries than there is room for");
    let id = this.#random.bytes(ID_LENGTH);
    while (this.#underWay.has(getUint32(id, 0))) id = this.#random.bytes(ID_LENGTH);
    const slowAt = now + this.#slowAfterMs;
    const entry = { id, to, purpose, askedAt: now, slowAt, isSlow: false };
    this.#underWay.set(getUint32(id, 0), entry);
    return entry;
  }

  /** The query that a message from `from` answers, which ends it; undefined for none. */
  take(id: Uint8Array, from: Endpoint, now: number): Purpose | undefined {
    if (id.length !== ID_LENGTH) return undefined;
    const key = getUint32(id, 0);
    const entry = this.#underWay.get(key);
    if (entry === undefined || formatEndpoint(entry.to) !== formatEndpoint(from)) return undefined;
    this.#underWay.delete(key);
    this.#roundTripMs += ROUND_TRIP_WEIGHT * (now - entry.askedAt - this.#roundTripMs);
    return entry.purpose;
  }

  /** Those that have become slow, and those that are lost, which ends them. */
  expire(now: number): { slow: Purpose[]; lost: Purpose[] } {
    const slow: Purpose[] = [], lost: Purpose[] = [];
    for (const [key, entry] of this.#underWay) {
      if (now >= entry.askedAt + LOST_AFTER_MS) {
        this.#underWay.delete(key);
        lost.push(entry.purpose);
      } else if (!entry.isSlow && now >= entry.slowAt) {
        entry.isSlow = true;
        slow.push(entry.purpose);
      }
    }
    return { slow, lost };
  }

  /** When `expire` has something to tell next; undefined while nothing is under way. */
  deadline(): number | undefined {
    let soonest: number | undefined;
    for (const { askedAt, slowAt, isSlow } of this.#underWay.values()) {
      const at = isSlow ? askedAt + LOST_AFTER_MS : slowAt;
      if (soonest === undefined || at < soonest) soonest = at;
    }
    return soonest;
  }

  get #slowAfterMs(): number {
    const usual = SLOW_AFTER_ROUND_TRIPS * this.#roundTripMs;
    return Math.min(MAX_SLOW_AFTER_MS, Math.max(MIN_SLOW_AFTER_MS, usual));
  }
}
