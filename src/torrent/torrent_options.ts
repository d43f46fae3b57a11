/** What a torrent is given: by the program around it, and by whoever wants it. */
import type { Clock, Random } from "../base/ambient.ts";
import type { Endpoint, PortFor, UdpPortFor } from "../base/endpoint.ts";
import type { PeerId } from "../base/ids.ts";
import type { DhtService } from "../dht/service.ts";
import type { LocalDiscovery } from "../lsd/service.ts";
import type { FetchBounded } from "../net/http.ts";
import type { Network } from "../net/transport.ts";
import type { Bans } from "../peer/bans.ts";
import type { Storage } from "../storage/storage.ts";
import type { EncryptionMode } from "../wire/mse.ts";
import type { RateLimit } from "./rate_limit.ts";
import type { SourceSwitches } from "./peer_sources.ts";
import type { Selection } from "./selection.ts";
import type { TorrentEvent } from "./snapshot.ts";

/** What a torrent needs of the program around it. */
export interface Surroundings {
  readonly network: Network;
  readonly fetch: FetchBounded;
  readonly clock: Clock;
  readonly random: Random;
  readonly encryption: EncryptionMode;
  readonly peerId: PeerId;
  /** Whoever lied in an earlier part of the swarm of this info-hash, and in this one. */
  readonly bans: Bans;
  /** Whoever calls it announces itself, so that nobody before it need say goodbye. */
  readonly onJoined: () => void;
  /** Whoever calls it takes no peers any more. */
  readonly onLeft: () => void;
  /** Takes peers from the first call on; the port, on this machine. Throws ConnectError. */
  readonly listen: () => number;
  readonly portFor: PortFor;
  readonly udpPortFor: UdpPortFor;
  /** Name and version, told to peers (BEP 10). */
  readonly clientName: string;
  readonly downloadLimit: RateLimit;
  readonly uploadLimit: RateLimit;
  /** The distributed hash table; undefined where it is off. Opens its sockets when first called. */
  readonly dht: () => Dht | undefined;
  /** The search on the local network, likewise. */
  readonly lsd: () => LocalPeers | undefined;
}

/** What a torrent needs of the DHT (BEP 5). */
export type Dht = Pick<DhtService, "search" | "port" | "addNode">;

/** What a torrent needs of the local search (BEP 14). */
export type LocalPeers = Pick<LocalDiscovery, "search">;

export interface TorrentOptions extends Selection {
  readonly storage: Storage;
  /** Peers that the user named. */
  readonly peers: readonly Endpoint[];
  /** Peers that were found before. */
  readonly found?: readonly Endpoint[];
  /** Servers that have the same files (BEP 19), the best first. */
  readonly webSeeds?: readonly string[];
  /** Who may be asked for more. */
  readonly sources: SourceSwitches;
  readonly maxPeers: number;
  /** Peers to download from at once; 0: no limit. */
  readonly maxDownloads: number;
  /** Peers to upload to at once. */
  readonly uploadSlots: number;
  /** Show each peer one piece at a time, if everything is here from the start (BEP 16). */
  readonly superSeed?: boolean;
  readonly sequential: boolean;
  readonly memoryBudgetBytes: number;
  /** Stay in the swarm once complete, until `stop`. */
  readonly keepSeeding: boolean;
  /** Share what is on the disk and want nothing else; `selected` does not matter then. */
  readonly sharesOnly?: boolean;
  readonly onEvent: (event: TorrentEvent) => void;
}
