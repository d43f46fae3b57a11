/** Everybody who is told of the torrents of a command. */
import type { PeerSnapshot } from "../../torrent/snapshot.ts";
import type { Environment } from "../environment/environment.ts";
import { shownPath } from "../files/file_list.ts";
import type { GetOptions } from "../options/get_options.ts";
import { LogAudience, PlainAudience, TerminalAudience } from "../output/audience.ts";
import { fileError, usageError } from "../output/failure.ts";
import { type Audience, type Notice, PROGRAM, type Subject } from "../output/notice.ts";
import { Output } from "../output/output.ts";
import { OutputWatch, type WatchedOutput } from "../output/output_watch.ts";
import type { SourceView } from "../output/progress.ts";
import { JsonReport } from "../output/report.ts";
import { RotatingLog } from "../output/rotating_log.ts";

/** Many as one. */
export class Audiences implements Audience {
  readonly #audiences: readonly Audience[];
  readonly wantsStandings: boolean;

  constructor(audiences: readonly Audience[]) {
    this.#audiences = audiences;
    this.wantsStandings = audiences.some((audience) => audience.wantsStandings);
  }

  /** How a torrent stands, when nobody has asked, and every piece are for those who want it. */
  hear(subject: Subject, notice: Notice): void {
    const isPiece = notice.kind === "torrent" && notice.event.kind === "piece";
    const isUnasked = notice.kind === "standing" && !notice.isAsked;
    for (const audience of this.#audiences) {
      if (isPiece && !audience.wantsPieces || isUnasked && !audience.wantsStandings) continue;
      audience.hear(subject, notice);
    }
  }

  show(sources: readonly SourceView[], peers: readonly PeerSnapshot[]): void {
    for (const audience of this.#audiences) audience.show(sources, peers);
  }

  /** One after the other, in their order. */
  async close(): Promise<void> {
    for (const audience of this.#audiences) await audience.close();
  }
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
  const say = (message: string) => stderr.writeLine(`starling: ${message}`);
  const stdoutWatched = { output: stdout, name: "standard output", say };
  const log = { logDir, isQuiet: loudness.quiet };
  const watched = [stdoutWatched, ...await addLog(audiences, log, environment)];
  // The last, so that all have written when it is closed.
  return [...audiences, new OutputWatch(watched, { quiet })];
}

/**
 * Whom to tell when standard output is for data: people read standard error, and without `verbose`
 * of failures alone. Throws `CommandError` when there can be no log.
 */
export async function gatherBesideData(
  { verbose, logDir }: Pick<AudienceOptions, "verbose" | "logDir">,
  environment: Environment,
): Promise<Audience[]> {
  const { stderr, clock } = environment;
  const quiet = !verbose;
  // In plain lines on a terminal too: it belongs to the program that takes the data.
  const audiences: Audience[] = [
    new PlainAudience({ stdout: stderr, stderr, clock }, { quiet, verbose }),
  ];
  const watched = await addLog(audiences, { logDir, isQuiet: quiet }, environment);
  return [...audiences, new OutputWatch(watched, { quiet })];
}

/** Adds a log to the audiences if one is wanted; what is to be watched of it. */
async function addLog(
  audiences: Audience[],
  { logDir, isQuiet }: { readonly logDir: string | undefined; readonly isQuiet: boolean },
  environment: Environment,
): Promise<WatchedOutput[]> {
  if (logDir === undefined) return [];
  const { clock, stderr } = environment;
  const log = await openLog(logDir, environment);
  const output = new Output((bytes) => log.write(bytes), { clock });
  audiences.push(new LogAudience(output, clock, log));
  const say = (message: string) => {
    for (const audience of audiences) audience.hear(PROGRAM, { kind: "warning", message });
    if (isQuiet) stderr.writeLine(`starling: ${message}`); // It is an error, but none of a torrent.
  };
  return [{ output, name: `the log in ${shownPath(logDir)}`, say }];
}

async function openLog(folder: string, environment: Environment): Promise<RotatingLog> {
  try {
    return await RotatingLog.open(await environment.openLogFolder(folder), environment);
  } catch (error) {
    throw fileError(`Cannot write a log to ${shownPath(folder)}`, error);
  }
}
