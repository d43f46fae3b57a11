/** Addresses as sockets name them, and as we do. */
import { addressBytes, type Endpoint, formatAddress } from "../base/endpoint.ts";

/** Turns IPv4 addresses into IPv6 ones (RFC 4291, 2.5.5.2). */
const V4_MAPPED_PREFIX = "::ffff:";

/** The endpoint of a socket's other side: canonical, IPv4 where a dual-stack socket maps it. */
export function remoteEndpoint(address: string, port: number): Endpoint {
  const [unscoped] = address.split("%");
  const bytes = addressBytes(unscoped!);
  return { host: (bytes && formatAddress(bytes)) ?? address, port };
}

/**
 * How a socket bound to `localAddress` names an IP address of either family; undefined when it
 * cannot reach that, or when `host` is no IP address.
 */
export function hostAsSeenFrom(localAddress: string, host: string): string | undefined {
  if (addressBytes(host) === undefined) return undefined;
  const isRemoteIpv6 = host.includes(":");
  if (localAddress.includes(":")) return isRemoteIpv6 ? host : V4_MAPPED_PREFIX + host;
  return isRemoteIpv6 ? undefined : host;
}
