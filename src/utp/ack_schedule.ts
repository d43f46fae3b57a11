/**
 * When to acknowledge what came. Every packet of ours does so by the way; one for that alone costs
 * us as much as the packet of data that it is about, so it is for as many as the sender can bear.
 */

/** A single packet is acknowledged by then: another one, or data of ours, may come meanwhile. */
const SINGLE_ACK_DELAY_MS = 20;
/** Several are when no more come at once: on a fast link all that lay in the socket. */
const BURST_MS = 1;
/** At most so many wait, so that the sender's window does not run out. */
const MAX_UNACKNOWLEDGED = 16;

export class AckSchedule {
  #count = 0;
  #dueAt = Infinity;
  #isAlone = false;

  /** Milliseconds, as `now`; Infinity: none is due. */
  get dueAt(): number {
    return this.#dueAt;
  }

  /** It says what data of ours does not say: it is sent even if some is. */
  get isAlone(): boolean {
    return this.#isAlone;
  }

  /** A packet came in order. */
  note(now: number): void {
    this.#count++;
    const delayMs = this.#count === 1 ? SINGLE_ACK_DELAY_MS : BURST_MS;
    const dueAt = this.#count >= MAX_UNACKNOWLEDGED ? now : now + delayMs;
    this.#dueAt = Math.min(this.#dueAt, dueAt);
  }

  /** The sender must know at once: of a gap, of a packet that came twice, of room. */
  hurry(now: number): void {
    this.#dueAt = Math.min(this.#dueAt, now);
    this.#isAlone = true;
  }

  /** Something that acknowledges is on its way. */
  done(): void {
    this.#count = 0;
    this.#dueAt = Infinity;
    this.#isAlone = false;
  }
}
