/** What a pause of all peers counts at most: a stalled network, or we who did not read. */
const MAX_PAUSE_MS = 25;

/**
 * The time in which peers were heard. By it nobody seems silent who was merely not read, or cut
 * off with all others.
 */
export class Liveliness {
  #ms = 0;
  #heardAt: number | undefined;

  /** Runs as the clock does while somebody is heard. */
  get ms(): number {
    return this.#ms;
  }

  /** A block came, from anybody. */
  heard(now: number): void {
    this.#ms += Math.min(now - (this.#heardAt ?? now), MAX_PAUSE_MS);
    this.#heardAt = now;
  }
}
