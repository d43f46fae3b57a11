/** How fast bytes flow, and how fast they may. Pure: `now` is an argument, in milliseconds. */

/** Over which a rate is the mean. */
const WINDOW_MS = 5_000;
const SLOT_COUNT = 20;
const SLOT_MS = WINDOW_MS / SLOT_COUNT;

/** Bytes a second over a sliding window, from a fixed number of slots. */
export class RateMeter {
  readonly #slots = new Float64Array(SLOT_COUNT);
  #firstAt: number | undefined;
  #currentSlot = 0;
  #sum = 0;
  /** All bytes ever counted. */
  total = 0;

  add(bytes: number, now: number): void {
    this.#firstAt ??= now;
    this.#advance(now);
    this.#slots[this.#currentSlot % SLOT_COUNT]! += bytes;
    this.#sum += bytes;
    this.total += bytes;
  }

  /** Bytes a second over the window, or over the time since the first byte while that is less. */
  rate(now: number): number {
    if (this.#firstAt === undefined) return 0;
    this.#advance(now);
    const spanMs = Math.min(WINDOW_MS, Math.max(now - this.#firstAt, SLOT_MS));
    return this.#sum * 1000 / spanMs;
  }

  #advance(now: number): void {
    const slot = Math.floor(now / SLOT_MS);
    const steps = Math.min(slot - this.#currentSlot, SLOT_COUNT);
    for (let step = 1; step <= steps; step++) {
      const index = (slot - steps + step) % SLOT_COUNT;
      this.#sum -= this.#slots[index]!;
      this.#slots[index] = 0;
    }
    if (slot > this.#currentSlot) this.#currentSlot = slot;
  }
}

/**
 * Tokens, of whatever is to be rare, that refill at a rate; at most `burst` of them. The balance may
 * go negative: take first, then wait `waitMs`. So a block of any size passes, and the mean rate is
 * exact. Who does without rather than wait, asks by `tryTake`.
 */
export class TokenBucket {
  #balance: number;
  #refilledAt: number;

  constructor(
    readonly perSecond: number,
    now: number,
    readonly burst: number = perSecond / 4,
  ) {
    this.#balance = burst;
    this.#refilledAt = now;
  }

  /** Takes tokens, whether they are there or not. */
  take(amount: number, now: number): void {
    this.#refill(now);
    this.#balance -= amount;
  }

  /**
   * Takes tokens if they are all there; false, and none are taken, when they are not. So many as
   * are more than `burst` are never there.
   */
  tryTake(amount: number, now: number): boolean {
    this.#refill(now);
    if (amount > this.#balance) return false;
    this.#balance -= amount;
    return true;
  }

  /** Puts tokens in; those beyond `burst` are lost when it refills. */
  give(amount: number): void {
    this.#balance += amount;
  }

  /** Milliseconds until the balance is positive again; 0 when it is. */
  waitMs(now: number): number {
    this.#refill(now);
    return this.#balance > 0 ? 0 : Math.max(1, -this.#balance * 1000 / this.perSecond);
  }

  #refill(now: number): void {
    const gained = (now - this.#refilledAt) * this.perSecond / 1000;
    this.#balance = Math.min(this.burst, this.#balance + gained);
    this.#refilledAt = now;
  }
}
