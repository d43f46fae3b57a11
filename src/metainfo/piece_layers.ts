/**
 * The hashes of the pieces of version 2, which are no part of the info dictionary (BEP 52 "piece
 * layers"): each layer is proved by the `pieces root` of its file before it is believed.
 */
import { type Bytes, equalBytes } from "../base/bytes.ts";
import type { MetainfoError } from "../base/errors.ts";
import type { PieceIndex } from "../base/ids.ts";
import type { BencodeDictionary } from "./bencode.ts";
import { BLOCK_LENGTH, type Layout } from "./layout.ts";
import { layersAbove, type LayerShape, MERKLE_HASH_LENGTH, powerOfTwoFrom } from "./merkle.ts";
import { metainfoError } from "./metainfo_error.ts";
import type { MetainfoFile, PackedFiles } from "./packed_files.ts";

interface Contents {
  readonly files: PackedFiles;
  readonly layout: Layout;
}

/**
 * What the proof of a piece layer has hashed, by the root of the file in hex: the layers from two
 * above the pieces up to one below the root, the lowest first. Those of a file of four pieces or
 * fewer are not there. All together are half as long as the piece layers.
 */
export type UpperLayers = ReadonlyMap<string, readonly Uint8Array[]>;

/** What a .torrent of version 2 has besides the info dictionary, proved. */
export interface PieceLayers {
  /** Of every piece, 32 bytes each: of a file of one piece its root. */
  readonly pieceHashes: Bytes;
  readonly upperLayers: UpperLayers;
}

/** Throws `MetainfoError` unless the tree of a piece can be a whole part of that of its file. */
export function requirePieceLength(pieceLength: number): void {
  if (Number.isInteger(Math.log2(pieceLength)) && pieceLength >= BLOCK_LENGTH) return;
  throw metainfoError(
    "invalid-field",
    `its piece length is not a power of two from ${BLOCK_LENGTH}, as version 2 asks`,
  );
}

/**
 * Leaves of the tree whose root is the hash of a piece of version 2: those of a whole piece, or, if
 * all of its file lies in the piece, as few as a tree can have (BEP 52 "pieces root").
 */
export function leafCount({ layout }: Pick<Contents, "layout">, piece: PieceIndex): number {
  const { first, last } = layout.piecesOf(layout.filesOf(piece)[0]!)!;
  const length = first === last ? layout.pieceSize(piece) : layout.pieceLength;
  return powerOfTwoFrom(Math.ceil(length / BLOCK_LENGTH));
}

/** Of a file of more than one piece: how its layer of pieces lies in its tree. */
export function layerShape(fileLength: number, pieceLength: number): LayerShape {
  return {
    width: powerOfTwoFrom(Math.ceil(fileLength / pieceLength)),
    height: Math.log2(pieceLength / BLOCK_LENGTH),
  };
}

/** The layers above it up to the root; undefined unless it is the hashes of all pieces of the file. */
function proofOf(
  layer: Uint8Array,
  { length, piecesRoot }: MetainfoFile,
  pieceLength: number,
): readonly Uint8Array[] | undefined {
  if (layer.length !== Math.ceil(length / pieceLength) * MERKLE_HASH_LENGTH) return undefined;
  const above = layersAbove(layer, layerShape(length, pieceLength));
  return equalBytes(above.at(-1)!, piecesRoot!) ? above : undefined;
}

/** The hashes of all pieces of a file, which must be had before one of them can be believed. */
export interface NeededLayer {
  /** The `pieces root` of the file. */
  readonly root: Uint8Array;
  /** More than one. */
  readonly pieceCount: number;
  /** Layers of its tree that are below the pieces. */
  readonly height: number;
}

/** One for each root of a file of more than one piece, in the order of the torrent. */
export function neededLayersOf({ files, layout: { pieceLength } }: Contents): NeededLayer[] {
  const needed = new Map<string, NeededLayer>();
  for (const { length, piecesRoot: root } of files) {
    if (root === undefined || length <= pieceLength) continue;
    const { height } = layerShape(length, pieceLength);
    needed.set(root.toHex(), { root, pieceCount: Math.ceil(length / pieceLength), height });
  }
  return [...needed.values()];
}

/** The piece layers of a torrent of version 2, by their roots: as they stand in a .torrent. */
export function pieceLayersOf(
  { files, layout, pieceHashes }: Contents & { readonly pieceHashes: Uint8Array },
): ReadonlyMap<Uint8Array, Uint8Array> {
  const layers = new Map<string, readonly [root: Uint8Array, layer: Uint8Array]>();
  for (const { index, length, piecesRoot: root } of files) {
    if (root === undefined || length <= layout.pieceLength) continue;
    const { first, last } = layout.piecesOf(index)!;
    const bounds = [first, last + 1].map((piece) => piece * MERKLE_HASH_LENGTH);
    layers.set(root.toHex(), [root, pieceHashes.subarray(...bounds)]);
  }
  return new Map(layers.values());
}

/**
 * Throws `MetainfoError` when a layer is missing, belongs to no file of more than one piece, or is
 * not what its root says.
 */
export function parsePieceLayers(
  root: BencodeDictionary,
  { files, layout }: Contents,
): PieceLayers {
  const layers = readLayers(root);
  const proved = new Set<string>();
  const upperLayers = new Map<string, readonly Uint8Array[]>();
  for (const file of files) {
    if (file.piecesRoot === undefined || file.length <= layout.pieceLength) continue;
    const hex = file.piecesRoot.toHex();
    // A root stands for the content: to hash the layer of equal files once is enough.
    if (proved.has(hex)) continue;
    const layer = layers.get(hex);
    if (layer === undefined) {
      throw metainfoError("invalid-field", `it has no piece layer of file ${file.index + 1}`);
    }
    const above = proofOf(layer, file, layout.pieceLength);
    if (above === undefined) throw wrongLayer(file.index);
    proved.add(hex);
    if (above.length > 2) upperLayers.set(hex, above.slice(1, -1));
  }
  if (!layers.keys().every((hex) => proved.has(hex))) {
    throw metainfoError("invalid-field", "it has a piece layer of no file");
  }
  return { pieceHashes: joinHashes(layers, { files, layout }), upperLayers };
}

/** Takes memory only for layers that are there. */
function joinHashes(layers: ReadonlyMap<string, Uint8Array>, { files, layout }: Contents): Bytes {
  const hashes = new Uint8Array(layout.pieceCount * MERKLE_HASH_LENGTH);
  for (const { index, length, piecesRoot } of files) {
    if (piecesRoot === undefined) continue;
    const { first, last } = layout.piecesOf(index)!;
    const isOnePiece = length <= layout.pieceLength;
    const layer = isOnePiece ? piecesRoot : layers.get(piecesRoot.toHex())!;
    if (layer.length !== (last - first + 1) * MERKLE_HASH_LENGTH) throw wrongLayer(index);
    hashes.set(layer, first * MERKLE_HASH_LENGTH);
  }
  return hashes;
}

function wrongLayer(index: number): MetainfoError {
  return metainfoError(
    "invalid-field",
    `the piece layer of file ${index + 1} does not have the hash that the file tree names`,
  );
}

/** By the root in hex. */
function readLayers(root: BencodeDictionary): Map<string, Uint8Array> {
  const layers = new Map<string, Uint8Array>();
  const field = root.get("piece layers");
  if (field === undefined) return layers; // Some leave them out where there would be none.
  if (field.kind !== "dictionary") {
    throw metainfoError("invalid-field", "its piece layers are no dictionary");
  }
  for (const [key, value] of field.entries()) {
    if (value.kind !== "string") {
      throw metainfoError("invalid-field", "it has a piece layer that is no string");
    }
    layers.set(key.bytes.toHex(), value.bytes);
  }
  return layers;
}
