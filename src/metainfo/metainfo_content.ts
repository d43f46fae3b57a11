/** What is to be downloaded, which the two versions say in different ways, and its limits. */
import { type BencodeDictionary, integerIn } from "./bencode.ts";
import { Layout } from "./layout.ts";
import { metainfoError } from "./metainfo_error.ts";
import type { PackedFiles } from "./packed_files.ts";
import { requirePieceLength, type UpperLayers } from "./piece_layers.ts";

/** As libtorrent: what fits 2^15 - 1 blocks. */
const MAX_PIECE_LENGTH = (2 ** 15 - 1) * 16_384;
/** As libtorrent. */
export const MAX_PIECE_COUNT = 2 ** 21;

export interface MetainfoContent {
  /** Bytes of a piece. */
  readonly pieceLength: number;
  /**
   * The hash of each piece, end to end: SHA-1, 20 bytes a piece; in version 2 the root of its tree,
   * 32 bytes a piece.
   */
  readonly pieceHashes: Uint8Array;
  /** Of version 2: what others may ask for besides. */
  readonly upperLayers?: UpperLayers;
  readonly layout: Layout;
  /** In the order of the torrent, padding and links included: the index is the `FileIndex`. */
  readonly files: PackedFiles;
  /** Files go into a folder of the torrent's name, even if there is only one. */
  readonly isMultiFile: boolean;
}

/** Where the content is read from, besides the info dictionary. */
export interface ContentContext {
  readonly name: string;
  /** The info dictionary as it was encoded; what is kept of it are views of these. */
  readonly infoBytes: Uint8Array;
  /** To be added to. */
  readonly warnings: string[];
}

/** Throws `MetainfoError`. `isAligned`: each file begins with a piece of its own, as in version 2. */
export function parseLayout(
  info: BencodeDictionary,
  files: PackedFiles,
  isAligned: boolean,
): Layout {
  const pieceLength = integerIn(info, "piece length");
  if (pieceLength === undefined || pieceLength < 1 || pieceLength > MAX_PIECE_LENGTH) {
    throw metainfoError(
      "invalid-field",
      `its piece length is not a number from 1 to ${MAX_PIECE_LENGTH}`,
    );
  }
  if (isAligned) requirePieceLength(pieceLength);
  let totalLength = 0, dataLength = 0;
  for (const { length, isPadding } of files) {
    totalLength += isAligned ? Math.ceil(length / pieceLength) * pieceLength : length;
    if (!isPadding) dataLength += length;
    if (totalLength > pieceLength * MAX_PIECE_COUNT) {
      throw metainfoError("too-large", `it has more than ${MAX_PIECE_COUNT} pieces`);
    }
  }
  if (dataLength === 0) throw metainfoError("invalid-field", "it holds no data");
  return new Layout({ pieceLength, files, isAligned });
}
