/** `--on-done`: one line of shell for a target that is complete. */
import type { Clock } from "../../base/ambient.ts";
import { StoppedError } from "../../base/errors.ts";
import type { Environment, FinishedProgram, StateFolders } from "../environment/environment.ts";
import { CommandError } from "../output/failure.ts";
import type { Target } from "./target.ts";

/** A command that was asked to end is waited for this long: we promise 5 s in all. */
const GRACE_MS = 3_000;

/** What is to be run, and where the target is. */
export interface Hook {
  readonly line: string;
  /** The torrent's name, printable. */
  readonly name: string;
  /** Absolute. */
  readonly outputDir: string;
  readonly folders: StateFolders;
  /** Standard output is for programs that read something else. */
  readonly sparesStdout: boolean;
  /** Ends the command. */
  readonly signal: AbortSignal;
}

/**
 * Runs the command to its end. Throws `CommandError`, exit 7, when it fails; `StoppedError` when
 * it was ended; `StorageError` when the list of files cannot be written.
 */
export async function runOnDone(
  { source: { metainfo, paths }, selected, size }: Target,
  { line, name, outputDir, folders, sparesStdout, signal }: Hook,
  environment: Environment,
): Promise<void> {
  if (signal.aborted) throw new StoppedError("stopped");
  const { infoHashHex } = metainfo;
  const lines = [...selected].map(({ path }) => `${outputDir}/${path}\n`).join("");
  const bytes = new TextEncoder().encode(lines);
  const list = await environment.keepState(folders, `${infoHashHex}.files`, bytes);
  try {
    const variables = {
      STARLING_NAME: name,
      STARLING_PATH: `${outputDir}/${paths.root}`,
      STARLING_INFO_HASH: infoHashHex,
      STARLING_SIZE: String(size),
      STARLING_FILES: list,
    };
    const running = environment.runShell(line, { variables, sparesStdout, signal });
    const exitCode = await exitCodeUnlessIgnored(running, environment.clock, signal);
    if (exitCode === 0) return;
    if (signal.aborted) throw new StoppedError("stopped");
    throw new CommandError(
      "on-done-failed",
      `the command of --on-done ended with ${exitCode}; the data is complete, and the next run ` +
        "runs the command again",
      { commandExitCode: exitCode },
    );
  } finally {
    await environment.dropState(list);
  }
}

/** Of a command that does not end when it is asked to: `StoppedError`, and it is left to itself. */
async function exitCodeUnlessIgnored(
  running: Promise<FinishedProgram>,
  clock: Clock,
  signal: AbortSignal,
): Promise<number> {
  const ended = new AbortController();
  const ignored = Promise.withResolvers<never>();
  const giveUp = async () => {
    await clock.sleep(GRACE_MS, ended.signal);
    ignored.reject(new StoppedError("stopped"));
  };
  signal.addEventListener("abort", giveUp, { signal: ended.signal });
  if (signal.aborted) void giveUp();
  try {
    return (await Promise.race([running, ignored.promise])).exitCode;
  } finally {
    ended.abort();
  }
}
