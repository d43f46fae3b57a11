/**
 * Maps and sets that never hold more than so much: what was put in first goes first. A key that is
 * put in again keeps its place, unless it is deleted before.
 */
import { assert } from "./assert.ts";

export class LimitedMap<Key, Value> extends Map<Key, Value> {
  readonly #most: number;

  /** `most` is 1 or more. */
  constructor(most: number) {
    assert(most >= 1);
    super();
    this.#most = most;
  }

  /** The next new key pushes out the oldest. */
  get isFull(): boolean {
    return this.size >= this.#most;
  }

  /** Puts in; when there is no room for a new key, the oldest is forgotten before. */
  override set(key: Key, value: Value): this {
    if (this.isFull && !this.has(key)) deleteOldest(this);
    return super.set(key, value);
  }
}

export class LimitedSet<Key> extends Set<Key> {
  readonly #most: number;

  /** `most` is 1 or more. */
  constructor(most: number) {
    assert(most >= 1);
    super();
    this.#most = most;
  }

  /** Puts in; when there is no room for a new key, the oldest is forgotten before. */
  override add(key: Key): this {
    if (this.size >= this.#most && !this.has(key)) deleteOldest(this);
    return super.add(key);
  }
}

function deleteOldest<Key>(remembered: Map<Key, unknown> | Set<Key>): void {
  for (const oldest of remembered.keys()) {
    remembered.delete(oldest);
    return;
  }
}
