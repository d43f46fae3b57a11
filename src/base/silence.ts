/** Whoever answers sooner than this is not silent in between. */
export const MIN_SILENCE_MS = 50;
const SILENCE_FACTOR = 2;

/** After how long a silence of a peer, in milliseconds, hardly anything is to be expected of it. */
export function longSilenceMs(usualAnswerMs: number): number {
  return Math.max(MIN_SILENCE_MS, SILENCE_FACTOR * usualAnswerMs);
}
