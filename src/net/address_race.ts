/** Connecting to one of several addresses of a host: "happy eyeballs" (RFC 8305). */
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/ambient.ts";

/** How long an address is tried alone before the next one joins in (RFC 8305, section 5). */
const ATTEMPT_DELAY_MS = 250;
/** A name with more addresses than this has the rest ignored. */
const MAX_ADDRESSES = 8;

export interface AddressRace<Won> {
  /** At least one, IPv4 and IPv6 in any order. */
  readonly addresses: readonly string[];
  /** Rejects when it fails, and when `signal` aborts. */
  readonly attempt: (address: string, signal: AbortSignal) => Promise<Won>;
  /** Disposes of what came too late. */
  readonly discard: (late: Won) => void;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Tries addresses of both families in turn, the next one when an attempt fails or takes long.
 * Gives the first success; rejects as the first failure did when there is none.
 */
export async function raceAddresses<Won>(race: AddressRace<Won>): Promise<Won> {
  assert(race.addresses.length > 0);
  const over = new AbortController();
  const end = () => over.abort();
  race.signal.addEventListener("abort", end);
  if (race.signal.aborted) end();
  const won = Promise.withResolvers<Won>();
  const failures: unknown[] = [];
  const run = async (address: string) => {
    try {
      const result = await race.attempt(address, over.signal);
      if (over.signal.aborted) return race.discard(result);
      end();
      won.resolve(result);
    } catch (error) {
      failures.push(error);
    }
  };
  const attempts: Promise<void>[] = [];
  for (const address of inTurns(race.addresses).slice(0, MAX_ADDRESSES)) {
    if (over.signal.aborted) break;
    const attempt = run(address);
    attempts.push(attempt);
    await Promise.race([attempt, race.clock.sleep(ATTEMPT_DELAY_MS, over.signal)]);
  }
  // Nothing happens to a promise that is settled: after a success this rejects nobody.
  void Promise.all(attempts).then(() => won.reject(failures[0] ?? race.signal.reason));
  return await won.promise.finally(() => {
    race.signal.removeEventListener("abort", end);
    end();
  });
}

/** IPv6 first, as RFC 8305 prefers, then the families by turns. */
function inTurns(addresses: readonly string[]): string[] {
  const ipv6 = addresses.filter((address) => address.includes(":"));
  const ipv4 = addresses.filter((address) => !address.includes(":"));
  const turns = Math.max(ipv6.length, ipv4.length);
  return Array.from({ length: turns }, (_, turn) => [ipv6[turn], ipv4[turn]]).flat()
    .filter((address) => address !== undefined);
}
