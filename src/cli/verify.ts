/** `starling verify`: are the files on disk what the torrent says? Writes nothing. */
import { printable } from "../base/printable.ts";
import { type CheckedFile, checkFiles, type CheckReport } from "../storage/check_files.ts";
import { WorkerPool } from "../workers/pool.ts";
import { checkWorkerPermission, workerCount } from "./environment/disk_workers.ts";
import type { CommandContext, Environment } from "./environment/environment.ts";
import { shownPath, type SourceTorrent } from "./files/file_list.ts";
import type { VerifyOptions } from "./options/commands.ts";
import { CommandError, ExitCode } from "./output/failure.ts";
import { HashProgress } from "./output/hash_progress.ts";
import { toJson } from "./output/json.ts";
import { formatCount } from "./output/units.ts";
import { withAnySource } from "./source/any_source.ts";
import { findData } from "./source/data_place.ts";

const MAX_NAME_LENGTH = 200;

/** Checks, and prints what it found. Throws `CommandError`, exit 5, when anything is amiss. */
export async function verify(options: VerifyOptions, context: CommandContext): Promise<number> {
  const { torrent, path = ".", json: _, quiet: __, ...search } = options;
  const { environment, interruption: { signal } } = context;
  return await withAnySource(
    torrent,
    { environment, search, path, signal },
    (source) => check(source, options, context),
  );
}

async function check(
  source: SourceTorrent,
  { path = ".", json, quiet }: VerifyOptions,
  { environment, interruption: { signal } }: CommandContext,
): Promise<number> {
  const { metainfo } = source;
  checkWorkerPermission(environment);
  const { outputDir, paths } = await findData(source, path, environment);
  const pool = new WorkerPool({ size: workerCount(environment) });
  const name = printable(metainfo.name, MAX_NAME_LENGTH);
  const progress = new HashProgress(name, environment, {
    verb: "checked",
    isShown: !json && !quiet,
  });
  try {
    // Where nothing is, nothing is asked of a worker.
    if (await environment.inspect(`${outputDir}/${paths.root}`) !== undefined) pool.warm();
    const onProgress = (checked: number, total: number) => progress.show(checked, total);
    const report = await checkFiles({ metainfo, outputDir, paths, pool, onProgress, signal });
    progress.end();
    await print(report, { name, json, quiet, environment });
    return ExitCode.ok;
  } finally {
    progress.end();
    pool.close();
  }
}

async function print(
  { pieces, bad, files }: CheckReport,
  { name, json, quiet, environment: { stdout } }: {
    name: string;
    json: boolean;
    quiet: boolean;
    environment: Environment;
  },
): Promise<void> {
  const good = pieces.filter((verdict) => verdict === "good").length;
  const missing = files.filter(({ verdict }) => verdict === "missing").map(({ path }) => path);
  const amiss = files.filter(({ verdict }) => verdict !== "good");
  const complete = good === pieces.length && amiss.length === 0;
  if (json) {
    const states = files.map(({ path, verdict }) => ({ path, ok: verdict === "good" }));
    const count = pieces.length;
    stdout.writeLine(toJson({ complete, pieces: count, good, bad, missing, files: states }));
  } else if (!quiet) {
    await stdout.writeLines(amiss.map(describeFile));
    if (complete) {
      const what = `${formatCount(files.length, "file")}, ${formatCount(good, "piece")}`;
      stdout.writeLine(`${name}: complete: ${what}, all good`);
    }
  }
  if (complete) return;
  throw new CommandError(
    "incomplete",
    `${name} is not complete: ${good} of ${formatCount(pieces.length, "piece")} are good, ` +
      `${bad.length} bad; of ${formatCount(files.length, "file")} ${missing.length} missing; ` +
      `"starling get" fetches what is not there` +
      (files.some(({ verdict }) => verdict === "bad")
        ? ", and needs --overwrite for a file of which no piece is good"
        : ""),
  );
}

const VERDICT_WORDS: Readonly<Record<CheckedFile["verdict"], string>> = {
  good: "good",
  bad: "bad",
  missing: "missing",
  unknown: "unknown (shares a piece with what is missing)",
};

function describeFile({ path, verdict }: CheckedFile): string {
  return `${shownPath(path)}: ${VERDICT_WORDS[verdict]}`;
}
