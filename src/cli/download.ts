/** One source of `get`, from what was typed to a final name or a verdict. */
import { StoppedError } from "../base/errors.ts";
import { printable } from "../base/printable.ts";
import type { SeedingGoal } from "../torrent/seeding_goal.ts";
import type { PeerSnapshot, TorrentSnapshot, TorrentState } from "../torrent/snapshot.ts";
import { resolveRanges } from "./byte_range.ts";
import type { Engine, RunningTorrent } from "./engine.ts";
import type { Environment } from "./environment.ts";
import {
  CommandError,
  ExitCode,
  type Failure,
  failureBy,
  failureOf,
  interruptedWith,
} from "./failure.ts";
import type { ListedFile } from "./file_list.ts";
import type { GetOptions } from "./get_options.ts";
import { type FoundTorrent, GetSource } from "./get_source.ts";
import type { Interruption } from "./interruption.ts";
import type { Notice, Subject, Summary } from "./notice.ts";
import type { SourceView } from "./progress.ts";
import { saveTorrent } from "./saved_torrent.ts";
import { selectFiles, selectIndices } from "./select.ts";
import { failureOfSharing, seedingGoal, Sharing } from "./sharing.ts";
import { shownSource, type SourceTorrent } from "./source.ts";
import { type Standing, standingOf } from "./standing.ts";
import type { Task } from "./tasks.ts";
import { formatDuration, formatPercent, formatSize } from "./units.ts";

const MAX_NAME_LENGTH = 200;
const MAX_STATUS_LENGTH = 300;
const WAITING_FOR_LOCK = "waiting for another run on the same target";
/** Nothing more is missing: no deadline ends them. */
const DONE_STATES: readonly TorrentState[] = ["finishing", "seeding", "complete"];

export interface DownloadContext {
  readonly options: GetOptions;
  readonly environment: Environment;
  readonly engine: Engine;
  readonly interruption: Interruption;
  readonly memoryBudgetBytes: number;
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
    if (snapshot !== undefined && DONE_STATES.includes(snapshot.state)) return;
    const mark = `${snapshot?.state} ${snapshot?.have} ${snapshot?.checked.bytes}`;
    if (mark !== this.#progress.mark) this.#progress = { mark, at: now };
    const isLate = now - this.#startedAt >= deadlineMs;
    if (isLate || (snapshot !== undefined && now - this.#progress.at >= stallMs)) {
      this.#givenUp = this.#verdict(isLate ? "deadline" : "stall");
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
    const { engine, options } = this.#context;
    const { signal } = this.#leaving;
    const found = await this.#read();
    if (found === undefined) return undefined;
    const { source, peers } = found;
    const { metainfo } = source;
    const selected = selectedOf(found, options);
    const size = sizeOf(selected);
    this.#refuseLarger(size);
    const ranges = resolveRanges(selected, options.ranges);
    this.#tell({ kind: "added", metainfo, size, fileCount: selected.size });
    for (const message of metainfo.warnings) this.#tell({ kind: "warning", message });
    if (options.metadataOnly) return await this.#save(found);
    this.#status = WAITING_FOR_LOCK;
    const goal = seedingGoal(options);
    this.#torrent = await engine.open({
      source,
      peers,
      target: options,
      selected: new Set([...selected].map(({ index }) => index)),
      ranges,
      memoryBudgetBytes: this.#context.memoryBudgetBytes,
      keepSeeding: goal !== undefined,
      signal,
      onEvent: (event) => this.#tell({ kind: "torrent", event }),
    });
    if (signal.aborted) throw new StoppedError("stopped");
    await this.#torrent.download();
    this.#completed = this.#torrent.snapshot();
    const summary = this.#summarize(this.#completed, source, selected);
    this.#status = "complete";
    this.#tell({ kind: "done", summary });
    await this.#runHook(summary);
    return goal && await this.#share(this.#torrent, goal);
  }

  async #read(): Promise<FoundTorrent | undefined> {
    this.#reading = new GetSource(this.#source, {
      ...this.#context,
      openEngine: () => Promise.resolve(this.#context.engine),
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

  /** Goes on in the swarm that it is in already. */
  async #share(torrent: RunningTorrent, goal: SeedingGoal): Promise<Failure | undefined> {
    const { environment: { clock }, interruption } = this.#context;
    this.#sharing = new Sharing(torrent, goal, clock);
    const shared = await this.#sharing.run();
    this.#completed = torrent.snapshot();
    this.#tell({ kind: "seeded", shared });
    return failureOfSharing(shared, interruption);
  }

  /** `--on-done`. Its failure changes nothing: the data is complete. */
  async #runHook({ path, size, fileCount }: Summary): Promise<void> {
    const { options: { onDone }, environment } = this.#context;
    if (onDone === undefined) return;
    const { exitCode } = await environment.runShell(onDone, {
      STARLING_NAME: this.#subject.name,
      STARLING_INFO_HASH: this.#subject.infoHash ?? "",
      STARLING_PATH: path,
      STARLING_SIZE: String(size),
      STARLING_FILES: String(fileCount),
    });
    if (exitCode !== 0) {
      this.#tell({ kind: "warning", message: `the command of --on-done ended with ${exitCode}` });
    }
  }

  #refuseLarger(size: number): void {
    const { maxBytes = Infinity } = this.#context.options;
    if (size <= maxBytes) return;
    throw new CommandError(
      "too-large",
      `${formatSize(size)} are selected, more than --max-bytes allows (${formatSize(maxBytes)})`,
      { size, maxBytes },
    );
  }

  #summarize(
    { downloaded, uploaded, peers }: TorrentSnapshot,
    { paths }: SourceTorrent,
    selected: ReadonlySet<ListedFile>,
  ): Summary {
    const { environment: { clock }, options: { outputDir } } = this.#context;
    return {
      fileCount: selected.size,
      size: sizeOf(selected),
      downloaded,
      uploaded,
      contributors: peers.contributed,
      durationMs: clock.now() - this.#startedAt,
      path: outputDir === "." ? paths.root : `${outputDir.replace(/\/+$/, "")}/${paths.root}`,
    };
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
    const snapshot = this.#torrent?.snapshot();
    // The size is known once the disk was checked.
    const done = snapshot === undefined || snapshot.size === 0
      ? "before the download began"
      : `at ${formatPercent(snapshot.bytes, snapshot.size)}; what is here is saved`;
    const evidence = { bytes: snapshot?.bytes ?? 0, size: snapshot?.size ?? null };
    const detail = `interrupted ${done}; run the same command to go on`;
    return interruptedWith(exitCode, detail, evidence);
  }

  /** Why it is not complete now that its time is over. */
  #verdict(limit: "deadline" | "stall"): Failure {
    const waitedMs = this.#context.environment.clock.now() - this.#startedAt;
    const snapshot = this.#torrent?.snapshot();
    if (this.#torrent === undefined || snapshot?.state === "checking") {
      // What was waited for all the time is what is in the way.
      const isLocked = snapshot === undefined && this.#status === WAITING_FOR_LOCK;
      return failureBy(
        isLocked ? "locked" : "deadline",
        `the ${limit} came after ${formatDuration(waitedMs)}, before the download began ` +
          `(${snapshot === undefined ? this.#status : "checking what is on disk"}); ` +
          (isLocked ? "try again later" : "run it again with more time"),
        { waitedMs: Math.round(waitedMs), limit },
      );
    }
    const { stallMs = 0 } = this.#context.options;
    const verdict = this.#torrent.verdict(limit === "stall" ? stallMs : undefined);
    const when = limit === "deadline"
      ? `at the deadline, after ${formatDuration(waitedMs)}`
      : `after ${formatDuration(stallMs)} without a new verified piece`;
    const detail = `gave up ${when}: ${verdict.detail}`;
    return failureBy(verdict.cause, detail, { ...verdict.evidence, limit });
  }

  #tell(notice: Notice): void {
    if (notice.kind === "saved") this.#status = "saved";
    this.#context.tell(this.#subject, notice);
  }
}

/** What a link selects counts as long as the user does not choose. */
function selectedOf(
  { source: { files }, selectedFiles }: FoundTorrent,
  { select }: GetOptions,
): Set<ListedFile> {
  return selectedFiles !== undefined && select.length === 0
    ? selectIndices(files, selectedFiles)
    : selectFiles(files, select);
}

function sizeOf(files: Iterable<ListedFile>): number {
  let size = 0;
  for (const file of files) size += file.size;
  return size;
}
