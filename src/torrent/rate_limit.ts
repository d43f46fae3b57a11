import type { Clock } from "../base/ambient.ts";
import { TokenBucket } from "../base/rate.ts";

/** With a limit, one read takes at most this part of a second's bytes, so that peers take turns. */
const READ_SHARE = 1 / 16;
const MIN_READ_LENGTH = 4 * 1024;
/** A peer that gets less of the rate than this cannot be told from one that has stalled. */
const MIN_PEER_RATE = 32 * 1024;
/** While peers leave some of the rate, one more comes each second; up to so many times as many. */
const MORE_PEERS_AFTER_MS = 1_000;
const MOST_PEERS_FACTOR = 8;
/** When nothing moves for so long, nobody knows what peers would leave. */
const IDLE_MS = 10_000;

/**
 * One rate that many connections share. Each moves some bytes and then waits for `pass`; the
 * one bucket makes the mean exact, small turns make it fair.
 */
export class RateLimit {
  readonly #clock: Clock;
  readonly #bucket: TokenBucket | undefined;
  #turn: Promise<void> = Promise.resolve();
  /** The most bytes to move before calling `pass` again. */
  readonly turnBytes: number;
  readonly #fewestPeers: number;
  #passedAt = -Infinity;
  /** Since when peers have left some of the rate. */
  #spareSince = -Infinity;

  /** `bytesPerSecond` undefined: no limit. */
  constructor(bytesPerSecond: number | undefined, clock: Clock) {
    const rate = bytesPerSecond ?? Infinity;
    this.#clock = clock;
    if (rate < Infinity) this.#bucket = new TokenBucket(rate, clock.now());
    this.#fewestPeers = Math.max(1, Math.floor(rate / MIN_PEER_RATE));
    this.turnBytes = Math.max(MIN_READ_LENGTH, Math.floor(rate * READ_SHARE));
  }

  /** Peers among which the rate is worth sharing: more while those that there are leave some of it. */
  get maxPeers(): number {
    const now = this.#clock.now(), fewest = this.#fewestPeers;
    if (now - this.#passedAt >= IDLE_MS) return fewest;
    const more = Math.floor((now - this.#spareSince) / MORE_PEERS_AFTER_MS);
    return Math.min(fewest + more, fewest * MOST_PEERS_FACTOR);
  }

  get isUnlimited(): boolean {
    return this.#bucket === undefined;
  }

  /** Does what comes now have to wait? */
  get isUsedUp(): boolean {
    return (this.#bucket?.waitMs(this.#clock.now()) ?? 0) > 0;
  }

  /** Accounts for bytes that have moved, and waits until more may: first come, first served. */
  pass(bytes: number, signal: AbortSignal): Promise<void> {
    if (this.#bucket === undefined) return Promise.resolve();
    const now = this.#clock.now();
    this.#bucket.take(bytes, now);
    const isUsedUp = this.#bucket.waitMs(now) > 0;
    if (isUsedUp || now - this.#passedAt >= IDLE_MS) this.#spareSince = now;
    this.#passedAt = now;
    this.#turn = this.#turn.then(() => this.#refilled(this.#bucket!, signal));
    return this.#turn;
  }

  async #refilled(bucket: TokenBucket, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const waitMs = bucket.waitMs(this.#clock.now());
      if (waitMs === 0) return;
      await this.#clock.sleep(waitMs, signal);
    }
  }
}
