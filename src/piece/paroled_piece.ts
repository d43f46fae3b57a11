import { NO_PEER } from "./partial_piece.ts";
import type { PeerKey } from "./piece_table.ts";
import type { Requester } from "./requester.ts";

/** A suspect or former owner waits so long for a better owner, one that is not quick twice that. */
const RELUCTANCE_MS = 1_000;

/** An owner that is slower than this, in bytes a second, gets help from those with nothing to do. */
const EXPECTED_RATE = 262_144;
const PATIENCE_MS = 5_000;
/** After each failure the owner is left alone for twice as long, up to this many times. */
const MAX_PATIENCE_DOUBLINGS = 4;

/**
 * A piece that several peers gave and that was wrong. It is fetched again from one peer, its
 * owner, so that the next failure names the liar: best from a quick one, which settles the matter
 * soon, and from one that did not contribute before. Others only wait for some time, so that the
 * piece never waits for good:
 *
 * - when the owner no longer answers, somebody else goes on;
 * - when it takes too long, peers that have nothing else to do help it, suspects after the rest.
 *   Then a failure may name nobody, but the next owner is left alone for longer.
 */
export class ParoledPiece {
  readonly #pieceSize: number;
  readonly #suspects = new Set<PeerKey>();
  readonly #formerOwners = new Set<PeerKey>();
  #owner: PeerKey = NO_PEER;
  #ownedAt = -Infinity;
  #failedAt = -Infinity;
  #failureCount = 0;

  constructor(pieceSize: number) {
    this.#pieceSize = pieceSize;
  }

  /** NO_PEER while one is sought. */
  get owner(): PeerKey {
    return this.#owner;
  }

  /** It was wrong, perhaps again. */
  failed(contributors: Iterable<PeerKey>, now: number): void {
    this.#failedAt = now;
    this.#failureCount++;
    for (const peer of contributors) this.#suspects.add(peer);
    this.disown();
  }

  own(peer: PeerKey, now: number): void {
    this.#owner = peer;
    this.#ownedAt = now;
    this.#formerOwners.add(peer);
  }

  /** The owner does not answer, or is gone. */
  disown(): void {
    this.#owner = NO_PEER;
  }

  /** May this peer become the owner, now that there is none? */
  mayOwn(peer: Requester, isSnubbed: boolean, now: number): boolean {
    let reluctance = isSnubbed || peer.isSlow || !peer.isProven ? 2 : 0;
    if (this.#suspects.has(peer.key)) reluctance++;
    if (this.#formerOwners.has(peer.key)) reluctance++;
    return this.#owner === NO_PEER && now - this.#failedAt >= reluctance * RELUCTANCE_MS;
  }

  /** May this peer, which has nothing else to do, help the owner? */
  mayHelp(peer: Requester, now: number): boolean {
    const patienceMs = (PATIENCE_MS + this.#pieceSize * 1000 / EXPECTED_RATE) *
      2 ** Math.min(this.#failureCount - 1, MAX_PATIENCE_DOUBLINGS);
    return now - this.#ownedAt >= patienceMs * (this.#suspects.has(peer.key) ? 2 : 1);
  }
}
