/** The other half of being a peer: what one peer may ask of us, what it asks and what it gets. */
import type { Bitfield } from "../base/bitfield.ts";
import type { PieceIndex } from "../base/ids.ts";
import { RateMeter } from "../base/rate.ts";
import type { Layout } from "../metainfo/layout.ts";
import type { MessageWriter } from "../wire/encoder.ts";
import type { BlockMessage } from "../wire/message.ts";
import type { SessionEvents } from "./session_event.ts";
import { UploadQueue, type UploadRequest } from "./upload_queue.ts";

/** Requests that were on their way when we choked arrive within this time; no fault of theirs. */
const CHOKE_GRACE_MS = 2_000;
/** A peer that asks so often for what it may not have does nothing else. */
const MAX_INVALID_REQUESTS = 300;
/** How often a peer may ask for all of a granted piece while choked; once should do. */
const ALLOWED_FAST_COPIES = 3;

export interface ServingOptions {
  readonly layout: Layout;
  /** What we have, live. */
  readonly have: Bitfield;
  /** Both sides know the fast extension: every request is answered (BEP 6). */
  readonly fast: boolean;
  readonly output: MessageWriter;
  readonly events: SessionEvents;
}

export class Serving {
  readonly #options: ServingOptions;
  readonly #queue: UploadQueue;
  /** Pieces that it was granted: how many more blocks of each it may ask for while choked. */
  readonly #granted = new Map<PieceIndex, number>();
  readonly #meter = new RateMeter();
  #isChoking = true;
  /** Since when it has known that it may not ask; -Infinity from the start. */
  #chokedAt = -Infinity;
  #invalidCount = 0;

  constructor(options: ServingOptions) {
    this.#options = options;
    this.#queue = new UploadQueue(options.layout);
  }

  get queuedCount(): number {
    return this.#queue.size;
  }

  get bytes(): number {
    return this.#meter.total;
  }

  rate(now: number): number {
    return this.#meter.rate(now);
  }

  choke(now: number): void {
    if (this.#isChoking) return;
    this.#isChoking = true;
    this.#chokedAt = now;
    this.#options.output.choke();
    for (const request of this.#queue.clear(({ piece }) => this.#isGranted(piece))) {
      this.#refuse(request);
    }
  }

  unchoke(): void {
    if (!this.#isChoking) return;
    this.#isChoking = false;
    this.#options.output.unchoke();
  }

  /** Lets it ask for a piece that we have even while choked, as often as it may need it. */
  grant(piece: PieceIndex): void {
    const { have, layout } = this.#options;
    if (this.#granted.has(piece) || !have.has(piece)) return;
    this.#granted.set(piece, ALLOWED_FAST_COPIES * layout.blockCount(piece));
    this.#options.output.allowedFast(piece);
  }

  handleRequest({ index, begin, length }: BlockMessage, now: number): void {
    const { layout, have } = this.#options;
    const piece = layout.pieceIndex(index);
    if (piece === undefined || !layout.isReadable(index, begin, length) || !have.has(piece)) {
      this.#refuse({ piece: index, begin, length });
      return this.#countInvalid();
    }
    const request = { piece, begin, length };
    if (!this.#mayAsk(piece)) {
      this.#refuse(request);
      if (now - this.#chokedAt > CHOKE_GRACE_MS) this.#countInvalid();
      return;
    }
    switch (this.#queue.add(request)) {
      case "queued":
        if (this.#isChoking) this.#spendGrant(piece);
        return;
      case "conflicting":
      case "full":
        return this.#refuse(request);
      case "duplicate":
        return;
    }
  }

  /** They no longer want what they asked for; if it is on its way already, so be it. */
  handleCancel({ index, begin, length }: BlockMessage): void {
    const piece = this.#options.layout.pieceIndex(index);
    if (piece === undefined) return;
    const request = { piece, begin, length };
    if (this.#queue.cancel(request)) this.#refuse(request);
  }

  /** Requests that they still want and may have, the oldest first. */
  get waiting(): Iterable<UploadRequest> {
    return this.#queue;
  }

  first(): UploadRequest | undefined {
    return this.#queue.first;
  }

  next(): UploadRequest | undefined {
    return this.#queue.next();
  }

  /** Bytes of blocks went out. */
  sent(bytes: number, now: number): void {
    this.#meter.add(bytes, now);
  }

  /** Takes out the oldest request and refuses it. */
  reject(): void {
    const request = this.#queue.next();
    if (request !== undefined) this.#refuse(request);
  }

  #mayAsk(piece: PieceIndex): boolean {
    return !this.#isChoking || this.#isGranted(piece);
  }

  #isGranted(piece: PieceIndex): boolean {
    return (this.#granted.get(piece) ?? 0) > 0;
  }

  /** What is asked for counts, for it will be sent, unless they cancel it. */
  #spendGrant(piece: PieceIndex): void {
    this.#granted.set(piece, this.#granted.get(piece)! - 1);
  }

  #countInvalid(): void {
    if (++this.#invalidCount >= MAX_INVALID_REQUESTS) this.#options.events.close("request-flood");
  }

  #refuse({ piece, begin, length }: { piece: number; begin: number; length: number }): void {
    if (this.#options.fast) this.#options.output.reject(piece, begin, length);
  }
}
