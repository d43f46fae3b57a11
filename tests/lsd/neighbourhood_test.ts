import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { SeededRandom } from "../../src/base/ambient.ts";
import type { InfoHash } from "../../src/base/ids.ts";
import { encodeAnnouncements, parseAnnouncement } from "../../src/lsd/announcement.ts";
import { Neighbourhood } from "../../src/lsd/neighbourhood.ts";

const GROUP = { host: "239.192.152.143", port: 6771 };
const GROUPS = [GROUP, { host: "ff15::efc0:988f", port: 6771 }];
const OURS = infoHash(1), OTHER = infoHash(2);
const MINUTE = 60_000;

Deno.test("Neighbourhood announces at once, then every five minutes, to each group", () => {
  const us = make();
  strictEqual(us.deadline(), undefined);
  deepStrictEqual(us.drain(GROUPS, 0), []);
  us.add(OURS, 6881, 10);
  for (const due of [10, 10 + 5 * MINUTE, 10 + 10 * MINUTE]) {
    strictEqual(us.deadline(), due);
    deepStrictEqual(us.drain(GROUPS, due - 1), []);
    const sent = us.drain(GROUPS, due);
    deepStrictEqual(sent.map(({ to }) => to), GROUPS);
    deepStrictEqual(sent.map(({ bytes }) => parseAnnouncement(bytes)?.port), [6881, 6881]);
  }
  us.remove(OURS);
  strictEqual(us.deadline(), undefined);
});

Deno.test("Neighbourhood puts torrents of one port into one datagram", () => {
  const us = make();
  us.add(OURS, 6881, 0);
  us.add(OTHER, 6881, 0);
  us.add(infoHash(3), 7000, 0);
  const sent = us.drain([GROUP], 0).map(({ bytes }) => parseAnnouncement(bytes)!);
  deepStrictEqual(sent.map(({ port, infoHashes }) => [port, ...infoHashes]), [
    [6881, OURS, OTHER],
    [7000, infoHash(3)],
  ]);
});

Deno.test("Neighbourhood announces no more than once a minute, however often a torrent is added", () => {
  const us = make();
  let sent = 0;
  for (let now = 0; now < 3 * MINUTE; now += 1_000) {
    us.add(OURS, 6881, now);
    sent += us.drain([GROUP], now).length;
    us.remove(OURS);
  }
  strictEqual(sent, 3);
});

Deno.test("Neighbourhood tells who has a torrent that is wanted, and of no other", () => {
  const us = make();
  us.add(OURS, 6881, 0);
  const from = { host: "192.168.1.7", port: 40_000 };
  const endpoint = { host: "192.168.1.7", port: 5000 };
  deepStrictEqual(us.handleDatagram(announcement(5000, OTHER), from, 0), []);
  deepStrictEqual(us.handleDatagram(announcement(5000, OTHER, OURS), from, 0), [
    { infoHash: OURS, endpoint },
  ]);
  deepStrictEqual(us.handleDatagram(announcement(5000, OURS), from, 1_000), [], "told already");
  deepStrictEqual(us.handleDatagram(announcement(5000, OURS), from, 5 * MINUTE).length, 1);
  us.remove(OURS);
  deepStrictEqual(us.handleDatagram(announcement(5001, OURS), from, 5 * MINUTE), []);
});

Deno.test("Neighbourhood knows its own announcements by their cookie", () => {
  const us = make(1), other = make(2);
  us.add(OURS, 6881, 0);
  other.add(OURS, 6881, 0);
  const [own] = us.drain([GROUP], 0), [theirs] = other.drain([GROUP], 0);
  const from = { host: "192.168.1.7", port: 40_000 };
  deepStrictEqual(us.handleDatagram(own!.bytes, from, 0), []);
  deepStrictEqual(us.handleDatagram(theirs!.bytes, from, 0).length, 1);
});

Deno.test("Neighbourhood answers a newcomer soon, and keeps to once a minute", () => {
  const us = make();
  us.add(OURS, 6881, 0);
  us.drain([GROUP], 0);
  us.handleDatagram(announcement(5000, OURS), { host: "10.0.0.1", port: 1 }, 1_000);
  strictEqual(us.deadline(), MINUTE);
  us.drain([GROUP], MINUTE);
  us.handleDatagram(announcement(5000, OURS), { host: "10.0.0.1", port: 1 }, 2 * MINUTE);
  strictEqual(us.deadline(), 6 * MINUTE, "no newcomer");
  us.handleDatagram(announcement(5000, OURS), { host: "10.0.0.2", port: 1 }, 3 * MINUTE);
  ok(us.deadline()! >= 3 * MINUTE && us.deadline()! < 3 * MINUTE + 1_000);
});

Deno.test("Neighbourhood believes only local addresses that can be dialled", () => {
  const local = ["10.1.2.3", "172.16.0.1", "192.168.0.1", "127.0.0.1", "169.254.1.2", "fd00::1"];
  const strangers = ["1.2.3.4", "2001:db8::1", "fe80::1", "0.0.0.0", "224.0.0.1", "::"];
  for (const [hosts, isBelieved] of [[local, true], [strangers, false]] as const) {
    for (const host of hosts) {
      const us = make();
      us.add(OURS, 6881, 0);
      const found = us.handleDatagram(announcement(5000, OURS), { host, port: 1 }, 0);
      strictEqual(found.length > 0, isBelieved, host);
      deepStrictEqual(us.handleDatagram(announcement(1, OURS), { host, port: 1 }, 0), []);
    }
  }
});

Deno.test("Neighbourhood believes global addresses of the networks that it hears itself on", () => {
  const us = make();
  us.add(OURS, 6881, 0);
  const [own] = us.drain([GROUP], 0);
  const table = [
    ["2001:db8:0:1::5", "2001:db8:0:1::9", "2001:db8:0:2::9"],
    ["198.51.100.5", "198.51.100.9", "198.51.101.9"],
  ] as const;
  for (const [ours, neighbour, stranger] of table) {
    const hear = (host: string) =>
      us.handleDatagram(announcement(5000, OURS), { host, port: 1 }, 0).length;
    strictEqual(hear(neighbour), 0);
    us.handleDatagram(own!.bytes, { host: ours, port: 1 }, 0);
    deepStrictEqual([hear(neighbour), hear(stranger)], [1, 0]);
  }
});

Deno.test("Neighbourhood tells a bounded number of endpoints, and few of one address", () => {
  const us = make();
  us.add(OURS, 6881, 0);
  const count = (hostOf: (index: number) => string, now: number) => {
    let told = 0;
    for (let index = 0; index < 3_000; index++) {
      const from = { host: hostOf(index), port: 1 };
      told += us.handleDatagram(announcement(2_000 + index, OURS), from, now).length;
    }
    return told;
  };
  strictEqual(count(() => "10.0.0.1", 0), 8);
  strictEqual(count((index) => `10.1.${index >> 8}.${index & 255}`, 0), 248);
  strictEqual(count(() => "10.0.0.1", 5 * MINUTE), 8, "forgotten in time");
});

Deno.test("Neighbourhood survives noise", () => {
  const us = make();
  us.add(OURS, 6881, 0);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 2_000 }), (noise) => {
    deepStrictEqual(us.handleDatagram(noise, { host: "10.0.0.1", port: 1 }, 0), []);
  }));
});

function make(seed = 1): Neighbourhood {
  return new Neighbourhood({ random: new SeededRandom(seed) });
}

function announcement(port: number, ...infoHashes: InfoHash[]): Uint8Array {
  return encodeAnnouncements({ port, infoHashes, cookie: "other" }, GROUP)[0]!;
}

function infoHash(seed: number): InfoHash {
  return new Uint8Array(20).fill(seed) as InfoHash;
}
