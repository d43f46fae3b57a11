import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { MetainfoError } from "../../src/base/errors.ts";
import { createMetainfo } from "../../src/metainfo/create.ts";
import {
  type IndexRange,
  magnetLink,
  parseInfoHash,
  parseMagnet,
} from "../../src/metainfo/magnet.ts";
import { parseMetainfo } from "../../src/metainfo/metainfo.ts";

const SHA256_HEX = "0123456789abcdef".repeat(4);
const HEX = "0123456789abcdef0123456789abcdef01234567";
/** RFC 4648 of the same bytes. */
const BASE32 = "AERUKZ4JVPG66AJDIVTYTK6N54ASGRLH";
const XT = `xt=urn:btih:${HEX}`;

function parsed(query: string) {
  return parseMagnet(`magnet:?${query}`);
}

Deno.test("magnetLink() names info-hash, name and all trackers, escaped", () => {
  const metainfo = parseMetainfo(createMetainfo({
    name: "a & ü",
    files: [{ path: ["a & ü"], length: 1 }],
    isSingleFile: true,
    pieceLength: 16_384,
    pieceHashes: new Uint8Array(20),
    trackers: [["http://a/announce?x=1", "udp://b:1"], ["http://c/"]],
  }));
  const link = magnetLink(metainfo);
  deepStrictEqual(link.split("&"), [
    `magnet:?xt=urn:btih:${metainfo.infoHashHex}`,
    "dn=a%20%26%20%C3%BC",
    "tr=http%3A%2F%2Fa%2Fannounce%3Fx%3D1",
    "tr=udp%3A%2F%2Fb%3A1",
    "tr=http%3A%2F%2Fc%2F",
  ]);
  const { searchParams } = new URL(link);
  deepStrictEqual(searchParams.getAll("tr"), metainfo.trackers.flat());
  deepStrictEqual(searchParams.get("dn"), "a & ü");
  const { infoHash, name, trackers } = parseMagnet(link);
  deepStrictEqual(infoHash, metainfo.infoHash);
  strictEqual(name, "a & ü");
  deepStrictEqual(trackers, metainfo.trackers.flat().map((url) => [url]));
});

Deno.test("parseMagnet() takes everything that BEP 9 and BEP 53 know", () => {
  const magnet = parsed([
    XT,
    "dn=Some%20name",
    "xl=123456789",
    "tr=http%3A%2F%2Ftracker.example%2Fannounce",
    "tr.1=udp://tracker.example:6969",
    "x.pe=192.0.2.1:6881",
    "x.pe=%5B2001:db8::1%5D:51413",
    "x.pe=peer.example:1",
    "so=0,2,4-6",
    "ws=https%3A%2F%2Fseed.example%2Ffile",
  ].join("&"));
  deepStrictEqual(magnet, {
    infoHash: Uint8Array.fromHex(HEX),
    infoHashHex: HEX,
    name: "Some name",
    trackers: [["http://tracker.example/announce"], ["udp://tracker.example:6969"]],
    length: 123_456_789,
    peers: [
      { host: "192.0.2.1", port: 6881 },
      { host: "2001:db8::1", port: 51_413 },
      { host: "peer.example", port: 1 },
    ],
    selectedFiles: [{ first: 0, last: 0 }, { first: 2, last: 2 }, { first: 4, last: 6 }],
    webSeeds: ["https://seed.example/file"],
  });
});

Deno.test("parseMagnet() needs no more than an info-hash", () => {
  deepStrictEqual(parsed(XT), {
    infoHash: Uint8Array.fromHex(HEX),
    infoHashHex: HEX,
    trackers: [],
    peers: [],
    webSeeds: [],
  });
});

Deno.test("parseMagnet() reads links as people and programs write them", () => {
  const SAME = [
    `magnet:?xt=urn:btih:${BASE32}`,
    `MAGNET:?XT=URN:BTIH:${HEX.toUpperCase()}`,
    `  magnet:?xt=urn:btih:${HEX}\n`,
    `magnet:?xt=urn%3Abtih%3A${HEX}`,
    `magnet:?xt.1=urn:sha1:YNCKHTQCWBTRNJIV4WNAE52SJUQCZO5C&xt.2=urn:btih:${HEX}`,
    `magnet:?dn=x&amp;xt=urn:btih:${HEX}&amp;&&=&x`,
    `magnet:?xt=urn:btih:${HEX}&xt=urn:btih:${BASE32.toLowerCase()}`,
    `magnet:?xt=urn:btmh:1220${"ab".repeat(32)}&xt=urn:btih:${HEX}`,
  ];
  for (const link of SAME) strictEqual(parseMagnet(link).infoHashHex, HEX, link);
});

Deno.test("parseMagnet() reads a link of version 2 by its multihash, in either case", () => {
  for (const text of [`urn:btmh:1220${SHA256_HEX}`, `URN:BTMH:1220${SHA256_HEX.toUpperCase()}`]) {
    const magnet = parseMagnet(`magnet:?xt=${text}&dn=x&xt=urn:sha1:${BASE32}`);
    strictEqual(magnet.infoHashHex, SHA256_HEX);
    deepStrictEqual(magnet.infoHash, Uint8Array.fromHex(SHA256_HEX));
    strictEqual(magnetLink(magnet), `magnet:?xt=urn:btmh:1220${SHA256_HEX}&dn=x`);
  }
});

Deno.test("parseMagnet() takes a link of both versions by the first and magnetLink() names both", () => {
  const v2 = `xt=urn:btmh:1220${SHA256_HEX}`;
  for (const query of [`${XT}&${v2}`, `${v2}&${XT}`, `${XT}&${v2}&xt=urn:btmh:1e20${SHA256_HEX}`]) {
    const magnet = parsed(query);
    deepStrictEqual([magnet.infoHashHex, magnet.infoHashV2Hex], [HEX, SHA256_HEX]);
    strictEqual(magnetLink(magnet), `magnet:?${XT}&${v2}`);
  }
  strictEqual(parsed(v2).infoHashV2Hex, SHA256_HEX);
  for (const query of [XT, `${XT}&xt=urn:btmh:1220${HEX}`, `${XT}&xt=urn:btmh:1e20${SHA256_HEX}`]) {
    strictEqual("infoHashV2Hex" in parsed(query), false);
  }
});

Deno.test("M29 parseMagnet() throws MetainfoError when the info-hash is not good", () => {
  const BAD: readonly (readonly [string, MetainfoError["reason"], RegExp])[] = [
    ["", "invalid-field", /does not start with magnet/],
    ["http://example/?xt=urn:btih:" + HEX, "invalid-field", /does not start with magnet/],
    [`magnet:xt=urn:btih:${HEX}`, "invalid-field", /does not start with magnet/],
    ["magnet:?", "invalid-field", /no info-hash/],
    ["magnet:?dn=x", "invalid-field", /no info-hash/],
    [`magnet:?xt=urn:sha1:${BASE32}`, "invalid-field", /no info-hash/],
    ["magnet:?xt=urn:btih:", "invalid-field", /neither 40 hex/],
    [`magnet:?xt=urn:btih:${HEX.slice(1)}`, "invalid-field", /neither 40 hex/],
    [`magnet:?xt=urn:btih:${HEX}0`, "invalid-field", /neither 40 hex/],
    [`magnet:?xt=urn:btih: ${HEX.slice(1)}`, "invalid-field", /neither 40 hex/],
    [`magnet:?xt=urn:btih:g${HEX.slice(1)}`, "invalid-field", /neither 40 hex/],
    [`magnet:?xt=urn:btih:1${BASE32.slice(1)}`, "invalid-field", /neither 40 hex/],
    [`magnet:?xt=urn:btih:${BASE32}=`, "invalid-field", /neither 40 hex/],
    [`magnet:?xt=urn:btih:%ZZ${HEX.slice(3)}`, "invalid-field", /neither 40 hex/],
    [`magnet:?${XT}&xt=urn:btih:f${HEX.slice(1)}`, "invalid-field", /two torrents/],
    [`magnet:?xt=urn:btmh:1220${"ab".repeat(31)}`, "invalid-field", /not 1220 and 64 hex/],
    [`magnet:?xt=urn:btmh:1220${"ab".repeat(32)}0`, "invalid-field", /not 1220 and 64 hex/],
    [`magnet:?xt=urn:btmh:1120${"ab".repeat(32)}`, "invalid-field", /not 1220 and 64 hex/],
    [`magnet:?xt=urn:btmh:${"ab".repeat(32)}`, "invalid-field", /not 1220 and 64 hex/],
    [`magnet:?xt=urn:btmh:1220${HEX}`, "invalid-field", /not 1220 and 64 hex/],
    [
      `magnet:?xt=urn:btmh:1220${SHA256_HEX}&xt=urn:btmh:1220${"ab".repeat(32)}`,
      "invalid-field",
      /two torrents/,
    ],
    [
      `magnet:?${XT}&xt=urn:btmh:1220${SHA256_HEX}&xt=urn:btmh:1220${"ab".repeat(32)}`,
      "invalid-field",
      /two torrents/,
    ],
    [`magnet:?xt=urn:btih:${SHA256_HEX}`, "invalid-field", /neither 40 hex/],
    [`magnet:?${XT}&dn=${"x".repeat(1_048_576)}`, "too-large", /too long/],
  ];
  for (const [link, reason, message] of BAD) {
    throws(() => parseMagnet(link), (error) => {
      ok(error instanceof MetainfoError);
      strictEqual(error.reason, reason);
      ok(/^Cannot read the magnet link: /.test(error.message) && message.test(error.message));
      return true;
    }, link.slice(0, 100));
  }
});

Deno.test("M29 parseMagnet() leaves out peers that are none, and keeps the others", () => {
  const peers = ["1.2.3.4:0", "1.2.3.4:70000", "1.2.3.4", ":1", "1.2.3:4", "::1:5", "a b:6", ""];
  const good = ["1.2.3.4:80", "%5B%3A%3A1%5D%3A7", "1.2.3.4:80"];
  const query = [...peers, ...good].map((peer) => `x.pe=${peer}`).join("&");
  deepStrictEqual(parsed(`${XT}&${query}`).peers, [
    { host: "1.2.3.4", port: 80 },
    { host: "::1", port: 7 },
  ]);
});

Deno.test("M29 parseMagnet() keeps a hundred of ten thousand trackers, each once", () => {
  const numbers = [...Array(10_000).keys()];
  const query = numbers.map((number) => `tr=http://t${number}/&tr=http://t0/`).join("&");
  deepStrictEqual(
    parsed(`${XT}&${query}`).trackers,
    numbers.slice(0, 100).map((number) => [`http://t${number}/`]),
  );
});

Deno.test("M29 parseMagnet() leaves out URLs that cannot be asked", () => {
  const bad = ["", "x", "file:///etc/passwd", "http://", "wss://a/", "http://a/%0d%0ax", "%ff"];
  const query = bad.flatMap((url) => [`tr=${url}`, `ws=${url}`]).join("&");
  const { trackers, webSeeds } = parsed(`${XT}&${query}&ws=udp://a:1&tr=udp://a:1`);
  // An escape in a URL is undone once: what is a line break then is refused.
  deepStrictEqual(trackers, [["udp://a:1"]]);
  deepStrictEqual(webSeeds, []);
});

Deno.test("M29 parseMagnet() leaves out choices of files that make no sense", () => {
  const range = (first: number, last = first): IndexRange => ({ first, last });
  const CASES: readonly (readonly [string, readonly IndexRange[] | undefined])[] = [
    ["0", [range(0)]],
    ["4-6,0,2", [range(0), range(2), range(4, 6)]],
    ["0-3,2-9,10,12", [range(0, 10), range(12)]],
    ["0-9,3-4", [range(0, 9)]],
    ["1%2C3", [range(1), range(3)]],
    ["7,x,-1,3-,-,5-4,2--3,1e3,0x1, 8,9999999999", [range(7)]],
    ["", undefined],
    ["all", undefined],
  ];
  for (const [text, ranges] of CASES) {
    deepStrictEqual(parsed(`${XT}&so=${text}`).selectedFiles, ranges, text);
  }
  deepStrictEqual(parsed(`${XT}&so=5&so=1-2`).selectedFiles, [range(1, 2), range(5)]);
});

Deno.test("M29 parseMagnet() reads names with bad escapes as far as they are good", () => {
  const CASES: readonly (readonly [string, string | undefined])[] = [
    ["a+b%2Bc", "a b+c"],
    ["100%", "100%"],
    ["%zz%4", "%zz%4"],
    ["%ff%C3%BC", "\ufffdü"],
    ["%1b%5B31m", "\u001b[31m"],
    ["ü", "ü"],
    ["", undefined],
    ["+", undefined],
  ];
  for (const [text, name] of CASES) strictEqual(parsed(`${XT}&dn=${text}`).name, name, text);
});

Deno.test("parseMagnet() takes a length that is an exact number only", () => {
  for (const text of ["-1", "1.5", "x", "", "9007199254740992", "99999999999999999999"]) {
    strictEqual(parsed(`${XT}&xl=${text}`).length, undefined, text);
  }
  strictEqual(parsed(`${XT}&xl=x&xl=0`).length, 0);
});

Deno.test("parseInfoHash() takes hex and base32 of any 20 bytes, in either case", () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 20, maxLength: 20 }), (bytes) => {
    const plain = new Uint8Array(bytes);
    for (const text of [plain.toHex(), toBase32(plain)]) {
      deepStrictEqual(parseInfoHash(text), plain);
      deepStrictEqual(parseInfoHash(text.toUpperCase()), plain);
    }
  }));
  strictEqual(toBase32(Uint8Array.fromHex(HEX)).toUpperCase(), BASE32);
});

Deno.test("parseInfoHash() takes the hex of 32 bytes, which are of version 2", () => {
  const plain = Uint8Array.fromHex(SHA256_HEX);
  deepStrictEqual(parseInfoHash(SHA256_HEX), plain);
  deepStrictEqual(parseInfoHash(SHA256_HEX.toUpperCase()), plain);
  for (const text of [SHA256_HEX.slice(1), `${SHA256_HEX}0`, `g${SHA256_HEX.slice(1)}`]) {
    strictEqual(parseInfoHash(text), undefined);
  }
});

Deno.test("parseInfoHash() gives undefined for everything else", () => {
  const kelvin = "\u212a", longS = "\u017f", dotlessI = "\u0131";
  const BAD = ["", HEX.slice(1), `${HEX}0`, `${HEX}\n`, `g${HEX.slice(1)}`, BASE32.slice(1)];
  for (const other of [kelvin, longS, dotlessI, "0", "1", "8", "9", "=", " "]) {
    BAD.push(`${BASE32.slice(1)}${other}`);
  }
  for (const text of BAD) strictEqual(parseInfoHash(text), undefined, text);
});

/** By way of a number, unlike what is tested. */
function toBase32(bytes: Uint8Array): string {
  let value = BigInt(`0x${bytes.toHex()}`);
  let text = "";
  for (let digit = 0; digit < 32; digit++, value >>= 5n) {
    text = "abcdefghijklmnopqrstuvwxyz234567"[Number(value & 31n)] + text;
  }
  return text;
}
