import { assert } from "./assert.ts";

/**
 * A bounded queue between two stages: `push` waits while it is full, iteration waits while it
 * is empty, `close` ends the iteration after what is queued. One consumer.
 */
export class Channel<Item> implements AsyncIterable<Item> {
  readonly #capacity: number;
  #items: Item[] = [];
  #closed = false;
  #failure: { readonly error: unknown } | undefined;
  #receiver: (() => void) | undefined;
  #senders: (() => void)[] = [];

  constructor(capacity: number) {
    assert(capacity > 0);
    this.#capacity = capacity;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  get size(): number {
    return this.#items.length;
  }

  /** Queues the item if there is room; false when the channel is full or closed. */
  tryPush(item: Item): boolean {
    if (this.#closed || this.#items.length >= this.#capacity) return false;
    this.#items.push(item);
    this.#wakeReceiver();
    return true;
  }

  /** Queues the item once there is room; false when the channel was closed before that. */
  async push(item: Item): Promise<boolean> {
    while (!this.#closed && this.#items.length >= this.#capacity) {
      await new Promise<void>((resolve) => this.#senders.push(resolve));
    }
    return this.tryPush(item);
  }

  /** No more items; the consumer still gets what is queued. May be called again. */
  close(): void {
    this.#closed = true;
    this.#wakeReceiver();
    this.#wakeSenders();
  }

  /** Like `close`, but the iteration then throws `error`. The first end counts. */
  fail(error: unknown): void {
    if (!this.#closed) this.#failure = { error };
    this.close();
  }

  /** By hand: a generator makes several promises for each item, and pieces may be many. */
  [Symbol.asyncIterator](): AsyncIterator<Item> {
    return {
      next: () => this.#next(),
      return: () => Promise.resolve({ value: undefined, done: true }),
    };
  }

  #next(): Promise<IteratorResult<Item>> {
    if (this.#items.length > 0) {
      const value = this.#items.shift()!;
      this.#wakeSenders();
      return Promise.resolve({ value, done: false });
    }
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error);
    if (this.#closed) return Promise.resolve({ value: undefined, done: true });
    return new Promise<void>((resolve) => this.#receiver = resolve).then(() => this.#next());
  }

  #wakeReceiver(): void {
    this.#receiver?.();
    this.#receiver = undefined;
  }

  #wakeSenders(): void {
    const senders = this.#senders;
    this.#senders = [];
    for (const wake of senders) wake();
  }
}
