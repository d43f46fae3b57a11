/**
 * Which addresses count as one: whoever has one of them on the internet, has all that it costs
 * to get the others (hostile-inputs H3, H7, H8).
 */
import { addressBytes, addressScope, familyOf } from "../base/endpoint.ts";

/** Leading bytes of an IPv6 address that are one network's: a /64, as anybody gets. */
const NETWORK_BYTES_IPV6 = 8;

/**
 * The network of an address on the internet, as a key; undefined where nodes may share one: on
 * this machine and in private networks.
 */
export function crowdKey(host: string): string | undefined {
  if (addressScope(host) !== "global") return undefined;
  // The text of an IPv4 address is canonical, so this is its /24, at the cost of no parsing.
  if (familyOf(host) === "ipv4") return host.slice(0, host.lastIndexOf("."));
  return addressBytes(host)!.subarray(0, NETWORK_BYTES_IPV6).toHex();
}
