/** Connecting to one of several addresses of a host: "happy eyeballs" (RFC 8305). */
import { type AttemptRace, raceAttempts } from "./attempt_race.ts";

/** How long an address is tried alone before the next one joins in (RFC 8305, section 5). */
const ATTEMPT_DELAY_MS = 250;
/** A name with more addresses than this has the rest ignored. */
const MAX_ADDRESSES = 8;

export interface AddressRace<Won> extends Omit<AttemptRace<string, Won>, "ways" | "delayMs"> {
  /** At least one, IPv4 and IPv6 in any order. */
  readonly addresses: readonly string[];
}

/** Tries addresses of both families by turns; see `raceAttempts`. */
export function raceAddresses<Won>({ addresses, ...race }: AddressRace<Won>): Promise<Won> {
  const ways = inTurns(addresses).slice(0, MAX_ADDRESSES);
  return raceAttempts({ ...race, ways, delayMs: ATTEMPT_DELAY_MS });
}

/** IPv6 first, as RFC 8305 prefers, then the families by turns. */
function inTurns(addresses: readonly string[]): string[] {
  const ipv6 = addresses.filter((address) => address.includes(":"));
  const ipv4 = addresses.filter((address) => !address.includes(":"));
  const turns = Math.max(ipv6.length, ipv4.length);
  return Array.from({ length: turns }, (_, turn) => [ipv6[turn], ipv4[turn]]).flat()
    .filter((address) => address !== undefined);
}
