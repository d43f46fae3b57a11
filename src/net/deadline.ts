import type { Clock } from "../base/ambient.ts";

type Ending = "timeout" | "aborted";

export interface Deadline {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Runs `run` with a signal that aborts after `timeoutMs`, with `signal`, and once it is done.
 * Rejects with what `explain` makes of the reason, in one word and in some, without waiting for
 * `run`, which must drop whatever it gets after its signal has aborted.
 */
export async function withDeadline<Result>(
  { clock, timeoutMs, signal }: Deadline,
  run: (signal: AbortSignal) => Promise<Result>,
  explain: (reason: Ending, why: string) => Error,
): Promise<Result> {
  const ending = new AbortController();
  const ended = Promise.withResolvers<never>();
  const explained = (reason: Ending) =>
    explain(reason, reason === "timeout" ? `no answer in ${timeoutMs} ms` : "cancelled");
  const end = (reason: Ending) => {
    if (ending.signal.aborted) return;
    ended.reject(explained(reason));
    ending.abort();
  };
  const abort = () => end("aborted");
  if (signal.aborted) throw explained("aborted");
  signal.addEventListener("abort", abort);
  void clock.sleep(timeoutMs, ending.signal).then(() => end("timeout"));
  try {
    return await Promise.race([ended.promise, run(ending.signal)]);
  } finally {
    signal.removeEventListener("abort", abort);
    ending.abort();
  }
}
