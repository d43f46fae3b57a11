/**
 * Torrents of both versions (BEP 52 "upgrade path"): the first is used, and the second must not
 * contradict it, or peers of the two versions would share different files.
 */
import { type BencodeDictionary, bytesIn, dictionaryIn, integerIn, textIn } from "./bencode.ts";
import { metainfoError } from "./metainfo_error.ts";
import { isOnDisk, type MetainfoFile } from "./metainfo_files.ts";

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
  const expected = files.filter(isOnDisk).map((file) => describe(file.path, file.length));
  const found = [...leaves(tree, [])];
  const isSame = expected.length === found.length &&
    expected.every((file, index) => file === found[index]);
  if (!isSame) {
    throw metainfoError("invalid-field", "its halves of version 1 and 2 list different files");
  }
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

function describe(path: readonly string[], length: number): string {
  return `${length} ${path.join("\0")}`;
}

/** The files of a tree, in order. Recursion is bounded by the decoder's depth. */
function* leaves(directory: BencodeDictionary, path: readonly string[]): Generator<string> {
  for (const [key, value] of directory.entries()) {
    if (value.kind !== "dictionary") {
      throw metainfoError("invalid-field", "its file tree has something that is no dictionary");
    }
    if (key.text === "") yield* leaf(value, path);
    else yield* leaves(value, [...path, key.text]);
  }
}

function* leaf(file: BencodeDictionary, path: readonly string[]): Generator<string> {
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
  yield describe(path, length);
}
