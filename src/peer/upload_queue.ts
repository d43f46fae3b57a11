/** What a peer has asked of us and not yet got: bounded, in order, cancelled in O(1). */
import type { PieceIndex } from "../base/ids.ts";
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

export class UploadQueue {
  readonly #layout: Layout;
  /** By offset within the torrent. */
  readonly #waiting = new Map<number, UploadRequest>();
  /** In order of arrival; what is no longer waiting is skipped. */
  #order: UploadRequest[] = [];
  #head = 0;

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  get size(): number {
    return this.#waiting.size;
  }

  add(request: UploadRequest): Admission {
    const offset = this.#offsetOf(request);
    const waiting = this.#waiting.get(offset);
    if (waiting !== undefined) {
      return waiting.length === request.length ? "duplicate" : "conflicting";
    }
    if (this.#waiting.size >= MAX_QUEUED_UPLOADS) return "full";
    this.#waiting.set(offset, request);
    this.#order.push(request);
    if (this.#order.length >= 4 * MAX_QUEUED_UPLOADS) this.#compact();
    return "queued";
  }

  /** False when no such request waits. */
  cancel(request: UploadRequest): boolean {
    const offset = this.#offsetOf(request);
    if (this.#waiting.get(offset)?.length !== request.length) return false;
    return this.#waiting.delete(offset);
  }

  /** Takes out the request that has waited longest. */
  next(): UploadRequest | undefined {
    while (this.#head < this.#order.length) {
      const request = this.#order[this.#head++]!;
      if (!this.#isWaiting(request)) continue;
      this.#waiting.delete(this.#offsetOf(request));
      return request;
    }
    this.#order.length = this.#head = 0;
    return undefined;
  }

  /** Takes out all requests but those for which `isKept`, in order of arrival. */
  clear(isKept: (request: UploadRequest) => boolean): UploadRequest[] {
    this.#compact();
    const removed = this.#order.filter((request) => !isKept(request));
    for (const request of removed) this.#waiting.delete(this.#offsetOf(request));
    return removed;
  }

  /** Costs what at least half as many calls have put there, so nothing in the long run. */
  #compact(): void {
    this.#order = this.#order.slice(this.#head).filter((request) => this.#isWaiting(request));
    this.#head = 0;
  }

  #isWaiting(request: UploadRequest): boolean {
    return this.#waiting.get(this.#offsetOf(request)) === request;
  }

  #offsetOf({ piece, begin }: UploadRequest): number {
    return piece * this.#layout.pieceLength + begin;
  }
}
