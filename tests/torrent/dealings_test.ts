import { deepStrictEqual } from "node:assert/strict";
import { Bitfield } from "../../src/base/bitfield.ts";
import type { PeerId } from "../../src/base/ids.ts";
import { type Dealer, Dealings } from "../../src/torrent/dealings.ts";

const LONG_MS = 60_000;

function pieces(...indices: number[]): Bitfield {
  const field = new Bitfield(4);
  for (const index of indices) field.set(index);
  return field;
}

function peerId(number: number): PeerId {
  return new Uint8Array(20).fill(number) as PeerId;
}

function dealer(changes: Partial<Dealer> = {}): Dealer {
  return {
    key: 1,
    endpoint: { host: "192.0.2.1", port: 6881 },
    peerId: peerId(1),
    theirHave: pieces(0, 1, 2, 3),
    isWebSeed: false,
    isIncoming: false,
    isPeerChoking: false,
    session: {
      downloadedBytes: changes.lastDataAt === undefined ? 0 : 16_384,
      awaitedSince: undefined,
    },
    lastDataAt: undefined,
    isHeldBack: false,
    ...changes,
  };
}

/** It was asked, and has sent no block since. */
function asked(awaitedSince: number, changes: Partial<Dealer> = {}): Dealer {
  const peer = dealer(changes);
  return { ...peer, session: { ...peer.session, awaitedSince } };
}

Deno.test("standing() is empty when a peer has nothing that we lack", () => {
  const dealings = new Dealings();
  const standing = (theirHave: Bitfield, missing: Bitfield) =>
    dealings.standing(dealer({ theirHave, isPeerChoking: true }), missing, LONG_MS, 0);
  deepStrictEqual(standing(pieces(), pieces(1)), "empty");
  deepStrictEqual(standing(pieces(0, 2), pieces(1, 3)), "empty");
  deepStrictEqual(standing(pieces(0, 1), pieces(1, 3)), "choking");
  deepStrictEqual(standing(pieces(0, 1, 2, 3), pieces()), "empty");
});

Deno.test("standing() takes a peer that our own limit keeps waiting for one that gives", () => {
  const dealings = new Dealings();
  for (const changes of [{ isPeerChoking: true }, { theirHave: pieces() }, { lastDataAt: 0 }]) {
    const peer = dealer({ ...changes, isHeldBack: true });
    deepStrictEqual(dealings.standing(peer, pieces(0), LONG_MS, 1_000_000), "giving");
  }
});

Deno.test("standing() gives a peer time to send, once it lets us ask", () => {
  const dealings = new Dealings();
  const missing = pieces(0);
  const standing = (peer: Dealer, now: number, windowMs = LONG_MS) =>
    dealings.standing(peer, missing, windowMs, now);
  deepStrictEqual(standing(dealer({ isPeerChoking: true }), 1_000), "choking");
  dealings.unchoked(dealer(), 1_000);
  deepStrictEqual([3_999, 4_000].map((now) => standing(dealer(), now)), ["giving", "mute"]);
  const slow = dealer({ lastDataAt: 5_000 });
  deepStrictEqual([19_999, 20_000].map((now) => standing(slow, now)), ["giving", "mute"]);
  deepStrictEqual(standing(slow, 10_000, 5_000), "mute");
  // It may have given what is allowed to the choked (BEP 6).
  const choking = dealer({ lastDataAt: 5_000, isPeerChoking: true });
  deepStrictEqual([7_999, 8_000].map((now) => standing(choking, now)), ["giving", "choking"]);
});

Deno.test("standing() gives no time anew to a peer that was asked, sent nothing and lets us ask again", () => {
  const dealings = new Dealings();
  const standing = (peer: Dealer, now: number) => dealings.standing(peer, pieces(0), LONG_MS, now);
  dealings.unchoked(dealer(), 1_000);
  const owing = asked(1_000);
  for (let now = 3_000; now <= 9_000; now += 2_000) dealings.unchoked(owing, now);
  deepStrictEqual([3_999, 4_000, 9_001].map((now) => standing(dealer(), now)), [
    "giving",
    "mute",
    "mute",
  ]);
  const slow = asked(10_000, { lastDataAt: 10_000 });
  dealings.unchoked(slow, 60_000);
  deepStrictEqual([62_999, 75_000].map((now) => standing(slow, now)), ["giving", "mute"]);
});

Deno.test("standing() gives a peer time anew that was asked for nothing when it first let us ask", () => {
  const dealings = new Dealings();
  const standing = (now: number) => dealings.standing(dealer(), pieces(0), LONG_MS, now);
  dealings.unchoked(dealer(), 1_000);
  deepStrictEqual(standing(599_999), "mute");
  dealings.unchoked(dealer(), 600_000);
  deepStrictEqual([602_999, 603_000].map(standing), ["giving", "mute"]);
});

Deno.test("standing() gives a peer time that was asked for allowed pieces before it let us ask", () => {
  const dealings = new Dealings();
  dealings.unchoked(asked(500), 1_000);
  deepStrictEqual(dealings.standing(asked(500), pieces(0), LONG_MS, 3_999), "giving");
});

Deno.test("left() counts how connections ended, and remembers who gave something", () => {
  const dealings = new Dealings();
  dealings.left(dealer({ lastDataAt: 1 }), "remote-closed");
  dealings.left(dealer({ lastDataAt: 2 }), "remote-closed");
  dealings.left(dealer({ endpoint: { host: "192.0.2.2", port: 1 } }), "silent");
  deepStrictEqual(dealings.departures, { "remote-closed": 2, silent: 1 });
  deepStrictEqual(dealings.contributorCount, 1);
});

Deno.test("left() counts strangers who came to us only if they gave something", () => {
  const dealings = new Dealings();
  dealings.left(dealer({ isIncoming: true }), "malformed-message");
  deepStrictEqual([dealings.departures, dealings.contributorCount], [{}, 0]);
  dealings.left(dealer({ isIncoming: true, lastDataAt: 1 }), "remote-closed");
  deepStrictEqual([dealings.departures, dealings.contributorCount], [{ "remote-closed": 1 }, 1]);
});

Deno.test("note() takes peers of one id, and those of one endpoint, for one contributor", () => {
  const dealings = new Dealings();
  const hosts = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "127.0.0.1"];
  const [first, second, third, loopback] = hosts.map((host) => ({ host, port: 6881 }));
  const cases: readonly [string, Partial<Dealer>, number][] = [
    ["the first", { endpoint: first!, peerId: peerId(1) }, 1],
    ["another", { endpoint: second!, peerId: peerId(2) }, 2],
    ["the first by IPv6", { endpoint: third!, peerId: peerId(1) }, 2],
    ["the first on this machine", { endpoint: loopback!, peerId: peerId(1) }, 2],
    ["the second with a new id", { endpoint: second!, peerId: peerId(3) }, 2],
    ["the second with it, elsewhere", { endpoint: { ...second!, port: 1 }, peerId: peerId(3) }, 2],
  ];
  for (const [name, changes, count] of cases) {
    dealings.note(dealer({ lastDataAt: 1, ...changes }));
    deepStrictEqual(dealings.contributorCount, count, name);
  }
});

Deno.test("note() remembers 3,000 contributors", () => {
  const dealings = new Dealings();
  for (let port = 1; port <= 3_100; port++) {
    const id = new Uint8Array(20);
    new DataView(id.buffer).setUint32(0, port);
    const endpoint = { host: "192.0.2.1", port };
    dealings.note(dealer({ lastDataAt: 1, endpoint, peerId: id as PeerId }));
  }
  deepStrictEqual(dealings.contributorCount, 3_000);
});

Deno.test("left() counts all that a web server breaks off as one thing", () => {
  const dealings = new Dealings();
  for (const reason of ["remote-closed", "silent", "banned", "finished"] as const) {
    dealings.left(dealer({ isWebSeed: true }), reason);
  }
  deepStrictEqual(dealings.departures, { "web-seed": 2, banned: 1, finished: 1 });
});
