import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { openDatagramSockets } from "../../src/net/datagram_sockets.ts";
import { ConnectError, type DatagramSocket, type Network } from "../../src/net/transport.ts";

/** A machine that refuses some sockets, named `address port`. */
function machine(refused: (socket: string) => boolean, failure: Error): Network {
  const openDatagram = ({ address = "", port = 0 }: { address?: string; port?: number }) => {
    if (refused(`${address} ${port}`)) throw failure;
    return { port: port === 0 ? 40_000 : port } as DatagramSocket;
  };
  return { openDatagram } as Network;
}

const TAKEN = new ConnectError("limit", "Cannot open: taken");

Deno.test("openDatagramSockets() opens one socket or two, on the port or another (S7)", () => {
  const rows: [name: string, refused: (socket: string) => boolean, ports: object, count: number][] =
    [
      ["two families apart", () => false, { ipv4: 6881, ipv6: 6881 }, 2],
      ["a dual-stack ::", (to) => to === "0.0.0.0 6881", { ipv4: 6881, ipv6: 6881 }, 1],
      ["no IPv6", (to) => to.startsWith("::"), { ipv4: 6881 }, 1],
      ["the port taken", (to) => to.endsWith(" 6881"), { ipv4: 40_000, ipv6: 40_000 }, 2],
      ["no UDP", () => true, {}, 0],
    ];
  for (const [name, refused, ports, count] of rows) {
    const sockets = openDatagramSockets(machine(refused, TAKEN), { port: 6881 });
    const found = Object.fromEntries([...sockets].map(([family, { port }]) => [family, port]));
    deepStrictEqual(found, ports, name);
    strictEqual(new Set(sockets.values()).size, count, name);
  }
});

Deno.test("openDatagramSockets() with an address reaches its family alone", () => {
  for (const [address, family] of [["127.0.0.1", "ipv4"], ["::1", "ipv6"]] as const) {
    const sockets = openDatagramSockets(machine(() => false, TAKEN), { port: 6881, address });
    deepStrictEqual([...sockets.keys()], [family]);
  }
});

Deno.test("openDatagramSockets() does not hide what is no failure of the network", () => {
  const denied = new Error("Requires net access");
  throws(() => openDatagramSockets(machine(() => true, denied), { port: 6881 }), denied);
});
