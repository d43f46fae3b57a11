import { assert } from "../base/assert.ts";
import type { BlockIndex, PieceIndex } from "../base/ids.ts";
import type { BlockRequest } from "./block_request.ts";
import { LinkedList } from "../base/linked_list.ts";
import { OpenPiece, type OpenPieceOptions } from "./open_piece.ts";
import type { PartialPiece } from "./partial_piece.ts";
import type { PeerKey } from "./piece_table.ts";
import { Requester } from "./requester.ts";

const NOBODY: readonly PeerKey[] = [];

/**
 * The pieces being fetched, and who was asked for what. Which block to ask for is the picker's
 * decision; here the books are kept, each entry in O(1).
 */
export class OpenPieces {
  readonly #byPiece = new Map<PieceIndex, OpenPiece>();
  /** Given up, while somebody still owes blocks of them: started again, they go on with these. */
  readonly #closed = new Map<PieceIndex, OpenPiece>();
  readonly #requesters = new Map<PeerKey, Requester>();
  /** Pieces with free blocks, by ascending rank. */
  readonly #withFreeBlocks = new LinkedList<OpenPiece>();
  /** All requests, the oldest first. */
  readonly #byAge = new LinkedList<BlockRequest>();
  #slowCount = 0;

  get(piece: PieceIndex): OpenPiece | undefined {
    return this.#byPiece.get(piece);
  }

  /** All of them, the longest open first. */
  all(): Iterable<OpenPiece> {
    return this.#byPiece.values();
  }

  /** How many of them are in the hands of slow peers. */
  get slowCount(): number {
    return this.#slowCount;
  }

  /** Of the pieces with free blocks, the first to be served; the others follow by `next`. */
  get firstWithFreeBlocks(): OpenPiece | undefined {
    return this.#withFreeBlocks.first;
  }

  /** The others follow by `next`. */
  get oldestRequest(): BlockRequest | undefined {
    return this.#byAge.first;
  }

  /** All requests, those to peers that were asked for the same block among them. */
  get requestCount(): number {
    return this.#byAge.length;
  }

  requester(peer: PeerKey): Requester {
    let requester = this.#requesters.get(peer);
    if (requester === undefined) {
      requester = new Requester(peer);
      this.#requesters.set(peer, requester);
    }
    return requester;
  }

  requesters(): Iterable<Requester> {
    return this.#requesters.values();
  }

  /** The peer has no requests any more, and will have none. */
  forget(requester: Requester): void {
    assert(requester.requests.length === 0);
    this.#requesters.delete(requester.key);
  }

  open(partial: PartialPiece, options: OpenPieceOptions): OpenPiece {
    const open = new OpenPiece(partial, options);
    this.#byPiece.set(open.piece, open);
    if (open.isSlow) this.#slowCount++;
    const outstanding = [...this.#closed.get(open.piece)?.requests() ?? []];
    for (const request of outstanding) open.attach(request);
    this.#closed.delete(open.piece);
    this.#relist(open);
    return open;
  }

  /** Full, or given up; in that case peers may still owe us blocks. */
  close(open: OpenPiece): void {
    open.isClosed = true;
    this.#relist(open);
    this.#byPiece.delete(open.piece);
    if (open.isSlow) this.#slowCount--;
    if (open.requestedCount > 0) this.#closed.set(open.piece, open);
  }

  /** What a peer was asked for and has not answered, even if the piece was given up. */
  request(peer: PeerKey, piece: PieceIndex, block: BlockIndex): BlockRequest | undefined {
    return (this.#byPiece.get(piece) ?? this.#closed.get(piece))?.requestBy(peer, block);
  }

  add(open: OpenPiece, block: BlockIndex, requester: Requester, now: number): void {
    this.#byAge.append(this.#attach(open, { block, requester, at: now, isDoubted: false }));
  }

  /** The same for a peer that will hardly answer: the request counts as one of the oldest. */
  addDoubted(open: OpenPiece, block: BlockIndex, requester: Requester, at: number): void {
    const request = this.#attach(open, { block, requester, at, isDoubted: true });
    this.#byAge.insertBefore(this.#byAge.first, request);
  }

  /** The request will not be answered, or in vain. */
  remove(request: BlockRequest): void {
    const { open } = request;
    this.#unlist(request);
    open.detach(request);
    this.#relist(open);
    if (open.isClosed && open.requestedCount === 0) this.#closed.delete(open.piece);
  }

  /** A block came: nobody is asked for it any more. Returns who else was. */
  settle(open: OpenPiece, block: BlockIndex, from: PeerKey, now: number): readonly PeerKey[] {
    let others: PeerKey[] | undefined;
    for (let request = open.settle(block, now); request; request = request.another) {
      this.#unlist(request);
      if (request.requester.key === from) continue;
      others ??= [];
      others.push(request.requester.key);
    }
    this.#relist(open);
    return others ?? NOBODY;
  }

  #attach(
    open: OpenPiece,
    { block, requester, at, isDoubted }: Pick<
      BlockRequest,
      "block" | "requester" | "at" | "isDoubted"
    >,
  ): BlockRequest {
    const request = {
      open,
      block,
      requester,
      at,
      isDoubted,
      slot: requester.requests.length,
      another: undefined,
      previous: undefined,
      next: undefined,
    };
    requester.requests.push(request);
    open.attach(request);
    this.#relist(open);
    return request;
  }

  #unlist(request: BlockRequest): void {
    const { requester, slot } = request;
    const last = requester.requests.pop()!;
    if (last !== request) {
      requester.requests[slot] = last;
      last.slot = slot;
    }
    this.#byAge.remove(request);
  }

  /** Keeps the list of pieces with free blocks true. */
  #relist(open: OpenPiece): void {
    if (open.isListed === (open.freeCount > 0 && !open.isClosed)) return;
    open.isListed = !open.isListed;
    if (!open.isListed) return this.#withFreeBlocks.remove(open);
    let follower: OpenPiece | undefined;
    const last = this.#withFreeBlocks.last;
    if (last !== undefined && last.rank > open.rank) {
      follower = this.#withFreeBlocks.first;
      while (follower!.rank < open.rank) follower = follower!.next;
    }
    this.#withFreeBlocks.insertBefore(follower, open);
  }
}
