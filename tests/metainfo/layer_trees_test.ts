import { deepStrictEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { concatBytes } from "../../src/base/bytes.ts";
import { type LayerRange, LayerTrees, provesRange } from "../../src/metainfo/layer_trees.ts";
import { powerOfTwoFrom } from "../../src/metainfo/merkle.ts";
import { type Metainfo, parseMetainfo } from "../../src/metainfo/metainfo.ts";
import { dataOf, hashFile, leavesOf, rootOf, version2Torrent } from "./version_2_torrent.ts";

const BLOCK_LENGTH = 16_384;

interface Sample {
  readonly metainfo: Metainfo;
  readonly trees: LayerTrees;
  readonly root: Uint8Array;
  /** Every layer of the whole tree, padding included, from the leaves up. */
  readonly layers: readonly (readonly Uint8Array[])[];
  /** How high the layer of pieces lies. */
  readonly height: number;
}

function sampleOf(blockCount: number, height: number): Sample {
  const pieceLength = BLOCK_LENGTH * 2 ** height;
  const data = dataOf(blockCount * BLOCK_LENGTH - 5, blockCount);
  const bytes = version2Torrent({ a: dataOf(50), b: data }, { pieceLength });
  const layers: Uint8Array[][] = [leavesOf(data, powerOfTwoFrom(blockCount))];
  while (layers.at(-1)!.length > 1) {
    const below = layers.at(-1)!;
    layers.push(below.flatMap((node, at) => at % 2 === 0 ? [rootOf([node, below[at + 1]!])] : []));
  }
  const { root } = hashFile(data, pieceLength);
  const metainfo = parseMetainfo(bytes);
  return { metainfo, trees: new LayerTrees(metainfo), root, layers, height };
}

/** What BEP 52 asks for, looked up in the whole tree. */
function expected({ layers }: Sample, { baseLayer, index, length, proofLayers }: LayerRange) {
  const hashes = layers[baseLayer]!.slice(index, index + length);
  for (let layer = baseLayer + 1, at = index >> 1; layer <= baseLayer + proofLayers; layer++) {
    // What can be computed of the hashes that are given is left out.
    if (2 ** (layer - baseLayer) >= length) hashes.push(layers[layer]![at ^ 1]!);
    at >>= 1;
  }
  return concatBytes(...hashes);
}

/** Every run that may be asked for. */
function* ranges({ layers, height }: Sample): Iterable<LayerRange> {
  for (let baseLayer = height; baseLayer < layers.length - 1; baseLayer++) {
    const width = layers[baseLayer]!.length;
    for (let length = 2; length <= width; length *= 2) {
      for (let index = 0; index < width; index += length) {
        for (let proofLayers = 0; baseLayer + proofLayers < layers.length - 1; proofLayers++) {
          yield { baseLayer, index, length, proofLayers };
        }
      }
    }
  }
}

Deno.test("hashesFor() gives every run of every layer from the pieces up, and its proof", () => {
  for (
    const [blockCount, height] of [[2, 0], [5, 0], [16, 0], [70, 0], [5, 1], [11, 2], [
      16,
      3,
    ]] as const
  ) {
    const sample = sampleOf(blockCount, height);
    for (const range of ranges(sample)) {
      const found = sample.trees.hashesFor(sample.root, range);
      deepStrictEqual(found?.toHex(), expected(sample, range).toHex(), JSON.stringify(range));
    }
  }
});

Deno.test("hashesFor() hashes no more than one pair for a node, however many pieces are below it", () => {
  const sample = sampleOf(70, 0), { metainfo, root } = sample;
  const pieceHashes = new Uint8Array(metainfo.pieceHashes.length);
  const withoutPieces = new LayerTrees({ ...metainfo, pieceHashes });
  for (const range of ranges(sample)) {
    if (range.baseLayer < 2) continue;
    const found = withoutPieces.hashesFor(root, range);
    deepStrictEqual(found?.toHex(), expected(sample, range).toHex(), JSON.stringify(range));
  }
});

Deno.test("hashesFor() gives nothing below the pieces, beyond a layer, or of another file", () => {
  const { trees, root } = sampleOf(11, 1);
  const good = { baseLayer: 1, index: 0, length: 2, proofLayers: 2 };
  ok(trees.hashesFor(root, good));
  const bad: readonly Partial<LayerRange>[] = [
    { baseLayer: 0 },
    { baseLayer: 4, proofLayers: 0 },
    { baseLayer: 2 ** 32 - 1 },
    { index: 1 },
    { index: 8 },
    { index: 2 ** 32 - 2 },
    { length: 0 },
    { length: 1 },
    { length: 3 },
    { length: 16 },
    { length: 2 ** 31 },
    { proofLayers: 3 },
    { proofLayers: 2 ** 32 - 1 },
  ];
  for (const change of bad) {
    equal(trees.hashesFor(root, { ...good, ...change }), undefined, JSON.stringify(change));
  }
  equal(trees.hashesFor(new Uint8Array(32).fill(1), good), undefined);
  const { root: ofOnePiece } = hashFile(dataOf(50), 32_768);
  equal(trees.hashesFor(ofOnePiece, good), undefined);
});

Deno.test("hashesFor() gives no more than 512 hashes at once", () => {
  const pieces = 1_024;
  const { trees, root } = sampleOf(pieces, 0);
  const range = { baseLayer: 0, index: 0, proofLayers: 0 };
  equal(trees.hashesFor(root, { ...range, length: 512 })?.length, 32 * 512);
  equal(trees.hashesFor(root, { ...range, length: pieces }), undefined);
});

Deno.test("provesRange() believes what leads to the root, and nothing that was changed", () => {
  const samples = [sampleOf(5, 0), sampleOf(11, 1), sampleOf(40, 2)];
  const runs = samples.flatMap((sample) => {
    const whole = (range: LayerRange) =>
      range.baseLayer + range.proofLayers === sample.layers.length - 2;
    return [...ranges(sample)].filter(whole).map((range) => ({ sample, range }));
  });
  fc.assert(fc.property(fc.constantFrom(...runs), fc.nat(), fc.nat(255), (run, at, change) => {
    const { sample: { trees, root }, range } = run;
    const hashes = trees.hashesFor(root, range)!;
    ok(provesRange(hashes, range, root));
    const changed = hashes.slice();
    changed[at % hashes.length]! ^= change;
    equal(provesRange(changed, range, root), change === 0);
    ok(!provesRange(hashes, range, root.toReversed()));
    const elsewhere = { ...range, index: range.index + range.length };
    // Runs of nothing but padding are all the same.
    const isSame = trees.hashesFor(root, elsewhere)?.toHex() === hashes.toHex();
    equal(provesRange(hashes, elsewhere, root), isSame);
  }));
});
