import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { Bytes } from "../../src/base/bytes.ts";
import { DenoDatagramSocket, type UdpSocket } from "../../src/net/deno_datagram.ts";
import { ManualClock } from "../sim/manual_clock.ts";

class FakeUdpSocket implements UdpSocket {
  readonly addr: Deno.NetAddr;
  readonly sent: string[] = [];
  receiveCount = 0;
  closeCount = 0;
  onSend: () => void = () => {};
  onReceive: () => Promise<[Bytes, Deno.Addr]> = () => Promise.reject(new Error("none"));

  constructor(hostname: string) {
    this.addr = { transport: "udp", hostname, port: 9 };
  }

  send(_bytes: Uint8Array, to: Deno.Addr): Promise<number> {
    const { hostname, port } = to as Deno.NetAddr;
    this.onSend();
    this.sent.push(`${hostname} ${port}`);
    return Promise.resolve(1);
  }

  receive(_buffer?: Uint8Array): Promise<[Bytes, Deno.Addr]> {
    this.receiveCount++;
    return this.onReceive();
  }

  close(): void {
    if (this.closeCount++ > 0) throw new Deno.errors.BadResource();
  }
}

Deno.test("DenoDatagramSocket.send() never rejects, and names addresses as its family does", async () => {
  const fake = new FakeUdpSocket("::");
  const socket = new DenoDatagramSocket(fake, new ManualClock());
  await socket.send(Uint8Array.of(1), { host: "192.0.2.1", port: 1 });
  await socket.send(Uint8Array.of(1), { host: "2001:db8::1", port: 2 });
  await socket.send(Uint8Array.of(1), { host: "example.org", port: 3 });
  fake.onSend = () => {
    throw Object.assign(new Error("Message too long"), { code: "EMSGSIZE" });
  };
  await socket.send(Uint8Array.of(1), { host: "192.0.2.1", port: 4 });
  deepStrictEqual(fake.sent, ["::ffff:192.0.2.1 1", "2001:db8::1 2"]);
});

Deno.test("DenoDatagramSocket.receive() tries again a second after a failure", async () => {
  const clock = new ManualClock();
  const fake = new FakeUdpSocket("0.0.0.0");
  const socket = new DenoDatagramSocket(fake, clock);
  const received: unknown[] = [];
  void socket.receive(new Uint8Array(10)).then((datagram) => received.push(datagram));
  await clock.run(() => fake.receiveCount === 3, 10_000);
  strictEqual(clock.now(), 2_000);
  fake.onReceive = () =>
    Promise.resolve([
      new Uint8Array(4),
      { transport: "udp", hostname: "::ffff:192.0.2.1", port: 5 },
    ]);
  await clock.run(() => received.length > 0, 10_000);
  deepStrictEqual(received, [{ length: 4, from: { host: "192.0.2.1", port: 5 } }]);
});

Deno.test("DenoDatagramSocket.close() ends receive(), and may be called again", async () => {
  const clock = new ManualClock();
  const fake = new FakeUdpSocket("0.0.0.0");
  const socket = new DenoDatagramSocket(fake, clock);
  const receiving = socket.receive(new Uint8Array(10));
  socket.close();
  socket.close();
  strictEqual(await receiving, null);
  strictEqual(await socket.receive(new Uint8Array(10)), null);
  await socket.send(Uint8Array.of(1), { host: "192.0.2.1", port: 1 });
  deepStrictEqual([fake.sent, fake.closeCount], [[], 1]);
});

Deno.test("DenoDatagramSocket knows many addresses by turns", async () => {
  const fake = new FakeUdpSocket("0.0.0.0");
  const socket = new DenoDatagramSocket(fake, new ManualClock());
  const endpoints = [1, 2].flatMap((port) =>
    ["192.0.2.1", "192.0.2.2"].map((host) => ({ host, port }))
  );
  const turns = [0, 0, 1, 2, 3, 3, 0].map((index) => endpoints[index]!);
  for (const to of turns) {
    await socket.send(Uint8Array.of(1), to);
    fake.onReceive = () =>
      Promise.resolve([new Uint8Array(1), { transport: "udp", hostname: to.host, port: to.port }]);
    deepStrictEqual((await socket.receive(new Uint8Array(1)))?.from, to);
  }
  deepStrictEqual(fake.sent, turns.map(({ host, port }) => `${host} ${port}`));
});
