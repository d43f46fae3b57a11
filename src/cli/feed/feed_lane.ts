/**
 * Downloads items of a feed, one after the other, as `get` would; several lanes share what is to
 * be done. What became of an item is on the disk before the next one begins.
 */
import { StorageError } from "../../base/errors.ts";
import { printable } from "../../base/printable.ts";
import type { RememberedItem } from "../../feed/feed_state.ts";
import type { PeerSnapshot } from "../../torrent/snapshot.ts";
import { type CommandError, type Failure, failureOf, invalidSource } from "../output/failure.ts";
import { type FeedItemState, type Notice, type Subject, subjectNamed } from "../output/notice.ts";
import type { SourceView } from "../output/progress.ts";
import { type Standing, standingOf } from "../output/standing.ts";
import { shownSource } from "../source/source.ts";
import { Download, type DownloadContext } from "../tasks/download.ts";
import { isNameTaken } from "../tasks/target_names.ts";
import type { Task } from "../tasks/task.ts";
import type { FeedMemory } from "./feed_memory.ts";

const MAX_SHOWN_TITLE_LENGTH = 200;
/** Failures that say nothing of an item: the next run tries it as if it had not been tried. */
const OURS: readonly string[] = ["permission", "disk", "locked", "interrupted", "bug"];

/** What all lanes of a run share. */
export interface FeedQueue {
  /** Items that nobody has begun; each lane takes the first. */
  readonly items: RememberedItem[];
  /** Items whose name another one has: they are tried again when one that was begun has ended. */
  readonly deferred: RememberedItem[];
  /** Items that are begun and have not ended. */
  readonly begun: Set<RememberedItem>;
  /** What became of an item could not be saved: nothing more is begun. */
  isClosed: boolean;
  readonly memory: FeedMemory;
  /** What `get` would be given for a link. */
  readonly contextFor: (link: string) => Omit<DownloadContext, "claim" | "tell">;
  /** Info-hashes of this run, and the items that they were first met for. */
  readonly claimed: Map<string, RememberedItem>;
  readonly tell: (subject: Subject, notice: Notice) => void;
  readonly signal: AbortSignal;
  /** Items whose torrent is downloaded for another one. */
  readonly twins: Map<RememberedItem, RememberedItem>;
  /** In the order of the items. */
  readonly failures: Map<RememberedItem, Failure>;
}

/** One item that is being downloaded. */
interface Current {
  readonly item: RememberedItem;
  readonly subject: Subject;
  download: Download | undefined;
  infoHash: string | undefined;
  /** The item that has the same torrent. */
  twin: RememberedItem | "fetched" | undefined;
}

export class FeedLane implements Task {
  readonly #queue: FeedQueue;
  #current: Current | undefined;
  #hasEnded = false;

  constructor(queue: FeedQueue) {
    this.#queue = queue;
  }

  /** Returns nothing: failures are the queue's. Never rejects. */
  async run(): Promise<undefined> {
    const queue = this.#queue;
    while (!queue.signal.aborted && !queue.isClosed) {
      const item = queue.items.shift();
      if (item === undefined) break;
      await this.#fetch(item);
    }
    this.#hasEnded = true;
  }

  supervise(now: number): void {
    this.#current?.download?.supervise(now);
  }

  view(): SourceView {
    const { download, subject } = this.#current ?? {};
    if (download !== undefined) return download.view();
    return { subject: subject ?? subjectNamed("feed"), status: "waiting", torrent: undefined };
  }

  peers(): readonly PeerSnapshot[] {
    return this.#current?.download?.peers() ?? [];
  }

  standing(): Standing {
    const { download } = this.#current ?? {};
    return download?.standing() ??
      standingOf(this.view(), { verdict: undefined, hasEnded: this.#hasEnded });
  }

  async #fetch(item: RememberedItem): Promise<void> {
    const { memory, failures, twins, begun } = this.#queue;
    begun.add(item);
    const current = this.#current = this.#begin(item);
    this.#tellState(current, "begun");
    const failure = current.download === undefined
      ? this.#refuse(current)
      : await current.download.run();
    begun.delete(item);
    if (failure !== undefined && isNameTaken(failure)) {
      this.#defer(item);
      return;
    }
    this.#resumeDeferred();
    if (failure === undefined && typeof current.twin === "object") {
      twins.set(item, current.twin);
      return;
    }
    if (failure !== undefined) {
      failures.set(item, failure);
      const outcome = { isRetryable: mayPass(failure), isOurs: isOurs(failure) };
      memory.state.finish(item, { kind: "failed", ...outcome });
    } else memory.state.finish(item, { kind: "fetched", infoHash: current.infoHash });
    await this.#save(current);
    const { status } = item;
    this.#tellState(current, status === "waiting" ? "failed" : status);
  }

  /** Whoever has the name may have ended meanwhile. */
  #defer(item: RememberedItem): void {
    const { deferred, begun } = this.#queue;
    deferred.push(item);
    if (begun.size === 0) this.#resumeDeferred();
  }

  #resumeDeferred(): void {
    const { items, deferred } = this.#queue;
    items.push(...deferred.splice(0));
  }

  #begin(item: RememberedItem): Current {
    const { contextFor } = this.#queue;
    // A link that has failed is tried last: the torrent may be at another.
    const link = item.links[item.tries % Math.max(item.links.length, 1)];
    const title = shownTitle(item.title);
    const source = link === undefined ? title : shownSource(link);
    const current: Current = {
      item,
      subject: { ...subjectNamed(source), name: title || source },
      download: undefined,
      infoHash: undefined,
      twin: undefined,
    };
    if (link === undefined) return current;
    current.download = new Download(link, subjectNamed(source), {
      ...contextFor(link),
      claim: (infoHash) => this.#claim(current, infoHash),
      tell: (subject, notice) => this.#tell(current, subject, notice),
    });
    return current;
  }

  /** A torrent is downloaded once, whatever items it has. */
  #claim(current: Current, infoHash: string): boolean {
    const { claimed, memory } = this.#queue;
    current.infoHash = infoHash;
    const first = claimed.get(infoHash);
    if (first === undefined) claimed.set(infoHash, current.item);
    // An item that was deferred has claimed it before.
    const other = first === current.item ? undefined : first;
    current.twin = memory.state.isFetched(infoHash) ? "fetched" : other;
    return current.twin === undefined;
  }

  /** The feed has no link for it that could be followed. */
  #refuse({ item, subject }: Current): Failure {
    const { failure } = refusal(item);
    this.#queue.tell(subject, { kind: "failed", failure });
    return failure;
  }

  #tell(current: Current, subject: Subject, notice: Notice): void {
    const { tell } = this.#queue;
    if (notice.kind === "failed" && isNameTaken(notice.failure)) {
      tell(subject, { kind: "debug", message: "another item is called so, too: waiting for it" });
    } else if (notice.kind === "failed") {
      tell(subject, { kind: "failed", failure: this.#withTries(current.item, notice.failure) });
    } else if (notice.kind === "warning" && current.twin !== undefined) {
      tell(subject, { kind: "debug", message: "another item has the same torrent" });
    } else tell(subject, notice);
  }

  /** Whoever reads it learns whether there will be another try. */
  #withTries(item: RememberedItem, failure: Failure): Failure {
    const { state } = this.#queue.memory;
    if (isOurs(failure) || !state.isLastTry(item, mayPass(failure))) return failure;
    const detail = `${failure.detail} (given up after ${item.tries + 1} tries: --retry-failed)`;
    return { ...failure, detail };
  }

  /** What cannot be remembered would be fetched again: nothing more is begun. */
  async #save({ item, subject }: Current): Promise<void> {
    const { memory, failures, tell } = this.#queue;
    try {
      await memory.save();
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      this.#queue.isClosed = true;
      const failure = failureOf(error);
      failures.set(item, failure);
      tell(subject, { kind: "failed", failure });
    }
  }

  #tellState({ item, subject, infoHash }: Current, state: FeedItemState["state"]): void {
    const { title, tries } = item;
    const named = { ...subject, infoHash: infoHash ?? null };
    this.#queue.tell(named, { kind: "feed-item", title: shownTitle(title), state, tries });
  }
}

/** What an item fails with that has no link, or none that could be followed. */
export function refusal({ title, problem = "it has no link" }: RememberedItem): CommandError {
  return invalidSource(`Cannot fetch the item "${shownTitle(title)}": ${problem}`);
}

/** The title of an item, for people and programs. */
export function shownTitle(title: string): string {
  return printable(title, MAX_SHOWN_TITLE_LENGTH);
}

function isOurs({ verdict, evidence }: Failure): boolean {
  // A listener that cannot be opened is no matter of an item; what it has selected is.
  return OURS.includes(verdict) || (verdict === "usage" && "reason" in evidence);
}

/** An unfinished file of another torrent, which may be an item of this feed, gets finished. */
function mayPass({ verdict, evidence: { path }, retryable }: Failure): boolean {
  const isUnfinished = verdict === "occupied" && typeof path === "string" && path.endsWith(".part");
  return retryable || isUnfinished;
}
