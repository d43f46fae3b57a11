/** What a feed offers as a torrent: which texts can be one, and which may be followed. Pure. */
import { MetainfoError } from "../base/errors.ts";
import { magnetLink, parseInfoHash, parseMagnet } from "../metainfo/magnet.ts";
import { mayLead } from "../net/redirect.ts";

/** Of a URL, in UTF-16 units, as in net/http.ts. */
const MAX_URL_LENGTH = 8_192;
/** Of a magnet link: enough for a hundred trackers. */
const MAX_MAGNET_LENGTH = 16_384;

/** A link that can be downloaded, or why it cannot. */
export type TorrentLink =
  | {
    readonly kind: "link";
    /** An absolute http(s) URL or a magnet link. */
    readonly link: string;
    /** Lower-case hex; undefined for a URL. */
    readonly infoHashHex: string | undefined;
  }
  | {
    readonly kind: "refused";
    /** One sentence, which quotes nothing. */
    readonly reason: string;
  };

/** Is it plainly a torrent: a magnet link, or a URL that names a .torrent? */
export function namesTorrent(text: string, base: string | undefined): boolean {
  if (/^\s*magnet:/i.test(text)) return true;
  const url = text.length > MAX_URL_LENGTH ? null : URL.parse(text.trim(), base);
  if (url === null) return /\.torrent\s*$/i.test(text);
  return [url.pathname, ...url.searchParams.values()].some((part) => /\.torrent$/i.test(part));
}

/**
 * The torrent that `text` links to, relative to `base`. A feed that came from `origin` may not
 * lead from the internet into somebody's own network (hostile-inputs T1).
 */
export function torrentLink(
  text: string,
  { base, origin }: { base: string | undefined; origin: string | undefined },
): TorrentLink {
  const trimmed = text.trim();
  if (/^magnet:/i.test(trimmed)) return magnetOf(trimmed);
  if (trimmed.length > MAX_URL_LENGTH) return refused("its link is too long");
  const url = URL.parse(trimmed, base);
  if (url === null) return refused("its link is no URL");
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    return refused("its link is neither http(s) nor a magnet");
  }
  if (origin !== undefined && !mayLead(new URL(origin), url)) {
    return refused("its link leads into a local network");
  }
  // The server does not see it, and the same .torrent must be known again.
  url.hash = "";
  // Its base adds to it, and so do escapes.
  if (url.href.length > MAX_URL_LENGTH) return refused("its link is too long");
  return { kind: "link", link: url.href, infoHashHex: undefined };
}

/** The torrent of a bare info-hash, in hex or base32. */
export function infoHashLink(text: string, title: string): TorrentLink {
  const infoHashHex = parseInfoHash(text.trim())?.toHex();
  if (infoHashHex === undefined) return refused("its info-hash is malformed");
  const name = title === "" ? {} : { name: title };
  return { kind: "link", link: magnetLink({ infoHashHex, trackers: [], ...name }), infoHashHex };
}

/**
 * The links, but of several magnet links of a torrent only the longest, which says most, with what
 * the others say besides of trackers, peers and web seeds, as far as a link may be long.
 */
export function oneLinkPerTorrent(links: readonly string[]): string[] {
  const same = Map.groupBy(links, (link) => infoHashOf(link) ?? link);
  return [...same.values()].map(joined);
}

function joined(links: readonly string[]): string {
  const [longest = "", ...others] = links.toSorted((a, b) => b.length - a.length);
  const said = new Set(addressesOf(longest));
  let link = longest;
  for (const address of others.flatMap(addressesOf)) {
    if (said.has(address) || link.length + 1 + address.length > MAX_MAGNET_LENGTH) continue;
    said.add(address);
    link += `&${address}`;
  }
  return link;
}

/** The parameters that say where to ask, as they are written. */
function addressesOf(link: string): string[] {
  if (!/^magnet:/i.test(link)) return [];
  return link.split(/[?&](?:amp;)?/i).filter((part) => /^(tr|x\.pe|ws)(\.\d+)?=./i.test(part));
}

/** Undefined for a URL. */
function infoHashOf(link: string): string | undefined {
  if (!/^magnet:/i.test(link)) return undefined;
  const found = magnetOf(link);
  return found.kind === "link" ? found.infoHashHex : undefined;
}

function magnetOf(text: string): TorrentLink {
  if (text.length > MAX_MAGNET_LENGTH) return refused("its magnet link is too long");
  try {
    return { kind: "link", link: text, infoHashHex: parseMagnet(text).infoHashHex };
  } catch (error) {
    if (!(error instanceof MetainfoError)) throw error;
    return refused(error.message.replace("Cannot read the magnet link", "its magnet link is bad"));
  }
}

function refused(reason: string): TorrentLink {
  return { kind: "refused", reason };
}
