/** When a torrent has been shared enough. Pure. */

/** Whatever comes first ends it; without either, only being stopped does. */
export interface SeedingGoal {
  /** Bytes sent for each byte of what is shared: 2 is two copies. */
  readonly ratio?: number | undefined;
  readonly durationMs?: number | undefined;
}

export interface SeedingFacts {
  /** Bytes of files sent in this run, those while downloading included. */
  readonly uploaded: number;
  /** Bytes of what is shared. */
  readonly size: number;
  /** Since all of it is here. */
  readonly sharedMs: number;
}

/** Which part of the goal is reached. */
export function reachedGoal(
  { ratio = Infinity, durationMs = Infinity }: SeedingGoal,
  { uploaded, size, sharedMs }: SeedingFacts,
): "ratio" | "time" | undefined {
  if (ratio < Infinity && uploaded >= ratio * size) return "ratio";
  return sharedMs >= durationMs ? "time" : undefined;
}

/** Copies sent; 0 of nothing. */
export function shareRatio(uploaded: number, size: number): number {
  return size > 0 ? uploaded / size : 0;
}
