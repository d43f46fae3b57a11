/**
 * What one connection may receive before somebody reads: it grows with what is read, shrinks when
 * it is not used, and is reserved of the budget of all as soon as the peer is told. Pure: `now` is
 * in milliseconds.
 */
import { windowFor } from "./nearby.ts";
import { LEAST_WINDOW_BYTES, type ReceiveBudget } from "./receive_budget.ts";

/** What we can take before somebody reads: 10 MB/s over 100 ms. */
export const RECEIVE_WINDOW_BYTES = 1024 * 1024;
/**
 * Whoever reads less than its window in this time does with half of it. And what was told is good
 * for this time at least: no packet is on its way for longer.
 */
const PERIOD_MS = 10_000;

export class ReceiveAllowance {
  readonly #budget: ReceiveBudget;
  /** Bytes that wait to be read, in order or not. */
  #held = 0;
  /** Held, and promised to the peer. */
  #reserved = 0;
  /** What the peer was told of in this period, and in the one before, less what came since. */
  #promised = LEAST_WINDOW_BYTES;
  #promisedBefore = 0;
  #window = LEAST_WINDOW_BYTES;
  #readInPeriod = 0;
  #periodEnd: number;

  /** The peer has been told of LEAST_WINDOW_BYTES. */
  constructor(budget: ReceiveBudget, now: number) {
    this.#budget = budget;
    this.#periodEnd = now + PERIOD_MS;
    this.#reserve();
  }

  /** Bytes that a peer may send us to which the way there and back takes `roundTripMs`. */
  roomFor(roundTripMs: number): number {
    const window = Math.min(this.#window, this.#limit, windowFor(roundTripMs));
    return Math.max(0, window - this.#held);
  }

  /** Like `roomFor`, and the peer is told: so much is kept for it. */
  promise(roundTripMs: number, now: number): number {
    if (now >= this.#periodEnd) this.#endPeriod(now);
    const room = this.roomFor(roundTripMs);
    this.#promised = Math.max(this.#promised, room);
    this.#reserve();
    return room;
  }

  /**
   * Is there room for so many bytes? Then they are held. What `completes` others that are held
   * already is taken beyond the window: a sender does not count as under way what it knows us to
   * have of later packets.
   */
  take(length: number, completes: boolean): boolean {
    const held = this.#held + length;
    const limit = completes ? 2 * this.#limit : this.#limit;
    if (held > limit && length > this.#mostPromised) return false;
    this.#held = held;
    this.#promised = Math.max(0, this.#promised - length);
    this.#promisedBefore = Math.max(0, this.#promisedBefore - length);
    this.#reserve();
    return true;
  }

  /** So many bytes have been read. */
  read(length: number): void {
    this.#window = Math.min(this.#window + length, RECEIVE_WINDOW_BYTES);
    this.#readInPeriod += length;
    this.drop(length);
  }

  /** So many bytes are held no more. */
  drop(length: number): void {
    this.#held -= length;
    this.#reserve();
  }

  /** Nothing more will come. */
  end(): void {
    this.#promised = 0;
    this.#promisedBefore = 0;
    this.#reserve();
  }

  get #mostPromised(): number {
    return Math.max(this.#promised, this.#promisedBefore);
  }

  get #limit(): number {
    return Math.min(RECEIVE_WINDOW_BYTES, this.#budget.windowFor(this.#reserved));
  }

  #endPeriod(now: number): void {
    if (this.#readInPeriod < this.#window) {
      this.#window = Math.max(LEAST_WINDOW_BYTES, this.#window >> 1);
    }
    this.#readInPeriod = 0;
    this.#promisedBefore = this.#promised;
    this.#promised = 0;
    this.#periodEnd = now + PERIOD_MS;
  }

  #reserve(): void {
    const reserved = this.#held + this.#mostPromised;
    this.#budget.change(this.#reserved, reserved);
    this.#reserved = reserved;
  }
}
