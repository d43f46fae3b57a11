/**
 * How many requests one peer should owe us: congestion control for blocks.
 *
 * A peer is never idle while it owes more than it delivers in the time that a request and its
 * answer take, and it keeps no block from others for long while it owes little more. Both the
 * rate and that latency are measured, after the model of BBR: the rate is the greatest of late,
 * the latency the smallest of late. More requests show a greater rate, which asks for more
 * requests: the depth triples with every round trip, or more, until the rate grows no longer.
 * So slow start needs no state of its own.
 */
import { BLOCK_LENGTH } from "../metainfo/layout.ts";

/** Requests that any peer may owe, however slow: enough to start with at any distance. */
const MIN_DEPTH = 4;
/** Most requests that a peer may owe when it does not say how many it takes. */
const DEFAULT_MAX_DEPTH = 500;
/** Most requests that a peer may owe when it says that it takes so many (`reqq`, BEP 10). */
const MAX_STATED_REQQ = 8_000;

/** How often rate × latency, what is on its way, is asked for: twice lets a rate double. */
const PIPE_GAIN = 2;
/** On top of that, slack for what stalls: this much time of a slow peer's rate, … */
const SLACK_MS = 500;
/** … for a fast one what is on its way once more, this many bytes and this much time. */
const FAST_SLACK_BYTES = 1024 * 1024;
const FAST_SLACK_MS = 10;
/** Latency is not believed beyond this: a peer never owes more than it delivers in this time. */
const MAX_QUEUE_MS = 4_000;

/** Rates are measured over no less: a burst from a buffer is no rate. */
const MIN_RATE_SPAN_MS = 50;
/** A rate counts for one to two periods of at least this length. */
const MIN_RATE_PERIOD_MS = 1_000;
/** A latency that nothing has undercut for this long is measured anew, … */
const LATENCY_LIFETIME_MS = 30_000;
/** … with so small a share of rate × latency asked for that nothing waits at the peer. */
const PROBE_GAIN = 0.5;

export class RequestDepth {
  #statedMaximum = DEFAULT_MAX_DEPTH;
  /** What it turned out to take, by refusing more. */
  #refusedMaximum = Infinity;
  #current = MIN_DEPTH;

  /** Bytes that came for requests, ever. */
  #deliveredBytes = 0;
  /** Bytes a millisecond: the greatest of this period, and of the one before. */
  #rate = 0;
  #previousRate = 0;
  #periodStartedAt = -Infinity;
  /** Two moments, and `#deliveredBytes` then: where the spans of quick answers may begin. */
  #olderMark = { at: 0, deliveredBytes: 0 };
  #newerMark = { at: 0, deliveredBytes: 0 };

  /** Milliseconds from a request to its block, with next to nothing waiting before it. */
  #latencyMs = Infinity;
  #latencyMeasuredAt = 0;
  /** Since when the queue is kept short to see the latency; undefined while it is not. */
  #probingSince: number | undefined;

  /** Requests that the peer should owe, with no more slack than this beside what is on its way. */
  within(maxSlackBytes: number): number {
    const rate = this.#greatestRate;
    if (rate === 0) return this.#current;
    const blocks = Math.ceil((PIPE_GAIN * rate * this.#latencyMs + maxSlackBytes) / BLOCK_LENGTH);
    return Math.min(this.#current, Math.max(MIN_DEPTH, blocks));
  }

  /** From a request to its block with next to nothing waiting before it; Infinity until known. */
  get latencyMs(): number {
    return this.#latencyMs;
  }

  /** To be remembered with each request, and given to `delivered` with its block. */
  get deliveredBytes(): number {
    return this.#deliveredBytes;
  }

  /** The peer says how many requests it takes; nonsense is ignored. */
  setStated(requestCount: number): void {
    if (!Number.isSafeInteger(requestCount) || requestCount < 1) return;
    this.#statedMaximum = Math.min(requestCount, MAX_STATED_REQQ);
    this.#update();
  }

  /** The peer refused a request while it owed us `outstandingCount`: it will not take more. */
  refused(outstandingCount: number): void {
    this.#refusedMaximum = Math.min(this.#refusedMaximum, Math.max(outstandingCount, MIN_DEPTH));
    this.#update();
  }

  /** Slow start: what the peer delivered or refused says nothing any more. */
  reset(): void {
    this.#rate = this.#previousRate = 0;
    this.#refusedMaximum = Infinity;
    this.#probingSince = undefined;
    this.#update();
  }

  /** The first request is sent after a time in which the peer owed us none. */
  started(now: number): void {
    if (now - this.#newerMark.at < 2 * MIN_RATE_SPAN_MS) return;
    this.#olderMark = this.#newerMark = { at: now, deliveredBytes: this.#deliveredBytes };
  }

  /** A block of `byteCount` came for a request of `sentAt`. */
  delivered(
    byteCount: number,
    { sentAt, deliveredBytes }: { readonly sentAt: number; readonly deliveredBytes: number },
    now: number,
  ): void {
    this.#deliveredBytes += byteCount;
    const latencyMs = now - sentAt;
    this.#measureLatency(latencyMs, sentAt, now);
    if (latencyMs >= MIN_RATE_SPAN_MS) {
      this.#measureRate((this.#deliveredBytes - deliveredBytes) / latencyMs, now);
    } else {
      const { at, deliveredBytes } = this.#olderMark;
      const spanMs = Math.max(now - at, MIN_RATE_SPAN_MS);
      this.#measureRate((this.#deliveredBytes - deliveredBytes) / spanMs, now);
    }
    if (now - this.#newerMark.at >= MIN_RATE_SPAN_MS) {
      this.#olderMark = this.#newerMark;
      this.#newerMark = { at: now, deliveredBytes: this.#deliveredBytes };
    }
    this.#update();
  }

  get #greatestRate(): number {
    return Math.max(this.#rate, this.#previousRate);
  }

  #measureLatency(latencyMs: number, sentAt: number, now: number): void {
    const isProbe = this.#probingSince !== undefined && sentAt >= this.#probingSince;
    if (isProbe || latencyMs <= this.#latencyMs) {
      this.#latencyMs = latencyMs;
      this.#latencyMeasuredAt = now;
      this.#probingSince = undefined;
    } else if (now - this.#latencyMeasuredAt >= LATENCY_LIFETIME_MS) {
      this.#probingSince ??= now;
    }
  }

  #measureRate(rate: number, now: number): void {
    const periodMs = Math.max(MIN_RATE_PERIOD_MS, 2 * this.#latencyMs);
    if (now - this.#periodStartedAt >= periodMs) {
      this.#periodStartedAt = now;
      this.#previousRate = this.#rate;
      this.#rate = rate;
    } else if (rate > this.#rate) {
      this.#rate = rate;
    }
  }

  #update(): void {
    const maximum = Math.min(this.#statedMaximum, this.#refusedMaximum);
    const minimum = this.#probingSince === undefined ? MIN_DEPTH : 1;
    const blocks = Math.ceil(this.#wantedBytes() / BLOCK_LENGTH);
    this.#current = Math.min(maximum, Math.max(minimum, blocks));
  }

  #wantedBytes(): number {
    const rate = this.#greatestRate;
    if (rate === 0) return 0;
    const pipeBytes = rate * this.#latencyMs;
    if (this.#probingSince !== undefined) return pipeBytes * PROBE_GAIN;
    const fastSlackBytes = pipeBytes + FAST_SLACK_BYTES + rate * FAST_SLACK_MS;
    const slackBytes = Math.min(rate * SLACK_MS, fastSlackBytes);
    return Math.min(PIPE_GAIN * pipeBytes + slackBytes, rate * MAX_QUEUE_MS);
  }
}
