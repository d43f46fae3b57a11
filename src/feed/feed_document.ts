/**
 * RSS 2.0 (and the older ones), and Atom, as items that link to torrents. Feeds are written by
 * programs that know little of XML: what is not well formed is read as well as it goes. There are
 * no entities but those of XML itself, and nothing else is ever fetched. Pure.
 */
import { Parser } from "htmlparser2";
import { type FeedItem, ItemReader } from "./item_reader.ts";
import {
  type Attributes,
  type ElementName,
  elementName,
  MAX_FIELD_LENGTH,
  oneLine,
} from "./markup.ts";

/** Bytes of a feed, gzip and the like undone. */
export const MAX_FEED_LENGTH = 16 * 1024 * 1024;
/** Items that are read of a feed; those further down are ignored. */
const MAX_ITEMS = 5_000;
/** Elements within each other. */
const MAX_DEPTH = 100;
/** Of an `xml:base`, as written and as resolved, in UTF-16 units: every link may repeat it. */
const MAX_BASE_LENGTH = 2_048;
/** Of names of namespaces: a feed uses a handful. */
const MAX_PREFIXES = 100;
const MAX_TITLE_LENGTH = 200;
/** The title of a feed stands in its root or in its channel; deeper ones are of something else. */
const MAX_TITLE_DEPTH = 2;

export interface FeedDocument {
  readonly title: string;
  /** Those that offer a torrent, in the order of the feed. */
  readonly items: readonly FeedItem[];
  /** How many items there are altogether. */
  readonly itemCount: number;
}

/** `cut` is a document whose end is missing: it may be whole the next time. */
export type FeedProblem = "not-a-feed" | "cut" | "too-deep";

/** Text that is no feed. `message` is what it is: "it is a web page (HTML)". */
export class FeedError extends Error {
  override readonly name = "FeedError";
  constructor(readonly problem: FeedProblem, message: string) {
    super(message);
  }
}

/** Where a feed came from: links are relative to it, and judged by it. */
export interface FeedOrigin {
  /** http(s) URL, after redirects; undefined for a file. */
  readonly url: string | undefined;
}

/** Reads a feed. Throws FeedError. */
export function parseFeed(text: string, { url }: FeedOrigin): FeedDocument {
  const reader = new DocumentReader(url);
  const parser = new Parser(reader, { xmlMode: true, decodeEntities: true });
  parser.write(text);
  // Before the end, which closes whatever is open.
  reader.requireWhole(text);
  parser.end();
  return reader.document;
}

/** Names of root elements that are feeds, in lower case. */
const ROOTS = ["rss", "feed", "rdf"];
const ITEMS = ["item", "entry"];

class DocumentReader {
  readonly #origin: string | undefined;
  /** Namespaces by prefix. A document that gives a prefix twice means the same by it. */
  readonly #namespaces = new Map<string, string>();
  /** `xml:base` of the open elements. */
  readonly #bases: (string | undefined)[] = [];
  readonly #items: FeedItem[] = [];
  #itemCount = 0;
  #isClosed = false;
  #item: ItemReader | undefined;
  #itemDepth = 0;
  #title: string | undefined;
  #isInTitle = false;

  constructor(origin: string | undefined) {
    this.#origin = origin;
  }

  get document(): FeedDocument {
    const title = oneLine(this.#title ?? "", MAX_TITLE_LENGTH);
    return { title, items: withoutRepeatedGuids(this.#items), itemCount: this.#itemCount };
  }

  requireWhole(text: string): void {
    if (this.#isClosed && this.#bases.length === 0) return;
    const start = text.trimStart();
    if (start === "") throw new FeedError("cut", "it is empty");
    // Without an element the first tag has no end, or there is none.
    if (start.startsWith("<")) throw new FeedError("cut", "its end is missing");
    throw new FeedError("not-a-feed", "it is neither RSS nor Atom");
  }

  onopentag(tag: string, attributes: Attributes): void {
    const depth = this.#bases.length;
    if (depth >= MAX_DEPTH) throw new FeedError("too-deep", "its elements are nested too deeply");
    this.#learnNamespaces(attributes);
    const name = elementName(tag, this.#namespaces);
    if (depth === 0) requireFeed(name.local);
    const base = baseOf(attributes, this.#bases.at(-1) ?? this.#origin);
    this.#bases.push(base);
    if (this.#item !== undefined) this.#item.open(name, attributes, base);
    else if (name.isCore && ITEMS.includes(name.local)) this.#beginItem(attributes);
    else this.#isInTitle = this.#isTitle(name, depth);
  }

  ontext(text: string): void {
    if (this.#item !== undefined) return this.#item.text(text);
    const title = this.#title ?? "";
    // A full title would be copied for each entity that follows.
    if (!this.#isInTitle || title.length >= MAX_FIELD_LENGTH) return;
    this.#title = (title + text).slice(0, MAX_FIELD_LENGTH);
  }

  onclosetag(): void {
    this.#bases.pop();
    this.#isInTitle = false;
    if (this.#bases.length === 0) this.#isClosed = true;
    if (this.#item === undefined) return;
    if (this.#bases.length === this.#itemDepth) this.#endItem(this.#item);
    else this.#item.close();
  }

  #isTitle({ local, isCore }: ElementName, depth: number): boolean {
    return isCore && local === "title" && depth <= MAX_TITLE_DEPTH && this.#title === undefined;
  }

  #learnNamespaces(attributes: Attributes): void {
    for (const [name, value] of Object.entries(attributes)) {
      const prefix = /^xmlns:(.+)$/.exec(name)?.[1];
      if (prefix === undefined || this.#namespaces.size >= MAX_PREFIXES) continue;
      this.#namespaces.set(prefix, value);
    }
  }

  #beginItem(attributes: Attributes): void {
    this.#itemCount++;
    if (this.#itemCount > MAX_ITEMS) return;
    this.#itemDepth = this.#bases.length - 1;
    this.#item = new ItemReader(this.#origin, attributes);
  }

  #endItem(item: ItemReader): void {
    this.#item = undefined;
    const read = item.end();
    if (read !== undefined) this.#items.push(read);
  }
}

function requireFeed(root: string): void {
  if (ROOTS.includes(root)) return;
  const what = root === "html" || root === "!doctype"
    ? "it is a web page (HTML)"
    : "it is neither RSS nor Atom";
  throw new FeedError("not-a-feed", what);
}

/** Atom allows elements to say what their links are relative to. */
function baseOf(attributes: Attributes, base: string | undefined): string | undefined {
  const own = attributes["xml:base"];
  if (own === undefined || own.length > MAX_BASE_LENGTH) return base;
  const href = URL.parse(own, base)?.href;
  // Bases within each other add up.
  return href === undefined || href.length > MAX_BASE_LENGTH ? base : href;
}

/** An id that several items have stands for none of them: some feeds give all the same. */
function withoutRepeatedGuids(items: readonly FeedItem[]): FeedItem[] {
  const linksByGuid = new Map<string, string>();
  const repeated = new Set<string>();
  for (const { guid, links } of items) {
    if (guid === undefined) continue;
    const text = links.join(" ");
    if ((linksByGuid.get(guid) ?? text) !== text) repeated.add(guid);
    linksByGuid.set(guid, text);
  }
  return items.map((item) =>
    item.guid !== undefined && repeated.has(item.guid) ? { ...item, guid: undefined } : item
  );
}
