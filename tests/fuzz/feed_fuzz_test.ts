import { ok, strictEqual } from "node:assert/strict";
import { FeedError, parseFeed } from "../../src/feed/feed_document.ts";
import type { FeedItem } from "../../src/feed/item_reader.ts";
import { feedText } from "../../src/feed/feed_text.ts";
import { parseMagnet } from "../../src/metainfo/magnet.ts";
import { fuzz } from "./mutation.ts";

const ORIGIN = "https://feeds.example/rss";
const LOCAL_HOSTS = /^(127|10|169\.254|192\.168)\.|^localhost$/;

function checkItem({ title, links, infoHashes, problem, publishedAt }: FeedItem): void {
  ok(title.length <= 1_000 && !/[\n\r\t]/.test(title) && title.isWellFormed());
  ok(links.length <= 4 && new Set(links).size === links.length);
  strictEqual(links.length === 0, problem !== undefined);
  ok(problem === undefined || /^[\x20-\x7e…]+$/.test(problem), problem);
  for (const link of links) {
    if (/^magnet:/i.test(link)) ok(infoHashes.includes(parseMagnet(link).infoHashHex));
    else {
      const { protocol, hostname, href } = new URL(link);
      ok(protocol === "http:" || protocol === "https:", link);
      ok(!LOCAL_HOSTS.test(hostname), link);
      strictEqual(href, link);
    }
  }
  ok(infoHashes.every((infoHash) => /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(infoHash)));
  ok(publishedAt === undefined || Number.isSafeInteger(publishedAt));
}

Deno.test("fuzz: parseFeed() gives links that may be followed, or throws FeedError", () => {
  fuzz({
    corpus: "feed",
    check(input) {
      try {
        const { items, itemCount } = parseFeed(feedText(input, null), { url: ORIGIN });
        ok(items.length <= itemCount);
        items.forEach(checkItem);
      } catch (error) {
        ok(error instanceof FeedError && /^[\x20-\x7e]+$/.test(error.message), `${error}`);
      }
    },
  });
});
