import { fail } from "../base/assert.ts";
import type { BlockIndex, PieceIndex } from "../base/ids.ts";
import type { BlockRequest } from "./block_request.ts";
import type { Linked } from "../base/linked_list.ts";
import type { ParoledPiece } from "./paroled_piece.ts";
import { NO_PEER, type PartialPiece } from "./partial_piece.ts";
import type { PeerKey } from "./piece_table.ts";

const HERE = null;

export interface OpenPieceOptions {
  /** Those of lower rank are served first. */
  readonly rank: number;
  /** It was started with a slow peer, and its like finish it. */
  readonly isSlow: boolean;
  readonly now: number;
  /** Set if the piece was wrong before: then it is fetched from one peer alone. */
  readonly paroled: ParoledPiece | undefined;
}

/**
 * A piece being fetched. Each of its blocks is free, requested (from one peer or more) or here.
 *
 * Invariants: a block is requested exactly while it has a `BlockRequest`; `freeCount` and
 * `requestedCount` are the numbers of free and of requested blocks.
 */
export class OpenPiece implements Linked<OpenPiece> {
  readonly partial: PartialPiece;
  readonly rank: number;
  readonly isSlow: boolean;
  readonly openedAt: number;
  readonly paroled: ParoledPiece | undefined;
  /** When a block of it was last asked for or came. */
  touchedAt: number;
  /** Neighbours in the list of pieces with free blocks, while it is `isListed`. */
  previous: OpenPiece | undefined;
  next: OpenPiece | undefined;
  isListed = false;
  /** Full or given up. */
  isClosed = false;
  /** For each block the newest request, older ones follow by `another`; HERE when it came. */
  readonly #requests: (BlockRequest | undefined | typeof HERE)[];
  readonly #blocksToCome: number;
  #freeCount: number;
  #requestedCount = 0;
  /** No block before this one is free. */
  #firstFree = 0;

  constructor(partial: PartialPiece, { rank, isSlow, now, paroled }: OpenPieceOptions) {
    this.partial = partial;
    this.rank = rank;
    this.isSlow = isSlow;
    this.openedAt = now;
    this.touchedAt = now;
    this.paroled = paroled;
    this.#requests = new Array(partial.blockCount).fill(undefined);
    this.#blocksToCome = this.#freeCount = partial.missingCount;
    if (this.#freeCount < partial.blockCount) this.#skipPadding();
  }

  /** On parole: this peer alone gives it from now on. */
  own(peer: PeerKey, now: number): void {
    this.paroled!.own(peer, now);
    this.partial.onlyFrom = peer;
  }

  /** On parole: its owner is lost. */
  disown(): void {
    this.paroled!.disown();
    this.partial.onlyFrom = NO_PEER;
  }

  /** On parole: others help the owner. */
  share(): void {
    this.partial.onlyFrom = undefined;
  }

  get piece(): PieceIndex {
    return this.partial.piece;
  }

  get freeCount(): number {
    return this.#freeCount;
  }

  get requestedCount(): number {
    return this.#requestedCount;
  }

  /** Nothing of it is here, and nothing on its way: it only occupies memory. */
  get isUntouched(): boolean {
    return this.#freeCount === this.#blocksToCome;
  }

  /** The first free block. */
  nextFree(): BlockIndex | undefined {
    if (this.#freeCount === 0) return undefined;
    while (this.#requests[this.#firstFree] !== undefined) this.#firstFree++;
    return this.#firstFree as BlockIndex;
  }

  /** The requests for a block, linked by `another`. */
  requestsFor(block: BlockIndex): BlockRequest | undefined {
    return this.#requests[block] ?? undefined;
  }

  requestBy(peer: PeerKey, block: BlockIndex): BlockRequest | undefined {
    let request = this.requestsFor(block);
    while (request !== undefined && request.requester.key !== peer) request = request.another;
    return request;
  }

  /** All requests for its blocks. */
  *requests(): IterableIterator<BlockRequest> {
    for (let block = 0; block < this.#requests.length; block++) {
      let request = this.requestsFor(block as BlockIndex);
      for (; request !== undefined; request = request.another) yield request;
    }
  }

  attach(request: BlockRequest): void {
    const { block } = request;
    const others = this.#requests[block];
    if (others === HERE) fail(`block ${block} of piece ${this.piece} is here`);
    if (others === undefined) {
      this.#freeCount--;
      this.#requestedCount++;
    }
    request.open = this;
    request.another = others;
    this.#requests[block] = request;
    this.touchedAt = Math.max(this.touchedAt, request.at);
  }

  /** The request is no more; the block is free again if it was the only one. */
  detach(request: BlockRequest): void {
    const { block } = request;
    if (this.#requests[block] === request) this.#requests[block] = request.another;
    else this.#requestBefore(request).another = request.another;
    if (this.#requests[block] !== undefined) return;
    this.#freeCount++;
    this.#requestedCount--;
    this.#firstFree = Math.min(this.#firstFree, block);
  }

  /** The block came. Returns the requests for it, which are no more. */
  settle(block: BlockIndex, now: number): BlockRequest | undefined {
    const requests = this.#requests[block];
    if (requests === HERE) return undefined;
    if (requests === undefined) this.#freeCount--;
    else this.#requestedCount--;
    this.#requests[block] = HERE;
    this.touchedAt = now;
    return requests;
  }

  #skipPadding(): void {
    for (let block = 0; block < this.partial.blockCount; block++) {
      if (this.partial.has(block as BlockIndex)) this.#requests[block] = HERE;
    }
  }

  #requestBefore(request: BlockRequest): BlockRequest {
    let before = this.requestsFor(request.block);
    while (before !== undefined && before.another !== request) before = before.another;
    return before ?? fail(`block ${request.block} of piece ${this.piece} is not asked for`);
  }
}
