/**
 * Runs the trackers of one torrent: asks whom the schedule names, and hands on the peers they
 * give. No tracker waits for another, and none delays the end.
 */
import { assert } from "../base/assert.ts";
import type { Clock, Random } from "../base/ambient.ts";
import { getUint32 } from "../base/bytes.ts";
import type { Endpoint, PortFor } from "../base/endpoint.ts";
import { TrackerError } from "../base/errors.ts";
import type { InfoHash, PeerId } from "../base/ids.ts";
import type { FetchBounded } from "../net/http.ts";
import type { Network } from "../net/transport.ts";
import type { Announcement, AnnounceResponse } from "./announce.ts";
import { AnnounceSchedule, type Ask, type AskFailure } from "./schedule.ts";
import { type ListedTracker, TrackerRoster, type TrackerStatus } from "./tracker_roster.ts";
import { hideSecrets } from "./tracker_url.ts";

/** What came of one announce; `url` and the texts hold no passkey and are safe to print. */
export interface AnnounceReport {
  readonly url: string;
  readonly ok: boolean;
  /** Peers that the tracker gave and that may be dialled. */
  readonly peers?: number;
  readonly failure?: string;
  /** The tracker answered, and said no; told once for the same words. */
  readonly isRefusal?: boolean;
  readonly warning?: string;
}

export interface AnnouncerOptions {
  /** Tiers of announce URLs (BEP 12). */
  readonly trackers: readonly (readonly string[])[];
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  readonly portFor: PortFor;
  readonly random: Random;
  readonly clock: Clock;
  readonly network: Network;
  readonly fetch: FetchBounded;
  /**
   * Bytes of this run up and down, and bytes still lacking. `isPartialSeed`: nothing more is wanted
   * of what is left (BEP 21).
   */
  readonly numbers: () => {
    uploaded: number;
    downloaded: number;
    left: number;
    isPartialSeed?: boolean;
  };
  /** Are more peers wanted? Asked often; `wake` has it asked at once. */
  readonly isHungry: () => boolean;
  /** Is no peer here at all? */
  readonly isAlone: () => boolean;
  readonly onAnnounce: (report: AnnounceReport) => void;
}

const NUM_WANT = 200;
const NUM_WANT_AT_EASE = 50;
/** The schedule is looked at so often even when nothing seems due: sleep may skip time. */
const LONGEST_PAUSE_MS = 60_000;

export class Announcer {
  readonly #options: AnnouncerOptions;
  readonly #key: number;
  readonly #roster: TrackerRoster;
  readonly #schedule: AnnounceSchedule;
  readonly #underWay = new Set<Promise<void>>();
  #running: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #isOver = false;
  #waking = new AbortController();

  constructor(options: AnnouncerOptions) {
    this.#options = options;
    this.#key = getUint32(options.random.bytes(4), 0);
    this.#roster = new TrackerRoster(options.trackers, options);
    this.#schedule = new AnnounceSchedule(this.#roster.tierSizes, options.random);
  }

  /** Begins to announce. The peers of each answer, filtered by `isDialable`; ends with `close`. */
  endpoints(): AsyncIterable<readonly Endpoint[]> {
    assert(this.#running === undefined, "endpoints() may be called once");
    for (const { shown, failure } of this.#roster.unusable) {
      this.#options.onAnnounce({ url: shown, ok: false, failure });
    }
    this.#running = this.#run().catch((error) => this.#roster.found.fail(error));
    return this.#roster.found;
  }

  /** More peers may be wanted now; may be called as often as one likes. */
  wake(): void {
    this.#look();
  }

  /** The download completed in this run: tells the trackers that saw it begin. */
  completed(): void {
    this.#schedule.completed();
    this.#look();
  }

  status(): readonly TrackerStatus[] {
    return this.#roster.status();
  }

  /**
   * Says `stopped` to the trackers that got `started`, and waits until they have answered, at
   * most `timeoutMs`. Nobody waits for what else is under way.
   */
  close(timeoutMs: number): Promise<void> {
    this.#closing ??= this.#shutDown(timeoutMs);
    return this.#closing;
  }

  /** Ends without a word: whoever goes on under the same peer id is not to be forgotten. */
  async abandon(): Promise<void> {
    this.#roster.found.close();
    this.#giveUp();
    await this.#running;
    await Promise.all(this.#underWay);
    await this.#roster.close();
  }

  async #shutDown(timeoutMs: number): Promise<void> {
    this.#roster.found.close();
    this.#schedule.stop();
    this.#look();
    const ended = new AbortController();
    const givingUp = this.#options.clock.sleep(timeoutMs, ended.signal).then(() => this.#giveUp());
    await this.#running;
    ended.abort();
    await givingUp;
    await Promise.all(this.#underWay);
    await this.#roster.close();
  }

  #giveUp(): void {
    this.#isOver = true;
    this.#roster.abort();
    this.#look();
  }

  async #run(): Promise<void> {
    const { clock, isHungry, isAlone } = this.#options;
    while (!this.#isOver && !this.#schedule.isStopped) {
      this.#waking = new AbortController();
      const wantsPeers = isHungry();
      const asks = this.#schedule.take(clock.now(), wantsPeers, isAlone());
      for (const ask of asks) this.#start(ask, wantsPeers);
      const deadline = this.#schedule.deadline(clock.now(), wantsPeers) ?? Infinity;
      const pauseMs = Math.min(deadline - clock.now(), LONGEST_PAUSE_MS);
      await clock.sleep(pauseMs, this.#waking.signal);
    }
  }

  /** Has `#run` look at the schedule again. */
  #look(): void {
    this.#waking.abort();
  }

  #start(ask: Ask, wantsPeers: boolean): void {
    const underWay = this.#ask(ask, wantsPeers)
      // Not the world's failure but ours: the reader of the endpoints shall learn of it.
      .catch((error) => this.#roster.found.fail(error))
      .finally(() => {
        this.#underWay.delete(underWay);
        this.#look();
      });
    this.#underWay.add(underWay);
  }

  async #ask(ask: Ask, wantsPeers: boolean): Promise<void> {
    const tracker = this.#roster.trackers[ask.tracker]!;
    const signal = tracker.begin();
    try {
      const response = await tracker.client.announce(this.#announcement(ask, wantsPeers), signal);
      this.#schedule.answered(ask, response, this.#options.clock.now());
      this.#handleAnswer(tracker, response);
    } catch (error) {
      if (!(error instanceof TrackerError)) throw error;
      this.#schedule.failed(ask, failureOf(error), this.#options.clock.now(), error.retryInMs);
      if (!signal.aborted) this.#handleFailure(tracker, error);
    }
  }

  #announcement({ event: due }: Ask, wantsPeers: boolean): Announcement {
    const { infoHash, peerId, portFor } = this.#options;
    const { isPartialSeed = false, ...numbers } = this.#options.numbers();
    const event = due ?? (isPartialSeed ? "paused" : undefined);
    const numWant = event === "stopped" ? 0 : wantsPeers ? NUM_WANT : NUM_WANT_AT_EASE;
    return { infoHash, peerId, portFor, ...numbers, event, numWant, key: this.#key };
  }

  #handleAnswer(tracker: ListedTracker, response: AnnounceResponse): void {
    const warning = response.warning && hideSecrets(response.warning, tracker.url);
    const peers = this.#roster.handOn(tracker, response);
    tracker.answered(response, peers, warning);
    this.#report({
      url: tracker.shown,
      ok: true,
      peers,
      ...(warning === undefined ? {} : { warning }),
    });
  }

  #handleFailure(tracker: ListedTracker, error: TrackerError): void {
    const failure = hideSecrets(error.message, tracker.url);
    const isNews = tracker.status.failure !== failure;
    tracker.failed(failure, error.isFinal);
    const isRefusal = isNews && error.reason === "failure-reason";
    this.#report({ url: tracker.shown, ok: false, failure, ...(isRefusal ? { isRefusal } : {}) });
  }

  /** What is said at the end is nobody's news. */
  #report(report: AnnounceReport): void {
    if (this.#closing === undefined) this.#options.onAnnounce(report);
  }
}

function failureOf({ isFinal, isSilence }: TrackerError): AskFailure {
  if (isFinal) return "gone";
  return isSilence ? "silence" : "refused";
}
