import { deepStrictEqual, equal, ok } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import { putUint32 } from "../../src/base/bytes.ts";
import type { Endpoint } from "../../src/base/endpoint.ts";
import type { InfoHash } from "../../src/base/ids.ts";
import { PeerStore } from "../../src/dht/peer_store.ts";
import { hashOf } from "./samples.ts";

const MINUTE = 60_000;
const HASH = hashOf(1);

function storeOf(): PeerStore {
  return new PeerStore({ random: new SeededRandom(1) });
}

function peerOf(index: number): Endpoint {
  return { host: `10.0.${index >> 8}.${index & 255}`, port: 6881 };
}

/** The info-hash of a number. */
function hashFrom(index: number): InfoHash {
  const hash = hashOf(0);
  putUint32(hash, 0, index);
  return hash;
}

const any = { max: 1_000, withoutSeeds: false };

Deno.test("peers() gives those of the torrent and the family, each once", () => {
  const store = storeOf();
  const ipv6 = { host: "2001:db8::1", port: 1 };
  store.add(HASH, peerOf(1), false, 0);
  store.add(HASH, peerOf(2), false, 0);
  store.add(HASH, peerOf(1), true, 1);
  store.add(HASH, ipv6, false, 0);
  store.add(hashOf(2), peerOf(3), false, 0);
  deepStrictEqual(store.peers(HASH, "ipv4", { ...any, now: 2 }), [peerOf(2), peerOf(1)]);
  deepStrictEqual(store.peers(HASH, "ipv6", { ...any, now: 2 }), [ipv6]);
  deepStrictEqual(store.peers(hashOf(3), "ipv4", { ...any, now: 2 }), []);
  equal(store.size, 4);
});

Deno.test("peers() leaves out seeds for who is one (BEP 33)", () => {
  const store = storeOf();
  store.add(HASH, peerOf(1), true, 0);
  store.add(HASH, peerOf(2), false, 0);
  deepStrictEqual(store.peers(HASH, "ipv4", { max: 9, withoutSeeds: true, now: 0 }), [peerOf(2)]);
});

Deno.test("peers() gives no more than asked, now these and now those", () => {
  const store = storeOf();
  for (let index = 0; index < 40; index++) store.add(HASH, peerOf(index), false, 0);
  const given = new Set<string>();
  for (let round = 0; round < 100; round++) {
    const peers = store.peers(HASH, "ipv4", { max: 5, withoutSeeds: false, now: 0 });
    equal(new Set(peers.map(({ host }) => host)).size, 5);
    for (const { host } of peers) given.add(host);
  }
  equal(given.size, 40);
});

Deno.test("peers() forgets who was not announced again within 45 minutes", () => {
  const store = storeOf();
  store.add(HASH, peerOf(1), false, 0);
  store.add(HASH, peerOf(2), false, 0);
  store.add(HASH, peerOf(1), false, 30 * MINUTE);
  equal(store.peers(HASH, "ipv4", { ...any, now: 45 * MINUTE - 1 }).length, 2);
  deepStrictEqual(store.peers(HASH, "ipv4", { ...any, now: 45 * MINUTE }), [peerOf(1)]);
  store.peers(HASH, "ipv4", { ...any, now: 46 * MINUTE });
  equal(store.size, 1);
  deepStrictEqual(store.peers(HASH, "ipv4", { ...any, now: 75 * MINUTE }), []);
  equal(store.size, 0);
});

Deno.test("H10 add() keeps 500 peers of a torrent, those announced last", () => {
  const store = storeOf();
  for (let index = 0; index < 600; index++) store.add(HASH, peerOf(index), false, index);
  const hosts = store.peers(HASH, "ipv4", { ...any, now: 600 }).map(({ host }) => host);
  equal(hosts.length, 500);
  equal(store.size, 500);
  ok(!hosts.includes(peerOf(99).host) && hosts.includes(peerOf(100).host));
});

Deno.test("H10 add() keeps 2,000 torrents; a flood of new ones does not push out a large one", () => {
  const store = storeOf();
  store.add(HASH, peerOf(1), false, 0);
  store.add(HASH, peerOf(2), false, 0);
  for (let index = 0; index < 5_000; index++) store.add(hashFrom(index), peerOf(1), false, 1);
  equal(store.size, 2_001);
  equal(store.peers(HASH, "ipv4", { ...any, now: 2 }).length, 2);
  const count = (torrent: number) =>
    store.peers(hashFrom(torrent), "ipv4", { ...any, now: 2 }).length;
  deepStrictEqual([0, 3_000, 3_001, 4_999].map(count), [0, 0, 1, 1]);
});

Deno.test("H10 add() keeps 20,000 peers; a new one takes the place of one of the largest torrent", () => {
  const store = storeOf();
  for (let torrent = 0; torrent < 60; torrent++) {
    for (let index = 0; index < 500; index++) {
      store.add(hashFrom(torrent), peerOf(index), false, torrent);
    }
  }
  equal(store.size, 20_000);
  store.add(HASH, peerOf(1), false, 100);
  equal(store.size, 20_000);
  deepStrictEqual(store.peers(HASH, "ipv4", { ...any, now: 100 }), [peerOf(1)]);
  const hashes = Array.from({ length: 60 }, (_, torrent) => hashFrom(torrent));
  const counts = hashes.map((hash) => store.peers(hash, "ipv4", { ...any, now: 100 }).length);
  equal(counts.reduce((sum, count) => sum + count), 19_999);
  ok(Math.min(...counts) >= 300);
});

Deno.test("add() has room again once peers are gone", () => {
  const store = storeOf();
  for (let index = 0; index < 5_000; index++) store.add(hashFrom(index), peerOf(1), false, 0);
  store.add(HASH, peerOf(1), false, 46 * MINUTE);
  equal(store.size, 1);
});
