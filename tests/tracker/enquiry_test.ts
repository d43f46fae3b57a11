import { deepStrictEqual, ok } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import { formatEndpoint } from "../../src/base/endpoint.ts";
import { TrackerEnquiry } from "../../src/tracker/enquiry.ts";
import { HttpService } from "../../src/tracker/http_service.ts";
import { SwarmRegistry } from "../../src/tracker/swarm_registry.ts";
import { ManualClock } from "../sim/manual_clock.ts";
import { ascii, bytesOf, infoHash, peerId } from "./announce_samples.ts";
import { FakeNetwork, silentWebHost, webHost } from "./fake_network.ts";
import { udpTracker } from "./udp_host.ts";

/** A peer that nobody asked about. */
const PEER = "10.0.0.1:6881";
const COMPACT_PEER = [10, 0, 0, 1, 0x1a, 0xe1];
const NAMING = bytesOf(
  "d8:completei3e10:incompletei4e8:intervali1800e5:peers6:",
  COMPACT_PEER,
  "e",
);
const OURS = 50_123;

class Scene {
  readonly clock = new ManualClock();
  readonly network = new FakeNetwork(this.clock);
  readonly found: string[] = [];

  enquiry(...trackers: string[]): TrackerEnquiry {
    return new TrackerEnquiry({
      trackers: trackers.map((url) => [url]),
      infoHash,
      peerId,
      portFor: () => OURS,
      left: 1_000,
      random: new SeededRandom(1),
      clock: this.clock,
      network: this.network,
      fetch: this.network.fetch,
    });
  }

  /** Asks until all have answered, at most `limitMs`, and says goodbye. */
  async run(enquiry: TrackerEnquiry, limitMs = 10_000): Promise<void> {
    const reading = (async () => {
      for await (const endpoints of enquiry.endpoints()) {
        this.found.push(...endpoints.map(formatEndpoint));
      }
    })();
    await this.clock.run(() => enquiry.isOver, limitMs);
    await this.settle(Promise.all([enquiry.close(4_000), reading]), 5_000);
  }

  async settle(promise: Promise<unknown>, limitMs: number): Promise<void> {
    let isSettled = false;
    void promise.finally(() => isSettled = true);
    ok(await this.clock.run(() => isSettled, limitMs));
    await promise;
  }

  /** The events that trackers were told over HTTP, in order. */
  get events(): (string | null)[] {
    return this.parameters("event");
  }

  /** What they were told under this name, likewise. */
  parameters(name: string): (string | null)[] {
    return this.network.fetched.map((url) => new URL(url).searchParams.get(name));
  }
}

/** A tracker of ours over HTTP, with one seeder, or none. */
function addTracker(scene: Scene, { isEmpty = false } = {}): SwarmRegistry {
  const registry = new SwarmRegistry({ random: new SeededRandom(2), intervalMs: 1_800_000 });
  const seeder = { infoHash, peerId: peerId.map((byte) => byte ^ 1), port: 6881 };
  if (!isEmpty) {
    const announce = { ...seeder, isSeeder: true, event: undefined, numWant: 0 };
    registry.announce(announce, "10.0.0.1", 0, 0);
  }
  const service = new HttpService(registry, { intervalMs: 1_800_000 });
  scene.network.webHosts.set("a.example", (url) => {
    const request = `GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: a.example\r\n\r\n`;
    const answer = service.answer(request, "10.0.0.9", scene.clock.now());
    const text = new TextDecoder("latin1").decode(answer);
    return Promise.resolve({ status: 200, bytes: answer.slice(text.indexOf("\r\n\r\n") + 4) });
  });
  scene.network.names.set("a.example", ["198.51.100.1"]);
  return registry;
}

const A = "http://a.example/announce";

Deno.test("TrackerEnquiry asks with stopped alone where that is answered with peers", async () => {
  const scene = new Scene();
  scene.network.names.set("a.example", ["198.51.100.1"]);
  scene.network.webHosts.set("a.example", webHost(NAMING));
  const enquiry = scene.enquiry(A);
  await scene.run(enquiry);
  deepStrictEqual(scene.events, ["stopped"]);
  deepStrictEqual(scene.found, [PEER]);
  const [status] = enquiry.status();
  deepStrictEqual([status?.hasAnswered, status?.seeders, status?.leechers], [true, 3, 4]);
});

Deno.test("TrackerEnquiry is listed for a moment where only those who come are told of peers", async () => {
  const scene = new Scene();
  const registry = addTracker(scene);
  const enquiry = scene.enquiry(A);
  await scene.run(enquiry);
  deepStrictEqual(scene.events, ["stopped", "started", "stopped"]);
  deepStrictEqual(scene.parameters("numwant"), ["200", "200", "0"], "a farewell asks for nobody");
  deepStrictEqual(scene.found, [PEER]);
  // Not counting ourselves, and nothing is left of us.
  const [status] = enquiry.status();
  deepStrictEqual([status?.seeders, status?.leechers, status?.lastPeers], [1, 0, 1]);
  deepStrictEqual(registry.counts(infoHash, 0), { seeders: 1, leechers: 0, downloaded: 0 });
});

Deno.test("TrackerEnquiry leaves nothing behind at a tracker that knows nobody", async () => {
  const scene = new Scene();
  const registry = addTracker(scene, { isEmpty: true });
  const enquiry = scene.enquiry(A);
  await scene.run(enquiry);
  deepStrictEqual(scene.events, ["stopped", "started", "stopped"]);
  deepStrictEqual([enquiry.status()[0]?.leechers, scene.found], [0, []]);
  deepStrictEqual(registry.counts(infoHash, 0), { seeders: 0, leechers: 0, downloaded: 0 });
});

Deno.test("TrackerEnquiry believes what is said to those who come, as opentracker refuses no others", async () => {
  for (const retryIn of ["", "8:retry ini5e"]) {
    const scene = new Scene();
    scene.network.names.set("a.example", ["198.51.100.1"]);
    scene.network.webHosts.set("a.example", (url) => {
      const isStopped = url.searchParams.get("event") === "stopped";
      const nobody = "d8:completei0e10:incompletei0e8:intervali1800e5:peers0:e";
      const refusal = `d14:failure reason14:not authorized${retryIn}e`;
      return Promise.resolve({ status: 200, bytes: ascii(isStopped ? nobody : refusal) });
    });
    const enquiry = scene.enquiry(A);
    await scene.run(enquiry);
    const [status] = enquiry.status();
    deepStrictEqual([status?.hasAnswered, status?.failure], [false, 'it says "not authorized"']);
  }
});

Deno.test("TrackerEnquiry says stopped over UDP as it stands, to a tracker that it never met", async () => {
  const scene = new Scene();
  const { host, heard } = udpTracker({ peers: [{ host: "10.0.0.1", port: 6881 }] });
  scene.network.udpHosts.set("198.51.100.2:80", host);
  const enquiry = scene.enquiry("udp://198.51.100.2:80");
  await scene.run(enquiry);
  deepStrictEqual(heard, ["connect", "stopped"]);
  deepStrictEqual(scene.found, [PEER]);
});

Deno.test("TrackerEnquiry quotes a refusal, and hears what is said to those who come", async () => {
  const scene = new Scene();
  scene.network.names.set("a.example", ["198.51.100.1"]);
  scene.network.webHosts.set("a.example", webHost(ascii("d14:failure reason12:who are you?e")));
  const enquiry = scene.enquiry("http://a.example/secret/announce");
  await scene.run(enquiry);
  deepStrictEqual(scene.events, ["stopped", "started", "stopped"]);
  deepStrictEqual(enquiry.status()[0]?.failure, 'it says "who are you?"');
});

Deno.test("TrackerEnquiry does not come again to who wants to be left alone (BEP 31)", async () => {
  for (const [retryIn, state] of [["i5e", "failing"], ["5:never", "gone"]]) {
    const scene = new Scene();
    scene.network.names.set("a.example", ["198.51.100.1"]);
    const refusal = `d14:failure reason4:busy8:retry in${retryIn}e`;
    scene.network.webHosts.set("a.example", webHost(ascii(refusal)));
    const enquiry = scene.enquiry(A);
    await scene.run(enquiry);
    deepStrictEqual(scene.events, ["stopped"]);
    const [status] = enquiry.status();
    deepStrictEqual([status?.state, status?.failure], [state, 'it says "busy"']);
  }
});

Deno.test("TrackerEnquiry gives up silent trackers when it is closed, and lists those that are none", async () => {
  const scene = new Scene();
  scene.network.names.set("a.example", ["198.51.100.1"]);
  scene.network.webHosts.set("a.example", silentWebHost);
  const enquiry = scene.enquiry(A, "wss://b.example");
  await scene.run(enquiry, 2_000);
  const [silent, unusable] = enquiry.status();
  deepStrictEqual([silent?.hasAnswered, silent?.failure], [false, "no answer in time"]);
  deepStrictEqual(unusable?.state, "unusable");
  ok(scene.clock.now() < 8_000);
});
