/** The search for the metadata of a magnet (BEP 9), as commands see it. Pure. */
import type { Bytes } from "../base/bytes.ts";
import type { Endpoint } from "../base/endpoint.ts";
import type { InfoHash } from "../base/ids.ts";
import type { TorrentEvent } from "../torrent/snapshot.ts";
import type { TrackerStatus } from "../tracker/tracker_roster.ts";

/** A torrent of which no more is known than its info-hash. */
export interface MetadataRequest {
  readonly infoHash: InfoHash;
  /** Tiers of announce URLs. */
  readonly trackers: readonly (readonly string[])[];
  /** Peers that the link names, beside those that the user does. */
  readonly peers: readonly Endpoint[];
  readonly onEvent: (event: TorrentEvent) => void;
}

/** How far a search for metadata is. */
export interface MetadataStatus {
  readonly peersKnown: number;
  readonly peersConnected: number;
  /** Peers that were dialled, or that dialled us. */
  readonly peersTried: number;
  /** Peers that said they have it. */
  readonly peersWithMetadata: number;
  /** Bytes of the metadata that are here, and all of them; that is undefined while nobody said. */
  readonly bytes: number;
  readonly size?: number | undefined;
  /** Nodes of the DHT that were asked. */
  readonly nodesAsked: number;
  readonly trackers: readonly TrackerStatus[];
}

/** Metadata that agrees with its info-hash. */
export interface FoundMetadata {
  /** The info dictionary. */
  readonly infoBytes: Bytes;
  /** Peers of the torrent, the good ones first. */
  readonly peers: readonly Endpoint[];
}

/** A search that is under way; see torrent/metadata_search.ts. */
export interface MetadataRun {
  /** Waits for ever; rejects with StoppedError after `stop`. */
  find(): Promise<FoundMetadata>;
  stop(): Promise<void>;
  status(): MetadataStatus;
}
