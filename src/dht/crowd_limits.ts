/**
 * Which addresses count as one: whoever has one of them on the internet, has all that it costs
 * to get the others (hostile-inputs H3, H7, H8).
 */
import { addressBytes, addressScope } from "../base/endpoint.ts";

/** Leading bytes of an address that are one network's: /24 and /64. */
const NETWORK_BYTES_IPV4 = 3;
const NETWORK_BYTES_IPV6 = 8;

/**
 * The network of an address on the internet, as a key; undefined where nodes may share one: on
 * this machine and in private networks.
 */
export function crowdKey(host: string): string | undefined {
  if (addressScope(host) !== "global") return undefined;
  const bytes = addressBytes(host)!;
  return bytes.subarray(0, bytes.length === 4 ? NETWORK_BYTES_IPV4 : NETWORK_BYTES_IPV6).toHex();
}
