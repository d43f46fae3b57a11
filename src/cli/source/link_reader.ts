/** From a magnet link to its torrent: kept by an earlier run, or from peers (BEP 9). */
import { dirname } from "node:path";
import type { Bytes } from "../../base/bytes.ts";
import { type Endpoint, isLoopback } from "../../base/endpoint.ts";
import { MetainfoError, TrackerError } from "../../base/errors.ts";
import { composeTorrent, type PieceLayers } from "../../metainfo/compose.ts";
import { isInfoHashOf } from "../../metainfo/info_hash.ts";
import type { Magnet } from "../../metainfo/magnet.ts";
import { parseMetainfo } from "../../metainfo/metainfo.ts";
import { STATE_FOLDER } from "../../metainfo/paths.ts";
import { pieceLayersOf } from "../../metainfo/piece_layers.ts";
import type { FoundMetadata, MetadataStatus } from "../../torrent/metadata_search.ts";
import type { TorrentEvent } from "../../torrent/snapshot.ts";
import { parseTrackerUrl } from "../../tracker/tracker_url.ts";
import type { Engine, MetadataRun } from "../environment/engine.ts";
import type { Environment } from "../environment/environment.ts";
import type { SourceTorrent } from "../files/file_list.ts";
import type { GetOptions } from "../options/get_options.ts";
import { CommandError, invalidSource, isMistake } from "../output/failure.ts";
import { noMetadata, type SearchLimit, searchStatus } from "./no_metadata.ts";
import { parseTorrent, readTorrentFile } from "./source.ts";

/** Timers of more than 24 days ring at once: longer limits are waited for in parts. */
const MAX_SLEEP_MS = 3_600_000;

const NOTHING_ASKED: MetadataStatus = {
  peersKnown: 0,
  peersConnected: 0,
  peersTried: 0,
  peersReached: 0,
  peersWithMetadata: 0,
  peersBanned: 0,
  bytes: 0,
  nodesAsked: 0,
  trackers: [],
};

/** Not an error: peers may come by themselves, and nobody asked to give up. */
const NOBODY_TO_ASK: TorrentEvent = {
  kind: "warning",
  message: "there is nobody to ask for the metadata, and no peer is named (--peer): " +
    "waiting for peers to come",
};

export interface LinkReaderOptions {
  readonly environment: Environment;
  /** Called when peers must be asked. */
  readonly openEngine: () => Promise<Engine>;
  readonly switches: Pick<
    GetOptions,
    "peers" | "noTracker" | "noDht" | "noLsd" | "bindAddress" | "proxy" | "metadataTimeoutMs"
  >;
  /** State folders that may hold the metadata. */
  readonly stateFolders: readonly string[];
  /** Time that is left until the deadline of the command. */
  readonly deadlineMs?: number | undefined;
  /** The longest time in which nothing needs to be verified (`--stall`), metadata too. */
  readonly stallMs?: number | undefined;
  /** Go on when there is nobody to ask: somebody may find us. */
  readonly waitsForPeers: boolean;
  /** Ends the search; its reason is thrown. */
  readonly signal: AbortSignal;
  readonly onEvent: (event: TorrentEvent) => void;
}

/** The torrent of a link. */
export interface LinkedTorrent {
  readonly source: SourceTorrent;
  /** Its .torrent, with what the link says of trackers and web seeds. */
  readonly bytes: Bytes;
  /** Peers of the link, and peers that were met; of a private torrent those of the link alone. */
  readonly peers: readonly Endpoint[];
  /** An earlier run had kept it. */
  readonly isKept: boolean;
}

/** Where `get` keeps the metadata of a magnet, in its state folder. */
export function keptName(infoHashHex: string): string {
  return `${infoHashHex}.torrent`;
}

/** State folders of the data at `path`, which may be the folder that it is in or the data itself. */
export function stateFoldersOf(path: string, stateDir: string | undefined): string[] {
  if (stateDir !== undefined) return [stateDir];
  return [path, dirname(path)].map((folder) => `${folder}/${STATE_FOLDER}`);
}

export class LinkReader {
  readonly #link: Magnet;
  readonly #options: LinkReaderOptions;
  #run: MetadataRun | undefined;
  /** A limit was reached. */
  #givenUp: CommandError | undefined;

  constructor(link: Magnet, options: LinkReaderOptions) {
    this.#link = link;
    this.#options = options;
  }

  /** What it is doing, in a few printable words. */
  get status(): string {
    return this.#run === undefined ? "reading the torrent" : searchStatus(this.#run.status());
  }

  /**
   * Waits for ever, unless a limit is set. Throws `CommandError`, exit 10 when a limit was
   * reached, 3 when peers gave what is no torrent or the link names two; the reason of the signal.
   */
  async read(): Promise<LinkedTorrent> {
    const kept = await this.#readKept();
    if (kept !== undefined) return kept;
    const { infoBytes, pieceLayers, peers } = await this.#search();
    const found = await this.#compose(infoBytes, this.#link, pieceLayers);
    if (found.source.metainfo.isPrivate) return found;
    return { ...found, peers: [...found.peers, ...peers] };
  }

  /** What is there but is not this torrent does not matter: peers have it. */
  async #readKept(): Promise<LinkedTorrent | undefined> {
    const { infoHash, infoHashHex, trackers, webSeeds } = this.#link;
    for (const folder of this.#options.stateFolders) {
      try {
        const path = `${folder}/${keptName(infoHashHex)}`;
        const kept = parseMetainfo(await readTorrentFile(path, this.#options.environment));
        if (!isInfoHashOf(infoHash, kept.infoBytes)) continue;
        const torrent = await this.#compose(kept.infoBytes, {
          trackers: [...trackers, ...kept.trackers],
          webSeeds: [...webSeeds, ...kept.webSeeds],
        }, kept.version === 2 ? pieceLayersOf(kept) : undefined);
        return { ...torrent, isKept: true };
      } catch (error) {
        const isOfFile = error instanceof MetainfoError || error instanceof CommandError;
        if (!isOfFile) throw error;
      }
    }
    return undefined;
  }

  async #compose(
    infoBytes: Uint8Array,
    addresses: Pick<Magnet, "trackers" | "webSeeds">,
    pieceLayers: PieceLayers | undefined,
  ): Promise<LinkedTorrent> {
    const { infoHashHex, infoHashV2Hex, peers } = this.#link;
    const bytes = composeTorrent(infoBytes, addresses, pieceLayers);
    const source = await parseTorrent(bytes, infoHashHex, this.#options.environment);
    if (infoHashV2Hex !== undefined && infoHashV2Hex !== source.metainfo.infoHashV2Hex) {
      const fact = "the info-hash of version 2 in its link is another torrent's";
      throw invalidSource(`Cannot read ${infoHashHex}: ${fact}`);
    }
    return { source, bytes, peers, isKept: false };
  }

  async #search(): Promise<FoundMetadata> {
    const { openEngine, signal, onEvent } = this.#options;
    const { infoHash, trackers, peers } = this.#link;
    this.#requireSomebodyToAsk();
    const engine = await openEngine();
    signal.throwIfAborted();
    const run = this.#run = engine.findMetadata({ infoHash, trackers, peers, onEvent });
    const ending = new AbortController();
    const stop = () => void run.stop();
    signal.addEventListener("abort", stop);
    void this.#watch(run, ending.signal);
    try {
      return await run.find();
    } catch (error) {
      await run.stop();
      if (isMistake(error)) throw error;
      signal.throwIfAborted();
      throw this.#givenUp ?? error;
    } finally {
      ending.abort();
      signal.removeEventListener("abort", stop);
    }
  }

  #requireSomebodyToAsk(): void {
    const { switches, waitsForPeers, onEvent } = this.#options;
    const { noTracker, noDht, noLsd, bindAddress, peers, proxy } = switches;
    const { trackers, peers: ofLink } = this.#link;
    // Datagrams do not go through a SOCKS5 proxy, and nothing goes around it.
    const hasDatagrams = proxy?.kind !== "socks5";
    // Neighbours cannot reach this machine's own address, and are not told of it.
    const isLsdOff = noLsd || (bindAddress !== undefined && isLoopback(bindAddress));
    const isAnybody = (hasDatagrams && !(noDht && isLsdOff)) ||
      (!noTracker && trackers.flat().some((url) => mayBeAsked(url, hasDatagrams))) ||
      peers.length + ofLink.length > 0;
    if (isAnybody) return;
    if (!waitsForPeers) throw noMetadata(NOTHING_ASKED, { kind: "nobody-to-ask", waitedMs: 0 });
    onEvent(NOBODY_TO_ASK);
  }

  /** Ends the search when it has lasted too long. */
  async #watch(run: MetadataRun, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options.environment;
    const startedAt = clock.now();
    while (!signal.aborted) {
      const waitedMs = clock.now() - startedAt, status = run.status();
      const { kind, leftMs } = this.#nextLimit(waitedMs, status);
      if (leftMs <= 0) {
        this.#givenUp = noMetadata(status, { kind, waitedMs });
        return await run.stop();
      }
      await clock.sleep(Math.min(leftMs, MAX_SLEEP_MS), signal);
    }
  }

  /** The limit that is reached first, as it looks now; of equals, the first. */
  #nextLimit(waitedMs: number, { sinceProgressMs = waitedMs }: MetadataStatus) {
    const { deadlineMs = Infinity, stallMs = Infinity, switches } = this.#options;
    const { metadataTimeoutMs = Infinity } = switches;
    const limits: { kind: SearchLimit["kind"]; leftMs: number }[] = [
      { kind: "deadline", leftMs: deadlineMs - waitedMs },
      { kind: "metadata-timeout", leftMs: metadataTimeoutMs - waitedMs },
      { kind: "stall", leftMs: stallMs - sinceProgressMs },
    ];
    return limits.reduce((first, limit) => limit.leftMs < first.leftMs ? limit : first);
  }
}

/** Is it a tracker's address of a kind that we speak, and that the proxy carries? */
function mayBeAsked(url: string, hasDatagrams: boolean): boolean {
  try {
    return parseTrackerUrl(url).protocol === "http" || hasDatagrams;
  } catch (error) {
    if (!(error instanceof TrackerError)) throw error;
    return false;
  }
}
