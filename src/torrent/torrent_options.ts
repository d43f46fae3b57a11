/** What a torrent is given: by the program around it, and by whoever wants it. */
import type { Clock, Random } from "../base/ambient.ts";
import type { Endpoint } from "../base/endpoint.ts";
import type { PeerId } from "../base/ids.ts";
import type { FetchBounded } from "../net/http.ts";
import type { Network } from "../net/transport.ts";
import type { Storage } from "../storage/storage.ts";
import type { RateLimit } from "./rate_limit.ts";
import type { Selection } from "./selection.ts";
import type { TorrentEvent } from "./snapshot.ts";

/** What a torrent needs of the program around it. */
export interface Surroundings {
  readonly network: Network;
  readonly fetch: FetchBounded;
  readonly clock: Clock;
  readonly random: Random;
  readonly peerId: PeerId;
  /** The port where peers can reach us, from the first call on. Throws ConnectError. */
  readonly listen: () => number;
  /** Name and version, told to peers (BEP 10). */
  readonly clientName: string;
  readonly downloadLimit: RateLimit;
  readonly uploadLimit: RateLimit;
}

export interface TorrentOptions extends Selection {
  readonly storage: Storage;
  /** Peers that the user named. */
  readonly peers: readonly Endpoint[];
  readonly useTrackers: boolean;
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
