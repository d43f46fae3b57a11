/** Several ways to one thing, tried one after the other and then side by side. */
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/ambient.ts";

export interface AttemptRace<Way, Won> {
  /** At least one, the best first. */
  readonly ways: readonly Way[];
  /** How long a way is tried alone before the next one joins in. */
  readonly delayMs: number;
  /** Rejects when it fails, and when `signal` aborts. */
  readonly attempt: (way: Way, signal: AbortSignal) => Promise<Won>;
  /** Disposes of what came too late. */
  readonly discard: (late: Won) => void;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Tries the ways in turn, the next one when an attempt fails or takes long. Gives the first
 * success; rejects as the first failure did when there is none.
 */
export async function raceAttempts<Way, Won>(race: AttemptRace<Way, Won>): Promise<Won> {
  assert(race.ways.length > 0);
  const over = new AbortController();
  const end = () => over.abort();
  race.signal.addEventListener("abort", end);
  if (race.signal.aborted) end();
  const won = Promise.withResolvers<Won>();
  const failures: unknown[] = [];
  const run = async (way: Way) => {
    try {
      const result = await race.attempt(way, over.signal);
      if (over.signal.aborted) return race.discard(result);
      end();
      won.resolve(result);
    } catch (error) {
      failures.push(error);
    }
  };
  const attempts: Promise<void>[] = [];
  for (const way of race.ways) {
    if (over.signal.aborted) break;
    const attempt = run(way);
    attempts.push(attempt);
    await Promise.race([attempt, race.clock.sleep(race.delayMs, over.signal)]);
  }
  // Nothing happens to a promise that is settled: after a success this rejects nobody.
  void Promise.all(attempts).then(() => won.reject(failures[0] ?? race.signal.reason));
  return await won.promise.finally(() => {
    race.signal.removeEventListener("abort", end);
    end();
  });
}
