import { deepStrictEqual, equal, notEqual, ok, throws } from "node:assert/strict";
import { createHash } from "node:crypto";
import { MetainfoError, type MetainfoReason } from "../../src/base/errors.ts";
import type { PieceIndex } from "../../src/base/ids.ts";
import { encode } from "../../src/metainfo/bencode.ts";
import {
  MAX_METAINFO_LENGTH,
  MAX_PIECE_COUNT,
  MAX_PIECE_LENGTH,
  parseMetainfo,
  pieceHash,
} from "../../src/metainfo/metainfo.ts";
import { sampleFiles, sampleTorrent } from "./sample_torrent.ts";

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Asserts one clear printable sentence of the reason that says `problem`. */
function rejects(bytes: Uint8Array, reason: MetainfoReason, problem: RegExp): void {
  throws(() => parseMetainfo(bytes), (error) => {
    ok(error instanceof MetainfoError, `${error}`);
    ok(problem.test(error.message), error.message);
    equal(error.reason, reason, error.message);
    ok(/^Cannot read the torrent: [\x20-\x7e]+$/.test(error.message), error.message);
    return true;
  });
}

Deno.test("parseMetainfo() reads a single-file torrent", () => {
  const pieces = Uint8Array.from({ length: 60 }, (_, i) => i);
  const metainfo = parseMetainfo(sampleTorrent({ pieces }, {
    "created by": "starling",
    "creation date": 1_700_000_000,
    comment: "ünïcode",
    encoding: "UTF-8",
  }));
  equal(metainfo.name, "sample.bin");
  equal(metainfo.isMultiFile, false);
  equal(metainfo.pieceLength, 16_384);
  equal(metainfo.layout.pieceCount, 3);
  equal(metainfo.layout.totalLength, 40_000);
  deepStrictEqual(metainfo.files, [{
    path: ["sample.bin"],
    length: 40_000,
    isPadding: false,
    isExecutable: false,
    isSymlink: false,
  }]);
  deepStrictEqual(metainfo.pieceHashes, pieces);
  deepStrictEqual(pieceHash(metainfo, 1 as PieceIndex), pieces.subarray(20, 40));
  deepStrictEqual(metainfo.trackers, [["http://tracker.example/announce"]]);
  equal(metainfo.createdBy, "starling");
  equal(metainfo.creationDate, 1_700_000_000);
  equal(metainfo.comment, "ünïcode");
  equal(metainfo.encoding, "UTF-8");
  equal(metainfo.isPrivate, false);
  deepStrictEqual(metainfo.warnings, []);
});

Deno.test("parseMetainfo() reads a multi-file torrent, empty files included", () => {
  const metainfo = parseMetainfo(sampleFiles([
    { path: ["a", "b.txt"], length: 10 },
    { path: ["empty"], length: 0 },
    { path: ["run"], length: 5, attr: "x" },
  ]));
  equal(metainfo.isMultiFile, true);
  deepStrictEqual(metainfo.files.map(({ path, length }) => [path, length]), [
    [["a", "b.txt"], 10],
    [["empty"], 0],
    [["run"], 5],
  ]);
  deepStrictEqual(metainfo.files.map(({ isExecutable }) => isExecutable), [false, false, true]);
});

Deno.test("parseMetainfo() hashes the raw bytes of info and keeps a copy of them", () => {
  const torrent = sampleTorrent();
  const metainfo = parseMetainfo(torrent);
  const start = String.fromCharCode(...torrent).indexOf("4:info") + 6;
  const raw = torrent.subarray(start, -1);
  deepStrictEqual(metainfo.infoBytes, raw.slice());
  equal(metainfo.infoHashHex, createHash("sha1").update(raw).digest("hex"));
  equal(metainfo.infoHash.length, 20);
  torrent.fill(0);
  equal(createHash("sha1").update(metainfo.infoBytes).digest("hex"), metainfo.infoHashHex);
});

Deno.test("parseMetainfo() leaves out optional fields that are absent or senseless", () => {
  for (const root of [{}, { comment: 1, "created by": [], encoding: {}, "creation date": "x" }]) {
    const metainfo = parseMetainfo(sampleTorrent({}, root));
    for (const key of ["comment", "createdBy", "encoding", "creationDate"]) {
      equal(key in metainfo, false, key);
    }
  }
  for (const date of [0, -1, 253_402_300_800, 2n ** 63n - 1n]) {
    equal(parseMetainfo(sampleTorrent({}, { "creation date": date })).creationDate, undefined);
  }
});

Deno.test("M1 parseMetainfo() rejects nesting beyond its limit", () => {
  rejects(bytesOf(`d1:a${"l".repeat(1_000_000)}`), "not-bencode", /more than 100 levels at byte/);
});

Deno.test("M2 parseMetainfo() rejects millions of values", () => {
  const bomb = bytesOf(`d1:al${"de".repeat(3_000_000)}ee`);
  rejects(bomb, "not-bencode", /more than 3000000 values at byte/);
});

Deno.test("M3 parseMetainfo() rejects more than 10 MB before it looks at them", () => {
  rejects(new Uint8Array(MAX_METAINFO_LENGTH + 1), "too-large", /larger than 10000000 bytes/);
});

Deno.test("M4 parseMetainfo() rejects numbers that overflow", () => {
  const withLength = (digits: string) =>
    bytesOf(`d4:infod6:lengthi${digits}e12:piece lengthi1e6:pieces0:ee`);
  rejects(withLength("9223372036854775808"), "not-bencode", /more than 64 bits at byte 16/);
  rejects(withLength("1".repeat(20)), "not-bencode", /more than 64 bits at byte 16/);
  rejects(withLength("9007199254740993"), "invalid-field", /the length of file 1 is not/);
});

Deno.test("M5 parseMetainfo() hashes leading zeros as they are, with a warning", () => {
  const info = `d6:lengthi007e4:name1:a12:piece lengthi16384e6:pieces20:${"x".repeat(20)}e`;
  const metainfo = parseMetainfo(bytesOf(`d4:info${info}e`));
  equal(metainfo.layout.totalLength, 7);
  equal(metainfo.infoHashHex, createHash("sha1").update(bytesOf(info)).digest("hex"));
  deepStrictEqual(metainfo.warnings, [
    "it is sloppily encoded: there is a number with a leading zero at byte 16",
  ]);
});

Deno.test("M5 M6 parseMetainfo() rejects sloppy encoding where there is a version 2", () => {
  const hybrid = String.fromCharCode(...hybridTorrent());
  parseMetainfo(bytesOf(hybrid));
  rejects(bytesOf(hybrid.replace("i16384e", "i016384e")), "invalid-field", /a leading zero/);
  const unsorted = hybrid.replace(/^d/, "d1:z0:");
  rejects(bytesOf(unsorted), "invalid-field", /a key out of order/);
});

Deno.test("M6 parseMetainfo() tolerates keys out of order, with a warning", () => {
  const info = `d4:name1:a6:lengthi7e12:piece lengthi16384e6:pieces20:${"x".repeat(20)}e`;
  const metainfo = parseMetainfo(bytesOf(`d4:info${info}e`));
  equal(metainfo.infoHashHex, createHash("sha1").update(bytesOf(info)).digest("hex"));
  ok(/a key out of order at byte 17/.test(metainfo.warnings[0]!));
});

Deno.test("M6 parseMetainfo() rejects duplicate keys in info, tolerates them elsewhere", () => {
  const pieces = `6:pieces20:${"x".repeat(20)}`;
  const fields = `6:lengthi7e4:name1:a12:piece lengthi16384e${pieces}`;
  rejects(bytesOf(`d4:infod${fields}${pieces}ee`), "invalid-field", /a key that is there twice/);
  rejects(bytesOf(`d4:infod${fields}1:xd1:ai1e1:ai2eeee`), "invalid-field", /there twice/);
  const unsorted = `6:lengthi7e4:name1:a${pieces}12:piece lengthi16384e6:lengthi9e`;
  rejects(bytesOf(`d4:infod${unsorted}ee`), "invalid-field", /a key that is there twice/);
  const outside = parseMetainfo(bytesOf(`d7:comment1:a7:comment1:b4:infod${fields}ee`));
  equal(outside.comment, "a");
  ok(/there twice at byte 13/.test(outside.warnings[0]!));
});

Deno.test("M7 parseMetainfo() rejects malformed bencode with the offset", () => {
  const text = String.fromCharCode(...sampleTorrent());
  rejects(bytesOf(text + "x"), "not-bencode", new RegExp(`more bytes .* at byte ${text.length}`));
  rejects(bytesOf(text + "\n"), "not-bencode", /more bytes/);
  rejects(bytesOf(text.slice(0, -1)), "not-bencode", /the end instead of a value at byte/);
  rejects(bytesOf("d-10:x"), "not-bencode", /key that is not a string at byte 1/);
  rejects(bytesOf("d1:a99999999:xe"), "not-bencode", /longer than what is left at byte 4/);
  rejects(bytesOf("d1:ai--1ee"), "not-bencode", /'-' instead of a digit at byte 6/);
  rejects(bytesOf("d1:ae"), "not-bencode", /key without a value at byte 4/);
});

Deno.test("M8 parseMetainfo() says what it was given instead of a torrent", () => {
  const gzip = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0);
  rejects(new Uint8Array(), "not-bencode", /it is empty/);
  rejects(bytesOf("d"), "not-bencode", /the end instead of a value at byte 1/);
  rejects(bytesOf("i1e"), "not-bencode", /does not start with a dictionary/);
  rejects(gzip, "not-bencode", /gzip/);
  rejects(bytesOf("PK\x03\x04"), "not-bencode", /ZIP/);
  rejects(bytesOf("<!DOCTYPE html><html>"), "not-bencode", /web page/);
  rejects(bytesOf("\xef\xbb\xbf\r\n <html>"), "not-bencode", /web page/);
  rejects(bytesOf("magnet:?xt=urn:btih:00"), "not-bencode", /magnet link/);
  rejects(bytesOf("\x7fELF"), "not-bencode", /does not start with a dictionary/);
});

Deno.test("M9 parseMetainfo() rejects a missing info, and both or neither of length and files", () => {
  rejects(encode({}), "invalid-field", /no info dictionary/);
  rejects(encode({ info: "text" }), "invalid-field", /no info dictionary/);
  rejects(encode({ info: [] }), "invalid-field", /no info dictionary/);
  const files = [{ length: 40_000, path: ["a"] }];
  rejects(sampleTorrent({ files }), "invalid-field", /both a length and a list of files/);
  rejects(sampleTorrent({ length: undefined }), "invalid-field", /neither a length nor/);
  rejects(sampleTorrent({ length: "40000" }), "invalid-field", /the length of file 1 is not/);
  rejects(sampleTorrent({ length: undefined, files: {} }), "invalid-field", /files is no list/);
  rejects(sampleTorrent({ length: undefined, files: [] }), "invalid-field", /holds no data/);
  rejects(sampleTorrent({ length: undefined, files: ["a"] }), "invalid-field", /1 is no dict/);
});

Deno.test("M10 parseMetainfo() rejects a piece length that is missing or out of range", () => {
  for (const length of [undefined, 0, -1, "16384", MAX_PIECE_LENGTH + 1, 2n ** 60n]) {
    rejects(
      sampleTorrent({ "piece length": length }),
      "invalid-field",
      /piece length is not a number from 1 to 536854528/,
    );
  }
  const pieces = new Uint8Array(20);
  equal(
    parseMetainfo(sampleTorrent({ "piece length": MAX_PIECE_LENGTH, pieces })).pieceLength,
    MAX_PIECE_LENGTH,
  );
});

Deno.test("M10 parseMetainfo() asks hybrids for a power of two from 16 KiB", () => {
  for (const length of [8_192, 16_385, 49_152]) {
    rejects(hybridTorrent({ "piece length": length }), "invalid-field", /power of two/);
  }
});

Deno.test("M11 parseMetainfo() accepts any piece length in range", () => {
  for (const length of [1, 1_000, 16_383, 16_385, 20_000, 49_152]) {
    const pieces = new Uint8Array(20 * Math.ceil(40_000 / length));
    const metainfo = parseMetainfo(sampleTorrent({ "piece length": length, pieces }));
    equal(metainfo.layout.pieceCount, Math.ceil(40_000 / length));
  }
});

Deno.test("M12 parseMetainfo() rejects hashes that are not 20 bytes for each piece", () => {
  for (const length of [0, 1, 40, 59, 61, 80]) {
    rejects(
      sampleTorrent({ pieces: new Uint8Array(length) }),
      "invalid-field",
      new RegExp(`hashes are ${length} bytes, not 20 for each of 3 pieces`),
    );
  }
  for (const pieces of [undefined, 60, []]) {
    rejects(sampleTorrent({ pieces }), "invalid-field", /no piece hashes/);
  }
});

Deno.test("M13 parseMetainfo() rejects impossible lengths and torrents without data", () => {
  for (const length of [-1, 2 ** 48, 2n ** 62n]) {
    rejects(sampleTorrent({ length }), "invalid-field", /length of file 1 is not a number from 0/);
    const files = [{ path: ["a"] }, { path: ["b"], length }];
    rejects(sampleFiles(files), "invalid-field", /length of file 2 is not a number from 0/);
  }
  rejects(sampleFiles([{ path: ["a"], length: undefined }]), "invalid-field", /length of file 1/);
  rejects(sampleTorrent({ length: 0, pieces: "" }), "invalid-field", /holds no data/);
  const padded = [{ path: ["a"], length: 0 }, { path: ["p"], length: 9, attr: "p" }];
  rejects(sampleFiles(padded), "invalid-field", /holds no data/);
  const huge = Array.from({ length: 100 }, () => ({ path: ["a"], length: 2 ** 48 - 1 }));
  rejects(sampleFiles(huge), "too-large", /more than 2097152 pieces/);
});

Deno.test("M14 parseMetainfo() rejects more than 2097152 pieces, not fewer", () => {
  const length = MAX_PIECE_COUNT + 1;
  rejects(sampleTorrent({ length, "piece length": 1 }), "too-large", /more than 2097152 pieces/);
  rejects(
    sampleTorrent({ length: MAX_PIECE_COUNT, "piece length": 1 }),
    "invalid-field",
    /not 20 for each of 2097152 pieces/,
  );
});

Deno.test("M15 parseMetainfo() rejects a path that is no list of names, keeps odd names raw", () => {
  for (const path of [undefined, "a", [], [1], ["a", []], {}] as const) {
    rejects(
      sampleTorrent({ length: undefined, files: [{ length: 1, path }] }),
      "invalid-field",
      /path of file 1 is not a list of names/,
    );
  }
  const path = ["..", "", "/etc/passwd", "a\0b"];
  deepStrictEqual(parseMetainfo(sampleFiles([{ path }])).files[0]!.path, path);
  const unnamed = parseMetainfo(sampleTorrent({ name: undefined }));
  equal(unnamed.name, "");
  deepStrictEqual(unnamed.warnings, ["it has no name: its info-hash is used"]);
});

Deno.test("M17 parseMetainfo() prefers name.utf-8 and path.utf-8, and survives what is not UTF-8", () => {
  const latin = Uint8Array.of(0x6e, 0xe4, 0x6d, 0x65);
  const metainfo = parseMetainfo(sampleFiles(
    [
      { path: [latin], "path.utf-8": ["näme"] },
      { path: [latin] },
      { path: ["plain"], "path.utf-8": "no list" },
    ],
    { name: latin, "name.utf-8": "näme" },
  ));
  equal(metainfo.name, "näme");
  deepStrictEqual(metainfo.files.map((file) => file.path), [["näme"], ["n\ufffdme"], ["plain"]]);
  equal(parseMetainfo(sampleTorrent({ name: latin })).name, "n\ufffdme");
});

Deno.test("M21 parseMetainfo() rejects directories more than 100 deep", () => {
  const deep = (depth: number) => [{ path: new Array<string>(depth).fill("d") }];
  rejects(sampleFiles(deep(101)), "too-large", /path of file 1 has 101 names, more than 100/);
  equal(parseMetainfo(sampleFiles(deep(100))).files[0]!.path.length, 100);
});

Deno.test("M22 parseMetainfo() takes symbolic links as nothing, wherever they point", () => {
  for (const target of [["..", "..", "etc", "passwd"], ["link"], ["missing"], []]) {
    const link = { path: ["link"], length: undefined, attr: "l", "symlink path": target };
    const metainfo = parseMetainfo(sampleFiles([link, { path: ["file"], length: 5 }]));
    equal(metainfo.files[0]!.isSymlink, true);
    equal(metainfo.files[0]!.length, 0);
    equal(metainfo.layout.totalLength, 5);
    deepStrictEqual(metainfo.warnings, ["symbolic links are not made: 1 left out"]);
  }
  const lying = { path: ["link"], length: 1_000_000, attr: "lx" };
  const metainfo = parseMetainfo(sampleFiles([{ path: ["file"], length: 5 }, lying]));
  equal(metainfo.layout.totalLength, 5);
});

Deno.test("M23 parseMetainfo() knows padding by its attribute and by its old names", () => {
  const isPadding = (path: string[], attr?: string) => {
    const file = attr === undefined ? { path } : { path, attr };
    return parseMetainfo(sampleFiles([file, { path: ["z"] }])).files[0]!.isPadding;
  };
  equal(isPadding(["any"], "p"), true);
  equal(isPadding(["any"], "xhp"), true);
  equal(isPadding([".pad", "16000"]), true);
  equal(isPadding(["_____padding_file_0_if you see this file, please update to BitComet"]), true);
  equal(isPadding(["d", "_____padding_file_7_"]), true);
  equal(isPadding(["any"]), false);
  equal(isPadding(["any"], "x"), false);
  equal(isPadding([".pad", "notes.txt"]), false);
  equal(isPadding([".pad", "a", "1"]), false);
  equal(isPadding([".pad"]), false);
  equal(isPadding(["_____padding_file_0_", "real"]), false);
});

Deno.test("M23 parseMetainfo() rejects padding in a version 2 file tree", () => {
  rejects(hybridTorrent({ "file tree": tree({ attr: "p" }) }), "invalid-field", /has padding/);
});

Deno.test("M24 parseMetainfo() reads 10 MB of tiny files in one pass", () => {
  // As many files as the limit of values allows; anything quadratic would not come back.
  const count = 370_000;
  const name = (i: number) => i.toString(36).padStart(4, "0");
  const files = Array.from({ length: count }, (_, i) => `d6:lengthi1e4:pathl4:${name(i)}ee`);
  const info = `d5:filesl${files.join("")}e4:name1:a12:piece lengthi65536e6:pieces`;
  const pieces = Math.ceil(count / 65_536) * 20;
  const torrent = bytesOf(`d4:info${info}${pieces}:${"x".repeat(pieces)}ee`);
  ok(torrent.length > 9_900_000 && torrent.length <= MAX_METAINFO_LENGTH);
  const metainfo = parseMetainfo(torrent);
  equal(metainfo.files.length, count);
  deepStrictEqual(metainfo.files.at(-1)!.path, [name(count - 1)]);
});

Deno.test("M24 parseMetainfo() reads 10 MB of piece hashes without touching each", () => {
  const count = 499_000;
  const pieces = new Uint8Array(count * 20);
  const metainfo = parseMetainfo(sampleTorrent({ length: count * 16_384, pieces }));
  equal(metainfo.layout.pieceCount, count);
  equal(metainfo.pieceHashes.buffer, metainfo.infoBytes.buffer);
});

Deno.test("M25 parseMetainfo() takes any number but 0, and any nonsense, as private", () => {
  const isPrivate = (value: number | string | readonly never[] | undefined) =>
    parseMetainfo(sampleTorrent({ private: value })).isPrivate;
  equal(isPrivate(undefined), false);
  equal(isPrivate(0), false);
  equal(isPrivate(1), true);
  equal(isPrivate(2), true);
  equal(isPrivate("1"), true);
  equal(isPrivate([]), true);
  deepStrictEqual(parseMetainfo(sampleTorrent({ private: "1" })).warnings, [
    "its private flag is no number: it is taken as private",
  ]);
  equal(parseMetainfo(sampleTorrent({}, { private: 1 })).isPrivate, false);
});

Deno.test("M27 parseMetainfo() says that version 2 alone is not supported", () => {
  const only = (info: Record<string, undefined | number>) =>
    hybridTorrent({ length: undefined, pieces: undefined, ...info });
  rejects(only({}), "unsupported", /version 2 only, which is not supported/);
  rejects(only({ "meta version": undefined }), "unsupported", /version 2 only/);
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

Deno.test("M27 parseMetainfo() rejects a hybrid whose halves differ or whose tree is broken", () => {
  const cases: readonly (readonly [Parameters<typeof hybridTorrent>[0], RegExp])[] = [
    [{ "file tree": undefined }, /no file tree/],
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
  for (const [info, problem] of cases) rejects(hybridTorrent(info), "invalid-field", problem);
});

Deno.test("M28 parseMetainfo() calls a newer version unsupported before it finds other faults", () => {
  rejects(sampleTorrent({ "meta version": 3 }), "unsupported", /version 3, newer than is known/);
  const broken = { "meta version": 4, pieces: undefined, length: undefined, "piece length": 0 };
  rejects(sampleTorrent(broken), "unsupported", /version 4, newer than is known/);
  for (const version of [0, 1, -1, "3"]) parseMetainfo(sampleTorrent({ "meta version": version }));
});

Deno.test("S13 parseMetainfo() puts nothing of a stranger into its sentences", () => {
  const evil = "\x1b[31m\n\u202e";
  const metainfo = parseMetainfo(sampleTorrent(
    { name: evil, private: evil },
    { announce: evil, "url-list": [evil] },
  ));
  notEqual(metainfo.warnings.length, 0);
  for (const warning of metainfo.warnings) ok(/^[\x20-\x7e]+$/.test(warning), warning);
});

const ROOT = new Uint8Array(32).fill(7);
const LEAF = { length: 40_000, "pieces root": ROOT };

function tree(leaf: Record<string, number | string | Uint8Array | undefined>) {
  return { "sample.bin": { "": { ...LEAF, ...leaf } } };
}

/** A torrent of both versions, well-formed until `info` overrides a field. */
function hybridTorrent(info: Parameters<typeof sampleTorrent>[0] = {}): Uint8Array {
  return sampleTorrent({ "file tree": tree({}), "meta version": 2, ...info });
}
