/**
 * Torrents of both versions (BEP 52 "upgrade path"): the first is used, and the second must not
 * contradict it, or peers of the two versions would share different files. The piece layers are
 * taken as if they were not there, as BEP 52 allows: nobody gets them from us, a magnet link does
 * not bring them, and to prove them makes the largest .torrent take 0.4 s to read instead of 0.01.
 */
import type { MetainfoError } from "../base/errors.ts";
import type { BencodeDictionary } from "./bencode.ts";
import { visitFileTree } from "./file_tree.ts";
import { metainfoError } from "./metainfo_error.ts";
import type { MetainfoFile, PackedFiles } from "./packed_files.ts";
import { requirePieceLength } from "./piece_layers.ts";

/** Throws `MetainfoError` when the version 2 half is malformed or says something else. */
export function checkHybrid(
  info: BencodeDictionary,
  pieceLength: number,
  files: PackedFiles,
): void {
  requirePieceLength(pieceLength);
  checkAlignment(pieceLength, files);
  const expected = files[Symbol.iterator]().filter((file) => file.isOnDisk);
  visitFileTree(info, (path, { length, isSymlink }) => {
    if (isSymlink) return;
    const next = expected.next();
    if (next.done || !isSame(next.value, path, length)) throw differentFiles();
  });
  if (!expected.next().done) throw differentFiles();
}

/** Version 2 hashes each file by itself, so each must start with a piece of version 1 as well. */
function checkAlignment(pieceLength: number, files: PackedFiles): void {
  let offset = 0;
  for (const { index, length, isPadding } of files) {
    if (length > 0 && !isPadding && offset % pieceLength !== 0) {
      throw metainfoError(
        "invalid-field",
        `file ${index + 1} does not start with a piece, as version 2 asks`,
      );
    }
    offset += length;
  }
}

function isSame(file: MetainfoFile, path: readonly string[], length: number): boolean {
  const own = file.path;
  return file.length === length && own.length === path.length &&
    own.every((name, index) => name === path[index]);
}

function differentFiles(): MetainfoError {
  return metainfoError("invalid-field", "its halves of version 1 and 2 list different files");
}
