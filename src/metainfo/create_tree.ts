/** The version 2 half of a .torrent that is made (BEP 52 "file tree", "piece layers"). Pure. */
import { assert } from "../base/assert.ts";
import { compareBytes } from "../base/bytes.ts";
import type { Encodable } from "./bencode_encoder.ts";
import type { MetainfoDraft } from "./create.ts";
import { MERKLE_HASH_LENGTH, merkleRoot } from "./merkle.ts";
import { layerShape } from "./piece_layers.ts";

/** Folders by name, files under the empty name. */
type Folder = Map<string, Encodable>;

export interface CreatedTree {
  readonly files: Folder;
  readonly layers: ReadonlyMap<Uint8Array, Uint8Array>;
}

/** Files in the order of their tree: by the bytes of one name after the other. */
export function compareInTree(one: readonly string[], other: readonly string[]): number {
  const encoder = new TextEncoder();
  for (let depth = 0; depth < Math.min(one.length, other.length); depth++) {
    const order = compareBytes(encoder.encode(one[depth]), encoder.encode(other[depth]));
    if (order !== 0) return order;
  }
  return one.length - other.length;
}

/** `pieceRoots` are of all pieces, file after file. */
export function createTree(
  { files, pieceLength, pieceRoots = new Uint8Array() }: Pick<
    MetainfoDraft,
    "files" | "pieceLength" | "pieceRoots"
  >,
): CreatedTree {
  const root: Folder = new Map();
  const layers = new Map<string, readonly [root: Uint8Array, layer: Uint8Array]>();
  let at = 0;
  for (const { path, length } of files) {
    const end = at + Math.ceil(length / pieceLength) * MERKLE_HASH_LENGTH;
    const layer = pieceRoots.subarray(at, end);
    at = end;
    const leaf: Folder = new Map<string, Encodable>([["length", length]]);
    if (length > pieceLength) {
      const fileRoot = merkleRoot(layer, layerShape(length, pieceLength));
      leaf.set("pieces root", fileRoot);
      layers.set(fileRoot.toHex(), [fileRoot, layer]);
    } else if (length > 0) leaf.set("pieces root", layer);
    folderAt(root, path).set("", leaf);
  }
  assert(at === pieceRoots.length);
  return { files: root, layers: new Map(layers.values()) };
}

function folderAt(root: Folder, path: readonly string[]): Folder {
  let folder = root;
  for (const name of path) {
    let next = folder.get(name) as Folder | undefined;
    if (next === undefined) {
      next = new Map();
      folder.set(name, next);
    }
    folder = next;
  }
  return folder;
}
