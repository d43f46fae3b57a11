/**
 * The web servers that have the files of a torrent (BEP 19). They are sighted and dialled as peers
 * are, by their host and port; what a dial reaches plays a peer.
 */
import { Channel } from "../base/channel.ts";
import { type Endpoint, formatEndpoint, serverOf } from "../base/endpoint.ts";
import type { HandshakeResult } from "./handshaking.ts";
import type { Sighting } from "./discovery.ts";
import { WebSeed, type WebSeedOptions } from "./web_seed.ts";

/** Servers that are remembered, and URLs of each. */
const MAX_SERVERS = 50;
const MAX_URLS_PER_SERVER = 20;
/** Servers that are in use at once (T21); another one when one has failed. */
const MAX_OPEN = 3;
/** Reasons why servers were of no use that verdicts tell. */
const MAX_FAULTS = 10;

/** Why a web seed was of no use, once or ever since. */
export interface WebSeedFault {
  /** `HOST:PORT` */
  readonly server: string;
  /** In words: "it has no such file". */
  readonly fault: string;
}

export interface WebSeedsOptions extends Omit<WebSeedOptions, "onEnded"> {
  /** In the order of preference. */
  readonly urls: readonly string[];
}

export class WebSeeds {
  readonly #all = new Map<string, WebSeed>();
  /** Nobody knows of them yet. */
  readonly #spare: Endpoint[];
  readonly #sighted: Channel<Sighting>;

  constructor(options: WebSeedsOptions) {
    const urlsOf = new Map<string, { endpoint: Endpoint; urls: string[] }>();
    for (const url of options.urls) {
      const endpoint = serverOf(new URL(url));
      if (endpoint === undefined) continue;
      const key = formatEndpoint(endpoint);
      const known = urlsOf.get(key);
      if (known !== undefined) {
        if (known.urls.length < MAX_URLS_PER_SERVER) known.urls.push(url);
      } else if (urlsOf.size < MAX_SERVERS) urlsOf.set(key, { endpoint, urls: [url] });
    }
    for (const [key, { endpoint, urls }] of urlsOf) {
      const onEnded = () => this.#sightAnother();
      this.#all.set(key, new WebSeed(endpoint, urls, { ...options, onEnded }));
    }
    this.#spare = Array.from(this.#all.values(), ({ endpoint }) => endpoint);
    this.#sighted = new Channel(Math.max(1, this.#spare.length));
    for (let count = 0; count < MAX_OPEN; count++) this.#sightAnother();
  }

  get isAny(): boolean {
    return this.#all.size > 0;
  }

  /** Why servers were of no use, by server; some of it when there is much. */
  get faults(): WebSeedFault[] {
    return Array.from(
      this.#all.entries().flatMap(([server, { faults }]) =>
        faults.values().map((fault) => ({ server, fault }))
      ).take(MAX_FAULTS),
    );
  }

  /** The servers, as they are needed; call it once. Ends with `close`. */
  sightings(): AsyncIterable<Sighting> {
    return this.#sighted;
  }

  close(): void {
    this.#sighted.close();
  }

  /** Is a web seed there? */
  has(endpoint: Endpoint): boolean {
    return this.#all.has(formatEndpoint(endpoint));
  }

  /**
   * Reaches the one at the endpoint, which is there; undefined when it is not needed now. Throws
   * WebSeedError.
   */
  async open(endpoint: Endpoint, signal: AbortSignal): Promise<HandshakeResult | undefined> {
    let openCount = 0;
    for (const { isOpen } of this.#all.values()) if (isOpen) openCount++;
    if (openCount >= MAX_OPEN) return undefined;
    return await this.#all.get(formatEndpoint(endpoint))!.open(signal);
  }

  #sightAnother(): void {
    const endpoint = this.#spare.shift();
    if (endpoint !== undefined) this.#sighted.tryPush({ endpoints: [endpoint], source: "torrent" });
  }
}
