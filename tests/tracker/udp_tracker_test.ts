import { deepStrictEqual, equal, ok, rejects } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import type { AnnounceEvent, AnnounceResponse } from "../../src/tracker/announce.ts";
import { parseTrackerUrl } from "../../src/tracker/tracker_url.ts";
import { parseUdpRequest } from "../../src/tracker/udp_codec.ts";
import { UdpSockets } from "../../src/tracker/udp_sockets.ts";
import { UdpTracker } from "../../src/tracker/udp_tracker.ts";
import { ManualClock } from "../sim/manual_clock.ts";
import { announceRequest } from "./announce_samples.ts";
import { FakeNetwork, type UdpHost } from "./fake_network.ts";
import { forgeries, udpTracker } from "./udp_host.ts";

const peer4 = { host: "10.0.0.1", port: 6881 };
const peer6 = { host: "2001:db8::7", port: 6882 };

class Harness {
  readonly clock = new ManualClock();
  readonly network = new FakeNetwork(this.clock);
  readonly sockets = new UdpSockets(this.network);
  readonly late: AnnounceResponse[] = [];
  readonly #random = new SeededRandom(1);
  readonly #abort = new AbortController();

  constructor() {
    this.network.names.set("t.example", ["8.8.8.8", "2001:db8::9"]);
  }

  tracker(url = "udp://t.example:80/announce"): UdpTracker {
    return new UdpTracker(parseTrackerUrl(url), {
      sockets: this.sockets,
      network: this.network,
      clock: this.clock,
      random: this.#random,
      onLateAnswer: (response) => this.late.push(response),
    });
  }

  /** The peers of an announce, or the reason why there are none, within `limitMs`. */
  async announce(tracker: UdpTracker, event?: AnnounceEvent, limitMs = 200_000) {
    let outcome: unknown;
    const asked = tracker.announce(announceRequest({ event }), this.#abort.signal);
    asked.then(({ endpoints }) => outcome = endpoints, (error) => outcome = error.message);
    ok(await this.clock.run(() => outcome !== undefined, limitMs), "no outcome");
    return outcome;
  }

  async close(): Promise<void> {
    this.#abort.abort();
    await this.sockets.close();
  }
}

Deno.test("UdpTracker announces over IPv4", async () => {
  const harness = new Harness();
  const { host, heard } = udpTracker({ peers: [peer4] });
  harness.network.udpHosts.set("8.8.8.8:80", host);
  harness.network.names.set("t.example", ["8.8.8.8"]);
  const tracker = harness.tracker();
  deepStrictEqual(await harness.announce(tracker, "started"), [peer4]);
  equal(harness.clock.now(), 40, "two round trips");
  deepStrictEqual(await harness.announce(tracker), [peer4]);
  equal(harness.clock.now(), 60, "the connection is used again");
  deepStrictEqual(heard, ["connect", "started", "interval"]);
  await harness.close();
});

Deno.test("UdpTracker announces over both families, and gives the peers of both", async () => {
  const harness = new Harness();
  const ipv4 = udpTracker({ peers: [peer4] }), ipv6 = udpTracker({ peers: [peer6] });
  harness.network.udpHosts.set("8.8.8.8:80", ipv4.host);
  harness.network.udpHosts.set("[2001:db8::9]:80", ipv6.host);
  const tracker = harness.tracker();
  deepStrictEqual(await harness.announce(tracker, "started"), [peer4]);
  await harness.clock.run(() => false, 100);
  deepStrictEqual(harness.late.map(({ endpoints }) => endpoints), [[peer6]]);
  await harness.announce(tracker, "stopped");
  deepStrictEqual([ipv4.heard.at(-1), ipv6.heard.at(-1)], ["stopped", "stopped"]);
  await harness.close();
});

Deno.test("UdpTracker tells each family the port by which it reaches us", async () => {
  const harness = new Harness();
  const told: number[] = [];
  const { host } = udpTracker();
  const noting: UdpHost = (packet, from) => {
    const request = parseUdpRequest(packet);
    if (request?.kind === "announce") told.push(request.announce.port);
    return host(packet, from);
  };
  harness.network.udpHosts.set("8.8.8.8:80", noting);
  harness.network.udpHosts.set("[2001:db8::9]:80", noting);
  const portFor = (host: string) => host.includes(":") ? 6_881 : 40_000;
  const { signal } = new AbortController();
  void harness.tracker().announce({ ...announceRequest(), portFor }, signal);
  await harness.clock.run(() => false, 1_000);
  deepStrictEqual(told.toSorted((a, b) => a - b), [6_881, 40_000]);
  await harness.close();
});

Deno.test("UdpTracker does not wait for a family that is silent or missing", async () => {
  for (const isMissing of [false, true]) {
    const harness = new Harness();
    if (isMissing) harness.network.ownAddresses.delete("::");
    const { host, heard } = udpTracker({ peers: [peer4] });
    harness.network.udpHosts.set("8.8.8.8:80", host);
    const tracker = harness.tracker();
    deepStrictEqual(await harness.announce(tracker, "started", 40), [peer4]);
    await harness.announce(tracker, "stopped", 40);
    deepStrictEqual(heard, ["connect", "started", "stopped"]);
    await harness.close();
  }
});

Deno.test("UdpTracker says started to a family that answers for the first time", async () => {
  const harness = new Harness();
  let isMute = true;
  const ipv4 = udpTracker(), ipv6 = udpTracker({ isMute: () => isMute });
  harness.network.udpHosts.set("8.8.8.8:80", ipv4.host);
  harness.network.udpHosts.set("[2001:db8::9]:80", ipv6.host);
  const tracker = harness.tracker();
  await harness.announce(tracker, "started");
  isMute = false;
  await harness.announce(tracker, "completed");
  await harness.clock.run(() => false, 100);
  deepStrictEqual(ipv4.heard, ["connect", "started", "completed"]);
  deepStrictEqual(ipv6.heard, ["connect", "started"]);
  await harness.close();
});

Deno.test("UdpTracker tells of a refusal soon, though the other family is silent", async () => {
  const harness = new Harness();
  harness.network.udpHosts.set("8.8.8.8:80", udpTracker({ failure: "no" }).host);
  const startedAt = harness.clock.now();
  equal(await harness.announce(harness.tracker(), "started"), 'it says "no"');
  ok(harness.clock.now() - startedAt < 5_000);
  harness.network.names.set("t.example", ["8.8.8.8"]);
  equal(await harness.announce(harness.tracker(), "started", 40), 'it says "no"');
  await harness.close();
});

Deno.test("UdpTracker takes the answer of one family when the other refuses", async () => {
  for (const isFirst of [true, false]) {
    const harness = new Harness();
    let isMute = true;
    const refusing = udpTracker({ failure: "no", isMute: () => !isFirst && isMute });
    const granting = udpTracker({ peers: [peer6] });
    harness.network.udpHosts.set("8.8.8.8:80", refusing.host);
    harness.network.udpHosts.set("[2001:db8::9]:80", granting.host);
    const tracker = harness.tracker();
    const hearing = harness.clock.sleep(1_000).then(() => isMute = false);
    deepStrictEqual(await harness.announce(tracker, "started"), [peer6]);
    await harness.clock.run(() => !isMute, 1_000);
    await hearing;
    await harness.announce(tracker, "stopped");
    deepStrictEqual([refusing.heard.includes("stopped"), granting.heard.at(-1)], [
      false,
      "stopped",
    ]);
    deepStrictEqual(harness.late, []);
    await harness.close();
  }
});

Deno.test("T13 UdpTracker gives up on silence after 15 + 30 + 60 s", async () => {
  const harness = new Harness();
  equal(await harness.announce(harness.tracker(), "started"), "no answer");
  equal(harness.clock.now(), 105_000);
  await harness.close();
});

Deno.test("UdpTracker survives the loss of packets", async () => {
  const harness = new Harness();
  harness.network.names.set("t.example", ["8.8.8.8"]);
  let packets = 0;
  const { host } = udpTracker({ peers: [peer4], isMute: () => ++packets % 2 === 1 });
  harness.network.udpHosts.set("8.8.8.8:80", host);
  deepStrictEqual(await harness.announce(harness.tracker(), "started"), [peer4]);
  await harness.close();
});

Deno.test("T12 UdpTracker ignores forged packets and keeps waiting", async () => {
  const harness = new Harness();
  harness.network.names.set("t.example", ["8.8.8.8"]);
  const { host } = udpTracker({ peers: [peer4] });
  const [address, elsewhere] = [{ host: "8.8.8.8", port: 80 }, { host: "8.8.8.8", port: 81 }];
  harness.network.udpHosts.set("8.8.8.8:80", (packet, from) => {
    const [socket] = harness.network.sockets;
    const answer = host(packet, from);
    for (const forgery of forgeries(packet)) socket!.deliver(forgery, address);
    // The right answer from a wrong place is a forgery too.
    socket!.deliver(answer!.fill(9, 8), elsewhere);
    return host(packet, from);
  });
  deepStrictEqual(await harness.announce(harness.tracker(), "started"), [peer4]);
  equal(harness.clock.now(), 40);
  await harness.close();
});

Deno.test("UdpTracker tells trackers at one address apart by their transactions", async () => {
  const harness = new Harness();
  harness.network.names.set("t.example", ["8.8.8.8"]);
  harness.network.udpHosts.set("8.8.8.8:80", udpTracker({ url: "/b", peers: [peer4] }).host);
  const first = harness.tracker("udp://t.example:80/a");
  const asked = new AbortController();
  const mute = first.announce(announceRequest(), asked.signal);
  mute.catch(() => {});
  deepStrictEqual(await harness.announce(harness.tracker("udp://t.example:80/b")), [peer4]);
  asked.abort();
  await rejects(mute);
  await harness.close();
});

Deno.test("T17 UdpTracker fails when its name is unknown or leads to this machine", async () => {
  const cases: readonly (readonly [string[], string])[] = [
    [[], "its name is unknown"],
    [["127.0.0.1"], "its name leads to this machine"],
    [["::1", "0.0.0.0", "169.254.169.254"], "its name leads to this machine"],
  ];
  for (const [addresses, message] of cases) {
    const harness = new Harness();
    harness.network.names.set("t.example", addresses);
    equal(await harness.announce(harness.tracker(), "started", 0), message);
    deepStrictEqual(harness.network.sockets, []);
    await harness.close();
  }
  const harness = new Harness();
  const tracker = harness.tracker("udp://127.0.0.1:1/announce");
  equal(await harness.announce(tracker, "started", 0), "nobody listens at port 1");
  await harness.close();
});

Deno.test("UdpTracker stays with the address that answers, else tries another", async () => {
  const harness = new Harness();
  harness.network.names.set("t.example", ["8.8.8.1", "8.8.8.2", "8.8.8.3", "8.8.8.4"]);
  const { host, heard } = udpTracker({ peers: [peer4] });
  harness.network.udpHosts.set("8.8.8.3:80", host);
  const tracker = harness.tracker();
  let attempts = 1;
  while (await harness.announce(tracker, "started") === "no answer") attempts++;
  ok(attempts < 20);
  for (let round = 0; round < 5; round++) {
    deepStrictEqual(await harness.announce(tracker), [peer4]);
  }
  harness.network.names.set("t.example", []);
  deepStrictEqual(await harness.announce(tracker), [peer4], "a name may be lost for a moment");
  equal(heard.filter((event) => event === "interval").length, 6);
  await harness.close();
});

Deno.test("UdpTracker says stopped without asking for the name again", async () => {
  const harness = new Harness();
  harness.network.udpHosts.set("8.8.8.8:80", udpTracker().host);
  const tracker = harness.tracker();
  await harness.announce(tracker, "started");
  harness.network.names.set("t.example", "silence");
  deepStrictEqual(await harness.announce(tracker, "stopped", 100), []);
  await harness.close();
});

Deno.test("UdpTracker replaces an announce that is under way", async () => {
  const harness = new Harness();
  let isMute = false;
  const { host, heard } = udpTracker({ isMute: () => isMute });
  harness.network.udpHosts.set("8.8.8.8:80", host);
  const tracker = harness.tracker();
  await harness.announce(tracker, "started");
  isMute = true;
  const replaced = rejects(
    tracker.announce(announceRequest(), new AbortController().signal),
    { message: "cancelled" },
  );
  await harness.clock.run(() => false, 100);
  isMute = false;
  deepStrictEqual(await harness.announce(tracker, "stopped", 100), []);
  await replaced;
  deepStrictEqual(heard, ["connect", "started", "stopped"]);
  await harness.close();
});

Deno.test("UdpTracker ends at once when it is told to", async () => {
  const harness = new Harness();
  const asked = new AbortController();
  const ended = rejects(harness.tracker().announce(announceRequest(), asked.signal), {
    message: "cancelled",
  });
  await harness.clock.run(() => false, 1_000);
  asked.abort();
  await ended;
  await harness.close();
});

Deno.test("UdpTracker says so at once, and looks nothing up, where a proxy is set", async () => {
  const harness = new Harness();
  const noDatagrams = "a proxy is set, and UDP does not go through it";
  Object.assign(harness.network, { noDatagrams });
  equal(await harness.announce(harness.tracker(), "started"), noDatagrams);
  deepStrictEqual([harness.network.lookups, harness.network.sockets], [[], []]);
  equal(harness.clock.now(), 0);
  await harness.close();
});
