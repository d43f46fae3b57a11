import { deepStrictEqual, ok } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import type { InfoHash } from "../../src/base/ids.ts";
import { encodeAnnouncements, parseAnnouncement } from "../../src/lsd/announcement.ts";
import { Neighbourhood } from "../../src/lsd/neighbourhood.ts";
import { fuzz } from "./mutation.ts";

const CORPUS = "lsd_announcement";
const INFO_HASH = Uint8Array.fromHex("0123456789abcdef0123456789abcdef01234567") as InfoHash;

Deno.test("fuzz: parseAnnouncement() gives a port and info-hashes, or undefined", () => {
  fuzz({
    corpus: CORPUS,
    check(input) {
      const parsed = parseAnnouncement(input);
      if (parsed === undefined) return;
      ok(Number.isInteger(parsed.port) && parsed.port >= 1 && parsed.port <= 65_535);
      ok(parsed.infoHashes.length > 0 && parsed.infoHashes.every(({ length }) => length === 20));
      const group = { host: "239.192.152.143", port: 6771 };
      const [first] = encodeAnnouncements({ ...parsed, cookie: "c" }, group);
      const again = parseAnnouncement(first!)!;
      deepStrictEqual(again.infoHashes, parsed.infoHashes.slice(0, again.infoHashes.length));
    },
  });
});

Deno.test("fuzz: Neighbourhood survives any datagram, and announces no more often for it", () => {
  const neighbourhood = new Neighbourhood({ random: new SeededRandom(1) });
  const group = { host: "239.192.152.143", port: 6771 };
  neighbourhood.add(INFO_HASH, 6881, 0);
  let now = 0, announced = 0;
  fuzz({
    corpus: CORPUS,
    check(input, random) {
      now += random.below(1_000);
      const from = { host: `10.0.0.${random.below(256)}`, port: 6771 };
      for (const { infoHash, endpoint } of neighbourhood.handleDatagram(input, from, now)) {
        deepStrictEqual([infoHash, endpoint.host], [INFO_HASH, from.host]);
      }
      announced += neighbourhood.drain([group], now).length;
      ok(announced <= 1 + now / 60_000, `${announced} announcements in ${now} ms`);
    },
  });
});
