/** The addresses of a tracker's name, within bounds of time. */
import type { Clock } from "../base/ambient.ts";
import { addressBytes } from "../base/endpoint.ts";
import { TrackerError } from "../base/errors.ts";
import { withDeadline } from "../net/deadline.ts";
import type { Network } from "../net/transport.ts";
import type { TrackerUrl } from "./tracker_url.ts";

const RESOLVE_TIMEOUT_MS = 15_000;

/** All addresses of the host, both families; none when the name has none. Throws TrackerError. */
export async function resolveTracker(
  { host }: TrackerUrl,
  { network, clock, signal }: { network: Network; clock: Clock; signal: AbortSignal },
): Promise<string[]> {
  if (addressBytes(host) !== undefined) return [host];
  return await withDeadline(
    { clock, timeoutMs: RESOLVE_TIMEOUT_MS, signal },
    () => network.resolve(host),
    () => new TrackerError("timeout", "its name is not found in time"),
  );
}
