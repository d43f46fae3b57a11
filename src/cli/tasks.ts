/** Several torrents of one command at the same time, and everybody who is told of them. */
import type { PeerSnapshot } from "../torrent/snapshot.ts";
import { LogAudience, PlainAudience, TerminalAudience } from "./audience.ts";
import type { Environment } from "./environment.ts";
import { type Failure, fileError, usageError } from "./failure.ts";
import { shownPath } from "./file_list.ts";
import type { GetOptions } from "./get_options.ts";
import type { Audience } from "./notice.ts";
import type { SourceView } from "./progress.ts";
import { JsonReport } from "./report.ts";

/** How often the view is drawn, and limits of time and ratio are looked at. */
const TICK_MS = 250;

/** One torrent of a command. */
export interface Task {
  /** Tells of its result; returns the failure, if it is one. Never rejects. */
  run(): Promise<Failure | undefined>;
  /** Looks at what is limited; called several times a second. */
  supervise(now: number): void;
  view(): SourceView;
  peers(): readonly PeerSnapshot[];
}

/** Whom to tell, and how much. */
export type AudienceOptions = Pick<GetOptions, "json" | "quiet" | "verbose" | "logDir">;

/** Throws usage errors, and `CommandError` when there can be no log. */
export async function gatherAudiences(
  { json, quiet, verbose, logDir }: AudienceOptions,
  environment: Environment,
): Promise<Audience[]> {
  if (quiet && verbose) throw usageError("--quiet and --verbose exclude each other");
  const { stdout, clock } = environment;
  const audiences: Audience[] = [];
  if (json) audiences.push(new JsonReport(stdout, clock));
  // With --json, standard output is for programs: people get errors alone.
  const loudness = { quiet: quiet || json, verbose };
  const isLive = stdout.isTerminal && !loudness.quiet;
  audiences.push(
    isLive ? new TerminalAudience(environment, loudness) : new PlainAudience(environment, loudness),
  );
  if (logDir !== undefined) audiences.push(await openLog(logDir, environment));
  return audiences;
}

async function openLog(folder: string, environment: Environment): Promise<Audience> {
  const { clock, random } = environment;
  const time = new Date(clock.wallTime()).toISOString().replaceAll(/[-:]|\.\d+/g, "");
  // Two runs may start in the same second.
  const suffix = random.below(2 ** 16).toString(16).padStart(4, "0");
  try {
    const log = await environment.createLog(folder, `starling-${time}-${suffix}.log`);
    return new LogAudience(log, clock);
  } catch (error) {
    throw fileError(`Cannot write a log to ${shownPath(folder)}`, error);
  }
}

/** Runs all of them to their end; the failures, in the order of the tasks. */
export async function runTasks(
  tasks: readonly Task[],
  audiences: readonly Audience[],
  environment: Environment,
): Promise<Failure[]> {
  const ending = new AbortController();
  const ticking = tick(tasks, audiences, environment, ending.signal);
  const results = await Promise.all(tasks.map((task) => task.run()));
  ending.abort();
  await ticking;
  return results.filter((failure) => failure !== undefined);
}

async function tick(
  tasks: readonly Task[],
  audiences: readonly Audience[],
  { clock }: Environment,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(TICK_MS, signal);
    if (signal.aborted) return;
    for (const task of tasks) task.supervise(clock.now());
    const views = tasks.map((task) => task.view());
    const peers = tasks.flatMap((task) => task.peers());
    for (const audience of audiences) audience.show(views, peers);
  }
}
