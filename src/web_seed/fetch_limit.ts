/** How many GETs a web server gets at once: no more than it takes, as far as it has said. Pure. */
import { assert } from "../base/assert.ts";

/** As browsers have them: a distant server is hardly ever idle. */
const MAX_FETCHES = 6;
/** Answers after which one more is tried; doubled each time that it was one too many. */
const ANSWERS_PER_RAISE = 16;
/** Then no more are tried: each time costs what was under way. */
const MAX_FAILED_RAISES = 3;

export class FetchLimit {
  #current = MAX_FETCHES;
  /** Since the limit was last another one. */
  #answerCount = 0;
  #failedRaises = 0;
  /** Since it was last busy: it took one less. */
  #isRaised = false;

  /** None when it has been too busy for a single one. */
  get current(): number {
    return this.#current;
  }

  /** All that was asked for in one of them came. */
  answered(): void {
    if (this.#current === MAX_FETCHES || this.#failedRaises === MAX_FAILED_RAISES) return;
    if (++this.#answerCount < ANSWERS_PER_RAISE * 2 ** this.#failedRaises) return;
    this.#current++;
    this.#answerCount = 0;
    this.#isRaised = true;
  }

  /** Too many were under way. */
  busy(): void {
    assert(this.#current > 0);
    this.#current = this.#isRaised ? this.#current - 1 : Math.floor(this.#current / 2);
    if (this.#isRaised) this.#failedRaises++;
    this.#answerCount = 0;
    this.#isRaised = false;
  }
}
