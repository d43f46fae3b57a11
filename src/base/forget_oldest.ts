/** A map or a set: its keys come in the order in which they were put in. */
interface Remembered<Key> {
  readonly size: number;
  keys(): Iterable<Key>;
  delete(key: Key): boolean;
}

/**
 * Leaves no more than `most` in a map or a set: what was put in first goes first. A key that is put
 * in again keeps its place, unless it is deleted before.
 */
export function forgetOldest<Key>(remembered: Remembered<Key>, most: number): void {
  for (const oldest of remembered.keys()) {
    if (remembered.size <= most) return;
    remembered.delete(oldest);
  }
}
