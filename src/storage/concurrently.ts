/**
 * Runs tasks, at most `limit` at a time, taking each from `tasks` only when it can start. After a
 * failure or an abort no more are started; rejects, once all have settled, with the first failure.
 */
export async function concurrently(
  limit: number,
  tasks: Iterable<() => Promise<void>>,
  signal?: AbortSignal,
): Promise<void> {
  const iterator = tasks[Symbol.iterator]();
  let isStopped = false;
  const lane = async () => {
    while (!isStopped) {
      const next = iterator.next();
      if (next.done === true) return;
      try {
        signal?.throwIfAborted();
        await next.value();
      } catch (error) {
        isStopped = true;
        throw error;
      }
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: limit }, lane));
  for (const result of lanes) if (result.status === "rejected") throw result.reason;
}

/** Cuts a list into runs of at most `length` items. */
export function* batches<Item>(items: readonly Item[], length: number): Iterable<readonly Item[]> {
  for (let start = 0; start < items.length; start += length) {
    yield items.slice(start, start + length);
  }
}
