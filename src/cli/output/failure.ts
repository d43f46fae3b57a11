/**
 * What a failed command says of itself: the cause of every error. What causes there are, and
 * their exit codes, is the table of torrent/verdict.ts. Pure.
 */
import { BugError } from "../../base/assert.ts";
import { MetainfoError, StorageError, type StorageReason, SumsError } from "../../base/errors.ts";
import {
  describeMissing,
  type MissingPermission,
  missingPermission,
} from "../../base/permission.ts";
import { printable } from "../../base/printable.ts";
import { ConnectError } from "../../net/transport.ts";
import { type Cause, CAUSES } from "../../torrent/verdict.ts";
import { meaningOf } from "../../workers/disk_errors.ts";

/** Of a message of the system, which may quote a path. */
const MAX_MESSAGE_LENGTH = 500;

/** Files that a sentence names, and those that programs are told of. */
const MAX_SHOWN_PATHS = 5;
const MAX_NAMED_PATHS = 1000;

/** Exit codes that commands give themselves; all others are their causes'. */
export const ExitCode = { ok: CAUSES.complete.exitCode, bug: CAUSES.bug.exitCode } as const;

/** One failed source, or a failed command: what `failed` says in JSON. */
export interface Failure {
  /** One word for programs. */
  readonly verdict: Cause;
  readonly exitCode: number;
  /** May the same command succeed later? */
  readonly retryable: boolean;
  /** One sentence for a person: what happened, the evidence, what to try. */
  readonly detail: string;
  readonly evidence: Readonly<Record<string, unknown>>;
}

/** The failure that a cause is. */
export function failureBy(
  cause: Cause,
  detail: string,
  evidence: Failure["evidence"] = {},
): Failure {
  return { verdict: cause, ...CAUSES[cause], detail, evidence };
}

/** It was asked to stop, and ends with the code of the signal. */
export function interruptedWith(
  exitCode: number | undefined,
  detail: string,
  evidence: Failure["evidence"] = {},
): Failure {
  return { ...failureBy("interrupted", detail, evidence), exitCode: exitCode ?? ExitCode.bug };
}

/** A failure that the command line itself found. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly failure: Failure;

  constructor(cause: Cause, detail: string, evidence: Failure["evidence"] = {}) {
    super(detail);
    this.failure = failureBy(cause, detail, evidence);
  }
}

/** Something on the command line that cannot be meant. */
export function usageError(detail: string): CommandError {
  return new CommandError("usage", detail);
}

/** A source that holds no torrent that we accept. */
export function invalidSource(detail: string): CommandError {
  return new CommandError("invalid-torrent", detail);
}

/**
 * What a failed operation on a file means, in one sentence: `action` is like "Cannot read x".
 * Exit 4 when Deno refused, 5 when the system did; errors that say what they are stay so.
 */
export function fileError(action: string, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof CommandError) return error;
  const missing = missingPermission(error);
  if (missing !== undefined) return permissionError(action, missing);
  const [, fact] = meaningOf(error);
  return new CommandError("disk", `${action}: ${printable(fact, MAX_MESSAGE_LENGTH)}`);
}

/** The failure that an error of any kind means; what nobody expected is a bug of ours. */
export function failureOf(error: unknown): Failure {
  if (error instanceof CommandError) return error.failure;
  if (error instanceof MetainfoError) {
    return failureBy("invalid-torrent", error.message, { reason: error.reason });
  }
  if (error instanceof StorageError) return ofStorage(error);
  if (error instanceof SumsError) return sumsFailure({ mismatched: error.paths });
  if (error instanceof ConnectError) return ofListening(error);
  const missing = missingPermission(error);
  if (missing !== undefined) return permissionFailure(missing);
  return failureBy(
    "bug",
    `internal error: ${messageOf(error)}; please report it, with what you ran ` +
      "(-v shows where it happened)",
  );
}

/**
 * Is it for certain a mistake of ours, and not what an interruption makes of work under way? Such
 * a one is reported even when nobody waits for the result any more.
 */
export function isMistake(error: unknown): boolean {
  return MISTAKES.some((kind) => error instanceof kind);
}

const MISTAKES = [BugError, TypeError, RangeError, ReferenceError];

/** The failure of a permission that Deno was not given; `flag` is what grants it. */
function permissionFailure(missing: MissingPermission): Failure {
  return failureBy("permission", describeMissing(missing), { flag: missing.flag });
}

/** The same for what cannot be done without: `action` is like "Cannot read x". */
export function permissionError(action: string, missing: MissingPermission): CommandError {
  const { detail, evidence } = permissionFailure(missing);
  return new CommandError("permission", `${action}: ${detail}`, evidence);
}

/**
 * The exit code of several sources, in the order given: of the first failure that is no use to
 * retry; without one, that of the signal, if they were interrupted; else of the first failure; 0
 * when there is none.
 */
export function combinedExitCode(failures: readonly Failure[]): number {
  const decisive = failures.find(({ retryable }) => !retryable) ??
    failures.find(({ verdict }) => verdict === "interrupted") ?? failures[0];
  return decisive?.exitCode ?? ExitCode.ok;
}

/**
 * `--sums` does not hold: files that are not what their line says, or have no line. `paths` as on
 * disk.
 */
export function sumsFailure(
  wrong: { readonly mismatched: readonly string[] } | { readonly unlisted: readonly string[] },
): Failure {
  const [fact, paths] = "mismatched" in wrong
    ? ["not what --sums says", wrong.mismatched] as const
    : ["not in the list of --sums", wrong.unlisted] as const;
  const shown = paths.slice(0, MAX_SHOWN_PATHS).map((path) => printable(path, MAX_MESSAGE_LENGTH));
  const more = paths.length - shown.length;
  const names = `${shown.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
  const [kind] = Object.keys(wrong);
  return failureBy(
    "sums-mismatch",
    `${paths.length === 1 ? "this file is" : `${paths.length} files are`} ${fact}: ${names}; ` +
      "no file that holds anything was given its final name because of this run",
    { [kind!]: paths.slice(0, MAX_NAMED_PATHS) },
  );
}

/** The causes of what a storage refuses; all else is the disk's. */
const STORAGE_CAUSES: Readonly<Partial<Record<StorageReason, Cause>>> = {
  permission: "permission",
  occupied: "occupied",
  locked: "locked",
};

/** What to try, where the message does not say it: which option names the path, it cannot know. */
const ADVICE: Readonly<Partial<Record<StorageReason, string>>> = {
  "no-space": "make room and run it again: what is here is kept",
  "read-only": "choose another folder",
  denied: "change who may use it, or choose another folder",
  symlink: "put what it leads to in its place, or choose another folder",
  "not-regular": "move it away, or choose another folder",
  occupied: "move it away, or choose another folder",
  missing: "run it again when it is there",
  changed: "run it again",
  "name-too-long": "choose a shorter path, or another file system",
  io: "look at the disk, and run it again: what is here is kept",
  locked: "wait for it (--wait-lock), or try again later",
};

function ofStorage({ reason, path, message }: StorageError): Failure {
  const advice = ADVICE[reason];
  const detail = advice === undefined || message.includes(";") ? message : `${message}; ${advice}`;
  return failureBy(STORAGE_CAUSES[reason] ?? "disk", detail, { reason, path });
}

/** The one connection that a command waits for is the listener. */
function ofListening({ message, failure: reason }: ConnectError): Failure {
  if (message.includes("--allow-net")) {
    return failureBy("permission", message, { reason, flag: "--allow-net" });
  }
  // No port would do: what lacks is what the disk lacks then, too.
  if (reason === "exhausted") {
    return failureBy("disk", `${message}; raise the limit (ulimit -n), or close something`, {
      reason,
    });
  }
  return failureBy("usage", `${message}; choose another --bind or --port`, { reason });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
