import fc from "fast-check";
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { parseMagnet } from "../../src/metainfo/magnet.ts";
import {
  infoHashLink,
  namesTorrent,
  oneLinkPerTorrent,
  torrentLink,
} from "../../src/feed/torrent_link.ts";

const HASH = "0123456789abcdef0123456789abcdef01234567";
const MAGNET = `magnet:?xt=urn:btih:${HASH}`;
const FEED = "https://feeds.example/rss/all?key=1";

/** null is a file. */
function linkOf(text: string, base: string | null = FEED, origin = base): string {
  const link = torrentLink(text, { base: base ?? undefined, origin: origin ?? undefined });
  return link.kind === "link" ? link.link : link.reason;
}

Deno.test("torrentLink() takes http(s) URLs, relative to the feed, and magnet links", () => {
  const rows: readonly [text: string, link: string][] = [
    ["https://a.example/x.torrent", "https://a.example/x.torrent"],
    [" http://a.example/get?id=1&key=2#top\n", "http://a.example/get?id=1&key=2"],
    ["x.torrent", "https://feeds.example/rss/x.torrent"],
    ["/x.torrent", "https://feeds.example/x.torrent"],
    ["//b.example/x.torrent", "https://b.example/x.torrent"],
    ["?id=7", "https://feeds.example/rss/all?id=7"],
    [MAGNET, MAGNET],
    [` ${MAGNET.toUpperCase()} `, MAGNET.toUpperCase()],
  ];
  for (const [text, link] of rows) strictEqual(linkOf(text), link, text);
  strictEqual(linkOf("https://a.example/x.torrent", null), "https://a.example/x.torrent");
});

Deno.test("T1 torrentLink() refuses what is neither http(s) nor a magnet, and quotes nothing", () => {
  const scheme = "its link is neither http(s) nor a magnet";
  const rows: readonly [text: string, reason: string][] = [
    ["ftp://a.example/x.torrent", scheme],
    ["file:///etc/passwd", scheme],
    ["javascript:alert(1)", scheme],
    ["data:application/x-bittorrent,d4:infode", scheme],
    ["udp://a.example/x.torrent", scheme],
    ["https://", "its link is no URL"],
    ["http://[::1", "its link is no URL"],
    ["http://a b/", "its link is no URL"],
    [`https://a.example/${"a".repeat(9_000)}.torrent`, "its link is too long"],
    [`${MAGNET}&dn=${"a".repeat(17_000)}`, "its magnet link is too long"],
    ["magnet:?dn=x", "its magnet link is bad: it has no info-hash (xt=urn:btih:…)"],
    ["magnet:", "its magnet link is bad: it does not start with magnet:?"],
  ];
  for (const [text, reason] of rows) strictEqual(linkOf(text), reason, text.slice(0, 60));
  strictEqual(linkOf("x.torrent", null), "its link is no URL");
});

Deno.test("torrentLink() refuses a link when it is too long as resolved", () => {
  const long = `${FEED.slice(0, FEED.indexOf("?"))}/${"b".repeat(5_000)}/`;
  strictEqual(linkOf(`${"a".repeat(5_000)}.torrent`, long, FEED), "its link is too long");
  strictEqual(linkOf(`/${"é".repeat(5_000)}.torrent`), "its link is too long");
  const longest = `https://a.example/${"a".repeat(8_192 - "https://a.example/".length)}`;
  strictEqual(linkOf(longest.slice("https:".length)), longest);
  strictEqual(linkOf(`${longest.slice("https:".length)}a`), "its link is too long");
});

Deno.test("T1 torrentLink() does not lead from the internet into a local network", () => {
  const refusal = "its link leads into a local network";
  const targets = [
    "127.0.0.1",
    "10.0.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "[::1]",
    "2130706433",
  ];
  for (const host of targets) {
    const url = `http://${host}/x.torrent`;
    strictEqual(linkOf(url), refusal, host);
    strictEqual(linkOf(url, "http://1.1.1.1/feed"), refusal, host);
    // A file is the user's own, and a base may not change where a feed came from.
    ok(linkOf(url, null).startsWith("http://"));
    strictEqual(linkOf("x.torrent", `http://${host}/`, FEED), refusal);
  }
  strictEqual(linkOf("http://127.0.0.2/a", "http://127.0.0.1/feed"), "http://127.0.0.2/a");
});

Deno.test("namesTorrent() knows a torrent by its own name", () => {
  const rows: readonly [text: string, isTorrent: boolean][] = [
    [MAGNET, true],
    ["https://a.example/x.torrent", true],
    ["https://a.example/X.TORRENT?key=1", true],
    ["https://a.example/get?file=x.torrent&key=1", true],
    ["x.torrent", true],
    ["ftp://a.example/x.torrent", true],
    ["http://[broken/x.torrent", true],
    ["https://a.example/page", false],
    ["https://a.example/x.torrent/about", false],
    ["https://torrent.example/", false],
    ["", false],
    [`https://a.example/${"a".repeat(9_000)}`, false],
  ];
  for (const [text, isTorrent] of rows) strictEqual(namesTorrent(text, FEED), isTorrent, text);
});

Deno.test("infoHashLink() makes a magnet link of an info-hash in hex or base32", () => {
  for (const text of [HASH, ` ${HASH.toUpperCase()}\n`, "AERUKZ4JVPG66AJDIVTYTK6N54ASGRLH"]) {
    const link = infoHashLink(text, "A & b");
    ok(link.kind === "link" && link.infoHashHex === HASH);
    strictEqual(link.link, `${MAGNET}&dn=A%20%26%20b`);
  }
  for (const text of ["", "x", HASH.slice(1), `${HASH}0`]) {
    strictEqual(infoHashLink(text, "").kind, "refused", text);
  }
});

Deno.test("oneLinkPerTorrent() leaves URLs alone, and joins the magnet links of a torrent", () => {
  const url = "https://a.example/x.torrent?tr=1", other = `magnet:?xt=urn:btih:${"b".repeat(40)}`;
  const rows: readonly [links: string[], joined: string[]][] = [
    [[], []],
    [[url, MAGNET, other, url], [url, MAGNET, other]],
    [[MAGNET, `${MAGNET}&dn=x`, MAGNET.toUpperCase()], [`${MAGNET}&dn=x`]],
    [[`${MAGNET}&tr=udp://a:1`, `${MAGNET}&amp;tr.1=udp://b:1&ws=&so=1`], [
      `${MAGNET}&amp;tr.1=udp://b:1&ws=&so=1&tr=udp://a:1`,
    ]],
    [[`${MAGNET}&tr=http://a/&dn=long`, `${MAGNET}&tr=http://a/`], [
      `${MAGNET}&tr=http://a/&dn=long`,
    ]],
  ];
  for (const [links, expected] of rows) deepStrictEqual(oneLinkPerTorrent(links), expected);
});

Deno.test("oneLinkPerTorrent() makes no link longer than one may be", () => {
  const links = Array.from("abcd", (name) => `${MAGNET}&tr=http://${name}/${name.repeat(6_000)}`);
  const [joined, ...rest] = oneLinkPerTorrent(links);
  ok(rest.length === 0 && joined!.length > 12_000 && joined!.length <= 16_384);
  strictEqual(linkOf(joined!), joined);
});

Deno.test("oneLinkPerTorrent() loses no tracker, peer or web seed of few links", () => {
  const parameter = fc.tuple(fc.constantFrom("tr", "ws", "x.pe"), fc.nat(9)).map(([key, at]) =>
    key === "x.pe" ? `x.pe=192.0.2.${at}:9` : `${key}=http://${at}.example/`
  );
  const link = fc.array(parameter, { maxLength: 4 }).map((all) => [MAGNET, ...all].join("&"));
  fc.assert(fc.property(fc.array(link, { minLength: 1, maxLength: 5 }), (links) => {
    const [joined, ...rest] = oneLinkPerTorrent(links);
    deepStrictEqual(rest, []);
    for (const key of ["trackers", "webSeeds", "peers"] as const) {
      const said = (
        texts: readonly string[],
      ) => [
        ...new Set(texts.flatMap((text) => parseMagnet(text)[key].map((it) => JSON.stringify(it)))),
      ];
      deepStrictEqual(said([joined!]).toSorted(), said(links).toSorted());
    }
  }));
});
