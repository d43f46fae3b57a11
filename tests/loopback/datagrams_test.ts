/** Both kinds of UDP socket, on this machine. */
import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { SystemClock } from "../../src/base/ambient.ts";
import { DenoDatagramSocket } from "../../src/net/deno_datagram.ts";
import { DenoNetwork } from "../../src/net/deno_network.ts";
import { NodeDatagramSocket } from "../../src/net/node_datagram.ts";
import { ConnectError, type DatagramSocket } from "../../src/net/transport.ts";

const clock = new SystemClock();
const network = new DenoNetwork({ clock });

const KINDS: Readonly<Record<string, (address: string) => DatagramSocket>> = {
  DenoDatagramSocket: (address) =>
    new DenoDatagramSocket(
      Deno.listenDatagram({ transport: "udp", hostname: address, port: 0 }),
      clock,
    ),
  NodeDatagramSocket: (address) => new NodeDatagramSocket({ address, port: 0 }),
};

for (const [kind, open] of Object.entries(KINDS)) {
  Deno.test(`${kind} sends and receives in both families`, async () => {
    for (const host of ["127.0.0.1", "::1"]) {
      const [here, there] = [open(host), open(host)];
      await here.send(Uint8Array.of(1, 2, 3), { host, port: there.port });
      const buffer = new Uint8Array(10);
      const from = { host, port: here.port };
      deepStrictEqual(await there.receive(buffer), { length: 3, from });
      deepStrictEqual([...buffer.subarray(0, 4)], [1, 2, 3, 0]);
      here.close();
      there.close();
    }
  });

  Deno.test(`${kind} on :: reaches both families, and names IPv4 peers as such`, async () => {
    const both = open("::");
    for (const host of ["127.0.0.1", "::1"]) {
      const one = open(host);
      await both.send(Uint8Array.of(9), { host, port: one.port });
      strictEqual((await one.receive(new Uint8Array(1)))?.from.port, both.port);
      await one.send(Uint8Array.of(8), { host, port: both.port });
      const from = { host, port: one.port };
      deepStrictEqual(await both.receive(new Uint8Array(1)), { length: 1, from });
      one.close();
    }
    both.close();
  });

  Deno.test(`${kind}.receive() cuts a datagram to the buffer`, async () => {
    const [here, there] = [open("127.0.0.1"), open("127.0.0.1")];
    await here.send(new Uint8Array(1_000).fill(5), { host: "127.0.0.1", port: there.port });
    await here.send(Uint8Array.of(6), { host: "127.0.0.1", port: there.port });
    const buffer = new Uint8Array(10);
    strictEqual((await there.receive(buffer))?.length, 10);
    strictEqual((await there.receive(buffer))?.length, 1);
    deepStrictEqual([...buffer.subarray(0, 2)], [6, 5]);
    here.close();
    there.close();
  });

  Deno.test(`${kind}.send() does not reject for what cannot be sent`, async () => {
    const socket = open("127.0.0.1");
    await socket.send(new Uint8Array(70_000), { host: "127.0.0.1", port: 9 });
    await socket.send(new Uint8Array(1), { host: "::1", port: 9 });
    await socket.send(new Uint8Array(1), { host: "localhost", port: 9 });
    await socket.send(new Uint8Array(1), { host: "255.255.255.255", port: 9 });
    socket.close();
    await socket.send(new Uint8Array(1), { host: "127.0.0.1", port: 9 });
  });

  Deno.test(`${kind}.close() ends receive(), and may be called again`, async () => {
    const socket = open("127.0.0.1");
    const receiving = socket.receive(new Uint8Array(10));
    socket.close();
    socket.close();
    strictEqual(await receiving, null);
    strictEqual(await socket.receive(new Uint8Array(10)), null);
  });
}

Deno.test("openDatagram() gives a port of either family, and refuses one that is in use", () => {
  for (const address of [undefined, "127.0.0.1", "::", "::1"]) {
    const first = network.openDatagram(address === undefined ? {} : { address });
    const again = { address: address ?? "0.0.0.0", port: first.port };
    throws(
      () => network.openDatagram(again),
      (error: unknown) => error instanceof ConnectError && error.failure === "limit",
    );
    throws(() => new NodeDatagramSocket(again), { code: "EADDRINUSE" });
    first.close();
  }
});

Deno.test("openDatagram() says so when an address is not this machine's", () => {
  throws(() => network.openDatagram({ address: "192.0.2.1" }), {
    failure: "unreachable",
    message: "Cannot open UDP port 0 of 192.0.2.1: the address is not available here",
  });
});
