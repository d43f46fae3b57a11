/** How long one of several sources of the same is waited for, and what it may send unasked. Pure. */

/** A source that sends nothing for so long, though asked, is late; what comes then is welcome. */
const SILENCE_TIMEOUT_MS = 10_000;
/** One that refuses, or is late, is asked again after this time, doubled every time. */
const FIRST_REST_MS = 20_000;
const MAX_REST_MS = 300_000;
const MAX_DOUBLINGS = 16;
/** How often it may send what nobody asked it for. */
const MAX_UNREQUESTED = 100;

export class Patience {
  /** When it was asked for something while it owed nothing, or sent something. */
  #activeAt: number;
  #restsUntil = -Infinity;
  #restCount = 0;
  #unrequestedCount = 0;

  constructor(now: number) {
    this.#activeAt = now;
  }

  /** It has not left us waiting since it last gave something. */
  get isUnbroken(): boolean {
    return this.#restCount === 0;
  }

  /** It is not to be asked now. */
  isResting(now: number): boolean {
    return this.#restsUntil > now;
  }

  /** It owes something, and has been silent for too long. */
  isOver(now: number): boolean {
    return now - this.#activeAt >= SILENCE_TIMEOUT_MS;
  }

  /** It is asked for something, and owed nothing before. */
  begin(now: number): void {
    this.#activeAt = now;
  }

  /** It has given something. */
  renew(now: number): void {
    this.#activeAt = now;
    this.#restCount = 0;
    this.#restsUntil = -Infinity;
  }

  /** It has refused, or is late. */
  rest(now: number): void {
    const doublings = Math.min(this.#restCount++, MAX_DOUBLINGS);
    this.#restsUntil = now + Math.min(FIRST_REST_MS * 2 ** doublings, MAX_REST_MS);
  }

  /** It has sent what nobody asked it for; false when that was too often. */
  bearsUnrequested(): boolean {
    return ++this.#unrequestedCount <= MAX_UNREQUESTED;
  }
}
