import { deepStrictEqual } from "node:assert/strict";
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

Deno.test("findGateways() asks for UPnP by IPv4, the only family that is mapped", async () => {
  const clock = new ManualClock();
  const network = new FakeNetwork(clock);
  network.openMulticast = () => Promise.resolve(new Echo({ host: US, port: 1900 }, network));
  const answer = `HTTP/1.1 200 OK\r\nLocation: ${DESCRIPTION}\r\n\r\n`;
  network.udpHosts.set("192.168.1.1:1900", () => new TextEncoder().encode(answer));
  const found = await findGateways({
    network,
    clock,
    random: new SeededRandom(1),
    signal: new AbortController().signal,
    places: { ssdp: GATEWAY, gatewayPort: 5351 },
  });
  deepStrictEqual(found?.localHost, US);
  deepStrictEqual(found.gateways.map(({ host }) => host), ["192.168.1.1", "192.168.1.254"]);
  await clock.run(() => false, 3_000);
  deepStrictEqual((await found.descriptions).map(({ href }) => href), [DESCRIPTION]);
  deepStrictEqual(network.sockets.map(({ local, isClosed }) => [local.host, isClosed]), [
    ["192.0.2.1", true],
  ]);
});
