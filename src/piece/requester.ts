import type { Bitfield } from "../base/bitfield.ts";
import type { PieceIndex } from "../base/ids.ts";
import type { BlockRequest } from "./block_request.ts";
import type { PeerKey } from "./piece_table.ts";

/** A peer that takes longer than this from request to block works on pieces with its like. */
const SLOW_RESPONSE_MS = 1_000;
/** What we believe of a peer that has not answered yet. */
const ASSUMED_RESPONSE_MS = 500;
/** More counts as this, so that after a few seconds everybody is late. */
const MAX_RESPONSE_MS = 4_000;
/** Weight of the newest answer in the mean. */
const RESPONSE_GAIN = 1 / 8;

/** A peer as the picker remembers it: what it was asked for, and how soon it answers. */
export class Requester {
  readonly key: PeerKey;
  /** Outstanding; in no order. */
  readonly requests: BlockRequest[] = [];
  /** The piece of which it was last asked for a block: it has read more of it, perhaps all. */
  latestPiece: PieceIndex | undefined;
  /** A piece that made the peer interesting when last seen: looked at first. */
  interestingPiece = 0;
  /** What it had when none of it was interesting. */
  boringHave: { readonly field: Bitfield; readonly count: number } | undefined;
  /** Not before this time it looks for a piece that could make room for one of its own. */
  seeksRoomAt = -Infinity;
  /** When it last sent a block, or was asked for one and owed no other; by `Liveliness`. */
  quietSince = 0;
  #responseMs: number | undefined;

  constructor(key: PeerKey) {
    this.key = key;
  }

  /** Mean time from request to block. */
  get responseMs(): number {
    return this.#responseMs ?? ASSUMED_RESPONSE_MS;
  }

  get isSlow(): boolean {
    return this.responseMs > SLOW_RESPONSE_MS;
  }

  /** It has answered a request. */
  get isProven(): boolean {
    return this.#responseMs !== undefined;
  }

  answeredAfter(durationMs: number): void {
    const duration = Math.min(durationMs, MAX_RESPONSE_MS);
    this.#responseMs = this.#responseMs === undefined
      ? duration
      : this.#responseMs + (duration - this.#responseMs) * RESPONSE_GAIN;
  }
}
