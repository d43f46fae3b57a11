/** Data on standard output: it goes to its last byte or fails, and never to a terminal. */
import { untilAborted } from "../../base/until_aborted.ts";
import { CommandError, fileError, usageError } from "./failure.ts";
import type { Output } from "./output.ts";

/** What stands for standard output where the name of a file is expected. */
export const STANDARD_OUTPUT = "-";

/** Throws a usage error when `stdout` is a terminal; `example` is what to type instead. */
export function refuseTerminal(stdout: Output, example: string): void {
  if (!stdout.isTerminal) return;
  throw usageError(
    `Cannot write data to a terminal: pipe it into a program (${example}), or send it to a file`,
  );
}

/**
 * Throws `CommandError` when nobody reads it any more, with what is to be said then, or when the
 * system refuses it; the signal's reason.
 */
export async function writeData(
  bytes: Uint8Array,
  stdout: Output,
  { signal, whenGone }: { readonly signal: AbortSignal; readonly whenGone: string },
): Promise<void> {
  // Whoever does not read must not keep us from ending.
  await untilAborted(stdout.writeData(bytes), signal);
  if (!stdout.isClosed) return;
  if (stdout.failure !== undefined) {
    throw fileError("Cannot write to standard output", stdout.failure);
  }
  throw new CommandError("reader-gone", `who read standard output has left; ${whenGone}`);
}

/** Throws a usage error for data that is meant for standard output, where none of it goes. */
export function refuseStandardOutput({ outputDir }: { readonly outputDir: string }): void {
  if (outputDir !== STANDARD_OUTPUT) return;
  throw usageError(
    'Cannot use --output -: it is a folder, not standard output, which "starling cat" writes ' +
      "to; a folder of that name is ./-",
  );
}
