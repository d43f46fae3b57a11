import type { OpenPiece } from "./open_piece.ts";
import type { PickerPeer } from "./picker_peer.ts";

/** A piece that nobody is asked for is kept so long for somebody who has it. */
const MAX_IDLE_MS = 2_000;
/** A piece is left alone for so long, and as long as it takes at `LEAST_RATE` bytes a second. */
const MIN_OPEN_MS = 30_000;
const LEAST_RATE = 65_536;
const MAX_PATIENCE_DOUBLINGS = 10;

/** Memory is full, and a peer could start a piece: which of the open ones makes way for it? */
export class Eviction {
  readonly #minOpenMs: number;
  #impatience = 0;

  constructor(pieceLength: number) {
    this.#minOpenMs = MIN_OPEN_MS + pieceLength * 1000 / LEAST_RATE;
  }

  /** A piece was verified: the present patience will do. */
  succeeded(): void {
    this.#impatience = 0;
  }

  /** The piece untouched for longest that nobody is asked for: perhaps its peers left. */
  abandoned(pieces: Iterable<OpenPiece>, now: number): OpenPiece | undefined {
    let stalest: OpenPiece | undefined;
    for (const open of pieces) {
      if (open.requestedCount > 0 || now - open.touchedAt < MAX_IDLE_MS) continue;
      if (stalest === undefined || open.touchedAt < stalest.touchedAt) stalest = open;
    }
    return stalest;
  }

  /**
   * The piece open for longest, if that is long, for a peer that has nothing to do: those that
   * have the piece are so slow, or so hostile, that they hold the memory for hours. Slow peers
   * could evict each other for ever, so patience doubles each time until some piece succeeds.
   */
  overdue(pieces: Iterable<OpenPiece>, peer: PickerPeer, now: number): OpenPiece | undefined {
    const patienceMs = this.#minOpenMs * 2 ** Math.min(this.#impatience, MAX_PATIENCE_DOUBLINGS);
    for (const open of pieces) {
      if (now - open.openedAt < patienceMs) return undefined;
      if (peer.offers(open.piece)) continue;
      this.#impatience++;
      return open;
    }
    return undefined;
  }
}
