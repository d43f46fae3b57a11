/**
 * Which tracker to ask when, and why (BEP 3, BEP 12). Pure: `now` is in milliseconds.
 *
 * While peers are wanted, trackers are asked many at once, in the order of the tiers and at a
 * pace, so that the dead ones cost no time; once there are peers enough no further one is asked.
 * Each tracker that answered is then asked at its own interval, and each that failed is asked
 * again, for ever, ever more seldom.
 */
import { assert } from "../base/assert.ts";
import { type Random, shuffle } from "../base/ambient.ts";
import type { AnnounceEvent } from "./announce.ts";

/** A tracker's place in the list that the schedule was made from, tiers one after another. */
export type TrackerNumber = number;

export interface Ask {
  readonly tracker: TrackerNumber;
  readonly event: AnnounceEvent | undefined;
}

/** How near a tracker's failure is to us: `silence` may as well be our own network. */
export type AskFailure = "refused" | "silence" | "gone";

/** The least time between two announces to a tracker that states no `min interval`. */
const DEFAULT_MIN_INTERVAL_MS = 60_000;
/** Trackers whose answer we wait for at once, while peers are wanted. */
const MAX_UNANSWERED = 128;
/** The same while there are peers enough but no tracker works. */
const MAX_UNANSWERED_AT_EASE = 4;
/** The pace: so many new questions in each such time. */
const PACE_COUNT = 16;
const PACE_MS = 50;

const FIRST_RETRY_MS = 5_000;
/** After n failures in a row n² times this is added to the first retry's delay. */
const RETRY_GROWTH_MS = 12_500;
const LONGEST_RETRY_MS = 3_600_000;
/** While all are silent and peers are wanted, one of them is tried at least this often. */
const OUTAGE_PROBE_MS = 60_000;
/** A new need is as good as the first one after this time, however long the interval is. */
const MAX_HASTE_PAUSE_MS = 1_800_000;
/** Whoever has lost all peers asks again this long after the last answer, however often. */
const ALONE_INTERVAL_MS = 300_000;

/** What is known of one tracker. */
class TrackerState {
  /** The question under way. */
  asking: Ask | undefined;
  isGone = false;
  /** It has answered `started`, and so believes that we are there. */
  hasStarted = false;
  /** `started` was said before the download completed. */
  startedIncomplete = false;
  hasToldCompleted = false;
  hasToldStopped = false;
  /** Failures since the last answer, and whether the last one was silence. */
  failures = 0;
  isSilent = false;
  /** Not asked before this time unless we are stopping. */
  retryAt = -Infinity;
  answeredAt = -Infinity;
  intervalMs = 0;
  minIntervalMs = DEFAULT_MIN_INTERVAL_MS;
  /** Time from the last answer to the next question while peers are wanted. */
  eagerIntervalMs = 0;
  /** The last question was put while peers were wanted. */
  wasEager = false;
  /** When a new need last made the next question earlier. */
  hastenedAt = -Infinity;

  constructor(readonly number: TrackerNumber) {}

  get isWorking(): boolean {
    return this.hasStarted && this.failures === 0;
  }
}

/** What all trackers together say of the moment. */
interface Mood {
  readonly wantsPeers: boolean;
  /** Further trackers are wanted, beyond those that work. */
  readonly wantsTrackers: boolean;
  /** The tracker to try before its time, and when, because all are silent. */
  readonly probe: { readonly tracker: TrackerState; readonly at: number } | undefined;
}

export class AnnounceSchedule {
  /** The order within a tier changes as trackers answer. */
  readonly #tiers: TrackerState[][];
  /** By number. */
  readonly #trackers: readonly TrackerState[];
  #wantedPeers = true;
  #wasAlone = true;
  #isCompleted = false;
  #isStopping = false;
  #unanswered = 0;
  #paceStartedAt = -Infinity;
  #pacedCount = 0;
  #lastFailureAt = -Infinity;

  /** `tierSizes`: how many trackers each tier has. The order within each is drawn here, once. */
  constructor(tierSizes: readonly number[], random: Random) {
    let number = 0;
    this.#tiers = tierSizes.map((size) =>
      Array.from({ length: size }, () => new TrackerState(number++))
    );
    this.#trackers = this.#tiers.flat();
    for (const tier of this.#tiers) shuffle(tier, random);
  }

  /**
   * Whom to ask now; each of them counts as being asked until `answered` or `failed`. `isAlone`:
   * nobody is here.
   */
  take(now: number, wantsPeers: boolean, isAlone: boolean): Ask[] {
    if (wantsPeers && !this.#wantedPeers) {
      for (const tracker of this.#trackers) hasten(tracker, now);
    }
    if (isAlone && !this.#wasAlone) {
      for (const tracker of this.#trackers) shortenWait(tracker);
    }
    this.#wantedPeers = wantsPeers;
    this.#wasAlone = isAlone;
    const mood = this.#mood(wantsPeers);
    const asks: Ask[] = [];
    for (const tracker of this.#tiers.flat()) {
      if (this.#readyAt(tracker, mood) > now) continue;
      if (this.#pausedUntil(now, mood) > now) break;
      asks.push(this.#begin(tracker, now, wantsPeers));
    }
    return asks;
  }

  /** When `take` will next have something; undefined when only an answer can change that. */
  deadline(now: number, wantsPeers: boolean): number | undefined {
    const mood = this.#mood(wantsPeers);
    const readyAt = this.#trackers.map((tracker) => this.#readyAt(tracker, mood));
    const at = Math.max(now, Math.min(...readyAt), this.#pausedUntil(now, mood));
    return at === Infinity ? undefined : at;
  }

  answered(
    ask: Ask,
    { intervalMs, minIntervalMs }: { intervalMs: number; minIntervalMs: number | undefined },
    now: number,
  ): void {
    const tracker = this.#end(ask);
    if (tracker === undefined) return;
    if (this.#isOutage()) this.#endOutage(now);
    this.#promote(tracker);
    tracker.hasStarted = true;
    tracker.failures = 0;
    tracker.retryAt = now;
    tracker.answeredAt = now;
    tracker.minIntervalMs = minIntervalMs ?? DEFAULT_MIN_INTERVAL_MS;
    tracker.intervalMs = Math.max(intervalMs, tracker.minIntervalMs);
    // Early questions come ever later, or those of a small swarm would come every minute for ever.
    const eagerIntervalMs = tracker.wasEager ? tracker.eagerIntervalMs * 2 : 0;
    tracker.eagerIntervalMs = Math.min(
      Math.max(eagerIntervalMs, tracker.minIntervalMs),
      tracker.intervalMs,
    );
    if (ask.event === "completed") tracker.hasToldCompleted = true;
  }

  /** `retryInMs`: the tracker asks to be left alone for so long. */
  failed(ask: Ask, failure: AskFailure, now: number, retryInMs = 0): void {
    const tracker = this.#end(ask);
    if (tracker === undefined) return;
    if (failure === "gone") tracker.isGone = true;
    tracker.isSilent = failure === "silence";
    tracker.failures++;
    const leastMs = tracker.hasStarted ? tracker.minIntervalMs : 0;
    tracker.retryAt = now + Math.max(retryDelayMs(tracker.failures), leastMs, retryInMs);
    this.#lastFailureAt = now;
    // While stopping nothing is tried twice.
    if (ask.event === "completed" && this.#isStopping) tracker.hasToldCompleted = true;
  }

  /** The download completed in this run: trackers that saw it begin are to be told at once. */
  completed(): void {
    this.#isCompleted = true;
  }

  /**
   * From now on only what is owed to those that got `started`: `completed`, then `stopped`, each
   * tried once. Every other question under way is dropped: its outcome will be ignored.
   */
  stop(): void {
    this.#isStopping = true;
    for (const tracker of this.#trackers) {
      if (tracker.asking !== undefined && tracker.asking.event !== "completed") {
        this.#end(tracker.asking);
      }
    }
  }

  /** After `stop`: nothing is owed or under way any more. */
  get isStopped(): boolean {
    return this.#isStopping && this.#unanswered === 0 &&
      !this.#trackers.some((tracker) => this.#owesStopped(tracker));
  }

  #begin(tracker: TrackerState, now: number, wantsPeers: boolean): Ask {
    const ask = { tracker: tracker.number, event: this.#eventFor(tracker) };
    if (ask.event === "started") tracker.startedIncomplete = !this.#isCompleted;
    if (ask.event === "stopped") tracker.hasToldStopped = true;
    tracker.wasEager = wantsPeers;
    tracker.asking = ask;
    this.#unanswered++;
    if (now >= this.#paceStartedAt + PACE_MS) {
      this.#paceStartedAt = now;
      this.#pacedCount = 0;
    }
    this.#pacedCount++;
    return ask;
  }

  /** The tracker that was asked; undefined when the question was dropped. */
  #end(ask: Ask): TrackerState | undefined {
    const tracker = this.#trackers[ask.tracker];
    assert(tracker !== undefined);
    if (tracker.asking !== ask) return undefined;
    tracker.asking = undefined;
    this.#unanswered--;
    return tracker;
  }

  #eventFor(tracker: TrackerState): AnnounceEvent | undefined {
    if (!tracker.hasStarted) return "started";
    if (this.#owesCompleted(tracker)) return "completed";
    return this.#isStopping ? "stopped" : undefined;
  }

  #owesCompleted(tracker: TrackerState): boolean {
    return this.#isCompleted && tracker.hasStarted && tracker.startedIncomplete &&
      !tracker.hasToldCompleted;
  }

  #owesStopped(tracker: TrackerState): boolean {
    return tracker.hasStarted && !tracker.hasToldStopped && !tracker.isGone;
  }

  #mood(wantsPeers: boolean): Mood {
    const wantsTrackers = wantsPeers || !this.#trackers.some((tracker) => tracker.isWorking);
    return { wantsPeers, wantsTrackers, probe: wantsPeers ? this.#probe() : undefined };
  }

  /** The earliest time at which this tracker is to be asked, whatever the pace. */
  #readyAt(tracker: TrackerState, { wantsPeers, wantsTrackers, probe }: Mood): number {
    if (tracker.asking !== undefined || tracker.isGone) return Infinity;
    if (this.#isStopping) return this.#owesStopped(tracker) ? -Infinity : Infinity;
    if (this.#owesCompleted(tracker)) return tracker.retryAt;
    if (!tracker.hasStarted && !wantsTrackers) return Infinity;
    if (tracker.failures > 0) {
      return probe?.tracker === tracker ? Math.min(probe.at, tracker.retryAt) : tracker.retryAt;
    }
    if (!tracker.hasStarted) return -Infinity;
    return tracker.answeredAt + (wantsPeers ? tracker.eagerIntervalMs : tracker.intervalMs);
  }

  /** Until when nobody is asked, because of the pace (a time) or the answers due (Infinity). */
  #pausedUntil(now: number, { wantsPeers, wantsTrackers }: Mood): number {
    if (this.#isStopping) return -Infinity;
    const isAtEase = wantsTrackers && !wantsPeers;
    if (this.#unanswered >= (isAtEase ? MAX_UNANSWERED_AT_EASE : MAX_UNANSWERED)) return Infinity;
    const paceEndsAt = this.#paceStartedAt + PACE_MS;
    return this.#pacedCount >= PACE_COUNT && now < paceEndsAt ? paceEndsAt : -Infinity;
  }

  /** BEP 12: who answered is the first of its tier. */
  #promote(tracker: TrackerState): void {
    const tier = this.#tiers.find((tier) => tier.includes(tracker))!;
    tier.splice(tier.indexOf(tracker), 1);
    tier.unshift(tracker);
  }

  /** All are silent: then it may be our own network that is down. */
  #isOutage(): boolean {
    return this.#trackers.every(({ failures, isSilent, isGone }) =>
      isGone || (failures > 0 && isSilent)
    );
  }

  /** In an outage: the tracker whose turn is next, tried early to notice when it is over. */
  #probe(): Mood["probe"] {
    if (this.#unanswered > 0 || !this.#isOutage()) return undefined;
    const [tracker] = this.#trackers.filter(({ isGone }) => !isGone)
      .toSorted((a, b) => a.retryAt - b.retryAt);
    return tracker && { tracker, at: this.#lastFailureAt + OUTAGE_PROBE_MS };
  }

  /** The network is back: nobody's silence counts any more. */
  #endOutage(now: number): void {
    for (const tracker of this.#trackers) {
      tracker.failures = 0;
      tracker.retryAt = now;
    }
  }
}

/**
 * A new need is as good as the first one: ask as early as the tracker allows. Once an interval or
 * half-hour, for peers that come and go would make need after need, and a question each minute.
 */
function hasten(tracker: TrackerState, now: number): void {
  const pauseMs = Math.min(tracker.intervalMs, MAX_HASTE_PAUSE_MS);
  if (now - tracker.hastenedAt < pauseMs) return;
  tracker.hastenedAt = now;
  tracker.eagerIntervalMs = tracker.minIntervalMs;
}

/** All peers are lost: that we asked often before is no reason to wait for long now. */
function shortenWait(tracker: TrackerState): void {
  const leastMs = Math.max(tracker.minIntervalMs, ALONE_INTERVAL_MS);
  tracker.eagerIntervalMs = Math.min(tracker.eagerIntervalMs, leastMs);
}

/** Delay until a tracker is tried again, as libtorrent has it: 17.5 s, 55 s, … an hour. */
function retryDelayMs(failures: number): number {
  return Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS + RETRY_GROWTH_MS * failures ** 2);
}
