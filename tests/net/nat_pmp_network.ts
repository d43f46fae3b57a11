/** A network in memory whose gateway speaks NAT-PMP. */
import type { Clock } from "../../src/base/ambient.ts";
import type { MappedProtocol } from "../../src/net/nat_pmp.ts";
import { FakeNetwork, FakeSocket } from "../tracker/fake_network.ts";

/** The gateway opens the ports that it is asked for, or these. */
export function natPmpNetwork(
  clock: Clock,
  ports?: Readonly<Record<MappedProtocol, number>>,
): FakeNetwork {
  const network = new FakeNetwork(clock);
  network.openMulticast = () => {
    const socket = new FakeSocket({ host: "192.168.1.7", port: 1_900 }, network);
    socket.send = (bytes) => Promise.resolve(socket.deliver(bytes.slice(), socket.local));
    return Promise.resolve(socket);
  };
  network.udpHosts.set("192.168.1.1:5351", ([version, code, , , ...rest]) => {
    const port = ports?.[code === 1 ? "udp" : "tcp"];
    const external = port === undefined ? rest.slice(0, 2) : [port >>> 8, port & 255];
    const granted = [...rest.slice(0, 2), ...external, ...rest.slice(4)];
    const isPmp = version === 0;
    return isPmp ? Uint8Array.of(0, code! | 0x80, 0, 0, 0, 0, 0, 1, ...granted) : undefined;
  });
  return network;
}
