/** The life of one source in a command: what it is called, how it stands, and how it ends. */
import { printable } from "../../base/printable.ts";
import type { Metainfo } from "../../metainfo/metainfo.ts";
import type { SeedingGoal } from "../../torrent/seeding_goal.ts";
import type { PeerSnapshot, TorrentSnapshot } from "../../torrent/snapshot.ts";
import type { RunningTorrent } from "../environment/running_torrent.ts";
import type { Environment } from "../environment/environment.ts";
import type { Interruption } from "../environment/interruption.ts";
import { CommandError, ExitCode, type Failure, failureOf, isMistake } from "../output/failure.ts";
import type { Notice, Subject } from "../output/notice.ts";
import type { SourceView } from "../output/progress.ts";
import { type Standing, standingOf } from "../output/standing.ts";
import { failureOfSharing, Sharing } from "./sharing.ts";

const MAX_NAME_LENGTH = 200;
const MAX_STATUS_LENGTH = 300;

export interface SourceLifeContext {
  readonly environment: Pick<Environment, "clock">;
  readonly interruption: Interruption;
  /** Is no other source of the command at this torrent already? */
  readonly claim: (infoHash: string) => boolean;
  readonly tell: (subject: Subject, notice: Notice) => void;
}

/** Each torrent is for the first source that claims it. */
export function claimOnce(): SourceLifeContext["claim"] {
  const claimed = new Set<string>();
  return (infoHash) => {
    const isFirst = !claimed.has(infoHash);
    claimed.add(infoHash);
    return isFirst;
  };
}

/** What is said of a source whose torrent another one has claimed. */
export interface TwinWords {
  readonly status: string;
  readonly warning: string;
}

/** From `begin` to `end`; whatever is thrown in between is for `fail`. */
export class SourceLife {
  readonly #context: SourceLifeContext;
  readonly #twin: TwinWords;
  readonly #leaving = new AbortController();
  readonly #onInterruption = () => void this.stop();
  #subject: Subject;
  #sharing: Sharing | undefined;
  #hasEnded = false;
  /** What it is doing while there is no torrent, or how it ended: printable. */
  status = "reading the torrent";
  /** From when it is opened until the end. */
  torrent: RunningTorrent | undefined;
  /** What is shown of the torrent after the end; without it, the status. */
  last: TorrentSnapshot | undefined;

  constructor(subject: Subject, context: SourceLifeContext, twin: TwinWords) {
    this.#context = context;
    this.#twin = twin;
    this.#subject = subject;
  }

  get subject(): Subject {
    return this.#subject;
  }

  /** Aborts when it is to stop. */
  get signal(): AbortSignal {
    return this.#leaving.signal;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** From now on an interruption stops it. */
  begin(): void {
    const { signal } = this.#context.interruption;
    signal.addEventListener("abort", this.#onInterruption);
    if (signal.aborted) this.#onInterruption();
  }

  /** Names the subject, and claims its torrent; false when another source has. */
  identify(name: string, infoHash: string): boolean {
    this.rename(name, infoHash);
    if (this.#context.claim(infoHash)) return true;
    this.status = this.#twin.status;
    this.tell({ kind: "warning", message: this.#twin.warning });
    return false;
  }

  rename(name: string, infoHash: string): void {
    const shown = printable(name, MAX_NAME_LENGTH) || infoHash;
    this.#subject = { ...this.#subject, name: shown, infoHash };
  }

  /** Tells what the torrent is, and what is odd about it. */
  introduce(metainfo: Metainfo, chosen: { size: number; fileCount: number }): void {
    this.tell({ kind: "added", metainfo, ...chosen });
    for (const message of metainfo.warnings) this.tell({ kind: "warning", message });
  }

  tell(notice: Notice): void {
    this.status = statusAfter(notice) ?? this.status;
    this.#context.tell(this.#subject, notice);
  }

  /** Shares `torrent`, which is complete, until `goal`; returns that it was stopped before. */
  async share(torrent: RunningTorrent, goal: SeedingGoal): Promise<Failure | undefined> {
    const { environment: { clock }, interruption } = this.#context;
    this.#sharing = new Sharing(torrent, goal, clock);
    const shared = await this.#sharing.run();
    this.last = torrent.snapshot();
    this.tell({ kind: "seeded", shared });
    return failureOfSharing(shared, interruption);
  }

  /** Looks whether the goal of sharing is reached; to be called several times a second. */
  supervise(now: number): void {
    this.#sharing?.supervise(now);
  }

  /** Leaves the swarm and saves, whatever it was doing. */
  async stop(): Promise<void> {
    this.#leaving.abort();
    await this.torrent?.stop();
  }

  /** Stops it, and tells why it failed: by `whyStopped`, when it was stopped before. */
  async fail(error: unknown, whyStopped: () => Failure): Promise<Failure> {
    const isTold = error instanceof CommandError || isMistake(error);
    const wasStopped = this.signal.aborted && !isTold;
    const failure = wasStopped ? whyStopped() : failureOf(error);
    if (failure.exitCode === ExitCode.bug && error instanceof Error) {
      const lines = (error.stack ?? "no stack").split("\n");
      for (const message of lines) this.tell({ kind: "debug", message: message.trim() });
    }
    await this.stop();
    this.tell({ kind: "failed", failure });
    return failure;
  }

  async end(): Promise<void> {
    this.#hasEnded = true;
    this.#context.interruption.signal.removeEventListener("abort", this.#onInterruption);
    await this.torrent?.close();
    this.torrent = undefined; // Other sources may go on for weeks: it is not to be kept that long.
  }

  /** `doing` is what it is doing while there is no torrent. */
  view(doing = this.status): SourceView {
    const torrent = this.#hasEnded ? this.last : this.torrent?.snapshot();
    return { subject: this.#subject, status: doing, torrent };
  }

  standing(doing?: string): Standing {
    const verdict = this.#hasEnded ? undefined : this.torrent?.verdict();
    return standingOf(this.view(doing), { verdict, hasEnded: this.#hasEnded });
  }

  peers(): readonly PeerSnapshot[] {
    return this.#hasEnded ? [] : this.torrent?.peerSnapshots() ?? [];
  }
}

/** What a notice leaves to be shown once there is no torrent. */
function statusAfter(notice: Notice): string | undefined {
  switch (notice.kind) {
    case "saved":
      return "saved";
    case "done":
      return "complete";
    case "seeding":
      return "seeded";
    case "failed":
      return `failed: ${printable(notice.failure.detail, MAX_STATUS_LENGTH)}`;
    default:
      return undefined;
  }
}
