import type { PeerKey } from "./piece_table.ts";
import { NO_PEER } from "./partial_piece.ts";
import type { Requester } from "./requester.ts";

/** Each reason to prefer another peer as the owner makes a peer wait so long. */
const RELUCTANCE_MS = 1_000;

/** An owner that is slower than this, in bytes a second, gets help from those with nothing to do. */
const EXPECTED_RATE = 262_144;
const PATIENCE_MS = 5_000;
/** After each failure the owner is left alone for twice as long, up to this many times. */
const MAX_PATIENCE_DOUBLINGS = 4;

/**
 * A piece that several peers gave and that was wrong. It is fetched again from one peer, its
 * owner, so that the next failure names the liar: best from a quick one that did not contribute
 * before. Others only wait for some time, so that the piece never waits for good:
 *
 * - when the owner no longer answers, somebody else goes on;
 * - when it takes too long, peers that have nothing else to do help it, suspects after the rest.
 *   Then a failure may name nobody, but the next owner is left alone for longer.
 */
export class ParoledPiece {
  /** NO_PEER while one is sought. */
  owner: PeerKey = NO_PEER;
  /** When the owner began; without one, when it was last lost. */
  #since: number;
  #failureCount = 0;
  readonly #suspects = new Set<PeerKey>();
  readonly #formerOwners = new Set<PeerKey>();
  readonly #pieceSize: number;

  constructor(pieceSize: number, now: number) {
    this.#pieceSize = pieceSize;
    this.#since = now;
  }

  /** It was wrong again. */
  failed(contributors: Iterable<PeerKey>, now: number): void {
    this.#failureCount++;
    for (const peer of contributors) this.#suspects.add(peer);
    this.disown(now);
  }

  own(peer: PeerKey, now: number): void {
    this.owner = peer;
    this.#since = now;
    this.#formerOwners.add(peer);
  }

  /** The owner does not answer, or is gone. */
  disown(now: number): void {
    this.owner = NO_PEER;
    this.#since = now;
  }

  /** May this peer become the owner, now that there is none? */
  mayOwn(peer: Requester, isSnubbed: boolean, now: number): boolean {
    const reasons = [this.#suspects.has(peer.key), this.#formerOwners.has(peer.key)];
    const reluctance = [...reasons, peer.isSlow, isSnubbed].filter((isTrue) => isTrue).length;
    return this.owner === NO_PEER && now - this.#since >= reluctance * RELUCTANCE_MS;
  }

  /** May this peer, which has nothing else to do, help the owner? */
  mayHelp(peer: Requester, now: number): boolean {
    const patienceMs = (PATIENCE_MS + this.#pieceSize * 1000 / EXPECTED_RATE) *
      2 ** Math.min(this.#failureCount - 1, MAX_PATIENCE_DOUBLINGS);
    return now - this.#since >= patienceMs * (this.#suspects.has(peer.key) ? 2 : 1);
  }
}
