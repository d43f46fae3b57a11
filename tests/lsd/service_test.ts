import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import type { Endpoint } from "../../src/base/endpoint.ts";
import type { InfoHash } from "../../src/base/ids.ts";
import { encodeAnnouncements, parseAnnouncement } from "../../src/lsd/announcement.ts";
import { LocalDiscovery } from "../../src/lsd/service.ts";
import { ManualClock } from "../sim/manual_clock.ts";
import { FakeLan } from "./fake_lan.ts";

const IPV4 = "239.192.152.143", IPV6 = "ff15::efc0:988f";
const OURS = new Uint8Array(20).fill(1) as InfoHash;
const PRIVATE = new Uint8Array(20).fill(2) as InfoHash;
const MINUTE = 60_000;

interface Search {
  readonly found: Endpoint[];
  readonly abort: AbortController;
  isOver: boolean;
}

Deno.test("LocalDiscovery lets two hosts find each other, soon after the second came", async () => {
  const { clock, lan } = makeLan();
  const first = discoverer(clock, lan, "10.0.0.1", 1),
    second = discoverer(clock, lan, "10.0.0.2", 2);
  const early = begin(first, 6001);
  await clock.run(() => false, 5 * MINUTE - 1);
  deepStrictEqual(early.found, [], "not itself");
  const late = begin(second, 6002);
  ok(await clock.run(() => early.found.length > 0 && late.found.length > 0, 1_000));
  deepStrictEqual(early.found, [{ host: "10.0.0.2", port: 6002 }]);
  deepStrictEqual(late.found, [{ host: "10.0.0.1", port: 6001 }]);
  await end(clock, first, early);
  await end(clock, second, late);
  strictEqual(lan.members.size, 0);
});

Deno.test("LocalDiscovery says nothing, and has no socket, unless it is asked to search", async () => {
  const { clock, lan } = makeLan();
  const discovery = discoverer(clock, lan, "10.0.0.1");
  await clock.run(() => false, MINUTE);
  deepStrictEqual([lan.members.size, lan.sent.length], [0, 0]);
  const search = begin(discovery, 6001);
  await clock.run(() => false, 30 * MINUTE);
  strictEqual(lan.members.size, 2);
  const named = lan.sent.flatMap(({ bytes }) => parseAnnouncement(bytes)!.infoHashes);
  strictEqual(named.length, 2 * 7);
  ok(named.every((hash) => hash.toHex() === OURS.toHex()), "nothing of a torrent that is private");
  const asking = encodeAnnouncements({ port: 7000, infoHashes: [PRIVATE], cookie: "x" }, {
    host: IPV4,
    port: 6771,
  });
  lan.deliver(asking[0]!, { host: "10.0.0.9", port: 1 }, IPV4);
  await clock.run(() => false, 2 * MINUTE);
  deepStrictEqual([lan.sent.length, search.found], [14, []]);
  search.abort.abort();
  ok(await clock.run(() => search.isOver, 0));
  strictEqual(lan.members.size, 0);
  await clock.run(() => false, 30 * MINUTE);
  strictEqual(lan.sent.length, 14);
  discovery.close();
});

Deno.test("LocalDiscovery goes on with one family, and says why the other is missing", async () => {
  for (const [here, missing] of [[IPV4, IPV6], [IPV6, IPV4]] as const) {
    const { clock, lan } = makeLan();
    const lines: string[] = [];
    const one = discoverer(clock, lan, "10.0.0.1", 1, { groups: [here], lines });
    const other = discoverer(clock, lan, "10.0.0.2", 2);
    const ours = begin(one, 6001), theirs = begin(other, 6002);
    ok(await clock.run(() => ours.found.length > 0, MINUTE));
    deepStrictEqual(lines, [`Cannot listen for ${missing}: the port is in use`]);
    await end(clock, one, ours);
    await end(clock, other, theirs);
  }
});

Deno.test("LocalDiscovery without a group finds nobody, and ends when it is told to", async () => {
  const { clock, lan } = makeLan();
  const discovery = discoverer(clock, lan, "10.0.0.1", 1, { groups: [] });
  const search = begin(discovery, 6001);
  await clock.run(() => false, MINUTE);
  ok(!search.isOver);
  await end(clock, discovery, search);
});

Deno.test("LocalDiscovery reads no more than a bounded part of a flood", async () => {
  const { clock, lan } = makeLan();
  const discovery = discoverer(clock, lan, "10.0.0.1");
  const search = begin(discovery, 6001);
  await clock.run(() => false, 1_000);
  const before = lan.read;
  for (let index = 0; index < 9_000; index++) {
    const [flood] = encodeAnnouncements({ port: 2_000 + index, infoHashes: [OURS], cookie: "x" }, {
      host: IPV4,
      port: 6771,
    });
    lan.deliver(flood!, { host: `10.1.${index >> 8}.${index & 255}`, port: 1 }, IPV4);
  }
  await clock.run(() => false, 10_000);
  ok(lan.read - before <= 1_200, `${lan.read - before} datagrams in 10 s`);
  ok(search.found.length <= 256 && search.found.length > 0);
  await end(clock, discovery, search);
});

Deno.test("LocalDiscovery.search() yields to the newest search of a torrent, and to none once closed", async () => {
  const { clock, lan } = makeLan();
  const discovery = discoverer(clock, lan, "10.0.0.1");
  const first = begin(discovery, 6001), second = begin(discovery, 6001);
  ok(await clock.run(() => first.isOver, 0));
  ok(!second.isOver);
  strictEqual(lan.members.size, 2);
  await end(clock, discovery, second);
  const third = begin(discovery, 6001);
  ok(await clock.run(() => third.isOver, 0));
  strictEqual(lan.members.size, 0);
});

Deno.test("LocalDiscovery opens its sockets again for the next torrent", async () => {
  const { clock, lan } = makeLan();
  const discovery = discoverer(clock, lan, "10.0.0.1");
  for (let round = 1; round <= 3; round++) {
    const search = begin(discovery, 6001);
    await clock.run(() => false, 2 * MINUTE);
    deepStrictEqual([lan.members.size, lan.sent.length], [2, 2 * round]);
    search.abort.abort();
    ok(await clock.run(() => search.isOver, 0));
  }
  discovery.close();
});

/** What becomes of the sockets when `change` comes after each part of the time that it takes. */
async function whileOpening(
  change: (discovery: LocalDiscovery, search: Search) => Search,
): Promise<number[]> {
  const open: number[] = [];
  for (const afterMs of [0, 5, 10, 15, 20, 25]) {
    const { clock, lan } = makeLan();
    lan.joining = { clock, durationMs: 10 };
    const discovery = discoverer(clock, lan, "10.0.0.1");
    const search = begin(discovery, 6001);
    await clock.run(() => false, afterMs);
    const last = change(discovery, search);
    await clock.run(() => false, MINUTE);
    open.push(lan.members.size);
    ok(search === last || search.isOver);
    await end(clock, discovery, last);
    strictEqual(lan.members.size, 0);
  }
  return open;
}

Deno.test("LocalDiscovery keeps no socket that opens when nobody searches any more", async () => {
  const none = [0, 0, 0, 0, 0, 0];
  const abort = (_: LocalDiscovery, search: Search) => {
    search.abort.abort();
    return search;
  };
  deepStrictEqual(await whileOpening(abort), none);
  const close = (discovery: LocalDiscovery, search: Search) => {
    discovery.close();
    return search;
  };
  deepStrictEqual(await whileOpening(close), none);
});

Deno.test("LocalDiscovery has one socket a group when a search ends and another begins meanwhile", async () => {
  const again = (discovery: LocalDiscovery, search: Search) => {
    search.abort.abort();
    return begin(discovery, 6001);
  };
  deepStrictEqual(await whileOpening(again), [2, 2, 2, 2, 2, 2]);
});

Deno.test("LocalDiscovery tries again with the next search when it could join no group", async () => {
  const { clock, lan } = makeLan();
  const discovery = discoverer(clock, lan, "10.0.0.1", 1, { groups: [] });
  const first = begin(discovery, 6001);
  await clock.run(() => false, MINUTE);
  strictEqual(lan.tried, 2);
  const second = begin(discovery, 6001);
  await clock.run(() => false, MINUTE);
  strictEqual(lan.tried, 4);
  ok(first.isOver);
  await end(clock, discovery, second);
});

Deno.test("LocalDiscovery.search() throws what is a bug of ours", async () => {
  const { clock, lan } = makeLan();
  const network = {
    ...lan.host("10.0.0.1"),
    openMulticast: () => Promise.reject(new TypeError("oops")),
  };
  const discovery = new LocalDiscovery({ network, clock, random: new SeededRandom(1) });
  const { signal } = new AbortController();
  for (let round = 0; round < 2; round++) {
    const stream = discovery.search(OURS, { port: 6001, signal })[Symbol.asyncIterator]();
    await rejects(stream.next(), { message: "oops" });
  }
  discovery.close();
});

function makeLan(): { clock: ManualClock; lan: FakeLan } {
  return { clock: new ManualClock(), lan: new FakeLan() };
}

function discoverer(
  clock: ManualClock,
  lan: FakeLan,
  address: string,
  seed = 1,
  { groups, lines = [] }: { groups?: readonly string[]; lines?: string[] } = {},
): LocalDiscovery {
  return new LocalDiscovery({
    network: lan.host(address, groups ?? "all"),
    clock,
    random: new SeededRandom(seed),
    onLog: (line) => lines.push(line),
  });
}

function begin(discovery: LocalDiscovery, port: number): Search {
  const abort = new AbortController();
  const search: Search = { found: [], abort, isOver: false };
  (async () => {
    const stream = discovery.search(OURS, { port, signal: abort.signal });
    for await (const endpoints of stream) search.found.push(...endpoints);
    search.isOver = true;
  })();
  return search;
}

async function end(clock: ManualClock, discovery: LocalDiscovery, search: Search): Promise<void> {
  discovery.close();
  discovery[Symbol.dispose]();
  ok(await clock.run(() => search.isOver, 0));
}
