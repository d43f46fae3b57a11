/** Torrents of simulations, of which the content is at hand. */
import { type Bytes, concatBytes } from "../../src/base/bytes.ts";
import type { PieceIndex } from "../../src/base/ids.ts";
import { createMetainfo } from "../../src/metainfo/create.ts";
import { type FileSpan, Layout } from "../../src/metainfo/layout.ts";
import { type Metainfo, parseMetainfo, pieceHash } from "../../src/metainfo/metainfo.ts";
import { leafCount } from "../../src/metainfo/piece_layers.ts";
import { MerkleHasher } from "../../src/workers/merkle_hasher.ts";
import { sha1 } from "./sim_storage.ts";

export interface SimTorrentOptions {
  readonly pieceLength: number;
  readonly isPrivate?: boolean;
  /** Of version 2, with files of these lengths; of version 1 and one file when left out. */
  readonly fileLengths?: readonly number[] | undefined;
}

/** How a content is cut. */
interface Cut {
  readonly layout: Layout;
  readonly files: Iterable<{ readonly length: number }>;
}

export function torrentOf(content: Bytes, options: SimTorrentOptions): Metainfo {
  const { pieceLength, isPrivate = false, fileLengths } = options;
  const isSingleFile = fileLengths === undefined;
  const files = (fileLengths ?? [content.length]).map((length, index) => ({
    path: [isSingleFile ? "content" : `${index}`],
    length,
  }));
  const draft = { name: "content", files, isSingleFile, pieceLength, isPrivate };
  const layout = new Layout({
    pieceLength,
    files: files.map(({ length }) => ({ length, isPadding: false })),
    isAligned: !isSingleFile,
  });
  const hashes = Array.from({ length: layout.pieceCount }, (_, index) => {
    const piece = index as PieceIndex, bytes = bytesOf({ layout, files }, content, piece);
    return isSingleFile ? sha1(bytes) : rootOf(bytes, leafCount({ layout }, piece));
  });
  const pieces = concatBytes(...hashes);
  return parseMetainfo(createMetainfo(
    isSingleFile
      ? { ...draft, pieceHashes: pieces }
      : { ...draft, format: "v2", pieceHashes: new Uint8Array(), pieceRoots: pieces },
  ));
}

/** The bytes of a piece, which has those of one file, of a content whose files lie end to end. */
export function bytesOf({ layout, files }: Cut, content: Bytes, piece: PieceIndex): Bytes {
  const [{ file, fileOffset, length }] = layout.fileSpans(piece) as [FileSpan];
  const start = Iterator.from(files).take(file).reduce(
    (total, { length }) => total + length,
    fileOffset,
  );
  return content.slice(start, start + length);
}

function rootOf(bytes: Bytes, leafCount: number): Uint8Array {
  const hasher = new MerkleHasher();
  hasher.update(bytes);
  return Uint8Array.fromHex(hasher.root(leafCount));
}

/** Are these the bytes of the piece? */
export function isPiece(metainfo: Metainfo, piece: PieceIndex, bytes: Bytes): boolean {
  const hash = metainfo.version === 1 ? sha1(bytes) : rootOf(bytes, leafCount(metainfo, piece));
  return hash.toHex() === pieceHash(metainfo, piece).toHex();
}
