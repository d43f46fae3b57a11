import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import { findGateways } from "../../src/net/gateway_search.ts";
import { ManualClock } from "../sim/manual_clock.ts";
import { FakeNetwork, FakeSocket } from "../tracker/fake_network.ts";

const US = "192.168.1.5", GATEWAY = { host: "192.168.1.1", port: 1900 };
const DESCRIPTION = "http://192.168.1.1:5000/rootDesc.xml";

/** A socket that hears what it says, as it comes from `host`. */
class Echo extends FakeSocket {
  override send(bytes: Uint8Array): Promise<void> {
    this.deliver(bytes.slice(), this.local);
    return Promise.resolve();
  }
}

function findOn(network: FakeNetwork, clock: ManualClock) {
  return findGateways({
    network,
    clock,
    random: new SeededRandom(1),
    signal: new AbortController().signal,
    places: { ssdp: GATEWAY, gatewayPort: 5351 },
  });
}

/** What comes to the socket that asks, 100 ms after the search began. */
async function search(answers: readonly [text: string, host: string][], us = US) {
  const clock = new ManualClock();
  const network = new FakeNetwork(clock);
  network.openMulticast = () => Promise.resolve(new Echo({ host: us, port: 1900 }, network));
  const askedAt: number[] = [];
  network.udpHosts.set("192.168.1.1:1900", () => void askedAt.push(clock.now()));
  const found = await findOn(network, clock);
  await clock.run(() => false, 100);
  for (const [text, host] of answers) {
    network.sockets[0]?.deliver(new TextEncoder().encode(text), { host, port: 1900 });
  }
  let overAt: number | undefined;
  void found?.descriptions.then(() => overAt = clock.now());
  await clock.run(() => false, 5_000);
  return { found, askedAt, overAt, sockets: network.sockets };
}

function answerOf(host: string): [string, string] {
  return [`HTTP/1.1 200 OK\r\nLocation: http://${host}/\r\n\r\n`, host];
}

Deno.test("findGateways() asks twice, and for two seconds, as datagrams may be lost", async () => {
  const { found, askedAt, overAt } = await search([]);
  deepStrictEqual([askedAt, overAt], [[10, 20, 530, 540], 2_000]);
  deepStrictEqual(await found!.descriptions, []);
});

Deno.test("findGateways() looks at 64 answers, and at four devices, however many come", async () => {
  const rows: [name: string, answers: [string, string][], devices: number][] = [
    ["nonsense", [...Array(63).fill(["nonsense", "192.168.1.9"]), answerOf("192.168.1.2")], 1],
    ["more nonsense", [...Array(64).fill(["nonsense", "192.168.1.9"]), answerOf("192.168.1.2")], 0],
    ["one device", Array(20).fill(answerOf("192.168.1.2")), 1],
    ["many", Array.from({ length: 20 }, (_, index) => answerOf(`192.168.1.${index + 2}`)), 4],
  ];
  for (const [name, answers, devices] of rows) {
    const { found, overAt, sockets } = await search(answers);
    strictEqual((await found!.descriptions).length, devices, name);
    strictEqual(overAt, name === "one device" ? 2_000 : 100, name);
    strictEqual(sockets[0]!.isClosed, true);
  }
});

Deno.test("findGateways() asks nobody where we are not behind a gateway", async () => {
  for (const us of ["198.51.100.7", "fe80::1", "169.254.1.1"]) {
    const { found, askedAt, sockets } = await search([], us);
    deepStrictEqual([found, askedAt, sockets], [undefined, [], []], us);
  }
});

Deno.test("findGateways() asks for UPnP by IPv4, the only family that is mapped", async () => {
  const clock = new ManualClock();
  const network = new FakeNetwork(clock);
  network.openMulticast = () => Promise.resolve(new Echo({ host: US, port: 1900 }, network));
  const answer = `HTTP/1.1 200 OK\r\nLocation: ${DESCRIPTION}\r\n\r\n`;
  network.udpHosts.set("192.168.1.1:1900", () => new TextEncoder().encode(answer));
  const found = await findOn(network, clock);
  deepStrictEqual(found?.localHost, US);
  deepStrictEqual(found.gateways.map(({ host }) => host), ["192.168.1.1", "192.168.1.254"]);
  await clock.run(() => false, 3_000);
  deepStrictEqual((await found.descriptions).map(({ href }) => href), [DESCRIPTION]);
  deepStrictEqual(network.sockets.map(({ local, isClosed }) => [local.host, isClosed]), [
    ["192.0.2.1", true],
  ]);
});
