/** A torrent that is complete and is shared until its goal is reached, or until it is stopped. */
import type { Clock } from "../../base/ambient.ts";
import { reachedGoal, type SeedingGoal, shareRatio } from "../../torrent/seeding_goal.ts";
import type { RunningTorrent } from "../environment/running_torrent.ts";
import type { Interruption } from "../environment/interruption.ts";
import type { GetOptions } from "../options/get_options.ts";
import { type Failure, interruptedWith } from "../output/failure.ts";
import type { Shared } from "../output/notice.ts";

/** The goal that was asked for; undefined when nothing was. */
export function seedingGoal(
  { seed, seedRatio, seedMs }: Pick<GetOptions, "seed" | "seedRatio" | "seedMs">,
): SeedingGoal | undefined {
  const isAsked = seed || seedRatio !== undefined || seedMs !== undefined;
  return isAsked ? { ratio: seedRatio, durationMs: seedMs } : undefined;
}

/** Being stopped by a signal is told by the exit code alone: there is nothing to go on with. */
export function failureOfSharing(
  { reason, uploaded, ratio }: Shared,
  { exitCode }: Interruption,
): Failure | undefined {
  if (reason !== "stopped") return undefined;
  return interruptedWith(exitCode, "stopped while seeding", { uploaded, ratio });
}

/** What was counted as sent may still be on its way: whoever asked for it is to get it. */
const LINGER_MS = 2_000;

export class Sharing {
  readonly #torrent: RunningTorrent;
  readonly #goal: SeedingGoal;
  readonly #clock: Clock;
  readonly #startedAt: number;
  #reachedAt: number | undefined;
  readonly #reached = Promise.withResolvers<"ratio" | "time">();

  constructor(torrent: RunningTorrent, goal: SeedingGoal, clock: Clock) {
    this.#torrent = torrent;
    this.#goal = goal;
    this.#clock = clock;
    this.#startedAt = clock.now();
  }

  /** To be called several times a second. */
  supervise(now: number): void {
    const { uploaded, size } = this.#torrent.snapshot();
    const sharedMs = now - this.#startedAt;
    const reached = reachedGoal(this.#goal, { uploaded, size, sharedMs });
    if (reached === undefined) return;
    this.#reachedAt ??= now;
    const hasLingered = now - this.#reachedAt >= LINGER_MS;
    if (reached === "time" || hasLingered) this.#reached.resolve(reached);
  }

  /** Resolves once the swarm was left. Throws what the torrent throws. */
  async run(): Promise<Shared> {
    const stopped = this.#torrent.seed().then(() => "stopped" as const);
    const reason = await Promise.race([this.#reached.promise, stopped]);
    await this.#torrent.stop();
    const { uploaded, size } = this.#torrent.snapshot();
    const durationMs = this.#clock.now() - this.#startedAt;
    return { reason, durationMs, uploaded, ratio: shareRatio(uploaded, size) };
  }
}
