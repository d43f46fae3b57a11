/** `starling feed`: downloads what is new in a feed, and remembers what it has downloaded. */
import { createHash } from "node:crypto";
import { StorageError } from "../base/errors.ts";
import type { RememberedItem } from "../feed/feed_state.ts";
import type { FeedItem } from "../feed/item_reader.ts";
import { isTitleWanted, type TitleFilter, TitlePattern } from "../feed/title_pattern.ts";
import { Turns } from "../storage/turns.ts";
import type { CommandContext } from "./environment/environment.ts";
import { FeedLane, type FeedQueue, refusal, shownTitle } from "./feed/feed_lane.ts";
import { FeedMemory, feedPlace } from "./feed/feed_memory.ts";
import { readFeed } from "./feed/feed_source.ts";
import { checkOnDone, type DownloadRoom, MIN_MEMORY_BYTES, withEngine } from "./get.ts";
import { type FeedOptions, itemOptions } from "./options/feed_options.ts";
import type { GetOptions } from "./options/get_options.ts";
import type { Since } from "./options/option_values.ts";
import { PlainAudience } from "./output/audience.ts";
import {
  combinedExitCode,
  CommandError,
  type Failure,
  failureOf,
  interruptedWith,
} from "./output/failure.ts";
import { type Audience, type Notice, type Subject, subjectNamed } from "./output/notice.ts";
import type { SourceView } from "./output/progress.ts";
import { refuseStandardOutput } from "./output/standard_data.ts";
import { isUrl, shownSource } from "./source/source.ts";
import { Audiences, gatherAudiences } from "./tasks/audiences.ts";
import { TargetNames } from "./tasks/target_names.ts";
import { runTasks } from "./tasks/task.ts";

/** Items that are downloaded at the same time. */
const LANES = 4;
/** Its torrent was here already. */
const NOTHING_NEW = { kind: "fetched", infoHash: undefined } as const;

/**
 * Downloads what is new, and tells of it as `get` does. The exit code is that of
 * `combinedExitCode`, of the feed itself first, then of its items. Throws usage errors.
 */
export async function feed(options: FeedOptions, context: CommandContext): Promise<number> {
  const { environment } = context;
  const forItems = itemOptions(options);
  refuseStandardOutput(options);
  checkOnDone(forItems, environment);
  const told = await gatherAudiences(options, environment);
  const audience = new Audiences(
    told.map((each) =>
      each instanceof PlainAudience && !options.verbose ? new WithoutProgress(each) : each
    ),
  );
  return await withEngine(
    forItems,
    { ...context, audience },
    (room) => new FeedRun(options, forItems, room).run(),
  );
}

class FeedRun {
  readonly #options: FeedOptions;
  readonly #forItems: GetOptions;
  readonly #room: DownloadRoom;
  readonly #subject: Subject;
  readonly #filter: TitleFilter;
  readonly #failures: Failure[] = [];

  constructor(options: FeedOptions, forItems: GetOptions, room: DownloadRoom) {
    this.#options = options;
    this.#forItems = forItems;
    this.#room = room;
    this.#subject = subjectNamed(shownSource(options.feed));
    this.#filter = {
      match: options.match.map((pattern) => new TitlePattern(pattern)),
      reject: options.reject.map((pattern) => new TitlePattern(pattern)),
    };
  }

  /** The exit code. */
  async run(): Promise<number> {
    try {
      const lock = await this.#lock();
      try {
        await this.#work();
      } finally {
        lock?.release();
      }
    } catch (error) {
      this.#fail(error);
    }
    return combinedExitCode(this.#failures);
  }

  /** One run at a time for a feed: two would fetch the same. A dry run writes no lock either. */
  async #lock(): Promise<{ release(): void } | undefined> {
    const { dryRun, waitLockMs: waitMs } = this.#options;
    if (dryRun) return undefined;
    const { environment, interruption: { signal } } = this.#room;
    const { folders, name } = feedPlace(this.#options);
    try {
      return await environment.holdTarget({ ...folders, name, waitMs, signal });
    } catch (error) {
      if (!(error instanceof StorageError && error.reason === "locked")) throw error;
      throw new CommandError(
        "locked",
        `Cannot look at ${this.#subject.name}: another run is at it; ` +
          "wait for it (--wait-lock), or try again later",
      );
    }
  }

  async #work(): Promise<void> {
    const { environment } = this.#room;
    const place = feedPlace(this.#options);
    const memory = await FeedMemory.load(place, environment, (message) => {
      this.#tell({ kind: "warning", message });
    });
    if (this.#options.retryFailed) memory.state.retryAll();
    try {
      await this.#look(memory);
    } catch (error) {
      // What earlier runs have found can be fetched without the feed.
      this.#fail(error);
    }
    const { dryRun } = this.#options;
    const items = this.#chosen(memory);
    if (dryRun) this.#rehearse(items);
    else if (items.length > 0 || memory.state.isChanged) {
      // Before the first download, so that none of it is lost, whatever comes.
      await memory.save();
      await this.#fetchAll(items, memory);
    }
  }

  /** Asks the feed for what is new. */
  async #look({ state }: FeedMemory): Promise<void> {
    const { feed, headers, proxy, dryRun } = this.#options;
    const { environment, interruption: { signal } } = this.#room;
    const question = this.#question();
    const known = dryRun ? undefined : state.validatorsFor(question);
    const answer = await readFeed(feed, { environment, headers, proxy, signal }, known);
    const nothing = { title: "", items: 0, added: 0, known: 0, skipped: 0 };
    const isUnchanged = answer === undefined;
    let summary = nothing;
    if (answer !== undefined) {
      const { document: { title, items, itemCount }, validators } = answer;
      const now = environment.clock.wallTime();
      const isWanted = (item: FeedItem) => this.#isWanted(item, now);
      const counts = state.absorb(items, { now, isWanted, validators, question });
      summary = { title: shownTitle(title), items: itemCount, ...counts };
    }
    const waiting = this.#chosen({ state }).length;
    this.#tell({ kind: "feed", ...summary, isUnchanged, waiting });
  }

  /** What makes a document that has not changed worth another look. */
  #question(): string {
    const { match, reject, since } = this.#options;
    const text = JSON.stringify([match, reject, since ?? null]);
    return createHash("sha256").update(text).digest("hex");
  }

  #isWanted({ title, publishedAt }: FeedItem, now: number): boolean {
    const { since } = this.#options;
    const isRecent = since === undefined || publishedAt === undefined ||
      publishedAt >= startOf(since, now);
    return isRecent && isTitleWanted(title, this.#filter);
  }

  /** Patterns may have changed since an item was found. */
  #chosen({ state }: Pick<FeedMemory, "state">): RememberedItem[] {
    return state.waiting().filter(({ title }) => isTitleWanted(title, this.#filter))
      .slice(0, this.#options.maxItems);
  }

  #rehearse(items: readonly RememberedItem[]): void {
    for (const item of items) {
      const { title, links: [link], problem, tries } = item;
      const shown = shownTitle(title);
      const subject = subjectNamed(link === undefined ? shown : shownSource(link));
      if (problem !== undefined) this.#fail(refusal(item), subject);
      else this.#tell({ kind: "feed-item", title: shown, state: "found", tries }, subject);
    }
  }

  async #fetchAll(items: readonly RememberedItem[], memory: FeedMemory): Promise<void> {
    const { environment, audience, interruption } = this.#room;
    const queue: FeedQueue = {
      items: [...items],
      deferred: [],
      begun: new Set(),
      isClosed: false,
      memory,
      contextFor: this.#contexts(Math.min(LANES, items.length)),
      claimed: new Map(),
      tell: (subject, notice) => this.#tell(notice, subject),
      signal: interruption.signal,
      failures: new Map(),
      twins: new Map(),
    };
    const lanes = Array.from({ length: Math.min(LANES, items.length) }, () => new FeedLane(queue));
    await runTasks(lanes, audience, environment);
    await this.#settleTwins(queue);
    for (const item of items) {
      const failure = queue.failures.get(item);
      if (failure !== undefined) this.#failures.push(failure);
    }
    if (queue.signal.aborted && queue.items.length > 0) this.#failures.push(this.#interrupted());
  }

  /** Items whose torrent was downloaded for another one. */
  async #settleTwins({ twins, memory }: FeedQueue): Promise<void> {
    for (const [item, twin] of twins) {
      if (twin.status === "fetched") memory.state.finish(item, NOTHING_NEW);
    }
    await memory.save();
  }

  /** What `get` would be given for an item's link. */
  #contexts(laneCount: number): FeedQueue["contextFor"] {
    const { environment } = this.#room;
    const { memoryBytes, headers, feed } = this.#options;
    const hooks = new Turns();
    const names = new TargetNames();
    const memoryBudgetBytes = Math.max(MIN_MEMORY_BYTES, Math.floor(memoryBytes / laneCount));
    return (link) => ({
      ...this.#room,
      environment,
      // Cookies and the like are for the feed's own server.
      options: { ...this.#forItems, headers: isSameOrigin(feed, link) ? headers : [] },
      memoryBudgetBytes,
      hooks,
      names,
      readSums: () => Promise.reject(new Error("feed has no --sums")),
    });
  }

  #fail(error: unknown, subject = this.#subject): void {
    const { signal } = this.#room.interruption;
    const failure = signal.aborted ? this.#interrupted() : failureOf(error);
    this.#failures.push(failure);
    this.#tell({ kind: "failed", failure }, subject);
  }

  #interrupted(): Failure {
    const { exitCode } = this.#room.interruption;
    return interruptedWith(exitCode, "interrupted; run the same command to go on");
  }

  #tell(notice: Notice, subject = this.#subject): void {
    this.#room.audience.hear(subject, notice);
  }
}

/** Milliseconds since 1970. */
function startOf(since: Since, now: number): number {
  return "at" in since ? since.at : now - since.agoMs;
}

function isSameOrigin(feed: string, link: string): boolean {
  return isUrl(feed) && isUrl(link) && new URL(feed).origin === new URL(link).origin;
}

/** For a line of crontab: what comes of it is said, and not how far it is. */
class WithoutProgress implements Audience {
  readonly #audience: Audience;

  constructor(audience: Audience) {
    this.#audience = audience;
  }

  hear(subject: Subject, notice: Notice): void {
    this.#audience.hear(subject, notice);
  }

  show(_views: readonly SourceView[]): void {}

  close(): Promise<void> {
    return this.#audience.close();
  }
}
