import { deepStrictEqual, equal, ok } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import type { AnnounceResponse } from "../../src/tracker/announce.ts";
import { HttpTracker } from "../../src/tracker/http_tracker.ts";
import { TrackerRoster } from "../../src/tracker/tracker_roster.ts";
import { UdpTracker } from "../../src/tracker/udp_tracker.ts";
import { ManualClock } from "../sim/manual_clock.ts";
import { FakeNetwork } from "./fake_network.ts";

function makeRoster(tiers: readonly (readonly string[])[]): TrackerRoster {
  const clock = new ManualClock();
  const network = new FakeNetwork(clock);
  return new TrackerRoster(tiers, {
    network,
    clock,
    fetch: network.fetch,
    random: new SeededRandom(1),
    portFor: () => 6881,
  });
}

function response(changes: Partial<AnnounceResponse> = {}): AnnounceResponse {
  return {
    intervalMs: 1,
    minIntervalMs: undefined,
    endpoints: [],
    seeders: undefined,
    leechers: undefined,
    warning: undefined,
    trackerId: undefined,
    externalAddress: undefined,
    ...changes,
  };
}

Deno.test("TrackerRoster keeps tiers, and each tracker once", () => {
  const roster = makeRoster([
    ["http://a.example/announce", "udp://b.example:80"],
    ["http://A.example/announce", "https://c.example/announce"],
    ["http://a.example/announce"],
    [],
  ]);
  deepStrictEqual(roster.trackers.map(({ shown }) => shown), [
    "http://a.example/announce",
    "udp://b.example:80",
    "https://c.example/announce",
  ]);
  deepStrictEqual(roster.tierSizes, [2, 1, 0, 0]);
  ok(roster.trackers[0]!.client instanceof HttpTracker);
  ok(roster.trackers[1]!.client instanceof UdpTracker);
});

Deno.test("TrackerRoster sets aside what is no tracker, and says why", () => {
  const roster = makeRoster([["wss://t.example/pass", "http://u:pass@t.example/announce"]]);
  deepStrictEqual(roster.tierSizes, [0]);
  deepStrictEqual(roster.status(), [
    {
      url: "wss://t.example/…",
      state: "unusable",
      hasAnswered: false,
      failure: "the address is neither HTTP nor UDP",
    },
    {
      url: "http://t.example/announce",
      state: "unusable",
      hasAnswered: false,
      failure: "the address contains a user name",
    },
  ]);
});

Deno.test("TrackerRoster ignores trackers beyond the first 500", () => {
  const tier = Array.from({ length: 2_000 }, (_, index) => `udp://t${index}.example:80`);
  const roster = makeRoster([tier, ["wss://t.example/"]]);
  equal(roster.trackers.length, 500);
  equal(roster.unusable.length, 0);
});

Deno.test("ListedTracker says what became of it", () => {
  const roster = makeRoster([["http://t.example/0123abcd/announce"]]);
  const [tracker] = roster.trackers;
  const url = "http://t.example/…/announce";
  const status = () => roster.status()[0];
  deepStrictEqual(status(), { url, state: "idle", hasAnswered: false });
  tracker!.begin();
  deepStrictEqual(status(), { url, state: "asking", hasAnswered: false });
  tracker!.failed("no answer", false);
  deepStrictEqual(status(), { url, state: "failing", hasAnswered: false, failure: "no answer" });
  tracker!.begin();
  tracker!.answered(response({ seeders: 3, leechers: 0 }), 7, "beware");
  deepStrictEqual(status(), {
    url,
    state: "working",
    hasAnswered: true,
    lastPeers: 7,
    warning: "beware",
    seeders: 3,
    leechers: 0,
  });
  tracker!.failed("it answers with HTTP status 410", true);
  equal(status()?.state, "gone");
  equal(status()?.hasAnswered, true);
});

Deno.test("ListedTracker is asked one question at a time", () => {
  const roster = makeRoster([["http://t.example/announce"]]);
  const [tracker] = roster.trackers;
  const first = tracker!.begin();
  const second = tracker!.begin();
  deepStrictEqual([first.aborted, second.aborted], [true, false]);
  tracker!.answered(response(), 0, undefined);
  equal(second.aborted, false);
  roster.abort();
  equal(second.aborted, true, "also what still runs of an answered one");
});
