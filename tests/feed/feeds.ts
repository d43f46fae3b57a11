/** Feeds to read, as trackers and indexers write them. */

/** An RSS document around `items`, with the namespaces that its programs declare. */
export function rss(items: string, title = "Feed"): string {
  return `<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"
  xmlns:torrent="http://xmlns.ezrss.it/0.1/" xmlns:nyaa="https://nyaa.si/xmlns/nyaa"
  xmlns:torznab="http://torznab.com/schemas/2015/feed"
  xmlns:media="http://search.yahoo.com/mrss/"><channel>
<title>${title}</title><atom:link href="self.torrent" rel="self"/><link>https://a.example/</link>
${items}</channel></rss>`;
}

/** An Atom document around `entries`. */
export function atom(entries: string): string {
  return `<feed xmlns="http://www.w3.org/2005/Atom"><title type="text">Feed</title>
<id>urn:feed</id><updated>2026-11-20T12:00:00Z</updated>${entries}</feed>`;
}

/** An item with an enclosure. */
export function item(title: string, url: string, more = ""): string {
  return `<item><title>${title}</title>${more}` +
    `<enclosure url="${url}" length="1" type="application/x-bittorrent"/></item>`;
}
