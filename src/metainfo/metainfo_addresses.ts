/**
 * Where a torrent says its data can be had: trackers (BEP 3 "announce", BEP 12), web seeds
 * (BEP 19) and DHT nodes (BEP 5). A malformed entry is left out, never an error: the others do.
 */
import { canonicalHost, type Endpoint, MAX_PORT } from "../base/endpoint.ts";
import { type BencodeDictionary, type BencodeValue, listIn } from "./bencode.ts";

/** Entries looked at in each list; the rest are ignored. */
const MAX_ADDRESSES = 500;
const MAX_URL_LENGTH = 4_096;
const TRACKER_SCHEMES: readonly string[] = ["http:", "https:", "udp:"];
const WEB_SEED_SCHEMES: readonly string[] = ["http:", "https:"];

/** Tiers of tracker URLs, without duplicates; `announce` counts only without a usable list. */
export function parseTrackers(
  root: BencodeDictionary,
  warnings: string[],
): readonly (readonly string[])[] {
  const urls = new UrlCollector(TRACKER_SCHEMES);
  const tiers: string[][] = [];
  for (const tier of listIn(root, "announce-list") ?? []) {
    const usable = urls.collect(tier.kind === "list" ? tier : [tier]);
    if (usable.length > 0) tiers.push(usable);
    if (urls.isFull) break;
  }
  const announce = root.get("announce");
  if (tiers.length === 0 && announce !== undefined) {
    const usable = urls.collect([announce]);
    if (usable.length > 0) tiers.push(usable);
  }
  urls.warn("tracker URLs", warnings);
  return tiers;
}

/** URLs of web seeds (`url-list`, a list or one string), without duplicates. */
export function parseWebSeeds(root: BencodeDictionary, warnings: string[]): readonly string[] {
  const field = root.get("url-list");
  if (field === undefined) return [];
  const urls = new UrlCollector(WEB_SEED_SCHEMES);
  const usable = urls.collect(field.kind === "list" ? field : [field]);
  urls.warn("web seed URLs", warnings);
  return usable;
}

/** DHT nodes (`nodes`, a list of [host, port]). */
export function parseNodes(root: BencodeDictionary): readonly Endpoint[] {
  const nodes: Endpoint[] = [];
  let seen = 0;
  for (const entry of listIn(root, "nodes") ?? []) {
    if (++seen > MAX_ADDRESSES) break;
    const [host, port] = entry.kind === "list" ? entry : [];
    if (host?.kind !== "string" || port?.kind !== "integer") continue;
    const canonical = canonicalHost(host.text);
    const isPort = port.value >= 1 && port.value <= MAX_PORT;
    if (canonical !== undefined && isPort) {
      nodes.push({ host: canonical, port: Number(port.value) });
    }
  }
  return nodes;
}

class UrlCollector {
  readonly #schemes: readonly string[];
  readonly #seen = new Set<string>();
  #looked = 0;
  #unusable = 0;

  constructor(schemes: readonly string[]) {
    this.#schemes = schemes;
  }

  get isFull(): boolean {
    return this.#looked >= MAX_ADDRESSES;
  }

  /** The usable URLs among `values` that were not collected before. */
  collect(values: Iterable<BencodeValue>): string[] {
    const usable: string[] = [];
    for (const value of values) {
      if (this.isFull) break;
      this.#looked++;
      const url = value.kind === "string" ? usableUrl(value.text.trim(), this.#schemes) : undefined;
      if (url === undefined) this.#unusable++;
      else if (!this.#seen.has(url)) usable.push(url);
      if (url !== undefined) this.#seen.add(url);
    }
    return usable;
  }

  warn(what: string, warnings: string[]): void {
    const schemes = this.#schemes.map((scheme) => scheme.slice(0, -1)).join(", ");
    if (this.#unusable > 0) {
      warnings.push(`${what} that are not ${schemes}: ${this.#unusable} ignored`);
    }
    if (this.isFull) warnings.push(`${what} beyond the first ${MAX_ADDRESSES} are ignored`);
  }
}

/** The URL of a tracker (http, https or udp); undefined when `text` is none. */
export function trackerUrl(text: string): string | undefined {
  return usableUrl(text.trim(), TRACKER_SCHEMES);
}

/** The URL of a web seed (http or https); undefined when `text` is none. */
export function webSeedUrl(text: string): string | undefined {
  return usableUrl(text.trim(), WEB_SEED_SCHEMES);
}

/** Controls are refused because URL parsers drop some of them in silence. */
function usableUrl(raw: string, schemes: readonly string[]): string | undefined {
  if (raw.length > MAX_URL_LENGTH || /\p{Cc}/u.test(raw)) return undefined;
  const text = raw.replaceAll(" ", "%20");
  const url = URL.parse(text);
  if (url === null || url.hostname === "") return undefined;
  return schemes.includes(url.protocol) ? text : undefined;
}
