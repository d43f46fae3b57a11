/**
 * Everybody who can name peers of one torrent, as far as the user and the torrent allow them
 * to be asked: trackers, the DHT, the local network, other peers, and the user.
 */
import { Channel } from "../base/channel.ts";
import type { Endpoint } from "../base/endpoint.ts";
import type { InfoHash } from "../base/ids.ts";
import type { DhtSearch } from "../dht/service.ts";
import { Announcer, type AnnouncerOptions } from "../tracker/announcer.ts";
import type { TrackerStatus } from "../tracker/tracker_roster.ts";
import { known, sighted, type Sighting } from "./discovery.ts";
import type { TorrentEvent } from "./snapshot.ts";
import type { Surroundings } from "./torrent_options.ts";
import type { WebSeedFault, WebSeeds } from "./web_seeds.ts";

/** Messages of peers about other peers that nobody has read yet; more are dropped. */
const MAX_WAITING_PEX_MESSAGES = 32;
/** `stopped` reaches the trackers within this time, or not at all. */
export const FAREWELL_TIMEOUT_MS = 4_000;

/** Who may be asked for peers. */
export interface SourceSwitches {
  readonly trackers: boolean;
  readonly dht: boolean;
  /** Other peers (PEX, BEP 11). */
  readonly pex: boolean;
  /** The local network (LSD, BEP 14). */
  readonly lsd: boolean;
}

/** A private torrent is known to its trackers alone (BEP 27). */
export function allowedSources(wanted: SourceSwitches, isPrivate: boolean): SourceSwitches {
  return isPrivate ? { trackers: wanted.trackers, dht: false, pex: false, lsd: false } : wanted;
}

export interface PeerSourcesOptions {
  readonly infoHash: InfoHash;
  /** Tiers of announce URLs (BEP 12). */
  readonly trackers: readonly (readonly string[])[];
  /** DHT nodes that the torrent names (BEP 5). */
  readonly nodes: readonly Endpoint[];
  /** Peers to begin with, the user's own among them. */
  readonly known: readonly Sighting[];
  readonly sources: SourceSwitches;
  /** Web servers that play peers. */
  readonly webSeeds?: Pick<WebSeeds, "isAny" | "sightings" | "close" | "faults">;
  readonly surroundings: Surroundings;
  readonly numbers: AnnouncerOptions["numbers"];
  readonly isHungry: () => boolean;
  readonly isAlone: () => boolean;
  readonly onEvent: (event: TorrentEvent) => void;
}

/** What the sources have told, for verdicts. */
export interface SourceEvidence {
  readonly trackers: readonly TrackerStatus[];
  /** Of the DHT: nodes asked for this torrent, and how many answered; absent when it is off. */
  readonly dht?: { readonly asked: number; readonly answered: number };
  readonly webSeedFaults: readonly WebSeedFault[];
}

export class PeerSources {
  readonly #options: PeerSourcesOptions;
  readonly #announcer: Announcer | undefined;
  readonly #lookup: DhtSearch | undefined;
  readonly #local: AsyncIterable<readonly Endpoint[]> | undefined;
  readonly #pexPeers = new Channel<Sighting>(MAX_WAITING_PEX_MESSAGES);
  readonly #ending = new AbortController();

  constructor(options: PeerSourcesOptions) {
    this.#options = options;
    const { surroundings, infoHash, sources, isHungry, numbers, nodes } = options;
    const { signal } = this.#ending;
    this.#announcer = this.#createAnnouncer();
    const dht = sources.dht ? surroundings.dht() : undefined;
    if (dht !== undefined) {
      for (const node of nodes) dht.addNode(node);
      this.#lookup = dht.search(infoHash, {
        portFor: surroundings.portFor,
        isSeed: () => numbers().left === 0,
        isHungry,
        signal,
      });
    }
    if (sources.lsd) {
      const port = surroundings.listen();
      this.#local = surroundings.lsd()?.search(infoHash, { port, signal });
    }
  }

  /** There is somebody to ask, or somebody to dial. */
  get isAny(): boolean {
    return this.#options.known.some(({ endpoints }) => endpoints.length > 0) ||
      this.#announcer !== undefined || this.#options.webSeeds?.isAny === true ||
      this.#lookup !== undefined || this.#local !== undefined;
  }

  /** One stream for each source; call it once. They end with `close`. */
  sightings(): AsyncIterable<Sighting>[] {
    const streams: AsyncIterable<Sighting>[] = [known(this.#options.known), this.#pexPeers];
    const { webSeeds } = this.#options;
    if (webSeeds !== undefined) streams.push(webSeeds.sightings());
    if (this.#announcer !== undefined) {
      streams.push(sighted(this.#announcer.endpoints(), "tracker"));
    }
    if (this.#lookup !== undefined) streams.push(sighted(this.#lookup, "dht"));
    if (this.#local !== undefined) streams.push(sighted(this.#local, "lsd"));
    return streams;
  }

  /** A peer has named others (PEX). */
  addPexPeers(endpoints: readonly Endpoint[], namedBy: Endpoint): void {
    if (!this.#options.sources.pex) return;
    this.#pexPeers.tryPush({ endpoints, source: "pex", namedBy });
  }

  /** More peers may be wanted now; may be called as often as one likes. */
  wake(): void {
    this.#announcer?.wake();
    this.#lookup?.wake();
  }

  /** The download completed in this run. */
  completed(): void {
    this.#announcer?.completed();
  }

  evidence(): SourceEvidence {
    const lookup = this.#lookup;
    return {
      trackers: this.#announcer?.status() ?? [],
      ...(lookup && { dht: { asked: lookup.asked, answered: lookup.answered } }),
      webSeedFaults: this.#options.webSeeds?.faults ?? [],
    };
  }

  /** Ends the streams but that of the trackers, which `close` or `abandon` end. */
  end(): void {
    this.#ending.abort();
    this.#pexPeers.close();
    this.#options.webSeeds?.close();
  }

  /** Ends the streams, and says goodbye to the trackers, which takes FAREWELL_TIMEOUT_MS at most. */
  async close(): Promise<void> {
    this.end();
    await this.#announcer?.close(FAREWELL_TIMEOUT_MS);
  }

  /** Ends the streams without a word: the same peer will go on announcing. */
  async abandon(): Promise<void> {
    this.end();
    await this.#announcer?.abandon();
  }

  #createAnnouncer(): Announcer | undefined {
    const { trackers, sources, surroundings, onEvent } = this.#options;
    if (!sources.trackers || trackers.length === 0) return undefined;
    return new Announcer({
      ...surroundings,
      ...this.#options,
      onAnnounce: (report) => onEvent({ kind: "tracker", ...report }),
    });
  }
}
