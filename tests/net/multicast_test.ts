/** Multicast on the loopback interface alone; tests/interop/lsd_test.ts crosses a network. */
import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { SystemClock } from "../../src/base/ambient.ts";
import { MulticastSocket } from "../../src/net/multicast.ts";
import type { DatagramSocket } from "../../src/net/transport.ts";

const clock = new SystemClock();
const GROUP = "239.192.152.143";
const LOOPBACK = ["127.0.0.1"];

/** Where the unstable feature is missing there is no `Deno.listenDatagram`. */
const KINDS: Readonly<Record<string, (port: number) => DatagramSocket>> = {
  "on Deno's sockets": openOnLoopback,
  "on node:dgram": (port) => {
    const { listenDatagram } = Deno;
    try {
      Object.assign(Deno, { listenDatagram: undefined });
      return openOnLoopback(port);
    } finally {
      Object.assign(Deno, { listenDatagram });
    }
  },
};

for (const [kind, open] of Object.entries(KINDS)) {
  Deno.test(`MulticastSocket ${kind} hears what others of its port send, and itself`, async () => {
    const first = open(0);
    const second = open(first.port);
    await second.send(new Uint8Array(0), { host: GROUP, port: 9 }); // Once it has joined.
    await first.send(Uint8Array.of(1, 2, 3), { host: GROUP, port: first.port });
    for (const socket of [first, second]) {
      const buffer = new Uint8Array(2);
      const received = await socket.receive(buffer);
      deepStrictEqual([received?.length, received?.from.host], [2, "127.0.0.1"]);
      deepStrictEqual([...buffer], [1, 2]);
      socket.close();
      socket.close();
      strictEqual(await socket.receive(buffer), null);
      await socket.send(buffer, { host: GROUP, port: 9 });
    }
  });
}

Deno.test("MulticastSocket says so when a port belongs to another program alone", () => {
  const alone = Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port: 0 });
  const { port } = alone.addr as Deno.NetAddr;
  throws(() => openOnLoopback(port), { name: "AddrInUse" });
  alone.close();
});

Deno.test("MulticastSocket.send() does not reject when there is no such interface", async () => {
  for (const [group, address] of [[GROUP, "192.0.2.1"], ["ff15::efc0:988f", "::%9999"]] as const) {
    const socket = new MulticastSocket({ group, port: 0, clock, interfaces: [address] });
    await socket.send(Uint8Array.of(1), { host: group, port: socket.port });
    socket.close();
  }
});

function openOnLoopback(port: number): MulticastSocket {
  return new MulticastSocket({ group: GROUP, port, clock, interfaces: LOOPBACK });
}
