import type { BlockIndex } from "../base/ids.ts";
import type { Linked } from "../base/linked_list.ts";
import type { OpenPiece } from "./open_piece.ts";
import type { Requester } from "./requester.ts";

/** One peer was asked for one block. In three collections at once, and out of each in O(1). */
export interface BlockRequest extends Linked<BlockRequest> {
  /** Another one once the piece was given up and started again. */
  open: OpenPiece;
  readonly block: BlockIndex;
  readonly requester: Requester;
  /** Milliseconds. */
  readonly at: number;
  /** The peer will hardly answer: it had fallen silent before it was asked for this. */
  readonly isDoubted: boolean;
  /** Index in `requester.requests`. */
  slot: number;
  /** The next request for the same block. */
  another: BlockRequest | undefined;
}
