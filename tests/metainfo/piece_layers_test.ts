import { deepStrictEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import type { Bytes } from "../../src/base/bytes.ts";
import type { PieceIndex } from "../../src/base/ids.ts";
import { parseMetainfo, pieceHash } from "../../src/metainfo/metainfo.ts";
import { leafCount } from "../../src/metainfo/piece_layers.ts";
import { rejectsTorrent } from "./rejects_torrent.ts";
import { dataOf, hashFile, leavesOf, rootOf, version2Torrent } from "./version_2_torrent.ts";

const PIECE_LENGTH = 32_768;
const LARGE = dataOf(5 * PIECE_LENGTH, 3);
const OTHER = dataOf(2 * PIECE_LENGTH + 1, 7);
const SMALL = dataOf(PIECE_LENGTH, 5);
const FILES = { a: LARGE, b: OTHER, c: SMALL };

type Layers = Parameters<
  NonNullable<NonNullable<Parameters<typeof version2Torrent>[1]>["layers"]>
>[0];

function rejectsLayers(change: (layers: Layers, root: Uint8Array) => void, problem: RegExp): void {
  const bytes = version2Torrent(FILES, {
    layers: (layers) => change(layers, layers.keys().next().value!),
  });
  rejectsTorrent(bytes, "invalid-field", problem);
}

Deno.test("leafCount() is what the hash of every piece was made of, for files of any length", () => {
  const length = fc.integer({ min: 1, max: 5 * PIECE_LENGTH });
  const lengths = fc.array(length, { minLength: 1, maxLength: 4 });
  const pieceLength = fc.constantFrom(16_384, 32_768, 65_536);
  fc.assert(
    fc.property(lengths, pieceLength, (lengths, pieceLength) => {
      const files = lengths.map((length, index) => dataOf(length, index));
      const named = Object.fromEntries(files.map((data, index) => [`${index}`, data]));
      const metainfo = parseMetainfo(version2Torrent(named, { pieceLength }));
      let piece = 0;
      for (const data of files) {
        for (let begin = 0; begin < data.length; begin += pieceLength, piece++) {
          const index = piece as PieceIndex, part = data.subarray(begin, begin + pieceLength);
          const root = rootOf(leavesOf(part, leafCount(metainfo, index)));
          equal(pieceHash(metainfo, index).toHex(), root.toHex());
          equal(metainfo.layout.pieceSize(index), part.length);
        }
      }
      equal(metainfo.layout.pieceCount, piece);
    }),
    { numRuns: 30 },
  );
});

Deno.test("parsePieceLayers() gives files of the same content the same layer", () => {
  const metainfo = parseMetainfo(version2Torrent({ a: LARGE, b: LARGE }));
  const { layer } = hashFile(LARGE, PIECE_LENGTH);
  deepStrictEqual([...metainfo.pieceHashes], [...layer!, ...layer!]);
});

Deno.test("parsePieceLayers() needs no layers where no file has more than one piece", () => {
  parseMetainfo(version2Torrent({ a: SMALL }, { root: { "piece layers": undefined } }));
});

Deno.test("M27 parsePieceLayers() rejects layers that are missing, unknown or no hashes of theirs", () => {
  rejectsLayers((layers, root) => layers.delete(root), /no piece layer of file 1/);
  rejectsLayers((layers) => layers.clear(), /no piece layer of file 1/);
  rejectsLayers((layers, root) => layers.set(root, ["text"]), /no string/);
  const change = (edit: (layer: Bytes) => Uint8Array) => (layers: Layers, root: Uint8Array) =>
    layers.set(root, edit((layers.get(root) as Bytes).slice()));
  const problem = /piece layer of file 1 does not have the hash/;
  for (const length of [0, 31, 32, 159, 161, 192]) {
    const other = (layer: Bytes) => {
      const changed = new Uint8Array(length);
      changed.set(layer.subarray(0, length));
      return changed;
    };
    rejectsLayers(change(other), problem);
  }
  for (const at of [0, 31, 32, 159]) {
    const flip = (layer: Bytes) => {
      layer[at]! ^= 1;
      return layer;
    };
    rejectsLayers(change(flip), problem);
  }
  const unknown = new Uint8Array(32).fill(9);
  rejectsLayers((layers) => layers.set(unknown, new Uint8Array(64)), /piece layer of no file/);
  rejectsLayers((layers) => layers.set(unknown.subarray(1), ""), /piece layer of no file/);
  const ofOnePiece = hashFile(SMALL, PIECE_LENGTH).root;
  for (const length of [0, 31, 32, 64]) {
    rejectsLayers((layers) => layers.set(ofOnePiece, new Uint8Array(length)), /layer of no file/);
  }
  for (const other of ["text", ["text"], 1]) {
    rejectsTorrent(
      version2Torrent({ c: SMALL }, { root: { "piece layers": other } }),
      "invalid-field",
      /piece layers are no dictionary/,
    );
  }
});

Deno.test("M27 parsePieceLayers() rejects a layer that is right for one of two files of one root", () => {
  const { root } = hashFile(LARGE, PIECE_LENGTH);
  const tree = (...lengths: readonly number[]) =>
    version2Torrent({ "0": LARGE }, {
      info: {
        "file tree": Object.fromEntries(
          lengths.map((length, index) => [`${index}`, { "": { length, "pieces root": root } }]),
        ),
      },
    });
  equal(parseMetainfo(tree(LARGE.length, LARGE.length)).layout.pieceCount, 10);
  for (const pieceCount of [2, 4, 6]) {
    rejectsTorrent(
      tree(LARGE.length, pieceCount * PIECE_LENGTH),
      "invalid-field",
      /piece layer of file 2 does not have the hash/,
    );
  }
});
