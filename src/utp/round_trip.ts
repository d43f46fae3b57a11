/** How long an answer takes, and how long to wait for one (BEP 29, "timeouts"; RFC 6298). */

const FIRST_TIMEOUT_MS = 1_000;
const MIN_TIMEOUT_MS = 500;
const MAX_TIMEOUT_MS = 10_000;

export class RoundTrip {
  #meanMs: number | undefined;
  #deviationMs = 0;
  #leastMs = Infinity;
  /** Timeouts since something was last acknowledged. */
  timeoutCount = 0;

  /** How long packets took that were sent once: of others nobody knows which one was answered. */
  sample(durationMs: number): void {
    this.#leastMs = Math.min(this.#leastMs, durationMs);
    if (this.#meanMs === undefined) {
      this.#meanMs = durationMs;
      this.#deviationMs = durationMs / 2;
      return;
    }
    const differenceMs = durationMs - this.#meanMs;
    this.#deviationMs += (Math.abs(differenceMs) - this.#deviationMs) / 4;
    this.#meanMs += differenceMs / 8;
  }

  /** The shortest so far; Infinity before the first. */
  get leastMs(): number {
    return this.#leastMs;
  }

  /** Twice as long after each time in vain. */
  get timeoutMs(): number {
    const once = this.#meanMs === undefined
      ? FIRST_TIMEOUT_MS
      : Math.max(MIN_TIMEOUT_MS, this.#meanMs + 4 * this.#deviationMs);
    return Math.min(once * 2 ** this.timeoutCount, MAX_TIMEOUT_MS);
  }
}
