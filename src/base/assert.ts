/** A mistake of ours: a rule that this program promises itself does not hold. */
export class BugError extends Error {
  override readonly name = "BugError";
}

/**
 * Throws BugError unless `condition` holds. Not `node:assert`: that costs 60 ns and an array a
 * call, and rules are checked several times a block.
 */
export function assert(condition: boolean, rule = "a rule of ours"): asserts condition {
  if (!condition) fail(rule);
}

/** Throws BugError: what was promised never to happen has happened. */
export function fail(rule: string): never {
  throw new BugError(`does not hold: ${rule}`);
}
