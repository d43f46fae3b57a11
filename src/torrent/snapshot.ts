/** What a torrent says of itself: plain values for the command line, JSON and verdicts. */
import type { Bitfield } from "../base/bitfield.ts";
import type { Endpoint } from "../base/endpoint.ts";

export type TorrentState =
  | "checking"
  | "downloading"
  | "finishing"
  | "seeding"
  | "complete"
  | "stopped";

export interface PeerSnapshot {
  readonly endpoint: Endpoint;
  /** The client's own name, made printable; "" when it gave none. */
  readonly client: string;
  /** Bytes a second. */
  readonly downRate: number;
  readonly upRate: number;
  /** Bytes of blocks, all together. */
  readonly downloaded: number;
  readonly uploaded: number;
  /** 0 to 1: how much of the torrent it has. */
  readonly progress: number;
  readonly isChokingUs: boolean;
  readonly isSnubbed: boolean;
  readonly isIncoming: boolean;
}

export interface TorrentSnapshot {
  readonly infoHash: string;
  readonly name: string;
  readonly state: TorrentState;
  /** While checking: bytes looked at, and to look at. */
  readonly checked: { readonly bytes: number; readonly total: number };
  /** Verified and wanted pieces; `pieces` counts the wanted ones only. */
  readonly have: number;
  readonly pieces: number;
  /** Verified and wanted bytes, without padding; `size` is what was selected. */
  readonly bytes: number;
  readonly size: number;
  /** Bytes a second, blocks only. */
  readonly downRate: number;
  readonly upRate: number;
  /** Bytes of blocks since the start, wasted ones included. */
  readonly downloaded: number;
  /** Bytes of files since the start: neither padding nor zeros beyond the end of one. */
  readonly uploaded: number;
  readonly wasted: number;
  readonly peers: {
    readonly connected: number;
    readonly known: number;
    readonly choking: number;
    /** Peers that gave us at least one good block. */
    readonly contributed: number;
    readonly banned: number;
  };
  /** Milliseconds to completion at the present rate; undefined while nothing flows. */
  readonly etaMs: number | undefined;
  /** All pieces of the torrent, live: for the bar. */
  readonly havePieces: Bitfield;
  readonly partialPieces: readonly number[];
  /** Bytes of pieces held in memory. */
  readonly memoryBytes: number;
}

/** What happened, as it happens. */
export type TorrentEvent =
  | { readonly kind: "checked"; readonly have: number; readonly pieces: number }
  | { readonly kind: "file"; readonly path: string; readonly size: number }
  | {
    readonly kind: "tracker";
    readonly url: string;
    readonly ok: boolean;
    readonly peers?: number;
    readonly failure?: string;
    /** The tracker said no, and for the first time in these words. */
    readonly isRefusal?: boolean;
    readonly warning?: string;
  }
  | { readonly kind: "peer-banned"; readonly endpoint: Endpoint; readonly reason: string }
  | { readonly kind: "piece"; readonly piece: number }
  | { readonly kind: "piece-corrupt"; readonly piece: number }
  | { readonly kind: "warning"; readonly message: string }
  | { readonly kind: "debug"; readonly message: string };
