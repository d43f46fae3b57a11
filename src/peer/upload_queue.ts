/** What a peer has asked of us and not yet got: bounded, in order, cancelled in O(1). */
import type { PieceIndex } from "../base/ids.ts";
import { type Linked, LinkedList } from "../base/linked_list.ts";
import type { Layout } from "../metainfo/layout.ts";

/** A part of a piece that a peer wants, checked against the torrent. */
export interface UploadRequest {
  readonly piece: PieceIndex;
  /** Offset within the piece. */
  readonly begin: number;
  /** 1 to 16384. */
  readonly length: number;
}

/** Requests that wait for one peer: what we say in our extension handshake (`reqq`, BEP 10). */
export const MAX_QUEUED_UPLOADS = 2_000;

/** `conflicting`: another length is wanted from the same place already. */
type Admission = "queued" | "duplicate" | "conflicting" | "full";

/** A request among those before and after it. */
interface Waiting extends Linked<Waiting> {
  readonly request: UploadRequest;
}

export class UploadQueue {
  readonly #layout: Layout;
  /** By offset within the torrent. */
  readonly #waiting = new Map<number, Waiting>();
  readonly #inOrder = new LinkedList<Waiting>();

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  get size(): number {
    return this.#waiting.size;
  }

  add(request: UploadRequest): Admission {
    const offset = this.#offsetOf(request);
    const same = this.#waiting.get(offset)?.request;
    if (same !== undefined) return same.length === request.length ? "duplicate" : "conflicting";
    if (this.#waiting.size >= MAX_QUEUED_UPLOADS) return "full";
    const waiting = { request, previous: undefined, next: undefined };
    this.#waiting.set(offset, waiting);
    this.#inOrder.append(waiting);
    return "queued";
  }

  /** False when no such request waits. */
  cancel(request: UploadRequest): boolean {
    const waiting = this.#waiting.get(this.#offsetOf(request));
    if (waiting?.request.length !== request.length) return false;
    this.#remove(waiting);
    return true;
  }

  /** The request that has waited longest. */
  get first(): UploadRequest | undefined {
    return this.#inOrder.first?.request;
  }

  /** All that wait, in order of arrival. */
  *[Symbol.iterator](): Iterator<UploadRequest> {
    for (let waiting = this.#inOrder.first; waiting !== undefined; waiting = waiting.next) {
      yield waiting.request;
    }
  }

  /** Takes out the request that has waited longest. */
  next(): UploadRequest | undefined {
    const { first } = this.#inOrder;
    if (first !== undefined) this.#remove(first);
    return first?.request;
  }

  /** Takes out all requests but those for which `isKept`, in order of arrival. */
  clear(isKept: (request: UploadRequest) => boolean): UploadRequest[] {
    const removed = [...this.#waiting.values()].filter(({ request }) => !isKept(request));
    for (const waiting of removed) this.#remove(waiting);
    return removed.map(({ request }) => request);
  }

  #remove(waiting: Waiting): void {
    this.#waiting.delete(this.#offsetOf(waiting.request));
    this.#inOrder.remove(waiting);
  }

  #offsetOf({ piece, begin }: UploadRequest): number {
    return piece * this.#layout.pieceLength + begin;
  }
}
