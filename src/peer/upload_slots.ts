/** Who is unchoked, and who may be: the rules that hold whatever the choker prefers. */

/** A peer is choked or unchoked at most once in this time (P19). */
export const MIN_CHOKE_PERIOD_MS = 10_000;

/** What the choker keeps of a peer. Rates are bytes a second. */
export interface SlotPeer {
  readonly key: number;
  readonly joinedAt: number;
  isInterested: boolean;
  isUnchoked: boolean;
  /** When it was last choked or unchoked; -Infinity before the first time. */
  changedAt: number;
  /** What it gives to us. */
  downloadRate: number;
  /** What we give to it. */
  uploadRate: number;
}

/**
 * Invariant: of the unchoked peers no more are interested than there are slots, whatever they
 * say next. Those that were unchoked just now cannot be choked again so soon; if such a peer is
 * not interested, a place is kept for it: a free one, or that of a peer that may be choked.
 */
export class UploadSlots<Peer extends SlotPeer> {
  readonly #count: number;
  readonly #unchoked = new Set<Peer>();

  constructor(count: number) {
    this.#count = count;
  }

  get unchoked(): ReadonlySet<Peer> {
    return this.#unchoked;
  }

  /** Slots that may be given away now. Looks at the unchoked peers only: few, however many call. */
  free(now: number): number {
    const { interested, reserved, replaceable } = this.#census(now);
    return this.#count - interested - Math.max(0, reserved - replaceable);
  }

  /** More unchoked peers are interested than there are slots. */
  get isOverfull(): boolean {
    let interested = 0;
    for (const peer of this.#unchoked) if (peer.isInterested) interested++;
    return interested > this.#count;
  }

  /** The peer may be choked, or unchoked, now. */
  isChangeable(peer: Peer, now: number): boolean {
    return now - peer.changedAt >= MIN_CHOKE_PERIOD_MS;
  }

  /** False, and nothing happens, when it may not be now. */
  unchoke(peer: Peer, now: number): boolean {
    if (peer.isUnchoked || !this.isChangeable(peer, now) || !this.#hasRoomFor(peer, now)) {
      return false;
    }
    this.#unchoked.add(peer);
    peer.isUnchoked = true;
    peer.changedAt = now;
    return true;
  }

  choke(peer: Peer, now: number): boolean {
    if (!peer.isUnchoked || !this.isChangeable(peer, now)) return false;
    this.#unchoked.delete(peer);
    peer.isUnchoked = false;
    peer.changedAt = now;
    return true;
  }

  /** The peer is gone. */
  remove(peer: Peer): void {
    this.#unchoked.delete(peer);
  }

  #hasRoomFor({ isInterested }: Peer, now: number): boolean {
    if (isInterested) return this.free(now) > 0;
    const { interested, reserved, replaceable } = this.#census(now);
    return interested + Math.max(0, reserved + 1 - replaceable) <= this.#count;
  }

  #census(now: number) {
    let interested = 0, reserved = 0, replaceable = 0;
    for (const peer of this.#unchoked) {
      const isChangeable = this.isChangeable(peer, now);
      if (peer.isInterested) interested++;
      if (peer.isInterested && isChangeable) replaceable++;
      if (!peer.isInterested && !isChangeable) reserved++;
    }
    return { interested, reserved, replaceable };
  }
}
