/** `starling get`: downloads all sources at the same time, and tells of it. */
import { Turns } from "../storage/turns.ts";
import type { Engine } from "./environment/engine.ts";
import type { CommandContext, Environment, StateFolders } from "./environment/environment.ts";
import { foldersOf } from "./environment/state_folders.ts";
import { shownPath } from "./files/file_list.ts";
import type { Sums } from "./files/sums.ts";
import type { GetOptions } from "./options/get_options.ts";
import { combinedExitCode, type Failure, permissionError, usageError } from "./output/failure.ts";
import { type Audience, PROGRAM, subjectsOf } from "./output/notice.ts";
import { refuseStandardOutput, refuseTerminal, STANDARD_OUTPUT } from "./output/standard_data.ts";
import { shownSource, STANDARD_INPUT } from "./source/source.ts";
import { Audiences, gatherAudiences, gatherBesideData } from "./tasks/audiences.ts";
import { Download } from "./tasks/download.ts";
import { claimOnce } from "./tasks/source_life.ts";
import { readSums } from "./tasks/sums_check.ts";
import { TargetNames } from "./tasks/target_names.ts";
import { runTasks } from "./tasks/task.ts";

/** Sources of one command; each has its own peers, files and trackers. */
const MAX_SOURCES = 1000;
/** A budget that is shared by many sources leaves each of them this much. */
export const MIN_MEMORY_BYTES = 64 * 1024;

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
  checkSources(options);
  checkOnDone(options, environment);
  await checkOutput(options, environment);
  const told = options.outputDir === STANDARD_OUTPUT ? gatherBesideData : gatherAudiences;
  const audience = new Audiences([...await told(options, environment), ...listeners]);
  return await withEngine(
    options,
    { ...context, audience },
    async (room) => combinedExitCode(await downloadAll(options, room)),
  );
}

/** Whom to tell, and an engine that is opened when somebody needs it. */
export interface DownloadRoom extends CommandContext {
  readonly audience: Audience;
  readonly openEngine: () => Promise<Engine>;
}

/** Closes the engine, if one was opened, and the audience, however `run` ends. */
export async function withEngine<Result>(
  options: GetOptions,
  context: Omit<DownloadRoom, "openEngine">,
  run: (room: DownloadRoom) => Promise<Result>,
): Promise<Result> {
  const { environment, audience } = context;
  // A finished target needs none.
  let engine: Promise<Engine> | undefined;
  const openEngine = () =>
    engine ??= environment.openEngine({
      ...options,
      ...keptIn(options),
      onLog: (message) => audience.hear(PROGRAM, { kind: "debug", message }),
    });
  try {
    return await run({ ...context, openEngine });
  } finally {
    // Whoever wanted one that could not be opened has said so.
    await engine?.then((opened) => opened.close(), () => {});
    await audience.close();
  }
}

/** `--metadata-only` writes one file, and keeps nothing. */
function keptIn(options: GetOptions): { folders?: StateFolders } {
  if (options.metadataOnly && options.stateDir === undefined) return {};
  return { folders: foldersOf(options) };
}

function checkSources({ sources, sums }: GetOptions): void {
  if (sources.length > MAX_SOURCES) throw usageError(`more than ${MAX_SOURCES} sources`);
  if ([...sources, sums].filter((source) => source === STANDARD_INPUT).length > 1) {
    throw usageError("standard input can be only one of the sources, or the list of --sums");
  }
}

/** Throws `CommandError`, exit 4: before hours of download, not after them. */
export function checkOnDone({ onDone }: GetOptions, environment: Environment): void {
  if (onDone === undefined) return;
  const missing = environment.missingPermission("run", environment.shell);
  if (missing !== undefined) throw permissionError("Cannot use --on-done", missing);
}

/** What is about data, which `--metadata-only` does not download. */
const ABOUT_DATA:
  readonly (readonly [option: string, isGiven: (options: GetOptions) => boolean])[] = [
    ["--select", ({ select }) => select.length > 0],
    ["--range", ({ ranges }) => ranges.length > 0],
    ["--sequential", ({ sequential }) => sequential],
    ["--sums", ({ sums }) => sums !== undefined],
    ["--sha256", ({ sha256 }) => sha256],
    ["--save-torrent", ({ saveTorrent }) => saveTorrent],
    ["--on-done", ({ onDone }) => onDone !== undefined],
    ["--seed", ({ seed }) => seed],
    ["--seed-ratio", ({ seedRatio }) => seedRatio !== undefined],
    ["--seed-time", ({ seedMs }) => seedMs !== undefined],
  ];

/** One file cannot be several torrents, and a name that ends in "/" is meant for a folder. */
async function checkOutput(options: GetOptions, environment: Environment): Promise<void> {
  const { metadataOnly, sources, outputDir, json } = options;
  if (!metadataOnly) return refuseStandardOutput(options);
  const meaningless = ABOUT_DATA.find(([, isGiven]) => isGiven(options));
  if (meaningless !== undefined) {
    throw usageError(`${meaningless[0]} has no meaning with --metadata-only, which takes no data`);
  }
  if (outputDir === STANDARD_OUTPUT) {
    refuseTerminal(environment.stdout, "starling get --metadata-only -o - … | starling info -");
    if (sources.length > 1) throw usageError("Cannot write several torrents to standard output");
    if (json) throw usageError("--json and --output - exclude each other: both are written there");
    return;
  }
  if (sources.length === 1 && !outputDir.endsWith("/")) return;
  if (await environment.inspect(outputDir) === "folder") return;
  throw usageError(`--output ${shownPath(outputDir)} is no folder that is there`);
}

async function downloadAll(options: GetOptions, context: DownloadRoom): Promise<Failure[]> {
  const { environment, interruption, audience } = context;
  const { sources, memoryBytes } = options;
  const claim = claimOnce();
  const hooks = new Turns();
  const names = new TargetNames();
  let sums: Promise<Sums> | undefined;
  const subjects = subjectsOf(sources.map(shownSource));
  const downloads = sources.map((source, at) =>
    new Download(source, subjects[at]!, {
      ...context,
      options,
      memoryBudgetBytes: Math.max(MIN_MEMORY_BYTES, Math.floor(memoryBytes / sources.length)),
      readSums: (list) => sums ??= readSums(list, options, environment, interruption.signal),
      hooks,
      names,
      claim,
      tell: (subject, notice) => audience.hear(subject, notice),
    })
  );
  return await runTasks(downloads, audience, environment);
}
