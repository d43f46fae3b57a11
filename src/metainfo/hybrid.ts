/**
 * Torrents of both versions (BEP 52 "upgrade path"): the first is used, and the second must not
 * contradict it, or peers of the two versions would share different files.
 */
import type { MetainfoError } from "../base/errors.ts";
import { type BencodeDictionary, bytesIn, dictionaryIn, integerIn, textIn } from "./bencode.ts";
import { metainfoError } from "./metainfo_error.ts";
import { isOnDisk, MAX_PATH_ELEMENTS, type MetainfoFile } from "./metainfo_files.ts";

const MIN_PIECE_LENGTH = 16_384;
/** Length in bytes of the SHA-256 root of a file. */
const ROOT_LENGTH = 32;

/** Throws `MetainfoError` when the version 2 half is malformed or says something else. */
export function checkHybrid(
  info: BencodeDictionary,
  pieceLength: number,
  files: readonly MetainfoFile[],
): void {
  const isPowerOfTwo = Number.isInteger(Math.log2(pieceLength));
  if (!isPowerOfTwo || pieceLength < MIN_PIECE_LENGTH) {
    throw metainfoError(
      "invalid-field",
      `its piece length is not a power of two from ${MIN_PIECE_LENGTH}, as version 2 asks`,
    );
  }
  checkAlignment(pieceLength, files);
  const tree = dictionaryIn(info, "file tree");
  if (tree === undefined) throw metainfoError("invalid-field", "it has no file tree");
  const expected = files.values().filter(isOnDisk);
  checkDirectory(tree, [], expected);
  if (!expected.next().done) throw differentFiles();
}

/** Version 2 hashes each file by itself, so each must start with a piece of version 1 as well. */
function checkAlignment(pieceLength: number, files: readonly MetainfoFile[]): void {
  let offset = 0;
  for (const [index, { length, isPadding }] of files.entries()) {
    if (length > 0 && !isPadding && offset % pieceLength !== 0) {
      throw metainfoError(
        "invalid-field",
        `file ${index + 1} does not start with a piece, as version 2 asks`,
      );
    }
    offset += length;
  }
}

/**
 * Takes the files of a tree, in order, from `expected`. `path` is one array for all, and no path
 * is ever joined: each small leaf would repeat the long names of all its directories.
 */
function checkDirectory(
  directory: BencodeDictionary,
  path: string[],
  expected: Iterator<MetainfoFile>,
): void {
  for (const [key, value] of directory.entries()) {
    if (value.kind !== "dictionary") {
      throw metainfoError("invalid-field", "its file tree has something that is no dictionary");
    }
    const name = key.text;
    if (name === "") {
      checkLeaf(value, path, expected);
      continue;
    }
    if (path.length >= MAX_PATH_ELEMENTS) {
      throw metainfoError("too-large", `its file tree is deeper than ${MAX_PATH_ELEMENTS} names`);
    }
    path.push(name);
    checkDirectory(value, path, expected);
    path.pop();
  }
}

function checkLeaf(
  file: BencodeDictionary,
  path: readonly string[],
  expected: Iterator<MetainfoFile>,
): void {
  const attributes = textIn(file, "attr") ?? "";
  if (attributes.includes("l")) return;
  if (attributes.includes("p")) {
    throw metainfoError("invalid-field", "its file tree has padding, which version 2 forbids");
  }
  const length = integerIn(file, "length") ?? -1;
  if (length < 0) throw metainfoError("invalid-field", "its file tree has a file without length");
  const root = bytesIn(file, "pieces root");
  const hasRoot = root?.length === ROOT_LENGTH && root.some((byte) => byte !== 0);
  if (length > 0 && !hasRoot) {
    throw metainfoError("invalid-field", "its file tree has a file without pieces root");
  }
  const next = expected.next();
  if (next.done || !isSame(next.value, path, length)) throw differentFiles();
}

function isSame(file: MetainfoFile, path: readonly string[], length: number): boolean {
  return file.length === length && file.path.length === path.length &&
    file.path.every((name, index) => name === path[index]);
}

function differentFiles(): MetainfoError {
  return metainfoError("invalid-field", "its halves of version 1 and 2 list different files");
}
