/** One source of `get`, from what was typed to a final name or a verdict. */
import { StoppedError } from "../../base/errors.ts";
import { printable } from "../../base/printable.ts";
import type { DigestWish } from "../../storage/file_digests.ts";
import type { Turns } from "../../storage/turns.ts";
import type { SeedingGoal } from "../../torrent/seeding_goal.ts";
import type { PeerSnapshot, TorrentSnapshot, TorrentState } from "../../torrent/snapshot.ts";
import type { Engine, RunningTorrent } from "../environment/engine.ts";
import type { Environment } from "../environment/environment.ts";
import type { Interruption } from "../environment/interruption.ts";
import type { Sums } from "../files/sums.ts";
import type { GetOptions } from "../options/get_options.ts";
import { CommandError, ExitCode, type Failure, failureOf } from "../output/failure.ts";
import type { Notice, Subject } from "../output/notice.ts";
import type { SourceView } from "../output/progress.ts";
import { type Standing, standingOf } from "../output/standing.ts";
import { type FoundTorrent, GetSource } from "../source/get_source.ts";
import { saveCopy, saveTorrent } from "../source/saved_torrent.ts";
import { shownSource } from "../source/source.ts";
import { failureAtLimit, failureOfInterruption, WAITING_FOR_LOCK } from "./giving_up.ts";
import { runOnDone } from "./on_done.ts";
import { failureOfSharing, seedingGoal, Sharing } from "./sharing.ts";
import { expectedSums } from "./sums_check.ts";
import { chooseTarget, type RunTotals, summarize, type Target } from "./target.ts";
import { type Demands, TargetRecord } from "./target_record.ts";
import type { Task } from "./tasks.ts";

const MAX_NAME_LENGTH = 200;
const MAX_STATUS_LENGTH = 300;
const NOTHING_DONE: RunTotals = { downloaded: 0, uploaded: 0, peers: { contributed: 0 } };
/** Nothing more is missing: no deadline ends them. */
const DONE_STATES: readonly TorrentState[] = ["finishing", "seeding", "complete"];

export interface DownloadContext {
  readonly options: GetOptions;
  readonly environment: Environment;
  readonly openEngine: () => Promise<Engine>;
  readonly interruption: Interruption;
  readonly memoryBudgetBytes: number;
  /** The list of `--sums`. Throws `CommandError`. */
  readonly readSums: (list: string) => Promise<Sums>;
  /** Commands of --on-done run one at a time. */
  readonly hooks: Turns;
  /** Is this torrent not being downloaded for another source already? */
  readonly claim: (infoHash: string) => boolean;
  readonly tell: (subject: Subject, notice: Notice) => void;
}

export class Download implements Task {
  readonly #source: string;
  readonly #context: DownloadContext;
  readonly #startedAt: number;
  readonly #leaving = new AbortController();
  #subject: Subject;
  #status = "reading the torrent";
  /** While the torrent is not known. */
  #reading: GetSource | undefined;
  #torrent: RunningTorrent | undefined;
  #isOver = false;
  /** What is written down of the target, once that is known. */
  #record: TargetRecord | undefined;
  /** Nothing is missing: what goes on is the command of --on-done, or sharing. */
  #isComplete = false;
  /** How it was when it was complete. */
  #completed: TorrentSnapshot | undefined;
  #sharing: Sharing | undefined;
  /** Why it was stopped: the verdict of a deadline or a stall. */
  #givenUp: Failure | undefined;
  #progress = { mark: "", at: 0 };

  constructor(source: string, context: DownloadContext) {
    this.#source = source;
    this.#context = context;
    this.#startedAt = context.environment.clock.now();
    const name = shownSource(source);
    this.#subject = { source: name, name, infoHash: null };
  }

  /** Downloads; tells of the result and returns the failure, if it is one. Never rejects. */
  async run(): Promise<Failure | undefined> {
    const stop = () => void this.#stop();
    const { signal } = this.#context.interruption;
    signal.addEventListener("abort", stop);
    if (signal.aborted) stop();
    try {
      return await this.#download();
    } catch (error) {
      return this.#fail(error);
    } finally {
      this.#isOver = true;
      signal.removeEventListener("abort", stop);
      await this.#torrent?.close();
    }
  }

  /** Gives up when its time is over; to be called several times a second. */
  supervise(now: number): void {
    if (this.#isOver || this.#leaving.signal.aborted || this.#reading?.isSearching) return;
    const { deadlineMs = Infinity, stallMs = Infinity } = this.#context.options;
    const snapshot = this.#torrent?.snapshot();
    this.#sharing?.supervise(now);
    const isDone = snapshot !== undefined && DONE_STATES.includes(snapshot.state);
    if (isDone || this.#isComplete) return;
    const mark = `${snapshot?.state} ${snapshot?.have} ${snapshot?.checked.bytes}`;
    if (mark !== this.#progress.mark) this.#progress = { mark, at: now };
    const isLate = now - this.#startedAt >= deadlineMs;
    if (isLate || (snapshot !== undefined && now - this.#progress.at >= stallMs)) {
      this.#givenUp = failureAtLimit({
        limit: isLate ? "deadline" : "stall",
        waitedMs: now - this.#startedAt,
        stallMs,
        torrent: this.#torrent,
        status: this.#status,
      });
      void this.#stop();
    }
  }

  view(): SourceView {
    const torrent = this.#isOver ? this.#completed : this.#torrent?.snapshot();
    const status = this.#reading?.status ?? this.#status;
    return { subject: this.#subject, status, torrent };
  }

  standing(): Standing {
    const verdict = this.#isOver ? undefined : this.#torrent?.verdict();
    return standingOf(this.view(), { verdict, hasEnded: this.#isOver });
  }

  peers(): readonly PeerSnapshot[] {
    return this.#isOver ? [] : this.#torrent?.peerSnapshots() ?? [];
  }

  /** Returns what is no failure of the download: that it was stopped while it was shared. */
  async #download(): Promise<Failure | undefined> {
    const { options } = this.#context;
    const { signal } = this.#leaving;
    const found = await this.#read();
    if (found === undefined) return undefined;
    const target = await chooseTarget(found, options);
    const { metainfo } = found.source;
    const fileCount = target.selected.size;
    this.#tell({ kind: "added", metainfo, size: target.size, fileCount });
    for (const message of metainfo.warnings) this.#tell({ kind: "warning", message });
    if (options.metadataOnly) return await this.#save(found);
    if (options.saveTorrent) await this.#saveCopy(found);
    const record = this.#record = new TargetRecord(target, {
      ...this.#context,
      warn: (message) => this.#tell({ kind: "warning", message }),
    });
    const demands = await this.#demands(target);
    const goal = seedingGoal(options);
    if (goal === undefined && await this.#isFinished(target, demands)) return undefined;
    this.#status = WAITING_FOR_LOCK;
    const engine = await this.#context.openEngine();
    if (signal.aborted) throw new StoppedError("stopped");
    const torrent = this.#torrent = await engine.open({
      ...target,
      peers: found.peers,
      target: options,
      selected: target.indices,
      memoryBudgetBytes: this.#context.memoryBudgetBytes,
      keepSeeding: goal !== undefined,
      digests: digestWish(record, demands, options),
      signal,
      onEvent: (event) => this.#tell({ kind: "torrent", event }),
    });
    if (signal.aborted) throw new StoppedError("stopped");
    await record.recall(); // Another run may have been at it until now.
    await torrent.download();
    const { outputDir, files } = await torrent.finished();
    const snapshot = this.#completed = torrent.snapshot();
    const { downloaded, peers: { contributed: peers } } = snapshot;
    await record.complete(files, { peers, downloaded });
    await this.#conclude(target, snapshot, outputDir);
    return goal && await this.#share(torrent, goal);
  }

  /** What --sums and --sha256 ask of the files. */
  async #demands({ source, selected }: Target): Promise<Demands> {
    const { options: { sums: list, sha256 }, readSums } = this.#context;
    const expected = list === undefined
      ? undefined
      : expectedSums(await readSums(list), selected, source);
    return { expected, wantsDigests: sha256 };
  }

  /**
   * Leaves a finished target alone: no engine, no worker, and no lock unless the command of
   * --on-done has not run yet. False when there is something to do.
   */
  async #isFinished(target: Target, demands: Demands): Promise<boolean> {
    const { options: { noResume, onDone } } = this.#context;
    const record = this.#record!;
    if (noResume) return false;
    await record.recall();
    if (!record.satisfies(demands)) return false;
    const lock = onDone === undefined || record.isHookDone ? undefined : await this.#hold(target);
    try {
      if (lock !== undefined) await record.recall();
      if (!record.satisfies(demands)) return false;
      await this.#conclude(target, NOTHING_DONE, record.outputDir);
      return true;
    } finally {
      lock?.release();
    }
  }

  /** Another run may be at its command of --on-done. */
  #hold({ source: { paths } }: Target): Promise<{ release(): void }> {
    const { environment, options: { waitLockMs: waitMs } } = this.#context;
    this.#status = WAITING_FOR_LOCK;
    const { signal } = this.#leaving;
    const { folders } = this.#record!;
    return environment.holdTarget({ ...folders, name: paths.root, waitMs, signal });
  }

  /** All is here: says so, and runs the command of --on-done unless it has run. */
  async #conclude(target: Target, run: RunTotals, outputDir: string): Promise<void> {
    const { options, environment, hooks } = this.#context;
    this.#isComplete = true;
    this.#status = "complete";
    const durationMs = environment.clock.now() - this.#startedAt;
    const summary = summarize(target, run, { ...options, durationMs });
    this.#tell({ kind: "done", summary });
    const record = this.#record!;
    if (options.onDone === undefined || record.isHookDone) return;
    const hook = {
      line: options.onDone,
      name: this.#subject.name,
      outputDir,
      folders: record.folders,
      sparesStdout: options.json,
      signal: this.#leaving.signal,
    };
    await hooks.take(() => runOnDone(target, hook, environment));
    await record.hookDone();
  }

  async #read(): Promise<FoundTorrent | undefined> {
    this.#reading = new GetSource(this.#source, {
      ...this.#context,
      startedAt: this.#startedAt,
      signal: this.#leaving.signal,
      identify: (name, infoHashHex) => this.#identify(name, infoHashHex),
      rename: (name, infoHashHex) => this.#rename(name, infoHashHex),
      tell: (notice) => this.#tell(notice),
    });
    try {
      return await this.#reading.read();
    } finally {
      this.#reading = undefined;
    }
  }

  /** Names the subject; false when the torrent is downloaded for another source. */
  #identify(name: string, infoHashHex: string): boolean {
    this.#rename(name, infoHashHex);
    if (this.#context.claim(infoHashHex)) return true;
    this.#status = "the same torrent as another source";
    this.#tell({ kind: "warning", message: "it was named twice and is downloaded once" });
    return false;
  }

  #rename(name: string, infoHash: string): void {
    this.#subject = {
      ...this.#subject,
      name: printable(name, MAX_NAME_LENGTH) || infoHash,
      infoHash,
    };
  }

  /** `--metadata-only` */
  async #save({ bytes, source }: FoundTorrent): Promise<undefined> {
    const { environment, options } = this.#context;
    const saved = await saveTorrent(bytes, source, options, environment);
    const durationMs = environment.clock.now() - this.#startedAt;
    this.#tell({ kind: "saved", ...saved, durationMs });
  }

  /** `--save-torrent` */
  async #saveCopy({ bytes, source }: FoundTorrent): Promise<void> {
    const { environment, options } = this.#context;
    const { path, isNew } = await saveCopy(bytes, source, options, environment);
    const message = `the .torrent is ${isNew ? "saved as" : "here already:"} ${path}`;
    this.#tell({ kind: "debug", message });
  }

  /** Goes on in the swarm that it is in already. */
  async #share(torrent: RunningTorrent, goal: SeedingGoal): Promise<Failure | undefined> {
    const { environment: { clock }, interruption } = this.#context;
    this.#sharing = new Sharing(torrent, goal, clock);
    const shared = await this.#sharing.run();
    this.#completed = torrent.snapshot();
    this.#tell({ kind: "seeded", shared });
    return failureOfSharing(shared, interruption);
  }

  /** Leaves the swarm and saves, whatever it was doing. */
  async #stop(): Promise<void> {
    this.#leaving.abort();
    await this.#torrent?.stop();
  }

  async #fail(error: unknown): Promise<Failure> {
    // Not `isOver` yet: the torrent still says how far it came.
    const failure = this.#leaving.signal.aborted && !(error instanceof CommandError)
      ? this.#givenUp ?? this.#interrupted()
      : failureOf(error);
    if (failure.exitCode === ExitCode.bug && error instanceof Error) {
      const lines = (error.stack ?? "no stack").split("\n");
      for (const message of lines) this.#tell({ kind: "debug", message: message.trim() });
    }
    await this.#stop();
    this.#status = `failed: ${printable(failure.detail, MAX_STATUS_LENGTH)}`;
    this.#tell({ kind: "failed", failure });
    return failure;
  }

  #interrupted(): Failure {
    const { exitCode } = this.#context.interruption;
    return failureOfInterruption(exitCode, this.#torrent?.snapshot(), this.#isComplete);
  }

  #tell(notice: Notice): void {
    if (notice.kind === "saved") this.#status = "saved";
    this.#context.tell(this.#subject, notice);
  }
}

/** Known digests are those of the receipt, once the target is held; nothing is recalled unasked. */
function digestWish(
  record: TargetRecord,
  { expected, wantsDigests }: Demands,
  { noResume }: GetOptions,
): DigestWish | undefined {
  if (expected === undefined && !wantsDigests) return undefined;
  return { expected, known: () => noResume ? new Map() : record.digests() };
}
