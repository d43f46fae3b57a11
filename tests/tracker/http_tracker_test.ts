import { deepStrictEqual, equal, ok, rejects } from "node:assert/strict";
import {
  type FetchOptions,
  HttpError,
  type HttpFailure,
  proxiedFetch,
} from "../../src/net/http.ts";
import type { Announcement } from "../../src/tracker/announce.ts";
import { HttpTracker } from "../../src/tracker/http_tracker.ts";
import { parseTrackerUrl } from "../../src/tracker/tracker_url.ts";
import { ManualClock } from "../sim/manual_clock.ts";
import { announceRequest, ascii } from "./announce_samples.ts";
import { FakeNetwork, type WebHost, webHost } from "./fake_network.ts";

class Harness {
  readonly clock = new ManualClock();
  readonly network = new FakeNetwork(this.clock);
  readonly tracker: HttpTracker;

  constructor(host: WebHost, url = "http://t.example/announce") {
    this.network.latencyMs = 0;
    this.network.names.set("t.example", ["8.8.8.8"]);
    this.network.webHosts.set(new URL(url).host, host);
    const { network, clock } = this;
    this.tracker = new HttpTracker(parseTrackerUrl(url), { network, clock, fetch: network.fetch });
  }

  async announce(changes: Partial<Announcement> = {}) {
    const { signal } = new AbortController();
    const announced = this.tracker.announce(announceRequest(changes), signal);
    announced.catch(() => {});
    await this.clock.run(() => false, 1);
    return await announced;
  }

  async assertFails(reason: string, message: string): Promise<void> {
    await rejects(this.announce(), { name: "TrackerError", reason, message });
  }
}

Deno.test("HttpTracker announces and gives what is answered", async () => {
  const harness = new Harness(webHost(ascii("d8:intervali900e5:peers6:abcdefe")));
  const { intervalMs, endpoints } = await harness.announce({ event: "started" });
  deepStrictEqual([intervalMs, endpoints], [900_000, [{ host: "97.98.99.100", port: 25_958 }]]);
  ok(harness.network.fetched[0]!.includes("&event=started"));
});

Deno.test("HttpTracker tells the port by which the address that its name leads to reaches us", async () => {
  const harness = new Harness(webHost(ascii("de")));
  const portFor = (host: string) => host === "8.8.8.8" ? 40_000 : 6_881;
  await harness.announce({ portFor });
  harness.network.names.set("t.example", ["2001:db8::1", "8.8.8.8"]);
  await harness.announce({ portFor });
  harness.network.names.delete("t.example");
  await harness.announce({ portFor: (host) => host === "t.example" ? 7_000 : 0 });
  deepStrictEqual(
    harness.network.fetched.map((url) => /&port=(\d+)/.exec(url)?.[1]),
    ["40000", "6881", "7000"],
  );
});

Deno.test("HttpTracker repeats the last tracker id that it got", async () => {
  const answers = ["d10:tracker id3:a b", "d", "d10:tracker id1:z", "d"];
  const harness = new Harness(() =>
    Promise.resolve({ status: 200, bytes: ascii(`${answers.shift()}e`) })
  );
  for (let round = 0; round < 4; round++) await harness.announce();
  deepStrictEqual(
    harness.network.fetched.map((url) => /trackerid=(.*)/.exec(url)?.[1]),
    [undefined, "a%20b", "a%20b", "z"],
  );
});

Deno.test("T5 HttpTracker takes every status but 200 for a failure, with the tracker's words", async () => {
  const empty = new Uint8Array(0);
  for (const status of [201, 204, 302, 404, 429, 500, 503]) {
    await new Harness(webHost(empty, status))
      .assertFails("http-status", `it answers with HTTP status ${status}`);
  }
  const words = ascii("d14:failure reason10:bad\x1bpassede");
  await new Harness(webHost(words, 400)).assertFails(
    "http-status",
    'it answers with HTTP status 400, and says "bad\\x1bpassed"',
  );
  await new Harness(webHost(ascii("<html>Hello</html>")))
    .assertFails("malformed", "its answer is not a bencoded dictionary");
  await new Harness(webHost(empty))
    .assertFails("malformed", "its answer is not a bencoded dictionary");
});

Deno.test("T5 HttpTracker hears in 410 that it is not to come again", async () => {
  const harness = new Harness(webHost(new Uint8Array(0), 410));
  await harness.assertFails("gone", "it answers with HTTP status 410");
  await rejects(harness.announce(), { isFinal: true });
});

Deno.test("HttpTracker hears in an error page when it is to come again (BEP 31)", async () => {
  const busy = new Harness(webHost(ascii("d14:failure reason4:busy8:retry ini2ee"), 503));
  await rejects(busy.announce(), { reason: "http-status", retryInMs: 120_000, isFinal: false });
  const closed = new Harness(webHost(ascii("d14:failure reason4:shut8:retry in5:nevere"), 403));
  await rejects(closed.announce(), { reason: "http-status", isFinal: true });
});

Deno.test("HttpTracker puts failures to fetch into words without the address", async () => {
  const cases: readonly (readonly [HttpFailure, string])[] = [
    ["unreachable", "unreachable"],
    ["timeout", "timeout"],
    ["redirects", "redirects"],
    ["too-large", "too-large"],
    ["malformed", "malformed"],
    ["unsupported-url", "unsupported-url"],
    ["untrusted", "unreachable"],
  ];
  for (const [failure, reason] of cases) {
    const harness = new Harness(() =>
      Promise.reject(new HttpError(failure, "Cannot fetch from t.example:80: it is so"))
    );
    await harness.assertFails(reason, "it is so");
  }
});

Deno.test("T2 T4 HttpTracker bounds the answer in bytes and time, stopped most of all", async () => {
  const seen: FetchOptions[] = [];
  const harness = new Harness((_, options) => {
    seen.push(options);
    return Promise.resolve({ status: 200, bytes: ascii("de") });
  });
  await harness.announce();
  await harness.announce({ event: "stopped" });
  deepStrictEqual(
    seen.map(({ maxBytes, timeoutMs }) => [maxBytes, timeoutMs]),
    [[835_584, 30_000], [835_584, 5_000]],
  );
});

Deno.test("T1 HttpTracker judges every hop of a redirect as it judged the first", async () => {
  let accept: FetchOptions["accept"];
  const harness = new Harness((_, options) => {
    accept = options.accept;
    return Promise.resolve({ status: 200, bytes: ascii("de") });
  });
  await harness.announce();
  ok(accept !== undefined);
  equal(accept(new URL("http://other.example/announce?info_hash=x")), true);
  equal(accept(new URL("http://169.254.169.254/announce")), false);
  equal(accept(new URL("http://127.0.0.1/admin")), false);
});

Deno.test("T17 HttpTracker does not follow a public name to this machine", async () => {
  const harness = new Harness(webHost(ascii("de")));
  const table = [["127.0.0.1"], ["::1", "169.254.169.254"], ["0.0.0.0"], ["8.8.8.8", "127.0.0.1"], [
    "8.8.8.8",
    "fe80::1",
  ]];
  for (const addresses of table) {
    harness.network.names.set("t.example", addresses);
    await harness.assertFails("unreachable", "its name leads to this machine");
  }
  deepStrictEqual(harness.network.fetched, []);
});

Deno.test("HttpTracker lets local names lead to this machine, and to the local network", async () => {
  const harness = new Harness(webHost(ascii("de")), "http://nas/announce");
  for (const addresses of [["127.0.1.1"], ["192.168.1.5", "fe80::1:2"]]) {
    harness.network.names.set("nas", addresses);
    await harness.announce();
  }
});

Deno.test("HttpTracker leaves unknown names to fetch, which may have a proxy", async () => {
  const harness = new Harness(webHost(ascii("de")));
  harness.network.names.delete("t.example");
  await harness.announce();
});

Deno.test("HttpTracker looks no name up where a proxy carries its requests", async () => {
  const { network, clock } = new Harness(webHost(ascii("de")));
  network.names.set("t.example", "silence");
  const fetch = proxiedFetch(network.fetch, {
    kind: "http",
    endpoint: { host: "192.0.2.9", port: 3128 },
  });
  const url = parseTrackerUrl("http://t.example/announce");
  const tracker = new HttpTracker(url, { network, clock, fetch });
  const announced = tracker.announce(announceRequest(), new AbortController().signal);
  await clock.run(() => false, 1);
  await announced;
  deepStrictEqual([network.lookups, network.fetched.length], [[], 1]);
});
