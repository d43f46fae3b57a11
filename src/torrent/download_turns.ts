/**
 * Whose turn it is, where few peers may be downloaded from at once: nobody waits for ever behind
 * those that give little or nothing. Pure.
 */
import type { PeerSession } from "../peer/session.ts";
import type { PeerKey } from "../piece/piece_table.ts";

/** A turn is over after this time, if somebody waits for it, … */
const TURN_MS = 30_000;
/** … unless the peer gives so many bytes a second. */
const KEEPING_RATE = 16 * 1024;
/** So long after one that snubbed us had a turn, another such has its turn as all others do. */
const RETRY_INTERVAL_MS = 60_000;

/** What is asked of a peer. */
export interface TurnTaker {
  readonly key: PeerKey;
  readonly session: Pick<
    PeerSession,
    | "amInterested"
    | "downloadRate"
    | "isSnubbed"
    | "lastBlockAt"
    | "outstandingCount"
    | "requestRoom"
  >;
}

export class DownloadTurns {
  readonly #peers: ReadonlyMap<PeerKey, TurnTaker>;
  readonly #limit: () => number;
  /** When the last turn of each began, of those that have had one. */
  readonly #beganAt = new Map<PeerKey, number>();
  /** When the last turn of a peer that snubbed us began; before there was one, the first of all. */
  #retriedAt: number | undefined;

  /** `peers`: those that are here, live. `limit`: how many are downloaded from at once. */
  constructor(peers: ReadonlyMap<PeerKey, TurnTaker>, limit: () => number) {
    this.#peers = peers;
    this.#limit = limit;
  }

  /**
   * May the peer be asked for blocks now? A turn lasts while it owes any. Whoever may be asked, and
   * is then not, has had its turn.
   */
  take(peer: TurnTaker, now: number): boolean {
    const limit = this.#limit();
    if (limit === Infinity) return true;
    const { outstandingCount, lastBlockAt } = peer.session;
    const goesOn = outstandingCount > 0 || lastBlockAt === now;
    if (goesOn && this.#isOver(peer, now)) return false;
    if (outstandingCount > 0) return true;
    let taken = 0;
    for (const { session } of this.#peers.values()) if (session.outstandingCount > 0) taken++;
    if (taken >= limit) return false; // As mostly: who is before whom takes longer to find out.
    if (goesOn) return true;
    if (taken + this.#countBefore(peer, now) >= limit) return false;
    this.#beganAt.set(peer.key, now);
    if (peer.session.isSnubbed) this.#retriedAt = now;
    this.#retriedAt ??= now;
    return true;
  }

  forget(key: PeerKey): void {
    this.#beganAt.delete(key);
  }

  /** How many wait, and are to have a turn before the peer, who waits itself. */
  #countBefore(peer: TurnTaker, now: number): number {
    let count = 0;
    for (const other of this.#peers.values()) {
      if (other.session.outstandingCount > 0 || !this.#isBefore(other, peer, now)) continue;
      if (isWaiting(other, now)) count++;
    }
    return count;
  }

  /** It gives little, and another waits that may give more. */
  #isOver(peer: TurnTaker, now: number): boolean {
    if (now - this.#began(peer) < TURN_MS) return false;
    if (peer.session.downloadRate(now) >= KEEPING_RATE) return false;
    return this.#peers.values().some((other) => {
      if (other === peer || other.session.outstandingCount > 0) return false;
      return !this.#isLast(other, now) && isWaiting(other, now);
    });
  }

  /** Whoever has not had a turn for longest comes first, but for those that are last. */
  #isBefore(a: TurnTaker, b: TurnTaker, now: number): boolean {
    const isLast = this.#isLast(b, now);
    return this.#isLast(a, now) === isLast ? this.#began(a) < this.#began(b) : isLast;
  }

  /** It gave nothing in its turn, and such a peer was tried again not long ago. */
  #isLast({ session }: TurnTaker, now: number): boolean {
    return session.isSnubbed && now - (this.#retriedAt ?? now) < RETRY_INTERVAL_MS;
  }

  #began({ key }: TurnTaker): number {
    return this.#beganAt.get(key) ?? -Infinity;
  }
}

function isWaiting({ session }: TurnTaker, now: number): boolean {
  return session.amInterested && session.requestRoom(now) > 0;
}
