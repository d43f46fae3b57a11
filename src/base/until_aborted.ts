/**
 * What `work` comes to, unless `signal` is first: then its reason is thrown. The work itself goes
 * on: others may wait for it too, or nothing can end it.
 */
export async function untilAborted<Result>(
  work: Promise<Result>,
  signal: AbortSignal,
): Promise<Result> {
  work.catch(() => {}); // Also when nobody waits for it any more.
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const abandon = () => reject(signal.reason);
  signal.addEventListener("abort", abandon);
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", abandon);
  }
}
