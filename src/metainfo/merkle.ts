/**
 * Trees of SHA-256 over the 16 KiB blocks of a file (BEP 52 "pieces root"). Where a tree has more
 * leaves than the file has blocks, these are zeros: not hashes of zeros. Pure.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { assert } from "../base/assert.ts";
import { type Bytes, concatBytes } from "../base/bytes.ts";

/** Bytes of a SHA-256. */
export const MERKLE_HASH_LENGTH = 32;

/** Of a tree of zeros, by its height: as high as one is asked for. */
const zeroRoots: Bytes[] = [new Uint8Array(MERKLE_HASH_LENGTH)];

/** The node above a tree whose leaves, `2 ** height` of them, are all zeros: what pads a layer. */
export function zeroRoot(height: number): Bytes {
  for (let made = zeroRoots.length; made <= height; made++) {
    const below = zeroRoots[made - 1]!;
    zeroRoots.push(parentOf(below, below));
  }
  return zeroRoots[height]!;
}

/** The node above two. */
export function parentOf(left: Uint8Array, right: Uint8Array): Bytes {
  return sha256(concatBytes(left, right)) as Bytes;
}

/** Which nodes of a tree one layer has. */
export interface LayerShape {
  /** Nodes of the whole layer, a power of two; those that are not given are padding. */
  readonly width: number;
  /** Layers below it: 0 of the leaves. */
  readonly height: number;
}

/** The nodes above a layer, two by two: 32 bytes each, and half as many, padding left out. */
export function layerAbove(layer: Uint8Array, height: number): Bytes {
  const count = layer.length / MERKLE_HASH_LENGTH;
  assert(Number.isInteger(count));
  const above = new Uint8Array(Math.ceil(count / 2) * MERKLE_HASH_LENGTH);
  const pair = 2 * MERKLE_HASH_LENGTH;
  for (let at = 0; at < layer.length; at += pair) {
    const children = at + pair <= layer.length
      ? layer.subarray(at, at + pair)
      : concatBytes(layer.subarray(at), zeroRoot(height));
    above.set(sha256(children), at / 2);
  }
  return above;
}

/**
 * The layers above the nodes of `layer`, which are at least one, and at most `width`: the lowest
 * first, the root last, padding left out. None when `width` is 1: `layer` is the root then.
 */
export function layersAbove(layer: Uint8Array, { width, height }: LayerShape): Uint8Array[] {
  assert(layer.length > 0 && layer.length <= width * MERKLE_HASH_LENGTH);
  const layers: Uint8Array[] = [];
  let nodes = layer, above = height;
  for (let left = width; left > 1; left /= 2) {
    nodes = layerAbove(nodes, above++);
    layers.push(nodes);
  }
  return layers;
}

/** The root over the nodes of `layer`, 32 bytes each: at least one, and at most `width`. */
export function merkleRoot(layer: Uint8Array, shape: LayerShape): Uint8Array {
  return layersAbove(layer, shape).at(-1) ?? layer;
}

/** The lowest power of two from `count` on, which is at least 1. */
export function powerOfTwoFrom(count: number): number {
  let power = 1;
  while (power < count) power *= 2;
  return power;
}
