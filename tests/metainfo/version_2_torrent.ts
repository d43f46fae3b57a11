/** Torrents of version 2 for tests, hashed by the plain words of BEP 52 and by nothing of src. */
import { SeededRandom } from "../../src/base/ambient.ts";
import { createHash } from "node:crypto";
import { type Bytes, concatBytes } from "../../src/base/bytes.ts";
import {
  type Encodable,
  type EncodableRecord,
  encode,
} from "../../src/metainfo/bencode_encoder.ts";

const BLOCK_LENGTH = 16_384;
const HASH_LENGTH = 32;

export function sha256(bytes: Uint8Array): Bytes {
  return new Uint8Array(createHash("sha256").update(bytes).digest());
}

/** The SHA-256 of each block, and zeros until there are `count`. */
export function leavesOf(data: Uint8Array, count: number): Bytes[] {
  const leaves: Bytes[] = [];
  for (let begin = 0; begin < data.length; begin += BLOCK_LENGTH) {
    leaves.push(sha256(data.subarray(begin, begin + BLOCK_LENGTH)));
  }
  while (leaves.length < count) leaves.push(new Uint8Array(HASH_LENGTH));
  return leaves;
}

/** The root of as many nodes as a power of two. */
export function rootOf(nodes: readonly Uint8Array[]): Uint8Array {
  if (nodes.length === 1) return nodes[0]!;
  const half = nodes.length / 2;
  return sha256(concatBytes(rootOf(nodes.slice(0, half)), rootOf(nodes.slice(half))));
}

function widthOf(count: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, count)));
}

export interface HashedFile {
  readonly root: Uint8Array;
  /** Of its pieces, 32 bytes each; undefined when it has no more than one. */
  readonly layer: Bytes | undefined;
}

export function hashFile(data: Uint8Array, pieceLength: number): HashedFile {
  const leaves = leavesOf(data, widthOf(Math.ceil(data.length / BLOCK_LENGTH)));
  const root = rootOf(leaves);
  if (data.length <= pieceLength) return { root, layer: undefined };
  const pieces: Uint8Array[] = [], perPiece = pieceLength / BLOCK_LENGTH;
  for (let begin = 0; begin < data.length; begin += pieceLength) {
    pieces.push(rootOf(leavesOf(data.subarray(begin, begin + pieceLength), perPiece)));
  }
  return { root, layer: concatBytes(...pieces) };
}

export interface Version2Shape {
  readonly name?: string;
  readonly pieceLength?: number;
  /** Fields of the info dictionary, and of what is around it, that are otherwise. */
  readonly info?: EncodableRecord;
  readonly root?: EncodableRecord;
  /** Entries of the piece layers that are otherwise; undefined for one that is missing. */
  readonly layers?: (layers: Map<Uint8Array, Encodable>) => void;
}

/** The torrent of a folder, whose files are given by path; a root file of its name is single. */
export function version2Torrent(
  files: Readonly<Record<string, Uint8Array>>,
  { name = "folder", pieceLength = 32_768, info = {}, root = {}, layers }: Version2Shape = {},
): Bytes {
  const tree: Record<string, unknown> = {};
  const pieceLayers = new Map<Uint8Array, Encodable>();
  const known = new Set<string>();
  for (const [path, data] of Object.entries(files)) {
    const hashed = data.length === 0 ? undefined : hashFile(data, pieceLength);
    let folder = tree;
    for (const element of path.split("/")) {
      folder = (folder[element] ??= {}) as Record<string, unknown>;
    }
    folder[""] = { length: data.length, "pieces root": hashed?.root };
    if (hashed?.layer === undefined || known.has(hashed.root.toHex())) continue;
    known.add(hashed.root.toHex());
    pieceLayers.set(hashed.root, hashed.layer);
  }
  layers?.(pieceLayers);
  return encode({
    info: {
      "file tree": tree as EncodableRecord,
      "meta version": 2,
      name,
      "piece length": pieceLength,
      ...info,
    },
    "piece layers": pieceLayers,
    ...root,
  });
}

/** Bytes that differ from block to block, and from file to file. */
export function dataOf(length: number, seed = 1): Bytes {
  return new SeededRandom(seed).bytes(length);
}
