import { deepStrictEqual, ok } from "node:assert/strict";
import fc from "fast-check";
import { SeededRandom } from "../../src/base/ambient.ts";
import { type Endpoint, formatEndpoint, parseEndpoint } from "../../src/base/endpoint.ts";
import type { CloseReason } from "../../src/base/errors.ts";
import type { PeerSource } from "../../src/peer/known_peer.ts";
import { type ConnectedPeer, PeerList } from "../../src/peer/peer_list.ts";

const SECOND = 1_000, MINUTE = 60_000;

function endpoint(text: string): Endpoint {
  const parsed = parseEndpoint(text);
  ok(parsed !== undefined);
  return parsed;
}

function newList(source: PeerSource = "tracker", ...endpoints: string[]): PeerList {
  const list = new PeerList({ random: new SeededRandom(1) });
  list.add(endpoints.map(endpoint), source);
  return list;
}

function dialled(endpoint: Endpoint): ConnectedPeer {
  return { endpoint, isIncoming: false };
}

function nth(index: number): Endpoint {
  return { host: `10.${index >>> 16}.${(index >>> 8) & 255}.${index & 255}`, port: 6881 };
}

/** How long after `now` there is somebody to dial. */
function waitMs(list: PeerList, now: number): number {
  const at = list.nextAt();
  ok(at !== undefined);
  deepStrictEqual(list.next(Math.max(now, at) - 1) !== undefined, at < now);
  return at - now;
}

const A = "10.0.0.1:1", B = "10.0.0.2:2";
const END: { reason: CloseReason; wasUseful: boolean } = {
  reason: "remote-closed",
  wasUseful: false,
};

Deno.test("next() gives each endpoint once", () => {
  const list = newList("tracker", A, B);
  const given = [list.next(0), list.next(0)].map((given) => formatEndpoint(given!));
  deepStrictEqual(given.toSorted(), [A, B]);
  deepStrictEqual([list.next(0), list.nextAt()], [undefined, undefined]);
});

Deno.test("postponed() has an endpoint dialled as if it had not been", () => {
  const list = newList("tracker", A, B);
  list.failed(endpoint(A), 0);
  for (let round = 0; round < 10; round++) {
    const given = list.next(MINUTE)!;
    deepStrictEqual(formatEndpoint(given), B, "which has not failed");
    list.postponed(given);
  }
  deepStrictEqual(list.counts.unreachable, 1);
  deepStrictEqual(list.attempts.tried, 1);
  list.ban(endpoint(B));
  list.postponed(endpoint(B));
  deepStrictEqual(list.counts.known, 1);
});

Deno.test("take() has an endpoint dialled out of its turn, but not twice, nor one that is unknown", () => {
  const list = newList("tracker", A);
  list.failed(endpoint(A), 0);
  deepStrictEqual(list.next(1), undefined);
  deepStrictEqual([list.take(endpoint(A)), list.take(endpoint(A))], [true, false]);
  list.connected(endpoint(A));
  deepStrictEqual([list.take(endpoint(A)), list.take(endpoint(B))], [false, false]);
});

Deno.test("add() tells how many are new", () => {
  const list = newList("tracker", A);
  deepStrictEqual(list.add([endpoint(A), endpoint(B), endpoint(B)], "tracker"), 1);
  deepStrictEqual(list.counts.known, 2);
});

Deno.test("next() prefers what the user named, then what failed least, then what was useful", () => {
  const [failing, useful, named, fresh] = [nth(1), nth(2), nth(3), nth(4)];
  for (let seed = 0; seed < 20; seed++) {
    const list = new PeerList({ random: new SeededRandom(seed) });
    list.add([failing, useful, named], "tracker");
    while (list.next(0) !== undefined);
    list.add([named], "named");
    list.add([fresh], "tracker");
    list.failed(failing, 0);
    list.failed(named, 0);
    list.disconnected(dialled(useful), { ...END, wasUseful: true }, 0);
    const order = [1, 2, 3, 4].map(() => list.next(20 * MINUTE));
    deepStrictEqual(order, [named, useful, fresh, failing]);
  }
});

Deno.test("next() leaves the order of equals to chance", () => {
  const firsts = new Set<string>();
  for (let seed = 0; seed < 50; seed++) {
    const list = new PeerList({ random: new SeededRandom(seed) });
    list.add([nth(1), nth(2), nth(3)], "tracker");
    firsts.add(list.next(0)!.host);
  }
  deepStrictEqual(firsts.size, 3);
});

Deno.test("P23 a stranger that fails is tried after 15 s, doubling up to 10 min, forever", () => {
  const list = newList("tracker", A);
  const waits: number[] = [];
  for (let now = 0, turn = 0; turn < 12; turn++) {
    const dialled = list.next(now);
    ok(dialled !== undefined);
    list.failed(dialled, now);
    waits.push(waitMs(list, now) / SECOND);
    now = list.nextAt()!;
  }
  deepStrictEqual(waits.slice(0, 8), [15, 30, 60, 120, 240, 480, 600, 600]);
  deepStrictEqual(waits.at(-1), 600);
});

Deno.test("a peer that was useful is tried after 1 s, doubling up to 1 min", () => {
  const list = newList("tracker", A);
  const peer = list.next(0)!;
  list.connected(peer);
  list.disconnected(dialled(peer), { ...END, wasUseful: true }, 0);
  const waits = [waitMs(list, 0)];
  for (let turn = 0; turn < 8; turn++) {
    const now = list.nextAt()!;
    list.next(now);
    list.failed(peer, now);
    waits.push(waitMs(list, now));
  }
  deepStrictEqual(waits.map((wait) => wait / SECOND), [1, 1, 2, 4, 8, 16, 32, 60, 60]);
  const now = list.nextAt()!;
  list.next(now);
  list.connected(peer);
  list.disconnected(dialled(peer), { ...END, wasUseful: true }, now);
  deepStrictEqual(waitMs(list, now), SECOND);
  list.next(now + SECOND);
  list.failed(peer, now + SECOND);
  deepStrictEqual(waitMs(list, now + SECOND), SECOND);
});

Deno.test("a peer that the user named is tried as soon as one that was useful", () => {
  const list = newList("named", A);
  list.failed(list.next(0)!, 0);
  deepStrictEqual(waitMs(list, 0), SECOND);
});

Deno.test("a peer that shakes hands and gives nothing has failed", () => {
  const list = newList("tracker", A);
  for (const seconds of [15, 30, 60]) {
    const now = list.nextAt() === -Infinity ? 0 : list.nextAt()!;
    const peer = list.next(now)!;
    list.connected(peer);
    list.disconnected(dialled(peer), END, now);
    deepStrictEqual(waitMs(list, now), seconds * SECOND);
  }
});

Deno.test("a useless or doubly connected peer is left alone for 10 min", () => {
  for (const reason of ["useless", "duplicate-connection"] as const) {
    for (const wasUseful of [true, false]) {
      const list = newList("tracker", A);
      const peer = list.next(0)!;
      list.connected(peer);
      list.disconnected(dialled(peer), { reason, wasUseful }, 0);
      deepStrictEqual(waitMs(list, 0), 10 * MINUTE);
    }
  }
});

Deno.test("one that made way for another is left alone for 10 min, 1 min if it gave, and comes after those not tried", () => {
  for (const [wasUseful, minutes] of [[true, 1], [false, 10]] as const) {
    const list = newList("tracker", A);
    const peer = list.next(0)!;
    list.connected(peer);
    list.disconnected(dialled(peer), { reason: "made-way", wasUseful }, 0);
    deepStrictEqual(waitMs(list, 0), minutes * MINUTE);
    deepStrictEqual(list.hasUntried(11 * MINUTE - 1), false);
    deepStrictEqual(list.hasUntried(11 * MINUTE), wasUseful, "it is worth another trial");
    list.add([endpoint(B)], "pex");
    deepStrictEqual([1, 2].map(() => list.next(10 * MINUTE)), [endpoint(B), peer]);
  }
});

Deno.test("a peer for which there is no place has not failed, and is tried after 15 s", () => {
  const list = newList("tracker", A);
  for (let now = 0; now < 10 * MINUTE; now += 15 * SECOND) {
    const peer = list.next(now)!;
    list.connected(peer);
    list.disconnected(dialled(peer), { reason: "too-many-peers", wasUseful: false }, now);
    deepStrictEqual(waitMs(list, now), 15 * SECOND);
    ok(list.hasUntried(now + 15 * SECOND));
  }
});

Deno.test("hasUntried() is of those that can be dialled now, and have not been a peer of ours", () => {
  const list = newList("tracker", A);
  ok(list.hasUntried(0));
  const peer = list.next(0)!;
  ok(!list.hasUntried(0), "it is being dialled");
  list.failed(peer, 0);
  ok(!list.hasUntried(15 * SECOND - 1), "it is left alone");
  ok(list.hasUntried(15 * SECOND));
  list.connected(list.next(15 * SECOND)!);
  list.disconnected(dialled(peer), { ...END, wasUseful: true }, 16 * SECOND);
  ok(!list.hasUntried(10 * MINUTE), "it was met");
  ok(list.hasUntried(11 * MINUTE), "it gave us something");
});

Deno.test("next() lets one that gives something and leaves come first once, not for ever", () => {
  const list = newList("tracker", A);
  const leaver = list.next(0)!;
  const leave = (now: number) => {
    list.connected(leaver);
    list.disconnected(dialled(leaver), { ...END, wasUseful: true }, now);
  };
  leave(0);
  list.add([endpoint(B)], "tracker");
  deepStrictEqual(list.next(MINUTE), leaver);
  leave(MINUTE);
  deepStrictEqual(list.next(2 * MINUTE), endpoint(B));
  deepStrictEqual(list.next(2 * MINUTE), leaver);
});

Deno.test("counts tell who is connected and who was never reached", () => {
  const list = newList("tracker", A, B, "10.0.0.3:3");
  const [first, second] = [list.next(0)!, list.next(0)!];
  list.connected(first);
  list.failed(second, 0);
  deepStrictEqual(list.counts, { known: 3, connected: 1, banned: 0, unreachable: 1 });
  list.disconnected(dialled(first), END, 0);
  deepStrictEqual(list.counts, { known: 3, connected: 0, banned: 0, unreachable: 1 });
});

Deno.test("disconnected() says nothing of an endpoint that a peer came from by itself", () => {
  for (const reason of ["remote-closed", "own-connection"] as const) {
    const list = newList("tracker", A);
    const given = list.next(0)!;
    list.connected(given);
    list.disconnected({ endpoint: given, isIncoming: true }, { reason, wasUseful: true }, 0);
    deepStrictEqual([list.counts.connected, list.ownCount], [1, 0]);
  }
});

Deno.test("P3 our own endpoint is never dialled again, and not banned", () => {
  for (const learn of ["markOwn", "disconnected"] as const) {
    const list = newList("tracker", A);
    const own = list.next(0)!;
    if (learn === "markOwn") list.markOwn(own);
    else list.disconnected(dialled(own), { ...END, reason: "own-connection" }, 0);
    deepStrictEqual(list.add([own], "named"), 0);
    deepStrictEqual([list.next(10 * MINUTE), list.isBanned(own)], [undefined, false]);
    deepStrictEqual([list.ownCount, list.counts.known], [1, 0]);
  }
});

Deno.test("ban() is for one endpoint, until a third one of the same address lies", () => {
  const list = newList("tracker", "10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3", "10.0.0.1:4");
  const other = endpoint("10.0.0.10:1");
  list.add([other], "tracker");
  list.ban(endpoint("10.0.0.1:1"));
  list.ban(endpoint("10.0.0.1:1"));
  list.ban(endpoint("10.0.0.1:2"));
  ok(list.isBanned(endpoint("10.0.0.1:2")));
  ok(!list.isBanned(endpoint("10.0.0.1:3")));
  deepStrictEqual(list.counts.known, 3);
  list.ban(endpoint("10.0.0.1:9"));
  ok(list.isBanned(endpoint("10.0.0.1:3")) && !list.isBanned(other));
  deepStrictEqual(list.counts, { known: 1, connected: 0, banned: 3, unreachable: 0 });
  deepStrictEqual(list.add([endpoint("10.0.0.1:5"), endpoint("10.0.0.1:1")], "named"), 0);
  deepStrictEqual([list.next(0), list.next(0)], [other, undefined]);
});

Deno.test("ban() takes no address for another that starts alike", () => {
  const list = newList();
  for (const text of ["10.0.0.10:1", "10.0.0.11:1", "10.0.0.1:1"]) list.ban(endpoint(text));
  ok(!list.isBanned(endpoint("10.0.0.1:2")));
});

Deno.test("ban() never bans all of loopback", () => {
  for (const host of ["127.0.0.1", "[::1]"]) {
    const list = newList();
    for (let port = 1; port <= 10; port++) list.ban(endpoint(`${host}:${port}`));
    ok(!list.isBanned(endpoint(`${host}:11`)));
    deepStrictEqual(list.add([endpoint(`${host}:11`), endpoint(`${host}:1`)], "tracker"), 1);
  }
});

Deno.test("ban() bans an IPv6 address by its third endpoint", () => {
  const list = newList();
  for (let port = 1; port <= 3; port++) list.ban(endpoint(`[2001:db8::1]:${port}`));
  ok(list.isBanned(endpoint("[2001:db8::1]:4")));
  ok(!list.isBanned(endpoint("[2001:db8::11]:4")));
});

Deno.test("what happens to a banned peer's connection does not bring it back", () => {
  const list = newList("tracker", A);
  const liar = list.next(0)!;
  list.connected(liar);
  list.ban(liar);
  list.disconnected(dialled(liar), { reason: "banned", wasUseful: true }, 0);
  list.failed(liar, 0);
  deepStrictEqual([list.next(20 * MINUTE), list.counts.known], [undefined, 0]);
});

Deno.test("T11 add() keeps 3000 endpoints, and those that never failed", () => {
  const list = newList();
  const many = Array.from({ length: 10_000 }, (_, index) => nth(index));
  deepStrictEqual(list.add(many, "tracker"), 3_000);
  deepStrictEqual(list.counts.known, 3_000);
  const failed = [list.next(0)!, list.next(0)!, list.next(0)!];
  for (const endpoint of failed) list.failed(endpoint, 0);
  deepStrictEqual(list.add(many.slice(3_000), "tracker"), 3);
  deepStrictEqual(list.counts, { known: 3_000, connected: 0, banned: 0, unreachable: 0 });
});

Deno.test("T11 add() forgets nobody whom the torrent itself names", () => {
  const list = newList();
  const [own, ...many] = Array.from({ length: 4_000 }, (_, index) => nth(index));
  list.add([own!], "torrent");
  deepStrictEqual(list.next(0), own);
  list.failed(own!, 0);
  list.add(many, "tracker");
  deepStrictEqual(list.add([own!], "torrent"), 0, "it is still known");
  deepStrictEqual(list.counts.unreachable, 1);
});

Deno.test("T11 add() forgets the worst first, and never a useful or a named one", () => {
  const list = newList();
  list.add(Array.from({ length: 3_000 }, (_, index) => nth(index)), "tracker");
  const [once, twice, useful, named] = [1, 2, 3, 4].map(() => list.next(0)!);
  list.failed(once!, 0);
  list.failed(twice!, 0);
  list.failed(twice!, 0);
  list.disconnected(dialled(useful!), { ...END, wasUseful: true }, 0);
  list.failed(useful!, 0);
  list.add([named!], "named");
  list.failed(named!, 0);
  deepStrictEqual(list.add([nth(5_000)], "tracker"), 1);
  deepStrictEqual(list.counts.unreachable, 3, "the one that failed twice made way");
  deepStrictEqual(list.add([nth(5_001), nth(5_002)], "tracker"), 1);
  deepStrictEqual(list.add([nth(5_003)], "named"), 1);
  deepStrictEqual(list.counts.known, 3_001);
});

Deno.test("next() prefers what trackers and the DHT named to what only peers named", () => {
  for (const source of ["tracker", "dht", "lsd", "incoming"] as const) {
    for (let seed = 0; seed < 10; seed++) {
      const list = new PeerList({ random: new SeededRandom(seed) });
      list.add([nth(1), nth(2), nth(3)], "pex", nth(100));
      list.add([nth(4), nth(2)], source);
      const order = [1, 2, 3, 4].map(() => list.next(0)!.host);
      deepStrictEqual(order.slice(0, 2).toSorted(), [nth(2).host, nth(4).host]);
    }
  }
});

Deno.test("P29 add() takes at most 150 from peers of one address, and 1000 from peers at all", () => {
  const list = newList();
  const ofPeer = (peer: number) =>
    Array.from({ length: 200 }, (_, index) => nth(1_000 * peer + index));
  deepStrictEqual(list.add(ofPeer(1).slice(0, 50), "pex", nth(1)), 50);
  deepStrictEqual(list.add(ofPeer(1), "pex", { ...nth(1), port: 7 }), 100);
  deepStrictEqual(list.add(ofPeer(1), "pex", nth(1)), 0);
  for (let peer = 2; peer <= 6; peer++) list.add(ofPeer(peer), "pex", nth(peer));
  deepStrictEqual(list.add(ofPeer(7), "pex", nth(7)), 100);
  deepStrictEqual(list.add(ofPeer(8), "pex", nth(8)), 0);
  deepStrictEqual(list.add(ofPeer(9), "tracker"), 200);
});

Deno.test("P29 what a peer named makes way for more of it once it has failed", () => {
  const list = newList();
  list.add(Array.from({ length: 150 }, (_, index) => nth(index)), "pex", nth(900));
  list.add([nth(500)], "pex", nth(901));
  for (let dialled = list.next(0); dialled !== undefined; dialled = list.next(0)) {
    list.failed(dialled, 0);
  }
  deepStrictEqual(list.add([nth(600), nth(601)], "pex", nth(900)), 2);
  deepStrictEqual(list.counts.known, 151);
  list.add([nth(500)], "tracker");
  deepStrictEqual(list.counts, { known: 151, connected: 0, banned: 0, unreachable: 149 });
});

Deno.test("P29 a peer fills no more than its part when others' failed ones make way for it", () => {
  const list = newList();
  for (let peer = 1; peer <= 7; peer++) {
    list.add(
      Array.from({ length: 150 }, (_, index) => nth(1_000 * peer + index)),
      "pex",
      nth(peer),
    );
  }
  for (let dialled = list.next(0); dialled !== undefined; dialled = list.next(0)) {
    list.failed(dialled, 0);
  }
  const many = Array.from({ length: 400 }, (_, index) => nth(20_000 + index));
  deepStrictEqual(list.add(many, "pex", nth(9)), 150);
  deepStrictEqual(list.add(many.slice(150), "pex", nth(9)), 0);
  deepStrictEqual(list.counts.known, 1_000);
});

Deno.test("P29 what the tracker names too is no longer counted as a peer's", () => {
  const list = newList();
  const many = Array.from({ length: 150 }, (_, index) => nth(index));
  list.add(many, "pex", nth(900));
  list.add(many.slice(0, 10), "tracker");
  list.add(many.slice(10, 20), "pex", nth(901));
  const more = Array.from({ length: 50 }, (_, index) => nth(200 + index));
  deepStrictEqual(list.add(more, "pex", nth(900)), 10);
});

Deno.test("P29 add() forgets what only peers named when the list is full, but nobody else", () => {
  const list = newList();
  for (let peer = 0; peer < 7; peer++) {
    const named = Array.from({ length: 150 }, (_, index) => nth(10_000 + 200 * peer + index));
    list.add(named, "pex", nth(900 + peer));
  }
  const many = Array.from({ length: 4_000 }, (_, index) => nth(index));
  deepStrictEqual(list.add(many, "tracker"), 3_000);
  deepStrictEqual(list.add([nth(10_000)], "pex", nth(900)), 0);
  deepStrictEqual(list.counts.known, 3_000);
});

Deno.test("isBanned() forgets the oldest bans beyond 3000", () => {
  const list = newList();
  for (let index = 0; index < 3_001; index++) list.ban(nth(index));
  ok(!list.isBanned(nth(0)));
  ok(list.isBanned(nth(1)) && list.isBanned(nth(3_000)));
});

Deno.test("PeerList is consistent whatever happens, and gives nobody twice", () => {
  const step = fc.record({
    action: fc.constantFrom(
      "add",
      "named",
      "pex",
      "next",
      "failed",
      "connected",
      "gone",
      "ban",
      "own",
    ),
    index: fc.nat(8),
    wasUseful: fc.boolean(),
    passMs: fc.nat(60_000),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
    const list = newList();
    const busy = new Set<string>();
    let now = 0;
    for (const { action, index, wasUseful, passMs } of steps) {
      now += passMs;
      const peer = nth(index), key = formatEndpoint(peer);
      const isBusy = busy.has(key);
      switch (action) {
        case "add":
        case "named":
          list.add([peer], action === "add" ? "tracker" : "named");
          break;
        case "pex":
          list.add([peer], "pex", nth(100 + index % 3));
          break;
        case "next": {
          const isDue = (list.nextAt() ?? Infinity) <= now;
          const next = list.next(now);
          deepStrictEqual(next !== undefined, isDue);
          if (next === undefined) break;
          ok(!busy.has(formatEndpoint(next)) && !list.isBanned(next));
          busy.add(formatEndpoint(next));
          break;
        }
        case "failed":
          if (isBusy) list.failed(peer, now);
          busy.delete(key);
          break;
        case "connected":
          if (isBusy) list.connected(peer);
          break;
        case "gone":
          if (isBusy) list.disconnected(dialled(peer), { reason: "remote-closed", wasUseful }, now);
          busy.delete(key);
          break;
        case "ban":
          list.ban(peer);
          break;
        default:
          list.markOwn(peer);
      }
      const { known, connected, unreachable } = list.counts;
      ok(connected <= busy.size && connected + unreachable <= known && known <= 9);
      ok((list.nextAt() ?? now) <= now + 10 * MINUTE);
    }
  }));
});
