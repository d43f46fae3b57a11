/**
 * Numbers that wrap around on the wire, as numbers that do not: of all that look the same there,
 * the one that is nearest to what is expected. So only the codec knows of wrapping.
 */

/** The number whose low 16 bits are `wire`, at most 32,768 below or less above `expected`. */
export function nearestSequence(wire: number, expected: number): number {
  return expected + (((wire - expected) << 16) >> 16);
}

/** The number whose low 32 bits are `wire`, at most 2^31 below or less above `expected`. */
export function nearestMicroseconds(wire: number, expected: number): number {
  return expected + ((wire - expected) | 0);
}

/** A moment of a clock as packets carry it: microseconds, of which 32 bits are told. */
export function wireMicroseconds(nowMs: number): number {
  return Math.floor(nowMs * 1_000) >>> 0;
}
