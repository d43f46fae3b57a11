import { deepStrictEqual, equal, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { concatBytes } from "../../src/base/bytes.ts";
import { createMetainfo } from "../../src/metainfo/create.ts";
import { compareInTree, createTree } from "../../src/metainfo/create_tree.ts";
import { parseMetainfo } from "../../src/metainfo/metainfo.ts";
import { dataOf, hashFile, version2Torrent } from "./version_2_torrent.ts";

const PIECE_LENGTH = 32_768;
/** By path, in the order of the tree; two are equal. */
const FILES: readonly (readonly [path: string, length: number, seed: number])[] = [
  ["a/x", 3 * PIECE_LENGTH + 1, 1],
  ["a.b", PIECE_LENGTH, 2],
  ["copy", 3 * PIECE_LENGTH + 1, 1],
  ["empty", 0, 3],
  ["small", 10, 4],
];
const CONTENTS = FILES.map(([path, length, seed]) => [path, dataOf(length, seed)] as const);

function draft() {
  const roots = CONTENTS.flatMap(([, data]) => {
    if (data.length === 0) return [];
    const { root, layer } = hashFile(data, PIECE_LENGTH);
    return [layer ?? root];
  });
  return {
    name: "folder",
    files: FILES.map(([path, length]) => ({ path: path.split("/"), length })),
    isSingleFile: false,
    pieceLength: PIECE_LENGTH,
    pieceHashes: new Uint8Array(),
    pieceRoots: concatBytes(...roots),
  };
}

Deno.test("createMetainfo() makes a torrent of version 2 as BEP 52 has it", () => {
  const bytes = createMetainfo({ ...draft(), format: "v2" });
  const expected = version2Torrent(Object.fromEntries(CONTENTS), { pieceLength: PIECE_LENGTH });
  deepStrictEqual(bytes, expected);
});

Deno.test("createMetainfo() makes a hybrid whose halves agree, padded behind every file", () => {
  const pieceHashes = new Uint8Array(20 * 10).fill(1);
  const metainfo = parseMetainfo(createMetainfo({ ...draft(), format: "hybrid", pieceHashes }));
  equal(metainfo.version, 1);
  deepStrictEqual(
    Array.from(
      metainfo.files,
      ({ path, length, isPadding }) => [path.join("/"), length, isPadding],
    ),
    [
      ["a/x", 98_305, false],
      [".pad/32767", 32_767, true],
      ["a.b", 32_768, false],
      ["copy", 98_305, false],
      [".pad/32767", 32_767, true],
      ["empty", 0, false],
      ["small", 10, false],
      [".pad/32758", 32_758, true],
    ],
  );
});

Deno.test("createMetainfo() pads a hybrid behind a file as soon as there is another, even an empty one", () => {
  const paddedPaths = (lengths: Readonly<Record<string, number>>) => {
    const files = Object.entries(lengths).map(([path, length]) => ({ path: [path], length }));
    const pieceCount = files.filter(({ length }) => length > 0).length;
    const pieceHashes = new Uint8Array(20 * pieceCount);
    const pieceRoots = new Uint8Array(32 * pieceCount).fill(1);
    const shape = { name: "folder", isSingleFile: false, pieceLength: 16_384, files };
    const bytes = createMetainfo({ ...shape, format: "hybrid", pieceHashes, pieceRoots });
    return Array.from(parseMetainfo(bytes).files, ({ path }) => path.join("/"));
  };
  // As libtorrent 2.0.8 makes them.
  deepStrictEqual(paddedPaths({ a: 100 }), ["a"]);
  deepStrictEqual(paddedPaths({ a: 100, b: 0 }), ["a", ".pad/16284", "b"]);
  deepStrictEqual(paddedPaths({ a: 0, b: 100 }), ["a", "b", ".pad/16284"]);
  deepStrictEqual(paddedPaths({ a: 0, b: 16_384 }), ["a", "b"]);
});

Deno.test("createTree() asks for the roots of exactly all pieces", () => {
  const { pieceRoots, ...rest } = draft();
  ok(createTree({ ...rest, pieceRoots }));
  throws(() => createTree({ ...rest, pieceRoots: concatBytes(pieceRoots, new Uint8Array(32)) }));
});

Deno.test("compareInTree() sorts as the keys of the tree are sorted", () => {
  const path = fc.array(fc.string({ minLength: 1, maxLength: 3, unit: "binary" }), {
    minLength: 1,
    maxLength: 3,
  });
  fc.assert(
    fc.property(fc.uniqueArray(path, { maxLength: 6, selector: (names) => names[0] }), (paths) => {
      const leaf = { length: 1, "pieces root": new Uint8Array(32).fill(1) };
      const wellFormed = paths.map((path) => path.map((name) => name.toWellFormed()));
      if (wellFormed.length === 0) return;
      if (new Set(wellFormed.map(([first]) => first)).size < wellFormed.length) return;
      const sorted = wellFormed.toSorted(compareInTree);
      const files = sorted.map((path) => ({ path, length: leaf.length }));
      const pieceRoots = new Uint8Array(32 * files.length).fill(1);
      const made = {
        name: "x",
        isSingleFile: false,
        pieceLength: 16_384,
        pieceHashes: new Uint8Array(),
      };
      const bytes = createMetainfo({ ...made, format: "v2", files, pieceRoots });
      deepStrictEqual(Array.from(parseMetainfo(bytes).files, ({ path }) => path), sorted);
    }),
  );
});
