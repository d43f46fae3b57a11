import { deepStrictEqual, equal, throws } from "node:assert/strict";
import { UdpSockets } from "../../src/tracker/udp_sockets.ts";
import { ManualClock } from "../sim/manual_clock.ts";
import { FakeNetwork } from "./fake_network.ts";

const TRACKER = { host: "8.8.8.8", port: 80 };
const NEIGHBOUR = { host: "8.8.8.8", port: 81 };
const IPV6_TRACKER = { host: "2001:db8::9", port: 80 };

Deno.test("UdpSockets opens one socket a family, and only when it is needed", async () => {
  const clock = new ManualClock();
  const network = new FakeNetwork(clock);
  const sockets = new UdpSockets(network);
  equal(network.sockets.length, 0);
  for (let port = 1; port <= 50; port++) {
    sockets.send(Uint8Array.of(1), { host: "8.8.8.8", port });
    sockets.send(Uint8Array.of(1), { host: "2001:db8::9", port });
  }
  deepStrictEqual(network.sockets.map(({ local }) => local.host), ["192.0.2.1", "2001:db8::1"]);
  await sockets.close();
  deepStrictEqual(network.sockets.map(({ isClosed }) => isClosed), [true, true]);
});

Deno.test("T12 UdpSockets hands packets to whom they come from: address and port", async () => {
  const clock = new ManualClock();
  const network = new FakeNetwork(clock);
  const sockets = new UdpSockets(network);
  const got: string[] = [];
  const attach = (name: string, at: typeof TRACKER, isMine: (byte: number) => boolean) =>
    sockets.attach(at, (packet) => {
      if (isMine(packet[0]!)) got.push(`${name} ${packet[0]}`);
      return isMine(packet[0]!);
    });
  attach("tracker", TRACKER, (byte) => byte < 10);
  const detach = attach("its passkey", TRACKER, () => true);
  attach("neighbour", NEIGHBOUR, () => true);
  attach("ipv6", IPV6_TRACKER, () => true);
  sockets.send(Uint8Array.of(0), TRACKER);
  const [socket] = network.sockets;
  const deliver = async (byte: number, from: typeof TRACKER) => {
    socket!.deliver(Uint8Array.of(byte), from);
    await clock.run(() => false, 1);
  };
  await deliver(1, TRACKER);
  await deliver(11, TRACKER);
  await deliver(2, NEIGHBOUR);
  await deliver(3, { host: "8.8.4.4", port: 80 });
  await deliver(4, { host: "8.8.8.8", port: 82 });
  await deliver(5, IPV6_TRACKER);
  detach();
  await deliver(12, TRACKER);
  deepStrictEqual(got, ["tracker 1", "its passkey 11", "neighbour 2", "ipv6 5"]);
  await sockets.close();
});

Deno.test("S7 UdpSockets does without a family that this machine lacks", async () => {
  const network = new FakeNetwork(new ManualClock());
  network.ownAddresses.delete("::");
  const sockets = new UdpSockets(network);
  throws(() => sockets.send(Uint8Array.of(1), IPV6_TRACKER), {
    name: "TrackerError",
    reason: "unreachable",
  });
  sockets.send(Uint8Array.of(1), TRACKER);
  await sockets.close();
});
