/** The files of version 2, which stand in a tree of folders (BEP 52 "file tree"). */
import { type BencodeDictionary, dictionaryIn, integerIn, textIn } from "./bencode.ts";
import { MERKLE_HASH_LENGTH } from "./merkle.ts";
import { metainfoError } from "./metainfo_error.ts";
import { MAX_FILE_LENGTH, MAX_PATH_ELEMENTS } from "./metainfo_files.ts";

/** A file as the tree describes it. */
export interface TreeFile {
  /** Bytes; of a symbolic link 0. */
  readonly length: number;
  /** A symbolic link: has no bytes and is not written. */
  readonly isSymlink: boolean;
  /** Where the `pieces root` ends in the decoded bytes; undefined of what has no bytes. */
  readonly rootEnd: number | undefined;
}

/** `path` is one array for all, which changes after the call. */
export type VisitFile = (path: readonly string[], file: TreeFile) => void;

/** Calls `visit` for every file of the tree, in its order. Throws `MetainfoError`. */
export function visitFileTree(info: BencodeDictionary, visit: VisitFile): void {
  const tree = dictionaryIn(info, "file tree");
  if (tree === undefined) throw metainfoError("invalid-field", "it has no file tree");
  visitDirectory(tree, [], visit);
}

/** No path is ever joined: each small leaf would repeat the long names of all its directories. */
function visitDirectory(directory: BencodeDictionary, path: string[], visit: VisitFile): void {
  let hasLeaf = false;
  for (const [key, value] of directory.entries()) {
    if (value.kind !== "dictionary") {
      throw metainfoError("invalid-field", "its file tree has something that is no dictionary");
    }
    const name = key.text;
    if (hasLeaf) {
      throw metainfoError("invalid-field", "its file tree has a file that is a folder as well");
    }
    if (name === "") {
      hasLeaf = true;
      visit(path, parseLeaf(value));
      continue;
    }
    if (path.length >= MAX_PATH_ELEMENTS) {
      throw metainfoError("too-large", `its file tree is deeper than ${MAX_PATH_ELEMENTS} names`);
    }
    path.push(name);
    visitDirectory(value, path, visit);
    path.pop();
  }
}

function parseLeaf(file: BencodeDictionary): TreeFile {
  const attributes = textIn(file, "attr") ?? "";
  const isSymlink = attributes.includes("l");
  if (isSymlink) return { length: 0, isSymlink, rootEnd: undefined };
  if (attributes.includes("p")) {
    throw metainfoError("invalid-field", "its file tree has padding, which version 2 forbids");
  }
  const length = integerIn(file, "length") ?? -1;
  if (length < 0) throw metainfoError("invalid-field", "its file tree has a file without length");
  if (length > MAX_FILE_LENGTH) {
    throw metainfoError(
      "invalid-field",
      `its file tree has a file of more than ${MAX_FILE_LENGTH} bytes`,
    );
  }
  const rootEnd = length === 0 ? undefined : endOfRoot(file);
  return { length, isSymlink, rootEnd };
}

function endOfRoot(file: BencodeDictionary): number {
  const root = file.get("pieces root");
  if (root?.kind === "string") {
    const { bytes } = root;
    if (bytes.length === MERKLE_HASH_LENGTH && bytes.some((byte) => byte !== 0)) return root.end;
  }
  throw metainfoError("invalid-field", "its file tree has a file without pieces root");
}
