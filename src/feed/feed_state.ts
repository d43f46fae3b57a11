/**
 * What is remembered of a feed from run to run: what was fetched, and what is still to be fetched,
 * with its links, so that nothing is lost when the feed has moved on. Pure.
 */
import { createHash } from "node:crypto";
import { type FeedItem, MAX_LINKS } from "./item_reader.ts";
import { oneLinkPerTorrent } from "./torrent_link.ts";

/** Items that are remembered; beyond them those go first that were not seen for longest. */
export const MAX_REMEMBERED = 20_000;
/** Of their titles and links together, in UTF-16 units: likewise. */
export const MAX_REMEMBERED_LENGTH = 16 * 1024 * 1024;
/** An item that fails for good is tried so often: what is published too early may be mended. */
const MAX_TRIES = 3;
/** The same for failures that may pass: a month of runs at every hour. */
const MAX_RETRYABLE_TRIES = 720;
/** Keys of one item. */
export const MAX_KEYS = 8;
/** Links that one document offers for one item, before those of one torrent are joined. */
const MAX_OFFERED_LINKS = 20;
/** Bytes of a key: nobody finds two texts with the same. */
const KEY_LENGTH = 16;
/** When an item was last seen is written down no more often than this. */
const SEEN_PRECISION_MS = 86_400_000;

/** What a server says of a document, to be asked whether it has changed (RFC 9110, 8.8). */
export interface Validators {
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
}

/** One item, as it is kept. */
export interface RememberedItem {
  /** What it is known again by: hashes of its guid or links, and of its info-hashes. */
  readonly keys: string[];
  status: "waiting" | "fetched" | "given-up";
  title: string;
  /** Where it is; none once it is fetched. They may hold passkeys. */
  links: readonly string[];
  /** Why there is no link. */
  problem: string | undefined;
  /** Failures that were its own. */
  tries: number;
  /** When a feed last had it: milliseconds since 1970. */
  seenAt: number;
}

/** How a try ended. `isOurs` is a failure that says nothing of the item: a full disk. */
export type Outcome =
  | { readonly kind: "fetched"; readonly infoHash: string | undefined }
  | { readonly kind: "failed"; readonly isRetryable: boolean; readonly isOurs: boolean };

/** How many items of a document were what. */
export interface Absorbed {
  readonly added: number;
  /** Remembered already. */
  readonly known: number;
  /** Not wanted. */
  readonly skipped: number;
}

/** Validators, and the question that they were an answer to: see `validatorsFor`. */
export type Answered = Validators & { readonly question: string };

/** What a file of an earlier run holds. */
export interface SavedFeed {
  readonly items?: readonly RememberedItem[];
  readonly validators?: Answered | undefined;
}

export class FeedState {
  readonly #items: RememberedItem[];
  readonly #byKey = new Map<string, RememberedItem>();
  #validators: Answered | undefined;
  #isChanged = false;

  constructor({ items = [], validators }: SavedFeed = {}) {
    this.#items = [...items];
    this.#validators = validators;
    for (const item of items) this.#index(item);
  }

  get items(): readonly RememberedItem[] {
    return this.#items;
  }

  get validators(): Answered | undefined {
    return this.#validators;
  }

  /** Is there something new since it was last saved? */
  get isChanged(): boolean {
    return this.#isChanged;
  }

  /**
   * What the server may be asked about: a document is old news only to whoever asks the same
   * `question` of it, with the same patterns.
   */
  validatorsFor(question: string): Validators | undefined {
    return this.#validators?.question === question ? this.#validators : undefined;
  }

  /** Takes what is wanted of a document that has just come. */
  absorb(
    items: readonly FeedItem[],
    { now, isWanted, validators, question }: {
      /** Milliseconds since 1970. */
      now: number;
      isWanted: (item: FeedItem) => boolean;
      validators: Validators;
      question: string;
    },
  ): Absorbed {
    const counts = { added: 0, known: 0, skipped: 0 };
    const offers: Offers = new Map();
    for (const item of items) counts[this.#take(item, now, isWanted, offers)]++;
    for (const [item, offer] of offers) this.#update(item, offer);
    this.#forgetOldest(now);
    this.#setValidators({ ...validators, question });
    return counts;
  }

  /** What is to be fetched: what has failed least comes first, then what came first. */
  waiting(): RememberedItem[] {
    return this.#items.filter(({ status }) => status === "waiting")
      .toSorted((a, b) => a.tries - b.tries);
  }

  isFetched(infoHash: string): boolean {
    return this.#byKey.get(infoHashKey(infoHash))?.status === "fetched";
  }

  /** Is this the last time that an item is tried, if it fails so? */
  isLastTry({ tries }: RememberedItem, isRetryable: boolean): boolean {
    return tries + 1 >= (isRetryable ? MAX_RETRYABLE_TRIES : MAX_TRIES);
  }

  finish(item: RememberedItem, outcome: Outcome): void {
    this.#isChanged = true;
    if (outcome.kind === "fetched") {
      item.status = "fetched";
      item.links = [];
      item.problem = undefined;
      if (outcome.infoHash !== undefined) this.#addKeys(item, [infoHashKey(outcome.infoHash)]);
    } else if (!outcome.isOurs) {
      // A feed that offers no link will not offer another at the next try.
      const isLast = item.links.length === 0 || this.isLastTry(item, outcome.isRetryable);
      item.tries++;
      if (isLast) item.status = "given-up";
    }
  }

  /** What was given up is tried again. */
  retryAll(): void {
    for (const item of this.#items) {
      if (item.status !== "given-up") continue;
      item.status = "waiting";
      item.tries = 0;
      this.#isChanged = true;
    }
  }

  /** All of it is on disk. */
  markSaved(): void {
    this.#isChanged = false;
  }

  /** It could not be saved after all. */
  markChanged(): void {
    this.#isChanged = true;
  }

  #take(
    offered: FeedItem,
    now: number,
    isWanted: (item: FeedItem) => boolean,
    offers: Offers,
  ): keyof Absorbed {
    const keys = keysOf(offered);
    const known = keys.map((key) => this.#byKey.get(key)).filter((item) => item !== undefined);
    const item = known.find(({ status }) => status === "fetched") ?? known[0];
    if (item !== undefined) {
      this.#seeAgain(item, keys, now);
      addOffer(offers, item, offered);
      return "known";
    }
    if (!isWanted(offered)) return "skipped";
    const { title, links, problem } = offered;
    const added: RememberedItem = {
      keys: [],
      status: "waiting",
      title,
      links,
      problem,
      tries: 0,
      seenAt: now,
    };
    this.#items.push(added);
    this.#addKeys(added, keys);
    addOffer(offers, added, offered);
    this.#isChanged = true;
    return "added";
  }

  #seeAgain(item: RememberedItem, keys: readonly string[], now: number): void {
    if (Math.abs(now - item.seenAt) >= SEEN_PRECISION_MS) {
      item.seenAt = now;
      this.#isChanged = true;
    }
    if (item.status !== "fetched") this.#addKeys(item, keys);
  }

  #update(item: RememberedItem, { title, links: offered }: Offer): void {
    if (item.status === "fetched") return;
    const links = oneLinkPerTorrent(offered).slice(0, MAX_LINKS);
    if (links.length === 0 || links.join("\n") === item.links.join("\n")) return;
    // What had no link, and has one now, is as good as new.
    if (item.links.length === 0) {
      item.status = "waiting";
      item.tries = 0;
    }
    item.links = links;
    item.title = title;
    item.problem = undefined;
    this.#isChanged = true;
  }

  #setValidators(validators: Answered): void {
    const isSame = JSON.stringify(validators) === JSON.stringify(this.#validators);
    if (isSame) return;
    this.#validators = validators;
    this.#isChanged = true;
  }

  #forgetOldest(now: number): void {
    let excess = this.#items.length - MAX_REMEMBERED;
    let excessLength = sum(this.#items.map(lengthOf)) - MAX_REMEMBERED_LENGTH;
    if (excess <= 0 && excessLength <= 0) return;
    // What is still to be fetched, and what the feed has now, goes last.
    const rank = ({ status, seenAt }: RememberedItem) =>
      seenAt === now ? 2 : status === "waiting" ? 1 : 0;
    const order = this.#items.toSorted((a, b) => rank(a) - rank(b) || a.seenAt - b.seenAt);
    const forgotten = new Set<RememberedItem>();
    for (const item of order) {
      if (excess <= 0 && excessLength <= 0) break;
      forgotten.add(item);
      excess--;
      excessLength -= lengthOf(item);
    }
    const kept = this.#items.filter((item) => !forgotten.has(item));
    this.#items.splice(0, this.#items.length, ...kept);
    this.#byKey.clear();
    for (const item of kept) this.#index(item);
    this.#isChanged = true;
  }

  #addKeys(item: RememberedItem, keys: readonly string[]): void {
    for (const key of keys) {
      if (item.keys.length >= MAX_KEYS || item.keys.includes(key)) continue;
      item.keys.push(key);
      this.#isChanged = true;
    }
    this.#index(item);
  }

  /** A key that two items have is of the one that was fetched, or else of the first. */
  #index(item: RememberedItem): void {
    for (const key of item.keys) {
      const other = this.#byKey.get(key);
      const yields = other === undefined ||
        (other.status !== "fetched" && item.status === "fetched");
      if (yields) this.#byKey.set(key, item);
    }
  }
}

/** What one document offers for an item that is remembered. */
interface Offer {
  readonly title: string;
  /** Of all its items that are this one: two may have the same torrent. */
  readonly links: readonly string[];
}

type Offers = Map<RememberedItem, Offer>;

function addOffer(offers: Offers, item: RememberedItem, { title, links }: FeedItem): void {
  const first = offers.get(item) ?? { title, links: [] };
  const all = [...first.links, ...links].slice(0, MAX_OFFERED_LINKS);
  offers.set(item, { title: first.title, links: all });
}

/**
 * What an item is known again by: its torrent, and its guid. Only without a guid its links are:
 * `latest.torrent` may be another torrent every day, and a passkey may change.
 */
function keysOf({ guid, links, infoHashes }: FeedItem): string[] {
  const names = guid === undefined
    ? links.filter((link) => !/^magnet:/i.test(link)).map((link) => keyOf("link", link))
    : [keyOf("guid", guid)];
  return [...names, ...infoHashes.map(infoHashKey)].slice(0, MAX_KEYS);
}

function lengthOf({ title, links }: RememberedItem): number {
  return title.length + sum(links.map((link) => link.length));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function infoHashKey(infoHash: string): string {
  return keyOf("btih", infoHash);
}

/** Short, whatever the text, and no secret. */
function keyOf(kind: string, text: string): string {
  return createHash("sha256").update(`${kind}\n${text}`).digest("hex").slice(0, KEY_LENGTH * 2);
}
