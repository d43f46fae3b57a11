import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import type { InfoHash } from "../../src/base/ids.ts";
import { encodeAnnouncements, parseAnnouncement } from "../../src/lsd/announcement.ts";

const HEX = "0123456789abcdef0123456789abcdef01234567";
const OTHER_HEX = "ffeeddccbbaa99887766554433221100ffeeddcc";
const IPV4_GROUP = { host: "239.192.152.143", port: 6771 };
const IPV6_GROUP = { host: "ff15::efc0:988f", port: 6771 };
const MAX_PACKET = 1_400;

const infoHash = fc.uint8Array({ minLength: 20, maxLength: 20 }).map((bytes) =>
  Uint8Array.from(bytes) as InfoHash
);

Deno.test("parseAnnouncement() reads what other clients send", () => {
  const table: [name: string, lines: string[], port: number, hexes: string[], cookie?: string][] = [
    ["libtorrent", ["Port: 6881", `Infohash: ${HEX}`, "cookie: 5f3759df", "", "", ""], 6881, [
      HEX,
    ], "5f3759df"],
    ["aria2", ["Port: 6999", `Infohash: ${HEX}`, "", "", ""], 6999, [HEX]],
    [
      "several torrents, one of them twice",
      [
        "Port: 51413",
        `Infohash: ${OTHER_HEX.toUpperCase()}`,
        `Infohash: ${HEX}`,
        `Infohash: ${OTHER_HEX}`,
      ],
      51413,
      [OTHER_HEX, HEX],
    ],
    ["names in any case, spaces or none", ["PORT:65535", `infohash:\t ${HEX} `], 65535, [HEX]],
    ["unknown lines, and lines that are none", ["X-Y: z", "?", "Port: 1", `Infohash: ${HEX}`], 1, [
      HEX,
    ]],
    [
      "hashes of other kinds are left out",
      [
        "Port: 1",
        `Infohash: ${HEX.slice(1)}`,
        `Infohash: ${HEX}`,
        `Infohash: ${HEX}${OTHER_HEX.slice(16)}`,
        `Infohash: ${"z".repeat(40)}`,
      ],
      1,
      [HEX],
    ],
    ["a cookie too long is no cookie", ["Port: 1", `Infohash: ${HEX}`, `cookie: ${HEX}${HEX}`], 1, [
      HEX,
    ]],
  ];
  for (const [name, lines, port, hexes, cookie] of table) {
    for (const end of ["\r\n", "\n"]) {
      const text = ["BT-SEARCH * HTTP/1.1", "Host: 239.192.152.143:6771", ...lines].join(end);
      const parsed = parseAnnouncement(new TextEncoder().encode(text));
      const found = parsed?.infoHashes.map((hash) => hash.toHex());
      deepStrictEqual([parsed?.port, found, parsed?.cookie], [port, hexes, cookie], name);
    }
  }
});

Deno.test("parseAnnouncement() gives undefined for what announces nothing", () => {
  const hash = `Infohash: ${HEX}`;
  const table: string[][] = [
    [""],
    ["M-SEARCH * HTTP/1.1", "Port: 1", hash],
    ["BT-SEARCH * HTTP/2", "Port: 1", hash],
    ["BT-SEARCH * HTTP/1.1 ", "Port: 1", hash],
    ["BT-SEARCH * HTTP/1.1", hash],
    ["BT-SEARCH * HTTP/1.1", "Port: 1"],
    ["BT-SEARCH * HTTP/1.1", "Port: 0", hash],
    ["BT-SEARCH * HTTP/1.1", "Port: 65536", hash],
    ["BT-SEARCH * HTTP/1.1", "Port: 123456", hash],
    ["BT-SEARCH * HTTP/1.1", "Port: -1", hash],
    ["BT-SEARCH * HTTP/1.1", "Port: 1e3", hash],
    ["BT-SEARCH * HTTP/1.1", "Port: 1", "Port: 1", hash],
    ["BT-SEARCH * HTTP/1.1", "Port: 1", hash, "x".repeat(1_500)],
  ];
  for (const lines of table) {
    const datagram = new TextEncoder().encode(lines.join("\r\n"));
    strictEqual(parseAnnouncement(datagram), undefined, lines.join(" | "));
  }
});

Deno.test("encodeAnnouncements() writes what BEP 14 shows", () => {
  const announcement = { port: 6881, infoHashes: [Uint8Array.fromHex(HEX) as InfoHash] };
  const texts = [IPV4_GROUP, IPV6_GROUP].map((group) =>
    encodeAnnouncements({ ...announcement, cookie: "c" }, group).map((bytes) =>
      new TextDecoder().decode(bytes)
    )
  );
  const after = `Port: 6881\r\nInfohash: ${HEX}\r\ncookie: c\r\n\r\n\r\n`;
  deepStrictEqual(texts, [
    [`BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\n${after}`],
    [`BT-SEARCH * HTTP/1.1\r\nHost: [ff15::efc0:988f]:6771\r\n${after}`],
  ]);
  deepStrictEqual(
    encodeAnnouncements({ port: 1, infoHashes: [], cookie: "" }, IPV4_GROUP),
    [],
  );
});

Deno.test("encodeAnnouncements() and parseAnnouncement() agree, in few packets", () => {
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 65_535 }),
    fc.uniqueArray(infoHash, { maxLength: 80, selector: (hash) => hash.toHex() }),
    fc.stringMatching(/^[\da-f]{0,64}$/),
    fc.constantFrom(IPV4_GROUP, IPV6_GROUP),
    (port, infoHashes, cookie, group) => {
      const datagrams = encodeAnnouncements({ port, infoHashes, cookie }, group);
      const parsed = datagrams.map((datagram) => parseAnnouncement(datagram)!);
      ok(datagrams.every(({ length }) => length <= MAX_PACKET));
      ok(datagrams.length <= Math.ceil(infoHashes.length / 22));
      deepStrictEqual(parsed.flatMap((each) => [...each.infoHashes]), infoHashes);
      ok(parsed.every((each) => each.port === port && each.cookie === cookie));
    },
  ));
});

Deno.test("parseAnnouncement() takes no other port or torrent from a datagram that is cut", () => {
  const whole = `BT-SEARCH * HTTP/1.1\r\nPort: 51413\r\nInfohash: ${HEX}\r\ncookie: c\r\n\r\n`;
  const bytes = new TextEncoder().encode(whole);
  for (let length = 0; length < bytes.length; length++) {
    const parsed = parseAnnouncement(bytes.subarray(0, length));
    if (parsed === undefined) continue;
    deepStrictEqual([parsed.port, parsed.infoHashes.map((hash) => hash.toHex())], [51413, [HEX]]);
  }
});
