import { deepStrictEqual, equal, ok, throws } from "node:assert/strict";
import { createHash } from "node:crypto";
import type { FileIndex, PieceIndex } from "../../src/base/ids.ts";
import { type BencodeDictionary, decode, dictionaryIn } from "../../src/metainfo/bencode.ts";
import type { EncodableRecord } from "../../src/metainfo/bencode_encoder.ts";
import {
  neededLayers,
  parseMetainfo,
  pieceHash,
  readMetainfo,
} from "../../src/metainfo/metainfo.ts";
import { rejectsTorrent } from "./rejects_torrent.ts";
import { dataOf, hashFile, leavesOf, rootOf, version2Torrent } from "./version_2_torrent.ts";

const PIECE_LENGTH = 32_768;
const LARGE = dataOf(3 * PIECE_LENGTH + 20_000, 3);
const SMALL = dataOf(40, 5);
const LEAF = { length: 40, "pieces root": hashFile(SMALL, PIECE_LENGTH).root };

function tree(leaf: Record<string, number | string | Uint8Array | undefined>) {
  return { "file tree": { a: { "": { ...LEAF, ...leaf } } } };
}

Deno.test("parseMetainfo() reads a torrent of version 2: files in the order of the tree", () => {
  const files = {
    "b/c": SMALL,
    "a": LARGE,
    "b/empty": new Uint8Array(0),
    "b/whole": dataOf(32_768),
  };
  const metainfo = parseMetainfo(version2Torrent(files));
  equal(metainfo.version, 2);
  deepStrictEqual(
    Array.from(metainfo.files, ({ path, length }) => `${path.join("/")} ${length}`),
    [`a ${LARGE.length}`, "b/c 40", "b/empty 0", "b/whole 32768"],
  );
  equal(metainfo.isMultiFile, true);
  equal(metainfo.layout.pieceCount, 6);
  deepStrictEqual(
    [0, 1, 2, 3, 4, 5].map((piece) => metainfo.layout.pieceSize(piece as PieceIndex)),
    [32_768, 32_768, 32_768, 20_000, 40, 32_768],
  );
  deepStrictEqual(metainfo.layout.piecesOf(1 as FileIndex), { first: 4, last: 4 });
});

Deno.test("parseMetainfo() knows a torrent of version 2 by SHA-256, among peers by 20 bytes of it", async () => {
  const bytes = version2Torrent({ a: SMALL });
  const metainfo = parseMetainfo(bytes);
  const digest = createHash("sha256").update(metainfo.infoBytes).digest("hex");
  equal(metainfo.infoHashHex, digest);
  equal(metainfo.infoHash.toHex(), digest.slice(0, 40));
  // More than is hashed at once.
  const large = version2Torrent({ a: SMALL }, { info: { source: "s".repeat(70_000) } });
  deepStrictEqual(await readMetainfo(large), parseMetainfo(large));
});

Deno.test("pieceHash() gives the root of a piece: from its layer, or that of its file", () => {
  const metainfo = parseMetainfo(version2Torrent({ a: LARGE, b: SMALL }));
  const hashOf = (piece: number) => pieceHash(metainfo, piece as PieceIndex).toHex();
  for (let piece = 0; piece < 4; piece++) {
    const data = LARGE.subarray(piece * PIECE_LENGTH, (piece + 1) * PIECE_LENGTH);
    equal(hashOf(piece), rootOf(leavesOf(data, 2)).toHex());
  }
  equal(hashOf(4), hashFile(SMALL, PIECE_LENGTH).root.toHex());
});

Deno.test("parseMetainfo() takes the only file of the torrent's name for a single file", () => {
  const isMultiFile = (path: string, name: string) =>
    parseMetainfo(version2Torrent({ [path]: SMALL }, { name })).isMultiFile;
  equal(isMultiFile("a", "a"), false);
  equal(isMultiFile("a", "b"), true);
  equal(isMultiFile("a/a", "a"), true);
  equal(parseMetainfo(version2Torrent({ a: SMALL, b: SMALL }, { name: "a" })).isMultiFile, true);
});

Deno.test("parseMetainfo() reads attributes of version 2, and leaves links out with a warning", () => {
  const { files, warnings } = parseMetainfo(version2Torrent({}, {
    info: {
      "file tree": {
        link: { "": { attr: "l", "symlink path": ["x"] } },
        x: { "": { ...LEAF, attr: "x" } },
      },
    },
  }));
  deepStrictEqual(Array.from(files.keys(), (index) => files.kindOf(index)), ["symlink", "data"]);
  deepStrictEqual(warnings, ["symbolic links are not made: 1 left out"]);
});

Deno.test("M23 parseMetainfo() takes a file of version 2 for padding by no name", () => {
  const { files } = parseMetainfo(version2Torrent({ ".pad/40": SMALL }));
  equal(files.at(0 as FileIndex).isPadding, false);
});

Deno.test("M10 parseMetainfo() asks version 2 for a power of two from 16 KiB", () => {
  parseMetainfo(version2Torrent({ a: SMALL }, { pieceLength: 16_384 }));
  parseMetainfo(version2Torrent({ a: SMALL }, { pieceLength: 2 ** 28 }));
  for (
    const [length, problem] of [
      [8_192, /power of two/],
      [16_385, /power of two/],
      [49_152, /power of two/],
      [0, /not a number from 1/],
      [-32_768, /not a number from 1/],
      [2 ** 29, /not a number from 1/],
      ["32768", /not a number from 1/],
      [undefined, /not a number from 1/],
    ] as const
  ) {
    const bytes = version2Torrent({ a: SMALL }, { info: { "piece length": length } });
    rejectsTorrent(bytes, "invalid-field", problem);
  }
});

Deno.test("M14 parseMetainfo() counts the pieces of version 2 with those that are not full", () => {
  const leaf = { "": LEAF };
  const layers = { "file tree": { a: leaf, b: { "": { ...LEAF, length: 2 ** 35 } } } };
  rejectsTorrent(
    version2Torrent({}, { pieceLength: 16_384, info: layers }),
    "too-large",
    /more than/,
  );
});

Deno.test("M5 M6 parseMetainfo() rejects sloppy encoding in version 2, wherever it is", () => {
  const sloppy = (from: string, to: string) => {
    const text = version2Torrent({ a: SMALL, b: LARGE }).reduce(
      (s, byte) => s + String.fromCharCode(byte),
      "",
    );
    ok(text.includes(from));
    return Uint8Array.from(text.replace(from, to), (character) => character.charCodeAt(0));
  };
  rejectsTorrent(sloppy("i40e", "i040e"), "invalid-field", /a leading zero/);
  rejectsTorrent(sloppy("4:name", "04:name"), "invalid-field", /a leading zero/);
  rejectsTorrent(sloppy("d4:info", "d4:zzzz0:4:info"), "invalid-field", /a key out of order/);
  // M27: an unsorted tree.
  rejectsTorrent(sloppy("d1:ad0:", "d1:cd0:"), "invalid-field", /a key out of order/);
  rejectsTorrent(sloppy("1:bd0:", "1:ad0:"), "invalid-field", /a key that is there twice/);
});

Deno.test("M27 parseMetainfo() rejects a file tree of version 2 that is broken", () => {
  const cases: readonly (readonly [Parameters<typeof version2Torrent>[1], RegExp])[] = [
    [{ info: { "file tree": undefined } }, /no file tree/],
    [{ info: { "file tree": ["a"] } }, /no file tree/],
    [{ info: { "file tree": {} } }, /holds no data/],
    [{ info: { "file tree": { "": LEAF } } }, /without a name/],
    [{ info: { "file tree": { a: { "": LEAF, b: { "": LEAF } } } } }, /a folder as well/],
    [{ info: { "file tree": { a: "text" } } }, /no dictionary/],
    [{ info: tree({ length: undefined }) }, /without length/],
    [{ info: tree({ length: -1 }) }, /without length/],
    [{ info: tree({ length: 2 ** 48 }) }, /more than 281474976710655 bytes/],
    [{ info: tree({ "pieces root": undefined }) }, /without pieces root/],
    [{ info: tree({ "pieces root": "short" }) }, /without pieces root/],
    [{ info: tree({ "pieces root": new Uint8Array(32) }) }, /without pieces root/],
    [{ info: tree({ attr: "p" }) }, /padding, which version 2 forbids/],
    [{ info: { length: 40 } }, /"length" of version 1/],
    [{ info: { files: [] } }, /"files" of version 1/],
    [{ info: { "meta version": undefined } }, /its meta version is not 2/],
    [{ info: { "meta version": 1 } }, /its meta version is not 2/],
  ];
  for (const [shape, problem] of cases) {
    rejectsTorrent(version2Torrent({ a: SMALL }, shape), "invalid-field", problem);
  }
});

Deno.test("M28 parseMetainfo() says of a newer version that it is newer, before all else", () => {
  const bytes = version2Torrent({}, {
    info: { "meta version": 3, name: undefined, "piece length": 7, "file tree": "" },
  });
  rejectsTorrent(bytes, "unsupported", /of version 3, newer than is known here/);
});

Deno.test("M24 parseMetainfo() reads a tree of very many files in bounded time", () => {
  const leaf = { "": { length: 1, "pieces root": new Uint8Array(32).fill(1) } };
  const files = Object.fromEntries(
    Array.from({ length: 120_000 }, (_, index) => [`${index}`, leaf]),
  );
  const bytes = version2Torrent({}, { info: { "file tree": files } });
  ok(bytes.length > 8_000_000);
  equal(parseMetainfo(bytes).files.length, 120_000);
});

Deno.test("M24 parseMetainfo() refuses a tree whose paths are far longer than the .torrent", () => {
  // Each file is under the same folder, whose path the tree says only once.
  const deep = (names: readonly string[], fileCount: number) => {
    const leaf = { "": { length: 1, "pieces root": new Uint8Array(32).fill(1) } };
    let folder: EncodableRecord = Object.fromEntries(
      Array.from({ length: fileCount }, (_, index) => [`${index}`.padStart(5, "0"), leaf]),
    );
    for (const name of names) folder = { [name]: folder };
    return version2Torrent({}, { info: { "file tree": folder } });
  };
  const long = new Array<string>(30).fill("x".repeat(198)), short = new Array<string>(80).fill("x");
  const perFile = 30 * (198 + 2) + 5 + 2, perShortFile = 80 * (1 + 2) + 5 + 2;
  for (const [names, length] of [[long, perFile], [short, perShortFile]] as const) {
    const most = Math.floor(20_000_000 / length);
    equal(parseMetainfo(deep(names, most)).files.length, most);
    const bytes = deep(names, most + 1);
    ok(bytes.length < 8_000_000);
    rejectsTorrent(bytes, "too-large", /paths of its file tree are too long together/);
    // What peers give is no other way in.
    const info = dictionaryIn(decode(bytes) as BencodeDictionary, "info")!;
    throws(() => neededLayers(new Uint8Array(info.raw)), /too long together/);
  }
});
