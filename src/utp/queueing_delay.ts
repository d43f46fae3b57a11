/**
 * How long our packets wait in queues on their way: what they took, less what they take at best
 * (RFC 6817, 3.4). The two clocks need not agree: only differences count.
 */
import { nearestMicroseconds } from "./wrapping.ts";

/** The best of each of so many minutes is known: a new route becomes the measure after those. */
const HISTORY_MINUTES = 10;
const MINUTE_MS = 60_000;
/** The least of so many samples counts: single packets wait for more than queues. */
const FILTER_LENGTH = 4;

export class QueueingDelay {
  /** Of each minute the least, the current one last. */
  readonly #minima: number[] = [];
  readonly #recent: number[] = [];
  #minuteEndsAt = 0;

  /** The delay of one packet, as the peer's answer gives it: 32 bits, microseconds. */
  sample(wireUs: number, now: number): void {
    const latest = this.#recent.at(-1) ?? wireUs;
    const delayUs = nearestMicroseconds(wireUs, latest);
    if (this.#recent.push(delayUs) > FILTER_LENGTH) this.#recent.shift();
    if (now >= this.#minuteEndsAt || this.#minima.length === 0) {
      this.#minuteEndsAt = now + MINUTE_MS;
      if (this.#minima.push(delayUs) > HISTORY_MINUTES) this.#minima.shift();
    } else if (delayUs < this.#minima.at(-1)!) {
      this.#minima[this.#minima.length - 1] = delayUs;
    }
  }

  /** Milliseconds in queues; 0 before the first sample. */
  get currentMs(): number {
    if (this.#recent.length === 0) return 0;
    return (Math.min(...this.#recent) - Math.min(...this.#minima)) / 1_000;
  }

  /**
   * The way there and back took so long: no queue on it takes longer. If one seems to, the clocks
   * drift apart, and what was best is moved along.
   */
  limitTo(roundTripMs: number): void {
    const excessUs = (this.currentMs - roundTripMs) * 1_000;
    if (excessUs <= 0) return;
    for (let minute = 0; minute < this.#minima.length; minute++) this.#minima[minute]! += excessUs;
  }
}
