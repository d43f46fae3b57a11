/**
 * How much may be under way: LEDBAT (RFC 6817; BEP 29, "congestion control"). It takes what
 * others leave: when packets wait in a queue it grows more slowly, and gives way before they wait
 * for long.
 */
import { QueueingDelay } from "./queueing_delay.ts";

/** The delay that we cause at most. */
const TARGET_MS = 100;
/** So much is added in a round trip when nothing waits, and taken away per `TARGET_MS` too much. */
const GAIN_BYTES = 3_000;
/** In packets; the first as RFC 6928 has it. */
const FIRST_WINDOW = 10;
const MIN_WINDOW = 2;
/** The first growth, by what is acknowledged, ends before the queue is as long as we want it. */
const SLOW_START_MS = 0.75 * TARGET_MS;

export class CongestionWindow {
  readonly #delay = new QueueingDelay();
  readonly #packetBytes: number;
  readonly #maxBytes: number;
  #bytes: number;
  /** It doubles in each round trip, up to the threshold. */
  #isStarting = true;
  #threshold = Infinity;

  /** `maxBytes`: more cannot be under way. */
  constructor({ packetBytes, maxBytes }: { packetBytes: number; maxBytes: number }) {
    this.#packetBytes = packetBytes;
    this.#maxBytes = maxBytes;
    this.#bytes = FIRST_WINDOW * packetBytes;
  }

  /** Bytes that may be under way. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How long our packets took, by the peer's answer. */
  sampleDelay(wireUs: number, now: number): void {
    this.#delay.sample(wireUs, now);
  }

  sampleRoundTrip(durationMs: number): void {
    this.#delay.limitTo(durationMs);
  }

  /** Some of what was under way has arrived; `wasFull`: all that could be was under way. */
  handleAck(ackedBytes: number, wasFull: boolean): void {
    const delayMs = this.#delay.currentMs;
    if (delayMs > SLOW_START_MS || this.#bytes >= this.#threshold) this.#isStarting = false;
    if (this.#isStarting) {
      if (wasFull) this.#set(this.#bytes + ackedBytes);
      return;
    }
    const growth = GAIN_BYTES * (1 - delayMs / TARGET_MS) * ackedBytes / this.#bytes;
    if (growth < 0 || wasFull) this.#set(this.#bytes + growth);
  }

  /** Packets were lost, for the first time in this round trip. */
  handleLoss(): void {
    this.#set(this.#bytes / 2);
    this.#isStarting = false;
  }

  /** Nothing comes back any more. */
  handleTimeout(): void {
    this.#threshold = Math.max(this.#bytes / 2, MIN_WINDOW * this.#packetBytes);
    this.#bytes = this.#packetBytes;
    this.#isStarting = true;
  }

  #set(bytes: number): void {
    const least = Math.min(this.#bytes, MIN_WINDOW * this.#packetBytes);
    this.#bytes = Math.min(Math.max(bytes, least), this.#maxBytes);
  }
}
