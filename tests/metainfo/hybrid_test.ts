import { deepStrictEqual, equal, ok, throws } from "node:assert/strict";
import { decode } from "../../src/metainfo/bencode.ts";
import { type EncodableRecord, encode } from "../../src/metainfo/bencode_encoder.ts";
import { checkHybrid } from "../../src/metainfo/hybrid.ts";
import { parseMetainfo } from "../../src/metainfo/metainfo.ts";
import { latin1Bytes } from "./latin1_bytes.ts";
import { packFiles } from "./pack_files.ts";
import { rejectsTorrent } from "./rejects_torrent.ts";
import { sampleTorrent } from "./sample_torrent.ts";

const ROOT = new Uint8Array(32).fill(7);
const LEAF = { length: 40_000, "pieces root": ROOT };

/** Two files end to end, where version 2 asks for padding between them. */
const UNALIGNED = {
  length: undefined,
  files: [{ length: 10, path: ["a"] }, { length: 39_990, path: ["b"] }],
  "file tree": {
    a: { "": { length: 10, "pieces root": ROOT } },
    b: { "": { length: 39_990, "pieces root": ROOT } },
  },
};

function tree(leaf: Record<string, number | string | Uint8Array | undefined>) {
  return { "sample.bin": { "": { ...LEAF, ...leaf } } };
}

/** A torrent of both versions, well-formed until `info` overrides a field. */
function hybridTorrent(
  info: Parameters<typeof sampleTorrent>[0] = {},
  root: EncodableRecord = {},
): Uint8Array {
  return sampleTorrent({ "file tree": tree({}), "meta version": 2, ...info }, root);
}

Deno.test("M5 M6 parseMetainfo() rejects sloppy encoding where there is a version 2", () => {
  const hybrid = String.fromCharCode(...hybridTorrent());
  parseMetainfo(latin1Bytes(hybrid));
  rejectsTorrent(
    latin1Bytes(hybrid.replace("i16384e", "i016384e")),
    "invalid-field",
    /a leading zero/,
  );
  const unsorted = hybrid.replace(/^d/, "d1:z0:");
  rejectsTorrent(latin1Bytes(unsorted), "invalid-field", /a key out of order/);
});

Deno.test("M10 parseMetainfo() asks hybrids for a power of two from 16 KiB", () => {
  for (const length of [8_192, 16_385, 49_152]) {
    rejectsTorrent(hybridTorrent({ "piece length": length }), "invalid-field", /power of two/);
  }
});

Deno.test("M23 parseMetainfo() rejects padding in a version 2 file tree", () => {
  rejectsTorrent(
    hybridTorrent({ "file tree": tree({ attr: "p" }) }),
    "invalid-field",
    /has padding/,
  );
});

Deno.test("M27 parseMetainfo() uses the first half of a hybrid that agrees with the second", () => {
  const single = parseMetainfo(hybridTorrent());
  equal(single.layout.totalLength, 40_000);
  const metainfo = parseMetainfo(hybridTorrent({
    length: undefined,
    files: [
      { length: 10, path: ["a", "b"] },
      { length: 16_374, path: [".pad", "16374"], attr: "p" },
      { length: 20, path: ["c"] },
      { length: 0, path: ["d"] },
      { path: ["e"], attr: "l" },
    ],
    "file tree": {
      a: { b: { "": { length: 10, "pieces root": ROOT } } },
      c: { "": { length: 20, "pieces root": ROOT } },
      d: { "": { length: 0 } },
      e: { "": { attr: "l" } },
    },
    pieces: new Uint8Array(40),
  }));
  equal(metainfo.files.length, 5);
});

Deno.test("M27 parseMetainfo() asks nothing of the piece layers of a hybrid, which it does not use", () => {
  const { pieceHashes, upperLayers } = parseMetainfo(hybridTorrent());
  deepStrictEqual([pieceHashes.length, upperLayers], [60, undefined]);
  const [layer, other] = [ROOT, new Uint8Array(32)].map((root): EncodableRecord => ({
    [String.fromCharCode(...root)]: new Uint8Array(96),
  }));
  for (const layers of [{}, layer!, other!, 1]) {
    const metainfo = parseMetainfo(hybridTorrent({}, { "piece layers": layers }));
    deepStrictEqual(metainfo.pieceHashes, pieceHashes);
  }
});

Deno.test("M27 parseMetainfo() rejects a hybrid whose halves differ or whose tree is broken", () => {
  const cases: readonly (readonly [Parameters<typeof hybridTorrent>[0], RegExp])[] = [
    [{ "file tree": undefined }, /no file tree/],
    [UNALIGNED, /file 2 does not start with a piece/],
    [{ "file tree": {} }, /list different files/],
    [{ "file tree": tree({ length: 39_999 }) }, /list different files/],
    [{ "file tree": { other: { "": LEAF } } }, /list different files/],
    [{ "file tree": { "a.bin": { "": LEAF }, "sample.bin": { "": LEAF } } }, /different files/],
    [{ "file tree": { "sample.bin": { "sample.bin": { "": LEAF } } } }, /list different files/],
    [{ "file tree": { "sample.bin": "text" } }, /no dictionary/],
    [{ "file tree": tree({ length: undefined }) }, /without length/],
    [{ "file tree": tree({ length: -1 }) }, /without length/],
    [{ "file tree": tree({ "pieces root": undefined }) }, /without pieces root/],
    [{ "file tree": tree({ "pieces root": new Uint8Array(32) }) }, /without pieces root/],
    [{ "file tree": tree({ "pieces root": new Uint8Array(31).fill(1) }) }, /without pieces root/],
  ];
  for (const [info, problem] of cases) {
    rejectsTorrent(hybridTorrent(info), "invalid-field", problem);
  }
});

Deno.test("M27 parseMetainfo() reads no more of a file tree when a file of it differs", () => {
  const broken = { "sample.bin": { "": {} } };
  rejectsTorrent(hybridTorrent({ "file tree": broken }), "invalid-field", /without length/);
  // Before the broken file: a name, a length, a depth, and one file too many.
  for (
    const different of [
      { a: { "": LEAF }, ...broken },
      { "sample.a": { "": { ...LEAF, length: 1 } }, ...broken },
      { "sample.a": { "sample.bin": { "": LEAF } }, ...broken },
      { ...tree({}), z: { "": LEAF }, zz: { "": {} } },
    ]
  ) {
    rejectsTorrent(hybridTorrent({ "file tree": different }), "invalid-field", /different files/);
  }
});

Deno.test("M27 parseMetainfo() tells names apart when they only look alike joined", () => {
  const rows = { "file tree": { a: { b: { "": LEAF } } }, name: "a\0b" };
  rejectsTorrent(hybridTorrent(rows), "invalid-field", /list different files/);
});

Deno.test("M27 checkHybrid() rejects a file tree when it is deeper than a path may be", () => {
  const check = (names: number, leaf: EncodableRecord) => {
    let tree = leaf;
    for (let depth = 0; depth < names; depth++) tree = { a: tree };
    // The decoder's own limit, which is lower yet, is another's business.
    const info = decode(encode({ "file tree": tree }), { maxDepth: 200 });
    ok(info.kind === "dictionary");
    const path = Array<string>(names).fill("a");
    checkHybrid(info, 16_384, packFiles(LEAF.length, path));
  };
  check(100, { "": LEAF });
  throws(() => check(101, { "": LEAF }), /deeper than 100 names/);
  throws(() => check(101, {}), /deeper than 100 names/);
});
