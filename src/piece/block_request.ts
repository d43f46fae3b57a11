import type { BlockIndex } from "../base/ids.ts";
import type { Linked } from "./linked_list.ts";
import type { OpenPiece } from "./open_piece.ts";
import type { Requester } from "./requester.ts";

/** One peer was asked for one block. In three collections at once, and out of each in O(1). */
export class BlockRequest implements Linked<BlockRequest> {
  readonly open: OpenPiece;
  readonly block: BlockIndex;
  readonly requester: Requester;
  /** Milliseconds. */
  readonly at: number;
  /** Neighbours in the list of all requests by age. */
  previous: BlockRequest | undefined;
  next: BlockRequest | undefined;
  /** Index in `requester.requests`. */
  slot = 0;
  /** The next request for the same block. */
  another: BlockRequest | undefined;

  constructor(open: OpenPiece, block: BlockIndex, requester: Requester, at: number) {
    this.open = open;
    this.block = block;
    this.requester = requester;
    this.at = at;
  }
}
