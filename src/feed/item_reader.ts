/**
 * One item of a feed, element by element: its title, what stands for it, and everything that
 * could be its torrent (BEP 36, and what trackers and indexers write beside it). Pure.
 */
import { parseFeedDate } from "./feed_date.ts";
import { type Attributes, type ElementName, MAX_FIELD_LENGTH, oneLine } from "./markup.ts";
import {
  infoHashLink,
  namesTorrent,
  oneLinkPerTorrent,
  type TorrentLink,
  torrentLink,
} from "./torrent_link.ts";

const MAX_TITLE_LENGTH = 1_000;
/** Links of one item that are looked at, … */
const MAX_CANDIDATES = 50;
/** … and that are kept. */
export const MAX_LINKS = 4;
const TORRENT_TYPE = /^application\/(x-)?bittorrent\b/i;

/** Elements whose text matters, by the item's own or by anybody's namespace. */
const CORE_FIELDS = ["title", "guid", "id", "link", "pubdate", "published", "updated"];
const FOREIGN_FIELDS = ["date", "infohash", "magneturi"];

/** What a feed says of one thing that can be downloaded. */
export interface FeedItem {
  /** One line of text, not made printable; empty when it has none. */
  readonly title: string;
  /** What stands for the item, whatever else of it changes. */
  readonly guid: string | undefined;
  /** Milliseconds since 1970. */
  readonly publishedAt: number | undefined;
  /** http(s) URLs and magnet links of the same torrent, the best first. */
  readonly links: readonly string[];
  /** Info-hashes that it names, in lower-case hex. */
  readonly infoHashes: readonly string[];
  /** Why there is no link, in one sentence; undefined when there is one. */
  readonly problem: string | undefined;
}

/** What may be a torrent. A .torrent comes first: it needs no search for metadata. */
interface Candidate {
  readonly kind: "url" | "info-hash";
  readonly text: string;
  readonly base: string | undefined;
}

export class ItemReader {
  /** Where the feed came from. */
  readonly #origin: string | undefined;
  readonly #candidates: Candidate[] = [];
  #title: string | undefined;
  #guid: string | undefined;
  #published: number | undefined;
  #updated: number | undefined;
  /** Open elements within the item. */
  #depth = 0;
  /** The element whose text is being read. */
  #field: { local: string; depth: number; base: string | undefined; text: string } | undefined;

  constructor(origin: string | undefined, attributes: Attributes) {
    this.#origin = origin;
    // RSS 1.0 names its items so.
    this.#guid = attributes["rdf:about"];
  }

  /** An element within the item begins; `base` is what its links are relative to. */
  open({ local, isCore }: ElementName, attributes: Attributes, base: string | undefined): void {
    this.#depth++;
    if (this.#field !== undefined) return;
    this.#readAttributes(local, attributes, base);
    const isOwn = this.#depth === 1 && isCore && CORE_FIELDS.includes(local);
    if (isOwn || FOREIGN_FIELDS.includes(local)) {
      this.#field = { local, depth: this.#depth, base, text: "" };
    }
  }

  text(text: string): void {
    const field = this.#field;
    if (field === undefined || field.text.length >= MAX_FIELD_LENGTH) return;
    field.text = (field.text + text).slice(0, MAX_FIELD_LENGTH);
  }

  close(): void {
    if (this.#field?.depth === this.#depth) {
      this.#finish(this.#field);
      this.#field = undefined;
    }
    this.#depth--;
  }

  /** Undefined when the item offers no torrent at all. */
  end(): FeedItem | undefined {
    if (this.#candidates.length === 0) return undefined;
    const title = oneLine(this.#title ?? "", MAX_TITLE_LENGTH);
    const found = this.#candidates.map((candidate) => this.#linkOf(candidate, title));
    const usable = found.filter((link) => link.kind === "link");
    const isUrl = ({ infoHashHex }: { infoHashHex: string | undefined }) =>
      infoHashHex === undefined;
    const links = [...usable.filter(isUrl), ...usable.filter((link) => !isUrl(link))];
    const infoHashes = links.map(({ infoHashHex }) => infoHashHex);
    const refused = found.find((link) => link.kind === "refused");
    return {
      title,
      guid: this.#guid?.trim() || undefined,
      publishedAt: this.#published ?? this.#updated,
      links: oneLinkPerTorrent(links.map(({ link }) => link)).slice(0, MAX_LINKS),
      infoHashes: distinct(infoHashes.filter((infoHash) => infoHash !== undefined)),
      problem: links.length > 0 ? undefined : refused?.reason,
    };
  }

  #readAttributes(local: string, attributes: Attributes, base: string | undefined): void {
    const { url, href, type = "", name = "", value, rel } = attributes;
    const isTorrent = TORRENT_TYPE.test(type);
    if (local === "enclosure" || local === "content") this.#offer(url, base, isTorrent);
    else if (local === "link" && rel !== "self") this.#offer(href, base, isTorrent);
    else if (local === "attr" && /^magneturl$/i.test(name)) this.#offer(value, base, true);
    else if (local === "attr" && /^infohash$/i.test(name)) this.#offerHash(value);
  }

  #finish({ local, base, text }: { local: string; base: string | undefined; text: string }): void {
    switch (local) {
      case "title":
        this.#title ??= text;
        break;
      case "guid":
      case "id":
        this.#guid = text;
        this.#offer(text, base, false);
        break;
      case "link":
        this.#offer(text, base, false);
        break;
      case "magneturi":
        this.#offer(text, base, true);
        break;
      case "infohash":
        this.#offerHash(text);
        break;
      case "updated":
        this.#updated ??= parseFeedDate(text);
        break;
      default:
        this.#published ??= parseFeedDate(text);
    }
  }

  /** `isTorrent` is said of it; else its own text must say so. Empty, it would be the feed. */
  #offer(text: string | undefined, base: string | undefined, isTorrent: boolean): void {
    if (!text?.trim() || this.#candidates.length >= MAX_CANDIDATES) return;
    if (isTorrent || namesTorrent(text, base)) this.#candidates.push({ kind: "url", text, base });
  }

  #offerHash(text: string | undefined): void {
    if (!text?.trim() || this.#candidates.length >= MAX_CANDIDATES) return;
    this.#candidates.push({ kind: "info-hash", text, base: undefined });
  }

  #linkOf({ kind, text, base }: Candidate, title: string): TorrentLink {
    if (kind === "info-hash") return infoHashLink(text, title);
    return torrentLink(text, { base, origin: this.#origin });
  }
}

function distinct(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}
