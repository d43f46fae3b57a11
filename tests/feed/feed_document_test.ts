import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { FeedError, type FeedProblem, parseFeed } from "../../src/feed/feed_document.ts";
import type { FeedItem } from "../../src/feed/item_reader.ts";
import { MAX_FIELD_LENGTH } from "../../src/feed/markup.ts";
import { atom, item, rss } from "./feeds.ts";

const HASH = "0123456789abcdef0123456789abcdef01234567";
const MAGNET = `magnet:?xt=urn:btih:${HASH}`;
const URL_ = "https://feeds.example/rss/all";
const TORRENT = "https://feeds.example/rss/a.torrent";

function read(text: string, url: string | undefined = URL_): readonly FeedItem[] {
  return parseFeed(text, { url }).items;
}

function only(text: string): FeedItem {
  const items = read(text);
  strictEqual(items.length, 1, text);
  return items[0]!;
}

function refuses(text: string, problem: FeedProblem, message: RegExp): void {
  throws(() => read(text), (error) => {
    ok(error instanceof FeedError, `${error}`);
    deepStrictEqual([error.problem, message.test(error.message)], [problem, true], error.message);
    return true;
  });
}

Deno.test("parseFeed() reads an item of RSS 2.0", () => {
  const text = rss(
    item(
      "<![CDATA[ A & <b>  ]]>",
      "a.torrent?x=1&amp;y=2",
      `<guid isPermaLink="false"> id-1 </guid><pubDate>Fri, 20 Nov 2026 12:00:00 GMT</pubDate>`,
    ),
  );
  deepStrictEqual(parseFeed(text, { url: URL_ }), {
    title: "Feed",
    itemCount: 1,
    items: [{
      title: "A & <b>",
      guid: "id-1",
      publishedAt: Date.UTC(2026, 10, 20, 12),
      links: [`${TORRENT}?x=1&y=2`],
      infoHashes: [],
      problem: undefined,
    }],
  });
});

Deno.test("parseFeed() reads an entry of Atom", () => {
  const entry = only(atom(
    `<entry><id>urn:1</id><title type="html">A</title><updated>2026-11-20T13:00:00Z</updated>
    <published>2026-11-20T12:00:00Z</published><link href="https://a.example/page"/>
    <source><id>urn:other</id><title>Other</title></source>
    <link rel="enclosure" type="application/x-bittorrent" href="a.torrent"/></entry>`,
  ));
  deepStrictEqual(
    [entry.title, entry.guid, entry.publishedAt, entry.links],
    ["A", "urn:1", Date.UTC(2026, 10, 20, 12), [TORRENT]],
  );
});

Deno.test("parseFeed() finds the torrent wherever feeds put it", () => {
  const rows: readonly [content: string, ...links: string[]][] = [
    [`<enclosure url="a.torrent"/>`, TORRENT],
    [
      `<enclosure url="/dl?id=1" type="application/x-bittorrent"/>`,
      "https://feeds.example/dl?id=1",
    ],
    [
      `<enclosure url="${MAGNET}" type="application/x-bittorrent;x-scheme-handler/magnet"/>`,
      MAGNET,
    ],
    [`<media:content url="a.torrent" type="application/x-bittorrent"/>`, TORRENT],
    [`<media:group><media:content url="a.torrent"/></media:group>`, TORRENT],
    [`<link>a.torrent</link>`, TORRENT],
    [`<link>${MAGNET}&amp;dn=x</link>`, `${MAGNET}&dn=x`],
    [`<link>${MAGNET}&dn=x</link>`, `${MAGNET}&dn=x`],
    [`<guid>${MAGNET}</guid>`, MAGNET],
    [`<guid isPermaLink="true">https://a.example/a.torrent</guid>`, "https://a.example/a.torrent"],
    [`<atom:link rel="enclosure" href="a.torrent"/>`, TORRENT],
    [`<torrent:magnetURI><![CDATA[${MAGNET}]]></torrent:magnetURI>`, MAGNET],
    [`<torrent:infoHash>${HASH.toUpperCase()}</torrent:infoHash>`, `${MAGNET}&dn=T`],
    [`<nyaa:infoHash>${HASH}</nyaa:infoHash>`, `${MAGNET}&dn=T`],
    [
      `<torrent xmlns="http://xmlns.ezrss.it/0.1/"><infoHash>${HASH}</infoHash></torrent>`,
      `${MAGNET}&dn=T`,
    ],
    [`<torznab:attr name="magneturl" value="${MAGNET}"/>`, MAGNET],
    [`<torznab:attr name="infohash" value="${HASH}"/>`, `${MAGNET}&dn=T`],
    // The same torrent in several ways: the .torrent first, and the longest magnet link.
    [
      `<torrent:infoHash>${HASH}</torrent:infoHash><link>${MAGNET}&amp;dn=Title</link>` +
      `<enclosure url="a.torrent"/><guid>a.torrent</guid>`,
      TORRENT,
      `${MAGNET}&dn=Title`,
    ],
  ];
  for (const [content, ...links] of rows) {
    deepStrictEqual(only(rss(`<item><title>T</title>${content}</item>`)).links, links, content);
  }
});

Deno.test("parseFeed() leaves out what offers no torrent", () => {
  const rows = [
    "",
    "<link>https://a.example/page</link>",
    `<enclosure url="https://a.example/a.mp3" type="audio/mpeg"/>`,
    `<atom:link rel="self" href="a.torrent"/>`,
    "<description>see a.torrent</description>",
    "<nyaa:infoHash></nyaa:infoHash>",
  ];
  for (const content of rows) {
    const { items, itemCount } = parseFeed(rss(`<item>${content}</item>`), { url: URL_ });
    deepStrictEqual([items, itemCount], [[], 1], content);
  }
});

Deno.test("parseFeed() takes no empty link for the feed itself, which all items would have", () => {
  for (const empty of ["", " "]) {
    const enclosure = `<enclosure url="${empty}" type="application/x-bittorrent"/>`;
    const items = read(rss(item("A", "a.torrent", enclosure) + item("B", "b.torrent", enclosure)));
    deepStrictEqual(items.map(({ links }) => links), [
      [TORRENT],
      ["https://feeds.example/rss/b.torrent"],
    ]);
  }
});

Deno.test("parseFeed() says why an item that should have a torrent has none", () => {
  const bad = only(rss(item("T", "ftp://a.example/a.torrent")));
  deepStrictEqual([bad.links, bad.problem], [[], "its link is neither http(s) nor a magnet"]);
  const half = only(rss(item("T", "ftp://a.example/x", `<link>${MAGNET}</link>`)));
  deepStrictEqual([half.links, half.problem], [[MAGNET], undefined]);
});

Deno.test("parseFeed() reads RSS 0.9 to 1.0, other prefixes, other cases, and xml:base", () => {
  const rdf = `<rdf:RDF xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"
    ><channel rdf:about="x"><title>F</title></channel>
    <item rdf:about="urn:1"><title>T</title><link>a.torrent</link><dc:date>2026-11-20</dc:date></item>
    </rdf:RDF>`;
  const found = only(rdf);
  deepStrictEqual(
    [found.title, found.guid, found.links, found.publishedAt],
    ["T", "urn:1", [TORRENT], Date.UTC(2026, 10, 20)],
  );
  deepStrictEqual(
    only(`<a:feed xmlns:a="http://www.w3.org/2005/Atom"><a:entry><a:title>T</a:title>
      <a:link href="a.torrent"/></a:entry></a:feed>`).links,
    [TORRENT],
  );
  deepStrictEqual(
    only(`<RSS><Channel><Item><Title>T</Title><Enclosure url="a.torrent"/></Item></Channel></RSS>`)
      .links,
    [TORRENT],
  );
  deepStrictEqual(
    only(`<feed xml:base="https://b.example/x/"><entry xml:base="y/"><link href="a.torrent"/>
      </entry></feed>`).links,
    ["https://b.example/x/y/a.torrent"],
  );
});

Deno.test("parseFeed() reads what is not well formed as well as it goes", () => {
  const rows = [
    `<rss><channel><item><title>A & B &nbsp; C</title><link>a.torrent</link></item></channel></rss>`,
    `<rss><channel><item><link>a.torrent</link><title>A</b></title></item></channel></rss>`,
    `\n <rss><channel><item><link>a.torrent</link></item></channel></rss> more`,
    `<rss><channel><item><description><b>x</description><link>a.torrent</link></item></channel></rss>`,
  ];
  for (const text of rows) deepStrictEqual(only(text).links, [TORRENT], text);
});

Deno.test("parseFeed() refuses what is no feed, and says what it is", () => {
  refuses("", "cut", /it is empty/);
  refuses(" \n", "cut", /it is empty/);
  refuses('<?xml version="1.0"?><rs', "cut", /its end is missing/);
  refuses("d4:infode", "not-a-feed", /neither RSS nor Atom/);
  refuses(`{"version":"https://jsonfeed.org/version/1.1"}`, "not-a-feed", /neither RSS nor Atom/);
  refuses("<opml></opml>", "not-a-feed", /neither RSS nor Atom/);
  refuses("<!DOCTYPE html><html><body>log in</body></html>", "not-a-feed", /web page/);
  refuses("<HTML>", "not-a-feed", /web page/);
});

Deno.test("parseFeed() knows at every byte that a feed is cut", () => {
  const text = rss(item("T", "a.torrent"));
  const end = text.lastIndexOf(">");
  for (let length = 0; length <= end; length++) {
    refuses(text.slice(0, length), "cut", /empty|its end is missing/);
  }
  strictEqual(read(text).length, 1);
});

Deno.test("parseFeed() expands no entity, fetches none, and takes no time for a bomb", () => {
  const laughs = `<!DOCTYPE rss [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
    <!ENTITY x SYSTEM "file:///etc/passwd">]>`;
  const items = read(laughs + rss(item("&b;&x;&a;", "a.torrent")));
  deepStrictEqual(items.map(({ title }) => title), ["&b;&x;&a;"]);
  const amps = only(rss(item("&".repeat(2_000_000), "a.torrent")));
  strictEqual(amps.title.length, 1_000);
  const references = only(rss(item("&#65;".repeat(1_000_000), "a.torrent")));
  strictEqual(references.title, "A".repeat(1_000));
});

Deno.test("M1 parseFeed() refuses elements that are nested too deeply", () => {
  for (const depth of [100, 100_000]) {
    refuses(`<rss>${"<a>".repeat(depth)}`, "too-deep", /nested too deeply/);
  }
  strictEqual(read(`<rss>${"<a>".repeat(99)}${"</a>".repeat(99)}</rss>`).length, 0);
});

Deno.test("M2 parseFeed() reads 5,000 items, and counts the rest", () => {
  const { items, itemCount } = parseFeed(rss(item("T", "a.torrent").repeat(6_000)), { url: URL_ });
  deepStrictEqual([items.length, itemCount], [5_000, 6_000]);
});

Deno.test("parseFeed() keeps titles, links and bases within limits", () => {
  const long = only(rss(item("x ".repeat(100_000), "a.torrent")));
  strictEqual(long.title.length, 1_000);
  const many = only(
    rss(
      `<item>${`<link>${"a"}.torrent</link>`.repeat(9)}${
        Array.from({ length: 90 }, (_, index) => `<link>${index}.torrent</link>`).join("")
      }</item>`,
    ),
  );
  strictEqual(many.links.length, 4);
  deepStrictEqual(
    only(`<feed xml:base="https://b.example/${"x".repeat(3_000)}/"><entry>
      <link href="a.torrent"/></entry></feed>`).links,
    [TORRENT],
  );
});

Deno.test("parseFeed() uses the parent's base when a base is too long as resolved", () => {
  const own = `${"b".repeat(1_500)}/`;
  const nested = (base: string) =>
    `<feed xml:base="${own}"><entry xml:base="${base}"><link href="a.torrent"/></entry></feed>`;
  const parent = `https://feeds.example/rss/${own}`;
  deepStrictEqual(only(nested("c/")).links, [`${parent}c/a.torrent`]);
  deepStrictEqual(only(nested(own)).links, [`${parent}a.torrent`]);
  deepStrictEqual(only(nested(`/${"é".repeat(1_000)}/`)).links, [`${parent}a.torrent`]);
});

Deno.test("parseFeed() copies no more of a title when it is full", () => {
  const full = rss("", "x".repeat(MAX_FIELD_LENGTH) + "&amp;".repeat(50));
  let copies = 0;
  const { slice } = String.prototype;
  String.prototype.slice = function (start, end) {
    if (end === MAX_FIELD_LENGTH && this.length > MAX_FIELD_LENGTH) copies++;
    return slice.call(this, start, end);
  };
  try {
    strictEqual(parseFeed(full, { url: URL_ }).title, "x".repeat(200));
  } finally {
    String.prototype.slice = slice;
  }
  strictEqual(copies, 0);
});

Deno.test("parseFeed() does not take for an id what all items have", () => {
  const guid = "<guid>https://a.example/</guid>";
  const items = read(rss(item("A", "a.torrent", guid) + item("B", "b.torrent", guid)));
  deepStrictEqual(items.map((read) => read.guid), [undefined, undefined]);
  const same = read(rss(item("A", "a.torrent", guid).repeat(2)));
  deepStrictEqual(same.map((read) => read.guid), Array(2).fill("https://a.example/"));
});

Deno.test("parseFeed() gives back the titles and links that a feed was made of", () => {
  const escape = (text: string) =>
    text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
  const name = fc.string({ unit: "grapheme", maxLength: 40 });
  fc.assert(fc.property(fc.array(fc.tuple(name, fc.webUrl())), (offered) => {
    const text = rss(offered.map(([title, url]) => item(escape(title), escape(url))).join(""));
    deepStrictEqual(
      read(text, undefined).map(({ title, links }) => [title, ...links]),
      offered.map(([title, url]) => [title.replaceAll(/\s+/g, " ").trim(), new URL(url).href])
        .map(([title, url]) => [title, url!.replace(/#.*$/, "")]),
    );
  }));
});
