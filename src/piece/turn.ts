import type { PieceIndex } from "../base/ids.ts";
import type { BlockSpan } from "../metainfo/layout.ts";
import type { PickerPeer } from "./picker_peer.ts";
import type { Requester } from "./requester.ts";

/**
 * Whoever fetches a whole piece in so long fetches one of its own. Each peer that gives a part of a
 * piece may read all of it, as disks and caches do, and some hash all of it before its first block.
 */
const OWN_PIECE_MS = 2_000;
/**
 * It helps others once it owes no more than this part of what it should: mostly it should owe twice
 * what is on its way.
 */
const DRY_SHARE = 1 / 2;

/** One peer's turn to be asked for blocks: those that it is asked for are added to `spans`. */
export class Turn {
  readonly peer: PickerPeer;
  readonly requester: Requester;
  readonly now: number;
  readonly isSlow: boolean;
  /** The piece of which the peer was asked for a block before this turn. */
  readonly ownPiece: PieceIndex | undefined;
  readonly spans: BlockSpan[] = [];
  readonly #count: number;
  /** Blocks that the peer should owe. */
  readonly #windowLength: number;

  /** `count` blocks are to be asked for at most, beside those that the requester owes. */
  constructor(peer: PickerPeer, requester: Requester, count: number, now: number) {
    this.peer = peer;
    this.requester = requester;
    this.now = now;
    this.isSlow = requester.isSlow || peer.isSnubbed;
    this.ownPiece = requester.latestPiece;
    this.#count = count;
    this.#windowLength = requester.requests.length + count;
  }

  get isFull(): boolean {
    return this.spans.length >= this.#count;
  }

  /** Will the peer have given all that it was asked for before long? */
  get isDry(): boolean {
    return this.requester.requests.length <= this.#windowLength * DRY_SHARE;
  }

  /** Does the peer fetch so many bytes, of a piece, soon enough to have one of its own? */
  isQuickFor(byteCount: number): boolean {
    return this.peer.downloadRate(this.now) * OWN_PIECE_MS >= byteCount * 1000;
  }
}
