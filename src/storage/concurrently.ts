/**
 * Works on items, at most `limit` at a time, taking each from `items` only when its turn has come.
 * After a failure or an abort no more are taken; rejects, once all have settled, with the first
 * failure.
 */
export async function concurrently<Item>(
  limit: number,
  items: Iterable<Item>,
  work: (item: Item) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  let isStopped = false;
  const lane = async () => {
    while (!isStopped) {
      const next = iterator.next();
      if (next.done === true) return;
      try {
        signal?.throwIfAborted();
        await work(next.value);
      } catch (error) {
        isStopped = true;
        throw error;
      }
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: limit }, lane));
  for (const result of lanes) if (result.status === "rejected") throw result.reason;
}

/** Runs of items that follow each other: each ends when it has `length` of them, or `bytes`. */
export function* batches<Item>(
  items: Iterable<Item>,
  { length, bytes = Infinity, bytesOf = () => 0 }: {
    readonly length: number;
    readonly bytes?: number;
    readonly bytesOf?: (item: Item) => number;
  },
): Iterable<readonly Item[]> {
  let batch: Item[] = [];
  let batchBytes = 0;
  for (const item of items) {
    batch.push(item);
    batchBytes += bytesOf(item);
    if (batch.length < length && batchBytes < bytes) continue;
    yield batch;
    batch = [];
    batchBytes = 0;
  }
  if (batch.length > 0) yield batch;
}
