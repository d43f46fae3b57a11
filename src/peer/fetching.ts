/** Our half of being a peer: what one peer has, lets us ask for, owes us and delivers. */
import { assert } from "../base/assert.ts";
import type { Bitfield } from "../base/bitfield.ts";
import type { BlockIndex, PieceIndex } from "../base/ids.ts";
import { RateMeter } from "../base/rate.ts";
import type { BlockSpan, Layout } from "../metainfo/layout.ts";
import type { MessageWriter } from "../wire/encoder.ts";
import type { BlockMessage, PieceMessage } from "../wire/message.ts";
import { RequestWindow } from "./request_window.ts";
import type { SessionEvents } from "./session_event.ts";
import { TheirPieces } from "./their_pieces.ts";

export class Fetching {
  readonly #layout: Layout;
  readonly #output: MessageWriter;
  readonly #events: SessionEvents;
  readonly #theirs: TheirPieces;
  readonly #window = new RequestWindow();
  readonly #meter = new RateMeter();
  #isChoked = true;
  #lastBlockAt: number | undefined;

  constructor(options: {
    readonly layout: Layout;
    readonly output: MessageWriter;
    readonly events: SessionEvents;
  }) {
    this.#layout = options.layout;
    this.#output = options.output;
    this.#events = options.events;
    this.#theirs = new TheirPieces(options.layout.pieceCount);
  }

  get theirHave(): Bitfield {
    return this.#theirs.have;
  }

  get allowedFast(): ReadonlySet<PieceIndex> {
    return this.#theirs.allowedFast;
  }

  get isChoked(): boolean {
    return this.#isChoked;
  }

  get isSnubbed(): boolean {
    return this.#window.isSnubbed;
  }

  get awaitedSince(): number | undefined {
    return this.#window.awaitedSince;
  }

  get outstandingCount(): number {
    return this.#window.count;
  }

  get bytes(): number {
    return this.#meter.total;
  }

  get lastBlockAt(): number | undefined {
    return this.#lastBlockAt;
  }

  rate(now: number): number {
    return this.#meter.rate(now);
  }

  offers(piece: PieceIndex): boolean {
    return this.#theirs.have.has(piece) && (!this.#isChoked || this.allowedFast.has(piece));
  }

  room(now: number, maxSlackBytes = Infinity): number {
    if (this.#isChoked && this.allowedFast.size === 0) return 0;
    return this.#window.room(now, maxSlackBytes);
  }

  /** The peer says how many requests it takes (`reqq`, BEP 10). */
  setStatedDepth(requestCount: number): void {
    this.#window.setStatedDepth(requestCount);
  }

  request(span: BlockSpan, now: number): void {
    assert(span.length > 0 && this.offers(span.piece));
    this.#window.add(this.#layout.blockKey(span.piece, span.block), span, now);
    this.#output.request(span.piece, span.begin, span.length);
  }

  cancel(piece: PieceIndex, block: BlockIndex, now: number): void {
    const span = this.#window.abandon(this.#layout.blockKey(piece, block), now);
    if (span !== undefined) this.#output.cancel(span.piece, span.begin, span.length);
  }

  /** Frees what is overdue, and tells the peer to forget it. */
  handleTimeout(now: number): void {
    const overdue = this.#window.expire(now);
    for (const { piece, begin, length } of overdue) this.#output.cancel(piece, begin, length);
    this.#free(overdue);
  }

  handlePiece({ index, begin, block: data }: PieceMessage, now: number): void {
    const place = this.#layout.blockAt(index, begin, data.length);
    if (place === undefined) return this.#events.close("unrequested-block");
    const { piece, block } = place;
    const arrival = this.#window.receive(this.#layout.blockKey(piece, block), now);
    if (arrival === "unrequested") return this.#events.close("unrequested-block");
    this.#meter.add(data.length, now);
    this.#lastBlockAt = now;
    this.#events.push({ kind: "block", piece, block, data });
  }

  handleHave(index: number): void {
    const piece = this.#layout.pieceIndex(index);
    if (piece === undefined) return this.#events.close("invalid-index");
    const isNews = this.#theirs.add(piece) && !this.#events.hasStatement;
    if (isNews) this.#events.push({ kind: "have", piece });
  }

  /** A bitfield. */
  handleStatement(bytes: Uint8Array): void {
    this.#notePrevious(this.#theirs.state(bytes));
  }

  /** They have everything, or nothing (BEP 6). */
  handleTotal(all: boolean): void {
    this.#notePrevious(this.#theirs.stateTotal(all));
  }

  handleChoke(now: number): void {
    if (this.#isChoked) return;
    this.#isChoked = true;
    this.#free(this.#window.choked(({ piece }) => this.allowedFast.has(piece), now));
  }

  handleUnchoke(): void {
    if (!this.#isChoked) return;
    this.#isChoked = false;
    this.#events.push({ kind: "unchoked" });
  }

  handleAllowedFast(index: number): void {
    const piece = this.#layout.pieceIndex(index);
    if (piece === undefined) return this.#events.close("invalid-index");
    this.#theirs.allowFast(piece);
  }

  /** A hint for the sender's good; rarest first is for everybody's. */
  handleSuggest(index: number): void {
    if (this.#layout.pieceIndex(index) === undefined) this.#events.close("invalid-index");
  }

  /** A refusal of what we did not ask for, or have given up, costs nobody anything. */
  handleReject({ index, begin, length }: BlockMessage, now: number): void {
    const place = this.#layout.blockAt(index, begin, length);
    if (place === undefined) return;
    const span = this.#window.refuse(this.#layout.blockKey(place.piece, place.block), now);
    if (span !== undefined) this.#free([span]);
  }

  #notePrevious(previous: Bitfield | undefined): void {
    if (previous === undefined) this.#events.close("malformed-message");
    else this.#events.pushStatement(previous);
  }

  #free(spans: readonly BlockSpan[]): void {
    if (spans.length > 0) this.#events.push({ kind: "freed", blocks: spans });
  }
}
