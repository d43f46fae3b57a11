/**
 * A .torrent from what is known of its files (BEP 3, BEP 12, BEP 19, BEP 5, BEP 27; BEP 52 and, for
 * both versions at once, BEP 47). Pure.
 */
import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import type { Endpoint } from "../base/endpoint.ts";
import { HASH_LENGTH } from "../base/ids.ts";
import { type EncodableRecord, encode } from "./bencode_encoder.ts";
import { createTree } from "./create_tree.ts";
import { MAX_PIECE_COUNT } from "./metainfo_content.ts";

/** Of which version: both together are a hybrid (BEP 52 "upgrade path"). */
export type TorrentFormat = "v1" | "v2" | "hybrid";

export interface MetainfoDraft {
  readonly name: string;
  /** By default version 1. The files of the others are in the order of `compareInTree`. */
  readonly format?: TorrentFormat;
  /** In the order of the torrent. The only file of a single-file torrent has `[name]` as path. */
  readonly files: readonly { readonly path: readonly string[]; readonly length: number }[];
  readonly isSingleFile: boolean;
  /** Bytes. */
  readonly pieceLength: number;
  /** SHA-1 of each piece, end to end; nothing in version 2. */
  readonly pieceHashes: Uint8Array;
  /** The root of each piece, end to end, unless it is of version 1. */
  readonly pieceRoots?: Uint8Array;
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
  const { isSingleFile, format = "v1", trackers = [], webSeeds = [], nodes = [] } = draft;
  assert(!isSingleFile || draft.files.length === 1);
  const tree = format === "v1" ? undefined : createTree(draft);
  const urls = trackers.flat();
  return encode({
    announce: urls[0],
    "announce-list": urls.length > 1 ? trackers : undefined,
    comment: draft.comment,
    "created by": draft.createdBy,
    "creation date": draft.creationDate,
    info: {
      ...format === "v2" ? {} : version1Fields(draft),
      "file tree": tree?.files,
      "meta version": tree && 2,
      name: draft.name,
      "piece length": draft.pieceLength,
      private: draft.isPrivate ? 1 : undefined,
      source: draft.source,
    },
    nodes: nodes.length > 0 ? nodes.map(({ host, port }) => [host, port]) : undefined,
    "piece layers": tree?.layers,
    "url-list": webSeeds.length > 0 ? webSeeds : undefined,
  });
}

function version1Fields(draft: MetainfoDraft): EncodableRecord {
  const files: readonly PaddedFile[] = draft.format === "hybrid" ? paddedFiles(draft) : draft.files;
  const totalLength = files.reduce((total, { length }) => total + length, 0);
  const pieceCount = Math.ceil(totalLength / draft.pieceLength);
  assert(draft.pieceHashes.length === pieceCount * HASH_LENGTH);
  return draft.isSingleFile ? { length: totalLength, pieces: draft.pieceHashes } : {
    files: files.map(({ attr, length, path }) => ({ attr, length, path })),
    pieces: draft.pieceHashes,
  };
}

interface PaddedFile {
  readonly path: readonly string[];
  readonly length: number;
  readonly attr?: "p";
}

/**
 * After each file as much padding as fills its last piece: the last one too, but none when there is
 * only one file, as libtorrent has it.
 */
function paddedFiles(
  { files, pieceLength }: Pick<MetainfoDraft, "files" | "pieceLength">,
): readonly PaddedFile[] {
  if (files.length === 1) return files;
  return files.flatMap(({ path, length }): PaddedFile[] => {
    const rest = length % pieceLength;
    if (rest === 0) return [{ path, length }];
    const padding = pieceLength - rest;
    return [{ path, length }, { path: [".pad", `${padding}`], length: padding, attr: "p" }];
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
