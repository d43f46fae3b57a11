/** One port for both address families, as far as the machine has them. */
import type { TcpListenSocket } from "./tcp.ts";

/** All addresses of a family. */
export const ANY_IPV4 = "0.0.0.0";
export const ANY_IPV6 = "::";

/** Listens on a port of an address, 0 for any port. Throws unless the port is merely taken. */
export type ListenOn = (address: string, port: number) => TcpListenSocket | "taken";

/**
 * One or two sockets on a port, or none when it is taken. A family that the machine does not
 * have is no failure (S7); throws as `listenOn` does when it has neither.
 */
export function listenOnBothFamilies(port: number, listenOn: ListenOn): TcpListenSocket[] {
  const ipv6 = tryIpv6(port, listenOn);
  if (ipv6 === "taken") return [];
  const found = ipv6 === undefined ? [] : [ipv6];
  try {
    // Where `::` is dual-stack it has taken the IPv4 port too; that is as good as a socket.
    const ipv4 = listenOn(ANY_IPV4, ipv6?.addr.port ?? port);
    return ipv4 === "taken" ? found : [...found, ipv4];
  } catch (error) {
    if (ipv6 === undefined) throw error;
    return found;
  }
}

function tryIpv6(port: number, listenOn: ListenOn): TcpListenSocket | "taken" | undefined {
  try {
    return listenOn(ANY_IPV6, port);
  } catch {
    return undefined; // Told by IPv4, if that fails too.
  }
}
