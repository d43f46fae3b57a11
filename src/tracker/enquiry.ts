/**
 * What the trackers of a torrent know, asked by somebody who does not want to be known.
 *
 * Each is told `stopped` first, which lists us nowhere, with the wish for peers: many answer with
 * their counts, some with peers. One that names nobody is told `started`, for it may serve those
 * alone whom it lists, and refuse or count others not at all (opentracker); and `stopped` again as
 * soon as it has answered. No tracker has us in its list when `close` has resolved.
 */
import { assert } from "../base/assert.ts";
import type { Clock, Random } from "../base/ambient.ts";
import { getUint32 } from "../base/bytes.ts";
import type { Endpoint, PortFor } from "../base/endpoint.ts";
import { TrackerError } from "../base/errors.ts";
import type { InfoHash, PeerId } from "../base/ids.ts";
import type { FetchBounded } from "../net/http.ts";
import type { Network } from "../net/transport.ts";
import { type Announcement, type AnnounceResponse, isFarewell } from "./announce.ts";
import { type ListedTracker, TrackerRoster, type TrackerStatus } from "./tracker_roster.ts";
import { hideSecrets } from "./tracker_url.ts";

export interface EnquiryOptions {
  /** Tiers of announce URLs (BEP 12); all are asked. */
  readonly trackers: readonly (readonly string[])[];
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  /** A port of ours where no other program listens: trackers know peers by it. */
  readonly portFor: PortFor;
  /** Bytes that we lack. */
  readonly left: number;
  readonly random: Random;
  readonly clock: Clock;
  readonly network: Network;
  readonly fetch: FetchBounded;
}

const NUM_WANT = 200;
/** Trackers asked at once. */
const MAX_UNANSWERED = 64;

/** What came of one announce; `silence` is every failure but the tracker's own no. */
type Reply =
  | { readonly kind: "answer"; readonly response: AnnounceResponse; readonly peers: number }
  | { readonly kind: "refusal" | "silence"; readonly error: TrackerError };

export class TrackerEnquiry {
  readonly #options: EnquiryOptions;
  readonly #key: number;
  readonly #roster: TrackerRoster;
  readonly #farewells = new Set<Promise<void>>();
  #running: Promise<void> | undefined;
  #isEnding = false;
  #isOver = false;

  constructor(options: EnquiryOptions) {
    this.#options = options;
    this.#key = getUint32(options.random.bytes(4), 0);
    this.#roster = new TrackerRoster(options.trackers, options);
  }

  /** Has every tracker answered or failed? */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Begins to ask. The peers of each answer, filtered by `isDialable`; ends when all have. */
  endpoints(): AsyncIterable<readonly Endpoint[]> {
    assert(this.#running === undefined, "endpoints() may be called once");
    this.#running = this.#askAll().catch((error) => this.#roster.found.fail(error));
    return this.#roster.found;
  }

  status(): readonly TrackerStatus[] {
    return this.#roster.status();
  }

  /** Gives up what is not answered; waits for farewells at most `timeoutMs`. */
  async close(timeoutMs: number): Promise<void> {
    this.#isEnding = true;
    this.#roster.found.close();
    for (const tracker of this.#roster.trackers) {
      if (tracker.status.state === "asking") tracker.abort();
    }
    await this.#running;
    const ended = new AbortController();
    const givingUp = this.#options.clock.sleep(timeoutMs, ended.signal)
      .then(() => this.#roster.abort());
    await Promise.all(this.#farewells);
    ended.abort();
    await givingUp;
    await this.#roster.close();
  }

  async #askAll(): Promise<void> {
    const waiting = this.#roster.trackers.values();
    const lane = async () => {
      for (const tracker of waiting) {
        if (this.#isEnding) return;
        await this.#ask(tracker);
      }
    };
    await Promise.all(Array.from({ length: MAX_UNANSWERED }, lane));
    this.#isOver = true;
    this.#roster.found.close();
  }

  async #ask(tracker: ListedTracker): Promise<void> {
    const first = await this.#announce(tracker, { event: "stopped", onlyAsks: true });
    if (first.kind === "silence") return this.#noteFailure(tracker, first.error);
    // Enough is known, or it wants to be left alone (BEP 31).
    const isLast = first.kind === "answer" ? first.peers > 0 : first.error.retryInMs > 0;
    if (isLast || this.#isEnding) return this.#note(tracker, first, first);
    const second = await this.#announce(tracker, { event: "started" });
    // Also when no answer came: the question may have arrived.
    const farewell = this.#sayFarewell(tracker).finally(() => this.#farewells.delete(farewell));
    this.#farewells.add(farewell);
    // The first answer does not count us; but what is said to those who come is what matters.
    this.#note(tracker, second.kind === "silence" ? first : second, first);
  }

  async #announce(
    tracker: ListedTracker,
    how: Pick<Announcement, "event" | "onlyAsks">,
  ): Promise<Reply> {
    const signal = tracker.begin();
    try {
      const response = await tracker.client.announce(this.#announcement(how), signal);
      return { kind: "answer", response, peers: this.#roster.handOn(tracker, response) };
    } catch (error) {
      if (!(error instanceof TrackerError)) throw error;
      if (error.reason === "failure-reason") return { kind: "refusal", error };
      return {
        kind: "silence",
        error: signal.aborted ? new TrackerError("timeout", "no answer in time") : error,
      };
    }
  }

  /** `reply` is what the tracker is remembered for, with the counts of `counted`. */
  #note(tracker: ListedTracker, reply: Reply, counted: Reply): void {
    if (reply.kind !== "answer") return this.#noteFailure(tracker, reply.error);
    const { response, peers } = reply;
    const { seeders, leechers } = counted.kind === "answer" ? counted.response : response;
    const warning = response.warning && hideSecrets(response.warning, tracker.url);
    tracker.answered({ ...response, seeders, leechers }, peers, warning);
  }

  #noteFailure(tracker: ListedTracker, { message, isFinal }: TrackerError): void {
    tracker.failed(hideSecrets(message, tracker.url), isFinal);
  }

  /** What comes of it is nobody's news. */
  async #sayFarewell(tracker: ListedTracker): Promise<void> {
    try {
      await tracker.client.announce(this.#announcement({ event: "stopped" }), tracker.farewell());
    } catch (error) {
      if (!(error instanceof TrackerError)) throw error;
    }
  }

  #announcement(how: Pick<Announcement, "event" | "onlyAsks">): Announcement {
    const { infoHash, peerId, portFor, left } = this.#options;
    const numWant = isFarewell(how) ? 0 : NUM_WANT;
    const nothingYet = { uploaded: 0, downloaded: 0 };
    return { infoHash, peerId, portFor, left, ...nothingYet, numWant, key: this.#key, ...how };
  }
}
