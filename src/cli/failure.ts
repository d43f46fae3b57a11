/**
 * What a failed command says of itself, and the exit code of every error: the table of
 * "Exit codes" in README.md. Pure.
 */
import { MetainfoError, StorageError, type StorageReason } from "../base/errors.ts";
import { printable } from "../base/printable.ts";
import { ConnectError } from "../net/transport.ts";
import { missingPermission } from "../base/permission.ts";

/** Of a message of the system, which may quote a path. */
const MAX_MESSAGE_LENGTH = 500;

/** Exit codes that are decided here; a torrent's verdict has 11 to 17 (torrent/verdict.ts). */
export const ExitCode = {
  ok: 0,
  bug: 1,
  usage: 2,
  invalidTorrent: 3,
  permission: 4,
  disk: 5,
  occupied: 6,
  noMetadata: 10,
  deadline: 17,
  locked: 75,
} as const;

/** One failed source, or a failed command: what `failed` says in JSON. */
export interface Failure {
  /** One word for programs: `usage`, `disk`, `no-peers` … */
  readonly verdict: string;
  readonly exitCode: number;
  /** May the same command succeed later? */
  readonly retryable: boolean;
  /** One sentence for a person: what happened, the evidence, what to try. */
  readonly detail: string;
  readonly evidence: Readonly<Record<string, unknown>>;
}

/** A failure that the command line itself found. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly failure: Failure;

  constructor(failure: Omit<Failure, "detail" | "evidence">, detail: string, evidence = {}) {
    super(detail);
    this.failure = { ...failure, detail, evidence };
  }
}

/** Something on the command line that cannot be meant. */
export function usageError(detail: string): CommandError {
  return new CommandError({ verdict: "usage", exitCode: ExitCode.usage, retryable: false }, detail);
}

/** A source that holds no torrent that we accept. */
export function invalidSource(detail: string): CommandError {
  return new CommandError(
    { verdict: "invalid-torrent", exitCode: ExitCode.invalidTorrent, retryable: false },
    detail,
  );
}

/**
 * What a failed operation on a file means, in one sentence: `action` is like "Cannot read x".
 * Exit 4 when Deno refused, 5 when the system did; errors that say what they are stay so.
 */
export function fileError(action: string, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof CommandError) return error;
  const missing = missingPermission(error);
  if (missing !== undefined) {
    const { detail, ...failure } = permissionFailure(missing);
    return new CommandError(failure, `${action}: ${detail}`, failure.evidence);
  }
  return new CommandError(
    { verdict: "disk", exitCode: ExitCode.disk, retryable: true },
    `${action}: ${printable(error.message, MAX_MESSAGE_LENGTH)}`,
  );
}

/** The failure that an error of any kind means; what nobody expected is a bug of ours. */
export function failureOf(error: unknown): Failure {
  if (error instanceof CommandError) return error.failure;
  if (error instanceof MetainfoError) {
    return {
      verdict: "invalid-torrent",
      exitCode: ExitCode.invalidTorrent,
      retryable: false,
      detail: error.message,
      evidence: { reason: error.reason },
    };
  }
  if (error instanceof StorageError) return ofStorage(error);
  if (error instanceof ConnectError) return ofListening(error);
  const missing = missingPermission(error);
  if (missing !== undefined) return permissionFailure(missing);
  return {
    verdict: "bug",
    exitCode: ExitCode.bug,
    retryable: false,
    detail: `internal error: ${messageOf(error)}; please report it, with what you ran ` +
      "(-v shows where it happened)",
    evidence: {},
  };
}

/** The failure of a permission that Deno was not given; `flag` is what grants it. */
export function permissionFailure(
  { access, target, flag }: { access: string; target: string; flag: string },
): Failure {
  const of = target === "" ? "" : ` to ${target}`;
  return {
    verdict: "permission",
    exitCode: ExitCode.permission,
    retryable: false,
    detail: `Deno's permission for ${access} access${of} is missing; run again with ${flag}`,
    evidence: { flag },
  };
}

/**
 * The exit code of several sources, in the order given: of the first failure that is no use to
 * retry; without one, of the first failure; 0 when there is none.
 */
export function combinedExitCode(failures: readonly Failure[]): number {
  const decisive = failures.find((failure) => !failure.retryable) ?? failures[0];
  return decisive?.exitCode ?? ExitCode.ok;
}

const STORAGE_VERDICTS: Readonly<
  Partial<Record<StorageReason, Pick<Failure, "verdict" | "exitCode" | "retryable">>>
> = {
  permission: { verdict: "permission", exitCode: ExitCode.permission, retryable: false },
  occupied: { verdict: "occupied", exitCode: ExitCode.occupied, retryable: false },
  locked: { verdict: "locked", exitCode: ExitCode.locked, retryable: true },
};

function ofStorage(error: StorageError): Failure {
  const { verdict, exitCode, retryable } = STORAGE_VERDICTS[error.reason] ??
    { verdict: "disk", exitCode: ExitCode.disk, retryable: true };
  const { reason, path } = error;
  return { verdict, exitCode, retryable, detail: error.message, evidence: { reason, path } };
}

/** The one connection that a command waits for is the listener. */
function ofListening({ message, failure: reason }: ConnectError): Failure {
  const isForbidden = message.includes("--allow-net");
  return {
    verdict: isForbidden ? "permission" : "usage",
    exitCode: isForbidden ? ExitCode.permission : ExitCode.usage,
    retryable: false,
    detail: isForbidden ? message : `${message}; choose another --bind or --port`,
    evidence: { reason },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
