/** Port mapping against a gateway that speaks the real protocols, on loopback. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import type { MappedProtocol } from "../../src/net/nat_pmp.ts";
import { PortMapping } from "../../src/net/port_mapping.ts";
import { ConnectError } from "../../src/net/transport.ts";
import { FakeNetwork } from "../tracker/fake_network.ts";
import { ManualClock } from "../sim/manual_clock.ts";
import { natPmpNetwork } from "./nat_pmp_network.ts";
import { ELSEWHERE, type GatewayHabits, TestGateway } from "./test_gateway.ts";

const PORT = 16_881;
const MAPPED = [["TCP 16881", "127.0.0.1 7200 s"], ["UDP 16881", "127.0.0.1 7200 s"]];

const WAYS: Readonly<Record<string, GatewayHabits>> = {
  "PCP": { pcp: true, pmp: true, upnp: true },
  "NAT-PMP": { pmp: true, upnp: true },
  "UPnP": { upnp: true },
};

for (const [way, habits] of Object.entries(WAYS)) {
  Deno.test(`PortMapping opens the port by ${way}, and gives it back`, async () => {
    await using gateway = new TestGateway(habits);
    const { mapping, lines, said } = gateway.createMapping();
    deepStrictEqual(mapping.status(), { kind: "idle" });
    mapping.start(PORT);
    deepStrictEqual(mapping.status(), { kind: "searching" });
    await said;
    const ports = { externalPort: PORT, externalUdpPort: PORT };
    deepStrictEqual(mapping.status(), { kind: "mapped", way, ...ports });
    deepStrictEqual(lines, [`port 16881 is open at the gateway 127.0.0.1, by ${way}`]);
    await mapping.close();
    await mapping.close();
    deepStrictEqual([...gateway.mappings], []);
    deepStrictEqual(mapping.status(), { kind: "idle" });
    strictEqual(lines.length, 1);
  });
}

Deno.test("PortMapping opens the port for TCP and UDP, to our own address", async () => {
  await Promise.all([{ pcp: true }, { pmp: true }, { upnp: true }].map(async (habits) => {
    await using gateway = new TestGateway(habits);
    const { mapping, said } = gateway.createMapping();
    mapping.start(PORT);
    await said;
    deepStrictEqual([...gateway.mappings].toSorted(), MAPPED);
    await mapping.close();
  }));
});

Deno.test("PortMapping asks for a mapping without an end where UPnP knows no other", async () => {
  await using gateway = new TestGateway({ upnp: true, onlyPermanent: true });
  const { mapping, said } = gateway.createMapping();
  mapping.start(PORT);
  await said;
  strictEqual(mapping.status().kind, "mapped");
  strictEqual(gateway.mappings.get("TCP 16881"), "127.0.0.1 0 s");
  await mapping.close();
  strictEqual(gateway.mappings.size, 0);
});

Deno.test("PortMapping knows it when the gateway chose another port", async () => {
  await using gateway = new TestGateway({ pmp: true, externalPort: 40_000 });
  const { mapping, lines, said } = gateway.createMapping();
  mapping.start(PORT);
  await said;
  const ports = { externalPort: 40_000, externalUdpPort: 40_000 };
  deepStrictEqual(mapping.status(), { kind: "mapped", way: "NAT-PMP", ...ports });
  deepStrictEqual(lines, [
    "port 16881 is open at the gateway 127.0.0.1 as port 40000, by NAT-PMP",
  ]);
  await mapping.close();
});

Deno.test("PortMapping asks UPnP for another port when ours leads to another machine", async () => {
  await using gateway = new TestGateway({ upnp: true, taken: ["TCP 16881"] });
  const { mapping, said } = gateway.createMapping();
  mapping.start(PORT);
  await said;
  const status = mapping.status();
  ok(status.kind === "mapped" && status.externalPort >= 49_152);
  strictEqual(gateway.mappings.get(`TCP ${status.externalPort}`), "127.0.0.1 7200 s");
  await mapping.close();
  deepStrictEqual([...gateway.mappings], [["TCP 16881", ELSEWHERE]]);
});

Deno.test("PortMapping knows that the port for datagrams is another one, or none", async () => {
  const table: [GatewayHabits, boolean][] = [
    [{ upnp: true, taken: ["UDP 16881"] }, true],
    [{ pmp: true, refusesUdp: true }, false],
  ];
  for (const [habits, isOpened] of table) {
    await using gateway = new TestGateway(habits);
    const { mapping, said } = gateway.createMapping();
    mapping.start(PORT);
    await said;
    const status = mapping.status();
    ok(status.kind === "mapped" && status.externalPort === PORT);
    const { externalUdpPort } = status;
    strictEqual(externalUdpPort !== undefined, isOpened);
    if (isOpened) {
      ok(externalUdpPort! >= 49_152);
      strictEqual(gateway.mappings.get(`UDP ${externalUdpPort}`), "127.0.0.1 7200 s");
    }
    await mapping.close();
  }
});

Deno.test("upnpWays() keep to the port that was opened when the gateway is found anew", async () => {
  await using gateway = new TestGateway({ upnp: true, taken: ["TCP 16881"] });
  const opened = new Map<MappedProtocol, number>();
  const request = { protocol: "tcp", port: PORT, lifetimeS: 7_200 } as const;
  for (let round = 0; round < 2; round++) {
    const { way, asking } = await gateway.findUpnp(opened);
    const answer = await way.ask(request, asking);
    ok(answer?.kind === "granted" && answer.externalPort === opened.get("tcp"));
    strictEqual(gateway.mappings.size, 2);
  }
  const { way, asking } = await gateway.findUpnp(opened);
  await way.ask({ ...request, lifetimeS: 0 }, asking);
  deepStrictEqual([...gateway.mappings], [["TCP 16881", ELSEWHERE]]);
});

Deno.test("PortMapping gives no port back that leads to another machine", async () => {
  await using gateway = new TestGateway({ upnp: true, taken: ["UDP 16881"], onlyPermanent: true });
  const { mapping, said } = gateway.createMapping();
  mapping.start(PORT);
  await said;
  strictEqual(gateway.mappings.size, 3);
  await mapping.close();
  deepStrictEqual([...gateway.mappings], [["UDP 16881", ELSEWHERE]]);
});

Deno.test("PortMapping says once that it failed, and why", async () => {
  const table: [GatewayHabits, string][] = [
    [{}, "no gateway here speaks PCP, NAT-PMP or UPnP"],
    [{ pmp: true, code: 2 }, "127.0.0.1 refuses by NAT-PMP, code 2"],
    [{ upnp: true, code: 718 }, "127.0.0.1 refuses by UPnP, code 718"],
  ];
  await Promise.all(table.map(async ([habits, reason]) => {
    await using gateway = new TestGateway(habits);
    const { mapping, lines, said } = gateway.createMapping();
    mapping.start(PORT);
    await said;
    deepStrictEqual(lines, [`Cannot open port 16881 at the gateway: ${reason}`]);
    deepStrictEqual(gateway.mappings.size, 0);
    await mapping.close();
    strictEqual(lines.length, 1);
  }));
});

Deno.test("PortMapping.close() ends a search at once, and says nothing", async () => {
  await using gateway = new TestGateway({});
  const { mapping, lines } = gateway.createMapping();
  mapping.start(PORT);
  await mapping.close();
  deepStrictEqual([lines, mapping.status()], [[], { kind: "idle" }]);
});

function startMapping(network: FakeNetwork, clock: ManualClock) {
  const lines: string[] = [];
  const mapping = new PortMapping({
    network,
    clock,
    random: new SeededRandom(1),
    onLog: (line) => lines.push(line),
  });
  mapping.start(PORT);
  return { mapping, lines };
}

Deno.test("PortMapping without multicast fails quietly, and tries again later", async () => {
  const clock = new ManualClock();
  const network = new FakeNetwork(clock);
  let opened = 0;
  network.openMulticast = () => {
    opened++;
    return FakeNetwork.prototype.openMulticast.call(network);
  };
  const { mapping, lines } = startMapping(network, clock);
  ok(await clock.run(() => opened === 3, 3 * 3_600_000));
  deepStrictEqual(lines, [
    "Cannot open port 16881 at the gateway. Cannot open: this network has no multicast",
  ]);
  await mapping.close();
});

/** A mapping at a gateway that speaks NAT-PMP; after `breakDown` no socket can be opened. */
async function openedMapping() {
  const clock = new ManualClock();
  const network = natPmpNetwork(clock);
  const { mapping, lines } = startMapping(network, clock);
  ok(await clock.run(() => mapping.status().kind === "mapped", 10_000));
  const breakDown = () => {
    network.openDatagram = () => {
      throw new ConnectError("limit", "Cannot open: too many files are open");
    };
  };
  const repair = () => network.openDatagram = FakeNetwork.prototype.openDatagram;
  return { clock, lines, mapping, breakDown, repair };
}

Deno.test("PortMapping says it, and tries again, when a renewal can open no socket", async () => {
  const { clock, lines, mapping, breakDown, repair } = await openedMapping();
  breakDown();
  ok(await clock.run(() => mapping.status().kind === "failed", 2 * 3_600_000));
  strictEqual(
    lines.at(-1),
    "Cannot open port 16881 at the gateway. Cannot open: too many files are open",
  );
  repair();
  ok(await clock.run(() => mapping.status().kind === "mapped", 3_600_000));
  const closing = mapping.close();
  await clock.run(() => false, 2_000);
  await closing;
});

Deno.test("PortMapping.close() does not reject when it can open no socket", async () => {
  const { mapping, breakDown } = await openedMapping();
  breakDown();
  await mapping.close();
  deepStrictEqual(mapping.status(), { kind: "idle" });
});
