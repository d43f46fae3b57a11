import type { PieceIndex } from "../base/ids.ts";
import type { Layout } from "../metainfo/layout.ts";
import { contributingPeers } from "./blame.ts";
import { NO_PEER } from "./partial_piece.ts";
import { ParoledPiece } from "./paroled_piece.ts";
import type { PeerKey } from "./piece_table.ts";

/** More pieces than this at a time are fetched again as any other, until some of these succeed. */
const MAX_PAROLED_PIECES = 64;

/** All pieces on parole, the longest there first. */
export class Parole implements Iterable<[PieceIndex, ParoledPiece]> {
  readonly #layout: Layout;
  readonly #pieces = new Map<PieceIndex, ParoledPiece>();

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /** How many have an owner. */
  get ownedCount(): number {
    let count = 0;
    for (const paroled of this.#pieces.values()) if (paroled.owner !== NO_PEER) count++;
    return count;
  }

  get(piece: PieceIndex): ParoledPiece | undefined {
    return this.#pieces.get(piece);
  }

  /** The piece was wrong. If one peer gave all of it, the liar is known and parole finds no other. */
  failed(piece: PieceIndex, contributors: readonly PeerKey[], now: number): void {
    const peers = contributingPeers(contributors);
    let paroled = this.#pieces.get(piece);
    if (paroled === undefined) {
      if (peers.size < 2 || this.#pieces.size >= MAX_PAROLED_PIECES) return;
      paroled = new ParoledPiece(this.#layout.pieceSize(piece));
      this.#pieces.set(piece, paroled);
    }
    paroled.failed(peers, now);
  }

  /** The piece is good. */
  delete(piece: PieceIndex): void {
    this.#pieces.delete(piece);
  }

  [Symbol.iterator](): Iterator<[PieceIndex, ParoledPiece]> {
    return this.#pieces.entries();
  }
}
