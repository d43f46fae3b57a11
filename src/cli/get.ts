/** `starling get`: downloads all sources at the same time, and tells of it. */
import type { CommandContext, Environment } from "./environment.ts";
import type { Audience, Notice, Subject } from "./notice.ts";
import { LogAudience, PlainAudience, TerminalAudience } from "./audience.ts";
import { Download } from "./download.ts";
import type { Engine } from "./engine.ts";
import {
  combinedExitCode,
  CommandError,
  type Failure,
  fileError,
  permissionFailure,
  usageError,
} from "./failure.ts";
import { shownPath } from "./file_list.ts";
import type { GetOptions } from "./get_options.ts";
import { JsonReport } from "./report.ts";
import { STANDARD_INPUT } from "./source.ts";

/** Sources of one command; each has its own peers, files and trackers. */
const MAX_SOURCES = 1000;
/** How often the view is drawn, and deadlines are looked at. */
const TICK_MS = 250;
/** A budget that is shared by many sources leaves each of them this much. */
const MIN_MEMORY_BYTES = 64 * 1024;

/**
 * Downloads, and tells the user and whoever else listens. The exit code is that of
 * `combinedExitCode`. Throws usage errors.
 */
export async function get(
  options: GetOptions,
  context: CommandContext,
  listeners: readonly Audience[] = [],
): Promise<number> {
  const { environment } = context;
  checkOptions(options, environment);
  const audiences = [...await gatherAudiences(options, environment), ...listeners];
  const engine = await environment.openEngine(options);
  try {
    const failures = await downloadAll(options, { ...context, engine, audiences });
    return combinedExitCode(failures);
  } finally {
    await engine.close();
    for (const audience of audiences) await audience.close();
  }
}

function checkOptions(options: GetOptions, environment: Environment): void {
  const { sources, quiet, verbose, onDone } = options;
  if (quiet && verbose) throw usageError("--quiet and --verbose exclude each other");
  if (sources.length > MAX_SOURCES) throw usageError(`more than ${MAX_SOURCES} sources`);
  if (sources.filter((source) => source === STANDARD_INPUT).length > 1) {
    throw usageError("standard input can be only one of the sources");
  }
  if (onDone === undefined) return;
  const missing = environment.missingPermission("run", environment.shell);
  if (missing === undefined) return;
  const { detail, ...failure } = permissionFailure(missing);
  throw new CommandError(failure, `Cannot use --on-done: ${detail}`, failure.evidence);
}

async function gatherAudiences(
  { json, quiet, verbose, logDir }: GetOptions,
  environment: Environment,
): Promise<Audience[]> {
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

async function downloadAll(
  options: GetOptions,
  context: CommandContext & { engine: Engine; audiences: readonly Audience[] },
): Promise<Failure[]> {
  const { environment, audiences } = context;
  const { sources, memoryBytes } = options;
  const claimed = new Set<string>();
  const downloads = sources.map((source) =>
    new Download(source, {
      ...context,
      options,
      memoryBudgetBytes: Math.max(MIN_MEMORY_BYTES, Math.floor(memoryBytes / sources.length)),
      claim: (infoHash) => !claimed.has(infoHash) && claimed.add(infoHash) !== undefined,
      tell: (subject: Subject, notice: Notice) => {
        for (const audience of audiences) audience.hear(subject, notice);
      },
    })
  );
  const ending = new AbortController();
  const ticking = tick(downloads, audiences, environment, ending.signal);
  const results = await Promise.all(downloads.map((download) => download.run()));
  ending.abort();
  await ticking;
  return results.filter((failure) => failure !== undefined);
}

async function tick(
  downloads: readonly Download[],
  audiences: readonly Audience[],
  { clock }: Environment,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(TICK_MS, signal);
    if (signal.aborted) return;
    for (const download of downloads) download.supervise(clock.now());
    const views = downloads.map((download) => download.view());
    const peers = downloads.flatMap((download) => download.peers());
    for (const audience of audiences) audience.show(views, peers);
  }
}
