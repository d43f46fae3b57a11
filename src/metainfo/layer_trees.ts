/**
 * The trees above the piece layers of a torrent of version 2, for peers that ask for hashes (BEP 52
 * "hash request"), and what proves an answer. Pure.
 */
import { type Bytes, concatBytes, equalBytes } from "../base/bytes.ts";
import type { FileIndex } from "../base/ids.ts";
import { layerAbove, MERKLE_HASH_LENGTH, merkleRoot, parentOf, zeroRoot } from "./merkle.ts";
import type { Metainfo } from "./metainfo.ts";
import { layerShape } from "./piece_layers.ts";

/** The most hashes that are asked for at once, and given (BEP 52). */
export const MAX_RANGE_LENGTH = 512;

/** A run of nodes of one layer of a file's tree, and the proof of it. */
export interface LayerRange {
  /** How high the layer lies: 0 is that of the blocks. */
  readonly baseLayer: number;
  /** The first node, a multiple of `length`. */
  readonly index: number;
  /** How many nodes: a power of two from 2 on. */
  readonly length: number;
  /** Layers above it, up to one below the root, from which nodes are given that prove the run. */
  readonly proofLayers: number;
}

/** Levels count from that of the pieces; of all layers, what is padding is left out. */
interface Tree {
  readonly pieces: Uint8Array;
  /** From level 2 up to one below the root. */
  readonly upper: readonly Uint8Array[];
  readonly rootLevel: number;
  /** How high the layer of pieces lies. */
  readonly height: number;
}

export class LayerTrees {
  readonly #metainfo: Metainfo;
  /** Files that have a layer, by their root in hex. */
  readonly #files = new Map<string, FileIndex>();

  constructor(metainfo: Metainfo) {
    this.#metainfo = metainfo;
    for (const { index, length, piecesRoot } of metainfo.files) {
      const hasLayer = piecesRoot !== undefined && length > metainfo.pieceLength;
      if (hasLayer) this.#files.set(piecesRoot.toHex(), index);
    }
  }

  /** All hashes that there are, 32 bytes each: about as many as anybody can ask for. */
  get hashCount(): number {
    return 2 * this.#metainfo.layout.pieceCount;
  }

  /**
   * The nodes of the run, padding included, then those that prove it, the lowest first. Undefined
   * when there is no such run, or it lies below the pieces, of whose blocks we keep no hashes. What
   * is given is at hand, or one hash away: whatever is asked for costs a millisecond or two.
   */
  hashesFor(root: Uint8Array, range: LayerRange): Bytes | undefined {
    const tree = this.#treeOf(root.toHex());
    if (tree === undefined) return undefined;
    const { baseLayer, index, length, proofLayers } = range;
    const { rootLevel } = tree, level = baseLayer - tree.height;
    const isWithin = level >= 0 && level < rootLevel && length >= 2 && isPowerOfTwo(length) &&
      length <= MAX_RANGE_LENGTH && index % length === 0 &&
      index + length <= 2 ** (rootLevel - level) && level + proofLayers < rootLevel;
    if (!isWithin) return undefined;
    const hashes: Uint8Array[] = [];
    for (let at = index; at < index + length; at++) hashes.push(nodeOf(tree, level, at));
    for (let above = Math.log2(length); above <= proofLayers; above++) {
      const ancestor = Math.floor(index / 2 ** above);
      hashes.push(nodeOf(tree, level + above, ancestor ^ 1));
    }
    return concatBytes(...hashes);
  }

  #treeOf(root: string): Tree | undefined {
    const file = this.#files.get(root);
    if (file === undefined) return undefined;
    const { layout, files, pieceHashes, pieceLength, upperLayers } = this.#metainfo;
    const { first, last } = layout.piecesOf(file)!;
    const { width, height } = layerShape(files.lengthOf(file), pieceLength);
    const bounds = [first, last + 1].map((piece) => piece * MERKLE_HASH_LENGTH);
    return {
      pieces: pieceHashes.subarray(...bounds),
      upper: upperLayers?.get(root) ?? [],
      rootLevel: Math.log2(width),
      height,
    };
  }
}

function nodeOf({ pieces, upper, height }: Tree, level: number, index: number): Uint8Array {
  const layer = level < 2 ? pieces : upper[level - 2]!;
  // Level 1 is not kept: it is as long as all above it.
  const width = (level === 1 ? 2 : 1) * MERKLE_HASH_LENGTH;
  const nodes = layer.subarray(index * width, (index + 1) * width);
  if (nodes.length === 0) return zeroRoot(height + level);
  return level === 1 ? layerAbove(nodes, height) : nodes;
}

/** Do these hashes, nodes and proof, lead to the root? `proofLayers` must reach up to it. */
export function provesRange(
  hashes: Uint8Array,
  { baseLayer, index, length }: LayerRange,
  root: Uint8Array,
): boolean {
  const nodesLength = length * MERKLE_HASH_LENGTH;
  const shape = { width: length, height: baseLayer };
  let node = merkleRoot(hashes.subarray(0, nodesLength), shape);
  let position = index / length;
  for (let at = nodesLength; at < hashes.length; at += MERKLE_HASH_LENGTH) {
    const sibling = hashes.subarray(at, at + MERKLE_HASH_LENGTH);
    node = position % 2 === 0 ? parentOf(node, sibling) : parentOf(sibling, node);
    position = Math.floor(position / 2);
  }
  return position === 0 && equalBytes(node, root);
}

function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(Math.log2(value));
}
