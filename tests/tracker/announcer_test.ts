import { deepStrictEqual, equal, ok, rejects, throws } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import { type Endpoint, formatEndpoint } from "../../src/base/endpoint.ts";
import {
  Announcer,
  type AnnounceReport,
  type AnnouncerOptions,
} from "../../src/tracker/announcer.ts";
import { ManualClock } from "../sim/manual_clock.ts";
import { ascii, bytesOf, infoHash, peerId } from "./announce_samples.ts";
import { FakeNetwork, silentWebHost, webHost } from "./fake_network.ts";
import { udpTracker } from "./udp_host.ts";

const peer: Endpoint = { host: "10.0.0.1", port: 6881 };
/** `d5:peers6:…e` with that peer. */
const ANSWER = bytesOf("d8:intervali1800e5:peers6:", [10, 0, 0, 1, 0x1a, 0xe1], "e");

class Harness {
  readonly clock = new ManualClock();
  readonly network = new FakeNetwork(this.clock);
  readonly reports: AnnounceReport[] = [];
  readonly found: string[] = [];
  isHungry = true;
  isAlone = true;
  numbers: ReturnType<AnnouncerOptions["numbers"]> = { uploaded: 0, downloaded: 0, left: 1_000 };
  readonly announcer: Announcer;
  readonly #reading: Promise<void>;

  /** `prepare` sets up the network and gives the tiers. */
  constructor(
    prepare: (network: FakeNetwork) => readonly (readonly string[])[],
    options: Partial<AnnouncerOptions> = {},
  ) {
    this.announcer = new Announcer({
      trackers: prepare(this.network),
      infoHash,
      peerId,
      portFor: () => 6881,
      random: new SeededRandom(4),
      clock: this.clock,
      network: this.network,
      fetch: this.network.fetch,
      numbers: () => this.numbers,
      isHungry: () => this.isHungry,
      isAlone: () => this.isAlone,
      onAnnounce: (report) => this.reports.push(report),
      ...options,
    });
    this.#reading = this.#read();
  }

  async #read(): Promise<void> {
    for await (const endpoints of this.announcer.endpoints()) {
      this.found.push(...endpoints.map(formatEndpoint));
    }
  }

  /** Lets simulated time pass. */
  async pass(durationMs: number): Promise<void> {
    await this.clock.run(() => false, durationMs);
  }

  /** Until peers are found; the time that took. */
  async findPeers(limitMs: number): Promise<number> {
    const startedAt = this.clock.now();
    ok(await this.clock.run(() => this.found.length > 0, limitMs), "no peers");
    return this.clock.now() - startedAt;
  }

  /** Ends it; how long that took. */
  async close(timeoutMs = 5_000): Promise<number> {
    const startedAt = this.clock.now();
    let isClosed = false;
    const closed = this.announcer.close(timeoutMs).then(() => isClosed = true);
    ok(await this.clock.run(() => isClosed, 60_000), "close() does not end");
    await closed;
    await this.#reading;
    for (const socket of this.network.sockets) ok(socket.isClosed);
    return this.clock.now() - startedAt;
  }

  /** The events that HTTP trackers heard, as `host event`. */
  get heard(): string[] {
    return this.network.fetched.map((text) => {
      const url = new URL(text);
      return `${url.host} ${url.searchParams.get("event") ?? "interval"}`;
    });
  }
}

/** One HTTP tracker that gives one peer. */
function oneTracker(network: FakeNetwork): string[][] {
  network.webHosts.set("t.example", webHost(ANSWER));
  return [["http://t.example/announce"]];
}

Deno.test("Announcer finds peers over HTTP and UDP, and says goodbye", async () => {
  const udp = udpTracker({ peers: [{ host: "10.0.0.2", port: 1234 }] });
  const harness = new Harness((network) => {
    network.udpHosts.set("8.8.8.8:80", udp.host);
    return [...oneTracker(network), ["udp://8.8.8.8:80"]];
  });
  await harness.pass(100);
  deepStrictEqual(harness.found.toSorted(), ["10.0.0.1:6881", "10.0.0.2:1234"]);
  equal(await harness.close(), 20, "as long as the trackers take to answer");
  deepStrictEqual(harness.heard, ["t.example started", "t.example stopped"]);
  deepStrictEqual(udp.heard, ["connect", "started", "stopped"]);
  deepStrictEqual(harness.reports, [
    { url: "http://t.example/announce", ok: true, peers: 1 },
    { url: "udp://8.8.8.8:80", ok: true, peers: 1 },
  ]);
});

/** 85 trackers that are dead in every way there is. */
function deadTrackers(network: FakeNetwork): string[][] {
  return Array.from({ length: 85 }, (_, index) => {
    const host = `dead${index}.example`;
    switch (index % 6) {
      case 0: // Its host never answers.
        network.names.set(host, ["203.0.113.9"]);
        return [`udp://${host}:80/announce`];
      case 1: // The name server never answers.
        network.names.set(host, "silence");
        return [`udp://${host}:80/announce`];
      case 2: // There is no such name.
        return [`udp://${host}:80/announce`];
      case 3: // The connection is refused.
        return [`http://${host}/announce`];
      case 4:
        network.webHosts.set(host, webHost(ascii("oops"), 500));
        return [`http://${host}/announce`];
      default: // It accepts, and is silent.
        network.webHosts.set(host, silentWebHost);
        return [`https://${host}/announce`];
    }
  });
}

Deno.test("Announcer finds the one of 86 trackers that lives, within a second", async () => {
  const live = udpTracker({ peers: [peer] });
  const harness = new Harness((network) => {
    network.udpHosts.set("8.8.8.8:80", live.host);
    return [...deadTrackers(network), ["udp://8.8.8.8:80/announce"]];
  });
  const tookMs = await harness.findPeers(10_000);
  ok(tookMs <= 500, `${tookMs} ms`);
  equal(await harness.close(), 20, "the dead do not delay the end");
  deepStrictEqual(live.heard, ["connect", "started", "stopped"]);
  deepStrictEqual(harness.heard.filter((text) => text.endsWith("stopped")), []);
  ok(harness.network.sockets.length <= 2);
});

Deno.test("Announcer finds it as soon when it begins to live later", async () => {
  let isMute = true;
  const live = udpTracker({ peers: [peer], isMute: () => isMute });
  const harness = new Harness((network) => {
    network.udpHosts.set("8.8.8.8:80", live.host);
    return [...deadTrackers(network), ["udp://8.8.8.8:80/announce"]];
  });
  await harness.pass(10 * 60_000);
  isMute = false;
  ok(await harness.findPeers(3_600_000) < 400_000);
  await harness.close();
});

Deno.test("Announcer asks no more trackers once there are peers enough", async () => {
  const harness = new Harness((network) => {
    const urls = Array.from({ length: 100 }, (_, index) => `http://t${index}.example/announce`);
    for (const url of urls) network.webHosts.set(new URL(url).host, webHost(ANSWER));
    return urls.map((url) => [url]);
  });
  await harness.findPeers(1_000);
  harness.isHungry = false;
  await harness.pass(1_000);
  const asked = harness.heard.length;
  ok(asked <= 32, `${asked} trackers`);
  await harness.pass(60_000);
  equal(harness.heard.length, asked);
  harness.isHungry = true;
  harness.announcer.wake();
  await harness.pass(1_000);
  ok(harness.heard.length >= 100);
  await harness.close();
});

Deno.test("Announcer.wake() does not make a hungry torrent a nuisance", async () => {
  const harness = new Harness(oneTracker);
  for (let second = 0; second < 3_600; second++) {
    harness.announcer.wake();
    await harness.pass(1_000);
  }
  const asked = harness.heard.length;
  ok(asked >= 6 && asked <= 8, `${asked} times in an hour`);
  await harness.close();
});

Deno.test("Announcer asks soon again when all peers are lost", async () => {
  const harness = new Harness(oneTracker);
  harness.isAlone = false;
  await harness.pass(20 * 60_000);
  equal(harness.heard.length, 5, "at 0, 1, 3, 7 and 15 minutes");
  harness.isAlone = true;
  harness.announcer.wake();
  await harness.pass(1_000);
  equal(harness.heard.length, 6);
  await harness.close();
});

Deno.test("Announcer tells the tracker the numbers of the moment and how many peers it wants", async () => {
  const harness = new Harness(oneTracker);
  await harness.pass(1_000);
  harness.numbers = { uploaded: 5, downloaded: 600, left: 400 };
  harness.isHungry = false;
  await harness.pass(1_800_000);
  await harness.close();
  const said = harness.network.fetched.map((url) => {
    const { searchParams } = new URL(url);
    return ["uploaded", "downloaded", "left", "numwant", "event"].map((name) =>
      searchParams.get(name)
    );
  });
  deepStrictEqual(said, [
    ["0", "0", "1000", "200", "started"],
    ["5", "600", "400", "50", null],
    ["5", "600", "400", "0", "stopped"],
  ]);
  const keys = new Set(harness.network.fetched.map((url) => new URL(url).searchParams.get("key")));
  equal(keys.size, 1);
});

Deno.test("Announcer says paused where no other event is due, as a partial seed (BEP 21)", async () => {
  const harness = new Harness(oneTracker);
  harness.numbers = { uploaded: 0, downloaded: 0, left: 400, isPartialSeed: true };
  harness.isHungry = false;
  await harness.pass(1_900_000);
  await harness.close();
  deepStrictEqual(harness.heard, ["t.example started", "t.example paused", "t.example stopped"]);
});

Deno.test("Announcer says completed when told, and stopped after it", async () => {
  const harness = new Harness(oneTracker);
  await harness.pass(1_000);
  harness.announcer.completed();
  equal(await harness.close(), 20, "one answer after the other");
  deepStrictEqual(harness.heard, [
    "t.example started",
    "t.example completed",
    "t.example stopped",
  ]);
});

Deno.test("Announcer waits for a completed that is under way, and for nothing else", async () => {
  const harness = new Harness(oneTracker);
  await harness.pass(1_000);
  harness.announcer.completed();
  await harness.pass(5);
  equal(await harness.close(), 15);
  deepStrictEqual(harness.heard.slice(1), ["t.example completed", "t.example stopped"]);
});

Deno.test("Announcer.close() does not wait for an announce that hangs", async () => {
  const harness = new Harness(oneTracker);
  await harness.pass(1_000);
  harness.network.webHosts.set("t.example", silentWebHost);
  harness.announcer.wake();
  await harness.pass(61_000);
  deepStrictEqual(harness.heard, ["t.example started", "t.example interval"]);
  harness.network.webHosts.set("t.example", webHost(ANSWER));
  equal(await harness.close(), 10);
  equal(harness.heard.at(-1), "t.example stopped");
});

Deno.test("Announcer.close() takes at most its time, though a tracker falls silent", async () => {
  const harness = new Harness(oneTracker);
  await harness.pass(1_000);
  harness.network.webHosts.set("t.example", silentWebHost);
  equal(await harness.close(), 5_000);
  const impatient = new Harness(oneTracker);
  await impatient.pass(1_000);
  impatient.network.webHosts.set("t.example", silentWebHost);
  equal(await impatient.close(100), 100);
});

Deno.test("Announcer.close() is at once when no tracker has answered", async () => {
  const harness = new Harness((network) => [...deadTrackers(network)]);
  await harness.pass(30_000);
  equal(await harness.close(), 0);
  const early = new Harness(oneTracker);
  equal(await early.close(), 0);
  ok(!early.heard.includes("t.example stopped"));
});

Deno.test("Announcer.close() may come again, and before anything began", async () => {
  const harness = new Harness(oneTracker);
  const [first, second] = [harness.announcer.close(5_000), harness.announcer.close(5_000)];
  equal(first, second);
  await harness.close();
  throws(() => harness.announcer.endpoints(), /may be called once/);
});

Deno.test("T5 Announcer does not come again to who says 410", async () => {
  const harness = new Harness((network) => {
    network.webHosts.set("t.example", webHost(ascii("gone"), 410));
    return [["http://t.example/announce"]];
  });
  await harness.pass(24 * 3_600_000);
  equal(harness.heard.length, 1);
  equal(harness.announcer.status()[0]?.state, "gone");
  await harness.close();
});

Deno.test("T5 Announcer does not come again to who says never, and tells its words (BEP 31)", async () => {
  const harness = new Harness((network) => {
    const refusal = ascii("d14:failure reason8:not here8:retry in5:nevere");
    network.webHosts.set("t.example", webHost(refusal));
    return [["http://t.example/announce"]];
  });
  await harness.pass(24 * 3_600_000);
  equal(harness.heard.length, 1);
  equal(harness.announcer.status()[0]?.state, "gone");
  deepStrictEqual(harness.reports, [{
    url: "http://t.example/announce",
    ok: false,
    failure: 'it says "not here"',
    isRefusal: true,
  }]);
  await harness.close();
});

Deno.test("Announcer comes again when the tracker has said (BEP 31)", async () => {
  const harness = new Harness((network) => {
    const refusal = ascii("d14:failure reason4:busy8:retry ini20ee");
    network.webHosts.set("t.example", webHost(refusal));
    return [["http://t.example/announce"]];
  });
  await harness.pass(20 * 60_000);
  equal(harness.heard.length, 1);
  await harness.pass(1_000);
  equal(harness.heard.length, 2);
  await harness.close();
});

Deno.test("T16 Announcer tries for ever when all trackers fail, and says why", async () => {
  const harness = new Harness((network) => {
    network.webHosts.set("t.example", webHost(ascii("d14:failure reason4:no\x1b!e")));
    return [["http://t.example/announce"], ["udp://dead.example:80"], ["wss://t.example/"]];
  });
  await harness.pass(24 * 3_600_000);
  const asked = harness.heard.length;
  ok(asked > 24 && asked < 60, `${asked} times`);
  deepStrictEqual(harness.announcer.status(), [
    {
      url: "http://t.example/announce",
      state: "failing",
      hasAnswered: false,
      failure: 'it says "no\\x1b!"',
    },
    {
      url: "udp://dead.example:80",
      state: "failing",
      hasAnswered: false,
      failure: "its name is unknown",
    },
    {
      url: "wss://t.example/",
      state: "unusable",
      hasAnswered: false,
      failure: "the address is neither HTTP nor UDP",
    },
  ]);
  ok(harness.reports.every((report) => !report.ok && report.failure !== undefined));
  const refusals = harness.reports.filter(({ isRefusal }) => isRefusal);
  deepStrictEqual(refusals.map(({ url }) => url), ["http://t.example/announce"]);
  await harness.close();
});

Deno.test("T10 Announcer drops peers that nobody can be", async () => {
  const bad: Endpoint[] = [
    { host: "0.0.0.0", port: 80 },
    { host: "127.0.0.1", port: 80 },
    { host: "169.254.1.1", port: 80 },
    { host: "224.0.0.1", port: 80 },
    { host: "255.255.255.255", port: 80 },
    { host: "8.8.4.4", port: 1 },
    { host: "8.8.4.4", port: 0 },
  ];
  const bad6 = ["::", "::1", "fe80::1", "ff02::1", "::ffff:8.8.4.4"]
    .map((host) => ({ host, port: 80 }));
  const harness = new Harness((network) => {
    network.udpHosts.set("8.8.8.8:80", udpTracker({ peers: [...bad, peer] }).host);
    network.udpHosts.set("[2001:db8::9]:80", udpTracker({ peers: bad6 }).host);
    return [["udp://8.8.8.8:80", "udp://[2001:db8::9]:80"]];
  });
  await harness.pass(1_000);
  deepStrictEqual(harness.found, ["10.0.0.1:6881"]);
  deepStrictEqual(harness.reports.map(({ peers }) => peers).toSorted(), [0, 1]);
  await harness.close();
});

Deno.test("T10 Announcer takes loopback peers from trackers on loopback or near by alone", async () => {
  const loopback = bytesOf("d5:peers6:", [127, 0, 0, 1, 0x1a, 0xe1], "e");
  const near = ["127.0.0.1", "localhost", "192.168.0.1", "nas", "nas.local"];
  const far = ["t.example", "8.8.8.8", "nas.example"];
  for (const [hosts, count] of [[near, near.length], [far, 0]] as const) {
    const harness = new Harness((network) => {
      for (const host of hosts) network.webHosts.set(host, webHost(loopback));
      return [hosts.map((host) => `http://${host}/announce`)];
    });
    await harness.pass(1_000);
    equal(harness.reports.length, hosts.length);
    equal(harness.found.length, count);
    await harness.close();
  }
});

Deno.test("T10 Announcer drops our own endpoint, by the address that the tracker sees", async () => {
  const harness = new Harness((network) => {
    const answer = bytesOf(
      "d11:external ip4:",
      [8, 8, 4, 4],
      "5:peers12:",
      [8, 8, 4, 4, 0x1a, 0xe1, 8, 8, 4, 4, 0x1a, 0xe2],
      "e",
    );
    network.webHosts.set("t.example", webHost(answer));
    return [["http://t.example/announce"]];
  });
  await harness.pass(1_000);
  deepStrictEqual(harness.found, ["8.8.4.4:6882"]);
  await harness.close();
});

Deno.test("T20 Announcer keeps the passkey out of reports and status, even if the tracker says it", async () => {
  const harness = new Harness((network) => {
    const words = "passkey s3cr3tk3y is unknown";
    const warning = ascii(`d5:peers0:15:warning message${words.length}:${words}e`);
    const failure = ascii(`d14:failure reason${words.length}:${words}e`);
    network.webHosts.set("a.example", webHost(warning));
    network.webHosts.set("b.example", webHost(failure));
    network.webHosts.set("c.example", webHost(failure, 403));
    return [
      ["http://a.example/s3cr3tk3y/announce"],
      ["http://b.example/announce?passkey=s3cr3tk3y"],
      ["http://c.example/announce/s3cr3tk3y"],
      ["http://d.example/s3cr3tk3y"],
      ["udp://e.example:80/s3cr3tk3y"],
      ["ftp://f.example/s3cr3tk3y"],
    ];
  });
  await harness.pass(200_000);
  const shown = JSON.stringify([harness.reports, harness.announcer.status()]);
  ok(!shown.includes("s3cr3t"), shown);
  equal(harness.reports.find((report) => report.ok)?.warning, "passkey … is unknown");
  ok(harness.announcer.status().every(({ state }) => state !== "idle"));
  await harness.close();
});

Deno.test("T11 Announcer hands on at most 3,000 peers of one answer", async () => {
  const harness = new Harness((network) => {
    const peers = Array.from({ length: 60_000 }, (_, index) => index % 6 < 4 ? 9 : 0x1a);
    network.webHosts.set("t.example", webHost(bytesOf("d5:peers60000:", peers, "e")));
    return [["http://t.example/announce"]];
  });
  await harness.pass(1_000);
  equal(harness.found.length, 3_000);
  await harness.close();
});

Deno.test("Announcer gives the peers of both families of one UDP tracker", async () => {
  const harness = new Harness((network) => {
    network.names.set("t.example", ["8.8.8.8", "2001:db8::9"]);
    network.udpHosts.set("8.8.8.8:80", udpTracker({ peers: [peer] }).host);
    const other = { host: "2001:db8::7", port: 6882 };
    network.udpHosts.set("[2001:db8::9]:80", udpTracker({ peers: [other] }).host);
    return [["udp://t.example:80"]];
  });
  await harness.pass(1_000);
  deepStrictEqual(harness.found.toSorted(), ["10.0.0.1:6881", "[2001:db8::7]:6882"]);
  await harness.close();
});

Deno.test("Announcer without trackers only waits for its end", async () => {
  const harness = new Harness(() => []);
  await harness.pass(1_000_000);
  equal(await harness.close(), 0);
  deepStrictEqual(harness.announcer.status(), []);
});

Deno.test("Announcer passes our own mistakes to the reader of the endpoints", async () => {
  const clock = new ManualClock();
  const network = new FakeNetwork(clock);
  const announcer = new Announcer({
    trackers: oneTracker(network),
    infoHash,
    peerId,
    portFor: () => 6881,
    random: new SeededRandom(4),
    clock,
    network,
    fetch: network.fetch,
    numbers: () => {
      throw new Error("a mistake");
    },
    isHungry: () => true,
    isAlone: () => true,
    onAnnounce: () => {},
  });
  const reading = (async () => {
    for await (const _ of announcer.endpoints());
  })();
  await rejects(reading, /a mistake/);
  await announcer.close(5_000);
});
