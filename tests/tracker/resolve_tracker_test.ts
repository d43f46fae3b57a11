import { deepStrictEqual, equal, rejects } from "node:assert/strict";
import { parseTrackerUrl } from "../../src/tracker/tracker_url.ts";
import { resolveTracker } from "../../src/tracker/resolve_tracker.ts";
import { ManualClock } from "../sim/manual_clock.ts";
import { FakeNetwork } from "./fake_network.ts";

const url = parseTrackerUrl("udp://t.example:80/announce");

Deno.test("resolveTracker() gives all addresses, and asks nobody for an address's", async () => {
  const clock = new ManualClock();
  const network = new FakeNetwork(clock);
  network.names.set("t.example", ["1.2.3.4", "2001:db8::1"]);
  const options = { network, clock, signal: new AbortController().signal };
  deepStrictEqual(await resolveTracker(url, options), ["1.2.3.4", "2001:db8::1"]);
  const literal = parseTrackerUrl("udp://[2001:db8::2]:80");
  deepStrictEqual(await resolveTracker(literal, options), ["2001:db8::2"]);
  deepStrictEqual(network.lookups, ["t.example"]);
});

Deno.test("T17 resolveTracker() ends though the name server is silent", async () => {
  const clock = new ManualClock();
  const network = new FakeNetwork(clock);
  network.names.set("t.example", "silence");
  const abort = new AbortController();
  const waiting = resolveTracker(url, { network, clock, signal: abort.signal });
  const failed = rejects(waiting, { name: "TrackerError", reason: "timeout" });
  await clock.run(() => false, 15_000);
  await failed;
  const aborted = resolveTracker(url, { network, clock, signal: abort.signal });
  abort.abort();
  await rejects(aborted, { name: "TrackerError" });
  equal(clock.now(), 15_000);
});
