/** One UDP port of both address families, as far as the machine has them. */
import { familyOf, type IpFamily } from "../base/endpoint.ts";
import { ANY_IPV4, ANY_IPV6 } from "./dual_stack.ts";
import { ConnectError, type DatagramSocket, type Network } from "./transport.ts";

/** Sockets by the family that they reach: one for each, or one for both. */
export type DatagramSockets = ReadonlyMap<IpFamily, DatagramSocket>;

/**
 * Sockets on `port` if it is free and on any port otherwise; none where the machine has none (S7).
 * With an address, only that of its family.
 */
export function openDatagramSockets(
  network: Network,
  { port, address }: { port: number; address?: string | undefined },
): DatagramSockets {
  const sockets = new Map<IpFamily, DatagramSocket>();
  if (address !== undefined) {
    const socket = tryOpen(network, address, port);
    if (socket !== undefined) sockets.set(familyOf(address), socket);
    return sockets;
  }
  const ipv6 = tryOpen(network, ANY_IPV6, port);
  if (ipv6 === undefined) {
    const ipv4 = tryOpen(network, ANY_IPV4, port);
    return ipv4 === undefined ? sockets : sockets.set("ipv4", ipv4);
  }
  // Where `::` is dual-stack, it has taken the IPv4 port too, and reaches both families.
  const ipv4 = tryOpenDatagram(network, ANY_IPV4, ipv6.port) ?? ipv6;
  return sockets.set("ipv4", ipv4).set("ipv6", ipv6);
}

function tryOpen(network: Network, address: string, port: number): DatagramSocket | undefined {
  return tryOpenDatagram(network, address, port) ?? tryOpenDatagram(network, address, 0);
}

/** Undefined where the network throws ConnectError; port 0 is any. */
export function tryOpenDatagram(
  network: Network,
  address: string,
  port: number,
): DatagramSocket | undefined {
  try {
    return network.openDatagram({ address, port });
  } catch (error) {
    if (error instanceof ConnectError) return undefined;
    throw error;
  }
}
