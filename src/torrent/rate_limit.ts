import type { Clock } from "../base/ambient.ts";
import { TokenBucket } from "../base/rate.ts";

/** With a limit, one read takes at most this part of a second's bytes, so that peers take turns. */
const READ_SHARE = 1 / 16;
const MIN_READ_LENGTH = 4 * 1024;
/** A peer that gets less of the rate than this cannot be told from one that has stalled. */
const MIN_PEER_RATE = 32 * 1024;

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
  /** Peers among which the rate is worth sharing. */
  readonly maxPeers: number;

  /** `bytesPerSecond` undefined: no limit. */
  constructor(bytesPerSecond: number | undefined, clock: Clock) {
    const rate = bytesPerSecond ?? Infinity;
    this.#clock = clock;
    if (rate < Infinity) this.#bucket = new TokenBucket(rate, clock.now());
    this.maxPeers = Math.max(1, Math.floor(rate / MIN_PEER_RATE));
    this.turnBytes = Math.max(MIN_READ_LENGTH, Math.floor(rate * READ_SHARE));
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
    this.#bucket.take(bytes, this.#clock.now());
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
