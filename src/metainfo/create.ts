/** A .torrent from what is known of its files (BEP 3, BEP 12, BEP 19, BEP 5, BEP 27). Pure. */
import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import type { Endpoint } from "../base/endpoint.ts";
import { HASH_LENGTH } from "../base/ids.ts";
import { encode } from "./bencode_encoder.ts";
import { MAX_PIECE_COUNT } from "./metainfo_content.ts";

export interface MetainfoDraft {
  readonly name: string;
  /** In the order of the torrent. The only file of a single-file torrent has `[name]` as path. */
  readonly files: readonly { readonly path: readonly string[]; readonly length: number }[];
  readonly isSingleFile: boolean;
  /** Bytes. */
  readonly pieceLength: number;
  /** SHA-1 of each piece, end to end. */
  readonly pieceHashes: Uint8Array;
  /** Tracker URLs by tier. */
  readonly trackers?: readonly (readonly string[])[];
  readonly webSeeds?: readonly string[];
  readonly nodes?: readonly Endpoint[];
  readonly comment?: string | undefined;
  readonly createdBy?: string | undefined;
  /** Seconds since 1970. */
  readonly creationDate?: number | undefined;
  readonly isPrivate?: boolean;
  /** Goes into the info dictionary, so that each source has an info-hash of its own. */
  readonly source?: string | undefined;
}

const MIN_CHOSEN_PIECE_LENGTH = 2 ** 14;
const MAX_CHOSEN_PIECE_LENGTH = 2 ** 24;

/** The bytes of a .torrent: the same for the same draft, always. */
export function createMetainfo(draft: MetainfoDraft): Bytes {
  const { files, isSingleFile, trackers = [], webSeeds = [], nodes = [] } = draft;
  const totalLength = files.reduce((total, { length }) => total + length, 0);
  const pieceCount = Math.ceil(totalLength / draft.pieceLength);
  assert(!isSingleFile || files.length === 1);
  assert(draft.pieceHashes.length === pieceCount * HASH_LENGTH);
  const urls = trackers.flat();
  return encode({
    announce: urls[0],
    "announce-list": urls.length > 1 ? trackers : undefined,
    comment: draft.comment,
    "created by": draft.createdBy,
    "creation date": draft.creationDate,
    info: {
      files: isSingleFile ? undefined : files.map(({ length, path }) => ({ length, path })),
      length: isSingleFile ? totalLength : undefined,
      name: draft.name,
      "piece length": draft.pieceLength,
      pieces: draft.pieceHashes,
      private: draft.isPrivate ? 1 : undefined,
      source: draft.source,
    },
    nodes: nodes.length > 0 ? nodes.map(({ host, port }) => [host, port]) : undefined,
    "url-list": webSeeds.length > 0 ? webSeeds : undefined,
  });
}

/**
 * A power of two, in bytes, that grows with the square root of the torrent: few enough pieces to
 * keep the .torrent small, small enough ones to spread fast.
 */
export function choosePieceLength(totalLength: number): number {
  const magnitude = Math.ceil(Math.log2(Math.max(1, totalLength)));
  const chosen = 2 ** (Math.ceil(magnitude / 2) + 4);
  let pieceLength = Math.min(MAX_CHOSEN_PIECE_LENGTH, Math.max(MIN_CHOSEN_PIECE_LENGTH, chosen));
  while (totalLength > pieceLength * MAX_PIECE_COUNT) pieceLength *= 2;
  return pieceLength;
}
