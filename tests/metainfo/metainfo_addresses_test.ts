import { deepStrictEqual, equal, ok } from "node:assert/strict";
import type { Encodable } from "../../src/metainfo/bencode_encoder.ts";
import { parseMetainfo } from "../../src/metainfo/metainfo.ts";
import { sampleTorrent } from "./sample_torrent.ts";

function trackersOf(list: Encodable | undefined, announce?: Encodable) {
  return parseMetainfo(sampleTorrent({}, { "announce-list": list, announce })).trackers;
}

Deno.test("parseTrackers() keeps the tiers of announce-list and then ignores announce", () => {
  const list = [["http://a/announce", "udp://b:80"], ["https://c:8443/x?passkey=1"]];
  deepStrictEqual(trackersOf(list, "http://d/announce"), list);
});

Deno.test("parseTrackers() falls back to announce when the list has nothing usable", () => {
  const announce = "http://a/announce";
  for (const list of [undefined, [], [[]], "text", [["ftp://x/"]], [1, {}], {}]) {
    deepStrictEqual(trackersOf(list, announce), [[announce]]);
  }
  deepStrictEqual(trackersOf(undefined, undefined), []);
  for (const wrong of [1, [], {}, ""]) deepStrictEqual(trackersOf(undefined, wrong), []);
});

Deno.test("parseTrackers() takes a bare URL in announce-list as a tier", () => {
  deepStrictEqual(trackersOf(["http://a/", ["http://b/"]]), [["http://a/"], ["http://b/"]]);
});

Deno.test("M26 parseTrackers() keeps http, https and udp, trimmed and without duplicates", () => {
  const list = [
    [" http://a/announce\n", "HTTP://B/announce", "http://a/announce"],
    ["wss://c/", "file:///etc/passwd", "javascript:alert(1)", "not a url", "", "udp://", "http://"],
    ["udp://d:1/announce", "http://a/announce"],
  ];
  const metainfo = parseMetainfo(sampleTorrent({}, { "announce-list": list }));
  deepStrictEqual(metainfo.trackers, [
    ["http://a/announce", "HTTP://B/announce"],
    ["udp://d:1/announce"],
  ]);
  deepStrictEqual(metainfo.warnings, ["tracker URLs that are not http, https, udp: 7 ignored"]);
});

Deno.test("T19 parseTrackers() refuses URLs with controls inside, and huge ones", () => {
  const inside = ["http://a/\r\nHost: b", "http://a\t.example/", "http://a/\0", "http://a/\x85"];
  for (const url of inside) deepStrictEqual(trackersOf(undefined, url), [], url);
  deepStrictEqual(trackersOf(undefined, `http://a/${"x".repeat(65_536)}`), []);
});

Deno.test("M26 parseTrackers() looks at no more than 500 entries", () => {
  const many = Array.from({ length: 100_000 }, (_, i) => [`http://t${i}/`]);
  const metainfo = parseMetainfo(sampleTorrent({}, { "announce-list": many }));
  equal(metainfo.trackers.length, 500);
  deepStrictEqual(metainfo.warnings, ["tracker URLs beyond the first 500 are ignored"]);
  equal(trackersOf([many.flat()])[0]!.length, 500);
  equal(trackersOf([new Array<number>(1_000).fill(1), ["http://a/"]], "http://b/").length, 0);
});

Deno.test("M26 parseWebSeeds() takes a list or one string, http and https, without duplicates", () => {
  const webSeedsOf = (field: Encodable) =>
    parseMetainfo(sampleTorrent({}, { "url-list": field })).webSeeds;
  deepStrictEqual(webSeedsOf("http://a/f"), ["http://a/f"]);
  const list = ["http://a/1", "https://b/2 ", "http://a/1", "http://c/3", "https://b/2"];
  deepStrictEqual(webSeedsOf(list), ["http://a/1", "https://b/2", "http://c/3"]);
  deepStrictEqual(webSeedsOf(["file:///x", "ftp://a/", "udp://a:1", 1, [], ""]), []);
  for (const empty of ["", [], {}, 7]) deepStrictEqual(webSeedsOf(empty), []);
  const { webSeeds } = parseMetainfo(sampleTorrent({}, { httpseeds: ["http://a/seed.php"] }));
  deepStrictEqual(webSeeds, []);
});

Deno.test("M26 parseWebSeeds() encodes spaces inside a URL", () => {
  const field = ["http://test.example/test file/foo bar/", "http://no host/"];
  const { webSeeds } = parseMetainfo(sampleTorrent({}, { "url-list": field }));
  deepStrictEqual(webSeeds, ["http://test.example/test%20file/foo%20bar/"]);
});

Deno.test("M26 parseNodes() takes hosts with ports and leaves out the rest", () => {
  const nodesOf = (nodes: Encodable) => parseMetainfo(sampleTorrent({}, { nodes })).nodes;
  const valid = [["Router.Example", 6881], ["10.0.0.1", 1], ["2001:DB8::1", 65_535]];
  deepStrictEqual(nodesOf(valid), [
    { host: "router.example", port: 6881 },
    { host: "10.0.0.1", port: 1 },
    { host: "2001:db8::1", port: 65_535 },
  ]);
  const invalid = [["a", 0], ["a", -1], ["a", 65_536], ["a", 2n ** 60n], ["a", "6881"], [1, 6881]];
  deepStrictEqual(nodesOf([...invalid, ["a"], [], "a:1", {}, ["a b", 1], ["127.1", 1]]), []);
  for (const wrong of ["a:1", {}, 5, []]) deepStrictEqual(nodesOf(wrong), []);
  ok(nodesOf(Array.from({ length: 10_000 }, () => ["a", 1])).length === 500);
});
