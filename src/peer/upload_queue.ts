/** What a peer has asked of us and not yet got. */
import type { PieceIndex } from "../base/ids.ts";

/** A part of a piece that a peer wants, checked against the torrent. */
export interface UploadRequest {
  readonly piece: PieceIndex;
  readonly begin: number;
  /** 1 to 16384. */
  readonly length: number;
}
