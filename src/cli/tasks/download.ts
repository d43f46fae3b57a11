/** One source of `get`, from what was typed to a final name or a verdict. */
import { untilAborted } from "../../base/until_aborted.ts";
import type { DigestWish } from "../../storage/file_digests.ts";
import type { Turns } from "../../storage/turns.ts";
import type { PeerSnapshot, TorrentState } from "../../torrent/snapshot.ts";
import type { Engine, TorrentRequest } from "../environment/engine.ts";
import type { RunningTorrent } from "../environment/running_torrent.ts";
import type { Environment } from "../environment/environment.ts";
import type { Sums } from "../files/sums.ts";
import type { GetOptions } from "../options/get_options.ts";
import type { Failure } from "../output/failure.ts";
import type { Subject } from "../output/notice.ts";
import { formatSize } from "../output/units.ts";
import { STANDARD_OUTPUT } from "../output/standard_data.ts";
import type { SourceView } from "../output/progress.ts";
import type { Standing } from "../output/standing.ts";
import { type FoundTorrent, GetSource } from "../source/get_source.ts";
import { webSeedsOf } from "../source/web_seeds.ts";
import { failureAtLimit, failureOfInterruption, WAITING_FOR_LOCK } from "./giving_up.ts";
import { runOnDone } from "./on_done.ts";
import { downloadInto, type Outlet } from "./outlet.ts";
import { seedingGoal } from "./sharing.ts";
import { SourceLife, type SourceLifeContext } from "./source_life.ts";
import { expectedSums } from "./sums_check.ts";
import { chooseTarget, type RunTotals, summarize, type Target } from "./target.ts";
import type { TargetNames } from "./target_names.ts";
import { type Demands, TargetRecord } from "./target_record.ts";
import type { Task } from "./task.ts";

/** Of a torrent that is downloaded for another source. */
const TWIN = {
  status: "the same torrent as another source",
  warning: "it was named twice and is downloaded once",
};
const NOTHING_DONE: RunTotals = { downloaded: 0, uploaded: 0, peers: { contributed: 0 } };
/** For less, nobody looks how much is free: that takes 0.1 s, and a full disk shows soon enough. */
const MIN_LOOKED_FOR_BYTES = 1024 ** 3;
/** Nothing more is missing: no deadline ends them. */
const DONE_STATES: readonly TorrentState[] = ["finishing", "seeding", "complete"];

export interface DownloadContext extends SourceLifeContext {
  readonly options: GetOptions;
  readonly environment: Environment;
  readonly openEngine: () => Promise<Engine>;
  readonly memoryBudgetBytes: number;
  /** The list of `--sums`. Throws `CommandError`. */
  readonly readSums: (list: string) => Promise<Sums>;
  /** Commands of --on-done run one at a time. */
  readonly hooks: Turns;
  /** What the sources of the command are at. */
  readonly names: TargetNames;
  /** Takes the data while it is downloaded; of a finished target, from the disk. */
  readonly outlet?: Outlet;
}

export class Download implements Task {
  readonly #source: string;
  readonly #context: DownloadContext;
  readonly #life: SourceLife;
  readonly #startedAt: number;
  /** While the torrent is not known. */
  #reading: GetSource | undefined;
  /** Nothing is missing: what goes on is the command of --on-done, or sharing. */
  #isComplete = false;
  /** That of its target, from when it takes hold of it to the end. */
  #name: Disposable | undefined;
  /** Why it was stopped: the verdict of a deadline or a stall. */
  #givenUp: Failure | undefined;
  #progress = { mark: "", at: 0 };

  /** `subject` is what the source is told as. */
  constructor(source: string, subject: Subject, context: DownloadContext) {
    this.#source = source;
    this.#context = context;
    this.#life = new SourceLife(subject, context, TWIN);
    this.#startedAt = context.environment.clock.now();
  }

  async run(): Promise<Failure | undefined> {
    const life = this.#life;
    life.begin();
    try {
      return await this.#download();
    } catch (error) {
      return await life.fail(error, () => this.#whyStopped());
    } finally {
      await life.end();
      this.#name?.[Symbol.dispose]();
    }
  }

  /** Gives up when its time is over. */
  supervise(now: number): void {
    const life = this.#life;
    if (life.hasEnded || life.signal.aborted || this.#reading?.isSearching) return;
    const { deadlineMs = Infinity, stallMs = Infinity, noResume } = this.#context.options;
    const snapshot = life.torrent?.snapshot();
    life.supervise(now);
    const isDone = snapshot !== undefined && DONE_STATES.includes(snapshot.state);
    if (isDone || this.#isComplete) return;
    const mark = `${snapshot?.state} ${snapshot?.have} ${snapshot?.checked.bytes}`;
    if (mark !== this.#progress.mark) this.#progress = { mark, at: now };
    const waitedMs = now - this.#startedAt;
    const isLate = waitedMs >= deadlineMs;
    if (isLate || (snapshot !== undefined && now - this.#progress.at >= stallMs)) {
      const { torrent, status } = life;
      const limit = isLate ? "deadline" : "stall";
      this.#givenUp = failureAtLimit({ limit, waitedMs, stallMs, noResume, torrent, status });
      void life.stop();
    }
  }

  view(): SourceView {
    return this.#life.view(this.#reading?.status);
  }

  standing(): Standing {
    return this.#life.standing(this.#reading?.status);
  }

  peers(): readonly PeerSnapshot[] {
    return this.#life.peers();
  }

  /** Returns what is no failure of the download: that it was stopped while it was shared. */
  async #download(): Promise<Failure | undefined> {
    const { options, outlet } = this.#context;
    const life = this.#life;
    const found = await this.#read();
    if (found === undefined) return undefined;
    const target = await chooseTarget(found, options);
    await outlet?.check(target);
    const { size, selected } = target;
    life.introduce(found.source.metainfo, { size, fileCount: selected.size });
    if (options.metadataOnly) return await this.#save(found);
    if (options.saveTorrent) await this.#saveCopy(found);
    const record = new TargetRecord(target, {
      ...this.#context,
      warn: (message) => life.tell({ kind: "warning", message }),
    });
    const demands = await this.#demands(target);
    const goal = seedingGoal(options);
    const isIdle = goal === undefined && outlet === undefined;
    if (isIdle && await this.#isFinished(record, demands)) return undefined;
    const digests = digestWish(record, demands, options);
    const keepSeeding = goal !== undefined;
    const torrent = await this.#open(target, { peers: found.peers, digests, keepSeeding });
    await record.recall(); // Another run may have been at it until now.
    const taking = { target, torrent, signal: life.signal };
    const outputDir = await downloadInto(outlet, taking, () => this.#fetch(torrent, record));
    await this.#conclude(record, torrent.snapshot(), outputDir);
    return goal && await life.share(torrent, goal);
  }

  /** Up to the final names; resolves to the output folder. */
  async #fetch(torrent: RunningTorrent, record: TargetRecord): Promise<string> {
    await torrent.download();
    const { outputDir, files } = await torrent.finished();
    const { downloaded, peers: { contributed: peers } } = this.#life.last = torrent.snapshot();
    await record.complete(files, { peers, downloaded });
    return outputDir;
  }

  /** Takes hold of the target. */
  async #open(
    target: Target,
    wishes: Pick<TorrentRequest, "peers" | "digests" | "keepSeeding">,
  ): Promise<RunningTorrent> {
    const { options, openEngine, memoryBudgetBytes, outlet } = this.#context;
    const life = this.#life;
    this.#takeName(target);
    life.status = "getting ready";
    const engine = await openEngine();
    life.signal.throwIfAborted();
    this.#mayWait();
    const torrent = life.torrent = await engine.open({
      ...target,
      ...wishes,
      target: options,
      webSeeds: webSeedsOf(target.source.metainfo, options),
      selected: target.indices,
      memoryBudgetBytes,
      signal: life.signal,
      onEvent: (event) => {
        life.tell({ kind: "torrent", event });
        outlet?.hear(event);
        if (event.kind === "checked") void this.#lookForRoom();
      },
    });
    life.signal.throwIfAborted();
    return torrent;
  }

  /** Says that the disk is too small while the download has begun: room may be made meanwhile. */
  async #lookForRoom(): Promise<void> {
    const { options: { outputDir }, environment } = this.#context;
    const life = this.#life;
    const { size = 0, bytes = 0 } = life.torrent?.snapshot() ?? {};
    const needed = size - bytes;
    if (needed < MIN_LOOKED_FOR_BYTES) return;
    const free = await environment.freeBytes(outputDir) ?? Infinity;
    if (free >= needed || life.hasEnded) return;
    const message = `not enough space: ${formatSize(needed)} are to be fetched, and ` +
      `${formatSize(free)} are free where they go; make room meanwhile`;
    life.tell({ kind: "warning", message });
  }

  /** What --sums and --sha256 ask of the files. */
  async #demands({ source, selected }: Target): Promise<Demands> {
    const { options: { sums: list, sha256 }, readSums } = this.#context;
    const expected = list === undefined
      ? undefined
      // Other sources wait for the same list.
      : expectedSums(await untilAborted(readSums(list), this.#life.signal), selected, source);
    return { expected, wantsDigests: sha256 };
  }

  /**
   * Leaves a finished target alone: no engine, no worker, and no lock unless the command of
   * --on-done has not run yet. False when there is something to do.
   */
  async #isFinished(record: TargetRecord, demands: Demands): Promise<boolean> {
    const { options: { noResume, onDone } } = this.#context;
    if (noResume) return false;
    await record.recall();
    if (!record.satisfies(demands)) return false;
    const lock = onDone === undefined || record.isHookDone ? undefined : await this.#hold(record);
    try {
      if (lock !== undefined) await record.recall();
      if (!record.satisfies(demands)) return false;
      await this.#conclude(record, NOTHING_DONE, record.outputDir);
      return true;
    } finally {
      lock?.release();
    }
  }

  /** Another run may be at its command of --on-done. */
  #hold({ target, folders }: TargetRecord): Promise<{ release(): void }> {
    const { environment, options: { waitLockMs: waitMs } } = this.#context;
    this.#takeName(target);
    this.#mayWait();
    const { signal } = this.#life;
    const name = target.source.paths.root;
    return environment.holdTarget({ ...folders, name, waitMs, signal });
  }

  /** Throws `CommandError` where the wait for the lock would be for another source. */
  #takeName({ source: { paths } }: Target): void {
    this.#name ??= this.#context.names.take(paths.root);
  }

  /** Whoever is not to wait for a lock fails at once without. */
  #mayWait(): void {
    if (this.#context.options.waitLockMs > 0) this.#life.status = WAITING_FOR_LOCK;
  }

  /** All is here: says so, and runs the command of --on-done unless it has run. */
  async #conclude(record: TargetRecord, run: RunTotals, outputDir: string): Promise<void> {
    const { options, environment, hooks } = this.#context;
    const life = this.#life;
    this.#isComplete = true;
    const { target, folders } = record;
    const summary = summarize(target, run, { ...options, durationMs: this.#elapsedMs });
    life.tell({ kind: "done", summary });
    if (options.onDone === undefined || record.isHookDone) return;
    const hook = {
      line: options.onDone,
      name: life.subject.name,
      outputDir,
      folders,
      sparesStdout: options.json,
      signal: life.signal,
    };
    await hooks.take(() => runOnDone(target, hook, environment));
    await record.hookDone();
  }

  async #read(): Promise<FoundTorrent | undefined> {
    const life = this.#life;
    this.#reading = new GetSource(this.#source, {
      ...this.#context,
      startedAt: this.#startedAt,
      signal: life.signal,
      identify: (name, infoHashHex) => life.identify(name, infoHashHex),
      rename: (name, infoHashHex) => life.rename(name, infoHashHex),
      tell: (notice) => life.tell(notice),
    });
    try {
      return await this.#reading.read();
    } finally {
      this.#reading = undefined;
    }
  }

  /** `--metadata-only` */
  async #save({ bytes, source }: FoundTorrent): Promise<undefined> {
    const { environment, options } = this.#context;
    const { printTorrent, saveTorrent } = await import("../source/saved_torrent.ts");
    const saved = options.outputDir === STANDARD_OUTPUT
      ? await printTorrent(bytes, environment, this.#life.signal)
      : await saveTorrent(bytes, source, options, environment);
    this.#life.tell({ kind: "saved", ...saved, durationMs: this.#elapsedMs });
  }

  /** `--save-torrent` */
  async #saveCopy({ bytes, source }: FoundTorrent): Promise<void> {
    const { environment, options } = this.#context;
    const { saveCopy } = await import("../source/saved_torrent.ts");
    const { path, isNew } = await saveCopy(bytes, source, options, environment);
    const message = `the .torrent is ${isNew ? "saved as" : "here already:"} ${path}`;
    this.#life.tell({ kind: "debug", message });
  }

  #whyStopped(): Failure {
    const { exitCode } = this.#context.interruption;
    const snapshot = this.#life.torrent?.snapshot();
    return this.#givenUp ?? failureOfInterruption(exitCode, snapshot, this.#isComplete);
  }

  get #elapsedMs(): number {
    return this.#context.environment.clock.now() - this.#startedAt;
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
