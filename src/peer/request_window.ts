/** The requests that one peer owes us: each with a deadline, and never more than is worth it. */
import { assert } from "../base/assert.ts";
import { longSilenceMs } from "../base/silence.ts";
import type { BlockSpan } from "../metainfo/layout.ts";
import { AbandonedRequests } from "./abandoned_requests.ts";
import { RequestDepth } from "./request_depth.ts";

/** A request that is not answered by then is somebody else's. */
const REQUEST_TIMEOUT_MS = 60_000;
/**
 * A request is lost once one that was sent so much later has been answered: some peers forget
 * what goes beyond their queue, and say so late or never.
 */
const OVERTAKEN_MS = 2_000;
/** A peer that owes us blocks and sends none for so long is snubbing us. */
const SNUB_TIMEOUT_MS = 10_000;
/** How long to ask for nothing after a refusal; doubles with each one until a block comes. */
const FIRST_REFUSAL_PAUSE_MS = 100;
const MAX_REFUSAL_PAUSE_MS = 60_000;

/** What a block that came is to us. */
export type Arrival = "requested" | "late" | "unrequested";

interface OutstandingRequest {
  readonly span: BlockSpan;
  readonly sentAt: number;
  /** What the peer had delivered when it was asked: see RequestDepth. */
  readonly deliveredBytes: number;
}

/**
 * Every request ends in exactly one way: received, released (freed for others) or abandoned
 * because we lost interest. `key` is `Layout.blockKey` throughout.
 */
export class RequestWindow {
  /** In the order of `sentAt`. */
  readonly #outstanding = new Map<number, OutstandingRequest>();
  readonly #abandoned = new AbandonedRequests();
  readonly #depth = new RequestDepth();
  /** When the latest of the requests was sent that were answered. */
  #answeredSentAt = -Infinity;
  /** The last block, or the first request after a time without any; less `#owedMs` then. */
  #progressAt = 0;
  /** How long it owed us something before it freed itself of that, without a block since. */
  #owedMs = 0;
  /** When it was first asked for something, since it last sent a block. */
  #awaitedSince: number | undefined;
  #isSnubbed = false;
  /** Others were asked for all that it owed, as it said nothing. */
  #isPassedOver = false;
  #refusalCount = 0;
  #pausedUntil = -Infinity;
  /** Its refusals were forgotten when it choked us, and it has sent no block since. */
  #isForgiven = false;

  /** Requests that are not answered yet. */
  get count(): number {
    return this.#outstanding.size;
  }

  /** It let SNUB_TIMEOUT_MS pass, and has sent no block since: it is asked for one at a time. */
  get isSnubbed(): boolean {
    return this.#isSnubbed;
  }

  /**
   * Since when we have asked and got no block: no choke, refusal or unchoke renews it. Undefined
   * when we have not asked since the last block.
   */
  get awaitedSince(): number | undefined {
    return this.#awaitedSince;
  }

  /** How many more requests the peer should get now; `maxSlackBytes` as in RequestDepth. */
  room(now: number, maxSlackBytes = Infinity): number {
    if (now < this.#pausedUntil) return 0;
    const isDoubted = this.#isSnubbed || this.#isPassedOver;
    const depth = isDoubted ? 1 : this.#depth.within(maxSlackBytes);
    return Math.max(0, depth - this.#outstanding.size);
  }

  /** The peer says how many requests it takes (`reqq`, BEP 10). */
  setStatedDepth(requestCount: number): void {
    this.#depth.setStated(requestCount);
  }

  add(key: number, span: BlockSpan, now: number): void {
    assert(!this.#outstanding.has(key));
    if (this.#outstanding.size === 0) {
      // Else it would never be snubbing us, as it owes one at a time, and that not for long.
      if (!this.#isPassedOver) this.#progressAt = now - this.#owedMs;
      this.#depth.started(now);
    }
    this.#awaitedSince ??= now;
    const { deliveredBytes } = this.#depth;
    this.#outstanding.set(key, { span, sentAt: now, deliveredBytes });
  }

  /** A block came. */
  receive(key: number, now: number): Arrival {
    const request = this.#outstanding.get(key);
    if (request === undefined && !this.#abandoned.take(key, now)) return "unrequested";
    this.#progressAt = now;
    this.#owedMs = 0;
    this.#isSnubbed = this.#isPassedOver = this.#isForgiven = false;
    this.#outstanding.delete(key);
    this.#awaitedSince = this.#outstanding.size > 0 ? now : undefined;
    if (request === undefined) return "late";
    this.#answeredSentAt = Math.max(this.#answeredSentAt, request.sentAt);
    this.#depth.delivered(request.span.length, request, now);
    if (this.#refusalCount > 0) {
      this.#refusalCount = 0;
      this.#pausedUntil = -Infinity;
    }
    return "requested";
  }

  /** The peer will not answer a request; what it was, undefined when we do not wait for it. */
  refuse(key: number, now: number): BlockSpan | undefined {
    const request = this.#outstanding.get(key);
    if (request === undefined) {
      this.#abandoned.take(key, now);
      return undefined;
    }
    this.#noteOwed(now);
    this.#outstanding.delete(key);
    this.#depth.refused(this.#outstanding.size);
    this.#pause(now);
    return request.span;
  }

  /** We no longer want a block; what was asked for, undefined when it was not. */
  abandon(key: number, now: number): BlockSpan | undefined {
    const request = this.#outstanding.get(key);
    if (request === undefined) return undefined;
    this.#outstanding.delete(key);
    this.#abandoned.add(key, now);
    const isSilent = now - this.#progressAt >= longSilenceMs(this.#depth.latencyMs);
    if (this.#outstanding.size > 0) return request.span;
    if (isSilent) this.#isPassedOver = true;
    else if (!this.#isSnubbed) this.#awaitedSince = undefined; // It had no time to answer.
    return request.span;
  }

  /** The peer lets us ask no more: gives up all but the requests that `isKept`. */
  choked(isKept: (span: BlockSpan) => boolean, now: number): BlockSpan[] {
    this.#noteOwed(now);
    const owed = this.#outstanding.size > 0;
    const freed = this.#abandonWhere((request) => !isKept(request.span), now);
    this.#depth.reset();
    if (this.#isForgiven) {
      if (owed) this.#pause(now);
    } else {
      // Some refuse all that they will not answer before they choke: once that says nothing of
      // later. Whoever chokes us again without a block in between refuses.
      this.#isForgiven = true;
      this.#refusalCount = 0;
      this.#pausedUntil = -Infinity;
    }
    return freed;
  }

  /** Gives up what is overdue or lost, which is everything once the peer snubs us. */
  expire(now: number): BlockSpan[] {
    this.#abandoned.expire(now);
    if (this.#outstanding.size === 0) return [];
    if (now - this.#progressAt < SNUB_TIMEOUT_MS) {
      return this.#abandonWhere(({ sentAt }) => now >= this.#deadlineOf(sentAt), now);
    }
    this.#isSnubbed = true;
    this.#owedMs = 0;
    this.#depth.reset();
    return this.#abandonWhere(() => true, now);
  }

  #pause(now: number): void {
    const pauseMs = FIRST_REFUSAL_PAUSE_MS * 2 ** Math.min(this.#refusalCount++, 20);
    this.#pausedUntil = now + Math.min(pauseMs, MAX_REFUSAL_PAUSE_MS);
  }

  /** Whoever frees itself of what it owes takes up the time that it has left where it was. */
  #noteOwed(now: number): void {
    if (this.#outstanding.size > 0 && !this.#isSnubbed) this.#owedMs = now - this.#progressAt;
  }

  /** When a request is somebody else's: long ago already for one that was overtaken. */
  #deadlineOf(sentAt: number): number {
    const isOvertaken = this.#answeredSentAt - sentAt >= OVERTAKEN_MS;
    return isOvertaken ? -Infinity : sentAt + REQUEST_TIMEOUT_MS;
  }

  #abandonWhere(matches: (request: OutstandingRequest) => boolean, now: number): BlockSpan[] {
    const spans: BlockSpan[] = [];
    for (const [key, request] of this.#outstanding) {
      if (!matches(request)) continue;
      this.#outstanding.delete(key);
      this.#abandoned.add(key, now);
      spans.push(request.span);
    }
    return spans;
  }
}
