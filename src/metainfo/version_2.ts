/** What only an info dictionary of version 2 has (BEP 52 "metainfo files"): files, their hashes. */
import type { BencodeDictionary } from "./bencode.ts";
import { visitFileTree } from "./file_tree.ts";
import { type ContentContext, type MetainfoContent, parseLayout } from "./metainfo_content.ts";
import { metainfoError } from "./metainfo_error.ts";
import { warnOfLinks } from "./metainfo_files.ts";
import { PackedFiles } from "./packed_files.ts";
import { parsePieceLayers } from "./piece_layers.ts";

/**
 * Of all paths together, in characters, each name counted as bencode would have it in version 1. A
 * tree names a folder once for all that is in it, so that few bytes of it may be paths without end;
 * this is twice as much as the longest .torrent of version 1 could list.
 */
const MAX_PATHS_LENGTH = 20_000_000;
/** A name of version 1 has at least two bytes before it, as in "1:a". */
const MIN_NAME_OVERHEAD = 2;

/**
 * The content of a torrent of version 2 alone, whose piece layers are in `root`, the dictionary around
 * the info dictionary. Throws `MetainfoError`.
 */
export function parseVersion2(
  root: BencodeDictionary,
  info: BencodeDictionary,
  { name, infoBytes, warnings }: ContentContext,
): MetainfoContent {
  const { files, layout } = parseTreeAndLayout(info, infoBytes, warnings);
  return {
    pieceLength: layout.pieceLength,
    ...parsePieceLayers(root, { files, layout }),
    layout,
    files,
    isMultiFile: !isSingleFile(files, name),
  };
}

/** What the info dictionary says without its piece layers. Throws `MetainfoError`. */
export function parseTreeAndLayout(
  info: BencodeDictionary,
  infoBytes: Uint8Array,
  warnings: string[],
): Pick<MetainfoContent, "files" | "layout"> {
  const files = parseTree(info, infoBytes, warnings);
  return { files, layout: parseLayout(info, files, true) };
}

/**
 * The files of the tree, in its order. `infoBytes` is the info dictionary as it was encoded. Throws
 * `MetainfoError`.
 */
function parseTree(
  info: BencodeDictionary,
  infoBytes: Uint8Array,
  warnings: string[],
): PackedFiles {
  for (const name of ["files", "length"]) {
    if (info.get(name) === undefined) continue;
    throw metainfoError("invalid-field", `it has the "${name}" of version 1, but no piece hashes`);
  }
  const files = new PackedFiles(infoBytes);
  let pathsLength = 0;
  visitFileTree(info, (path, { length, isSymlink, rootEnd }) => {
    if (path.length === 0) {
      throw metainfoError("invalid-field", "its file tree has a file without a name");
    }
    pathsLength += lengthOf(path);
    if (pathsLength > MAX_PATHS_LENGTH) {
      throw metainfoError("too-large", "the paths of its file tree are too long together");
    }
    files.push({
      path,
      length,
      kind: isSymlink ? "symlink" : "data",
      rootEnd: rootEnd && rootEnd - info.start,
    });
  });
  warnOfLinks(files, warnings);
  return files;
}

function lengthOf(path: readonly string[]): number {
  return path.reduce((total, name) => total + MIN_NAME_OVERHEAD + name.length, 0);
}

/** A single file has the torrent's name and stands in no folder, as in version 1. */
function isSingleFile(files: PackedFiles, name: string): boolean {
  const [only] = files;
  return files.length === 1 && only!.path.length === 1 && only!.path[0] === name;
}
