/** Several torrents of one command at the same time, and everybody who is told of them. */
import type { PeerSnapshot } from "../../torrent/snapshot.ts";
import type { Environment } from "../environment/environment.ts";
import { shownPath } from "../files/file_list.ts";
import type { GetOptions } from "../options/get_options.ts";
import { LogAudience, PlainAudience, TerminalAudience } from "../output/audience.ts";
import { type Failure, fileError, usageError } from "../output/failure.ts";
import { type Audience, PROGRAM } from "../output/notice.ts";
import { Output } from "../output/output.ts";
import { OutputWatch, type WatchedOutput } from "../output/output_watch.ts";
import type { SourceView } from "../output/progress.ts";
import { JsonReport } from "../output/report.ts";
import { RotatingLog } from "../output/rotating_log.ts";
import type { Standing } from "../output/standing.ts";

/** How often the view is drawn, and limits of time and ratio are looked at. */
const TICK_MS = 250;
/** How often those who want it hear why it is not done yet. */
const STANDING_INTERVAL_MS = 30_000;

/** One torrent of a command. */
export interface Task {
  /** Tells of its result; returns the failure, if it is one. Never rejects. */
  run(): Promise<Failure | undefined>;
  /** Looks at what is limited; called several times a second. */
  supervise(now: number): void;
  view(): SourceView;
  peers(): readonly PeerSnapshot[];
  /** Why it is not done yet. */
  standing(): Standing;
}

/** Whom to tell, and how much. */
export type AudienceOptions = Pick<GetOptions, "json" | "quiet" | "verbose" | "logDir">;

/** Throws usage errors, and `CommandError` when there can be no log. */
export async function gatherAudiences(
  { json, quiet, verbose, logDir }: AudienceOptions,
  environment: Environment,
): Promise<Audience[]> {
  if (quiet && verbose) throw usageError("--quiet and --verbose exclude each other");
  const { stdout, stderr, clock } = environment;
  const audiences: Audience[] = [];
  if (json) audiences.push(new JsonReport(stdout, clock));
  // With --json, standard output is for programs: people get errors alone.
  const loudness = { quiet: quiet || json, verbose };
  const isLive = stdout.isTerminal && !loudness.quiet;
  audiences.push(
    isLive ? new TerminalAudience(environment, loudness) : new PlainAudience(environment, loudness),
  );
  const sayPlainly = (message: string) => stderr.writeLine(`starling: ${message}`);
  const say = (message: string) => {
    for (const audience of audiences) audience.hear(PROGRAM, { kind: "warning", message });
    if (loudness.quiet) sayPlainly(message); // It is an error, but none of a torrent.
  };
  const watched: WatchedOutput[] = [{ output: stdout, name: "standard output", say: sayPlainly }];
  if (logDir !== undefined) {
    const log = await openLog(logDir, environment);
    const output = new Output((bytes) => log.write(bytes), { clock });
    audiences.push(new LogAudience(output, clock, log));
    watched.push({ output, name: `the log in ${shownPath(logDir)}`, say });
  }
  // The last, so that all have written when it is closed.
  return [...audiences, new OutputWatch(watched, { quiet })];
}

async function openLog(folder: string, environment: Environment): Promise<RotatingLog> {
  try {
    return await RotatingLog.open(await environment.openLogFolder(folder), environment);
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
  const tellAll = () => tellStandings(tasks, audiences, { isAsked: true });
  const stopListening = environment.onInquiry(tellAll);
  const ticking = tick(tasks, audiences, environment, ending.signal);
  const results = await Promise.all(tasks.map((task) => task.run()));
  ending.abort();
  await ticking;
  stopListening();
  return results.filter((failure) => failure !== undefined);
}

async function tick(
  tasks: readonly Task[],
  audiences: readonly Audience[],
  { clock }: Environment,
  signal: AbortSignal,
): Promise<void> {
  const curious = audiences.filter(({ wantsStandings }) => wantsStandings);
  let toldAt = clock.now();
  while (!signal.aborted) {
    await clock.sleep(TICK_MS, signal);
    if (signal.aborted) return;
    const now = clock.now();
    for (const task of tasks) task.supervise(now);
    const views = tasks.map((task) => task.view());
    const peers = tasks.flatMap((task) => task.peers());
    for (const audience of audiences) audience.show(views, peers);
    if (curious.length === 0 || now - toldAt < STANDING_INTERVAL_MS) continue;
    toldAt = now;
    tellStandings(tasks, curious, { isAsked: false });
  }
}

/** Why is it not done yet? One notice a torrent. */
function tellStandings(
  tasks: readonly Task[],
  audiences: readonly Audience[],
  { isAsked }: { isAsked: boolean },
): void {
  for (const task of tasks) {
    const standing = task.standing();
    if (standing.state === "ended" && !isAsked) continue;
    const { subject } = task.view();
    for (const audience of audiences) {
      audience.hear(subject, { kind: "standing", standing, isAsked });
    }
  }
}
