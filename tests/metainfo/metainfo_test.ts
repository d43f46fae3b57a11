import { deepStrictEqual, equal, notEqual, ok } from "node:assert/strict";
import { createHash } from "node:crypto";
import type { FileIndex, PieceIndex } from "../../src/base/ids.ts";
import { encode } from "../../src/metainfo/bencode_encoder.ts";
import {
  MAX_METAINFO_LENGTH,
  parseMetainfo,
  pieceHash,
  readMetainfo,
} from "../../src/metainfo/metainfo.ts";
import { MAX_PIECE_COUNT } from "../../src/metainfo/metainfo_content.ts";
import { latin1Bytes } from "./latin1_bytes.ts";
import { rejectsTorrent } from "./rejects_torrent.ts";
import { sampleFiles, sampleTorrent } from "./sample_torrent.ts";

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
  deepStrictEqual(
    Array.from(metainfo.files, ({ path, length, isOnDisk }) => [path, length, isOnDisk]),
    [
      [["sample.bin"], 40_000, true],
    ],
  );
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

Deno.test("readMetainfo() reads what parseMetainfo() does, of small torrents and of large ones", async () => {
  for (const pieceCount of [3, 10_000]) {
    const torrent = sampleTorrent({
      length: pieceCount * 16_384,
      pieces: Uint8Array.from({ length: pieceCount * 20 }, (_, i) => i),
    });
    deepStrictEqual(await readMetainfo(torrent), parseMetainfo(torrent));
  }
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
  rejectsTorrent(
    latin1Bytes(`d1:a${"l".repeat(1_000_000)}`),
    "not-bencode",
    /more than 100 levels at byte/,
  );
});

Deno.test("M2 parseMetainfo() rejects millions of values", () => {
  const bomb = latin1Bytes(`d1:al${"de".repeat(3_000_000)}ee`);
  rejectsTorrent(bomb, "not-bencode", /more than 3000000 values at byte/);
});

Deno.test("M3 parseMetainfo() rejects more than 10 MB before it looks at them", () => {
  rejectsTorrent(
    new Uint8Array(MAX_METAINFO_LENGTH + 1),
    "too-large",
    /larger than 10000000 bytes/,
  );
});

Deno.test("M4 parseMetainfo() rejects numbers that overflow", () => {
  const withLength = (digits: string) =>
    latin1Bytes(`d4:infod6:lengthi${digits}e4:name1:a12:piece lengthi1e6:pieces0:ee`);
  rejectsTorrent(withLength("9223372036854775808"), "not-bencode", /more than 64 bits at byte 16/);
  rejectsTorrent(withLength("1".repeat(20)), "not-bencode", /more than 64 bits at byte 16/);
  rejectsTorrent(withLength("9007199254740993"), "invalid-field", /the length of file 1 is not/);
});

Deno.test("M5 parseMetainfo() hashes leading zeros as they are, with a warning", () => {
  const info = `d6:lengthi007e4:name1:a12:piece lengthi16384e6:pieces20:${"x".repeat(20)}e`;
  const metainfo = parseMetainfo(latin1Bytes(`d4:info${info}e`));
  equal(metainfo.layout.totalLength, 7);
  equal(metainfo.infoHashHex, createHash("sha1").update(latin1Bytes(info)).digest("hex"));
  deepStrictEqual(metainfo.warnings, [
    "it is sloppily encoded: there is a number with a leading zero at byte 16",
  ]);
});

Deno.test("M6 parseMetainfo() tolerates keys out of order, with a warning", () => {
  const info = `d4:name1:a6:lengthi7e12:piece lengthi16384e6:pieces20:${"x".repeat(20)}e`;
  const metainfo = parseMetainfo(latin1Bytes(`d4:info${info}e`));
  equal(metainfo.infoHashHex, createHash("sha1").update(latin1Bytes(info)).digest("hex"));
  ok(/a key out of order at byte 17/.test(metainfo.warnings[0]!));
});

Deno.test("M6 parseMetainfo() rejects duplicate keys in info, tolerates them elsewhere", () => {
  const pieces = `6:pieces20:${"x".repeat(20)}`;
  const fields = `6:lengthi7e4:name1:a12:piece lengthi16384e${pieces}`;
  rejectsTorrent(
    latin1Bytes(`d4:infod${fields}${pieces}ee`),
    "invalid-field",
    /a key that is there twice/,
  );
  rejectsTorrent(
    latin1Bytes(`d4:infod${fields}1:xd1:ai1e1:ai2eeee`),
    "invalid-field",
    /there twice/,
  );
  const unsorted = `6:lengthi7e4:name1:a${pieces}12:piece lengthi16384e6:lengthi9e`;
  rejectsTorrent(
    latin1Bytes(`d4:infod${unsorted}ee`),
    "invalid-field",
    /a key that is there twice/,
  );
  const outside = parseMetainfo(latin1Bytes(`d7:comment1:a7:comment1:b4:infod${fields}ee`));
  equal(outside.comment, "a");
  ok(/there twice at byte 13/.test(outside.warnings[0]!));
});

Deno.test("M7 parseMetainfo() rejects malformed bencode with the offset", () => {
  const text = String.fromCharCode(...sampleTorrent());
  rejectsTorrent(
    latin1Bytes(text + "x"),
    "not-bencode",
    new RegExp(`more after its end at byte ${text.length}`),
  );
  rejectsTorrent(latin1Bytes(text + "\n0"), "not-bencode", /more after its end/);
  rejectsTorrent(
    latin1Bytes(text.slice(0, -1)),
    "not-bencode",
    /the end instead of a value at byte/,
  );
  rejectsTorrent(latin1Bytes("d-10:x"), "not-bencode", /key that is not a string at byte 1/);
  rejectsTorrent(
    latin1Bytes("d1:a99999999:xe"),
    "not-bencode",
    /longer than what is left at byte 4/,
  );
  rejectsTorrent(latin1Bytes("d1:ai--1ee"), "not-bencode", /'-' instead of a digit at byte 6/);
  rejectsTorrent(latin1Bytes("d1:ae"), "not-bencode", /key without a value at byte 4/);
});

Deno.test("M7 parseMetainfo() tolerates white space after the end, as editors leave it", () => {
  const torrent = sampleTorrent();
  const { infoHashHex } = parseMetainfo(new Uint8Array([...torrent, 0x0d, 0x0a, 0x20, 0x09]));
  equal(infoHashHex, parseMetainfo(torrent).infoHashHex);
});

Deno.test("M9 parseMetainfo() rejects a missing info, and both or neither of length and files", () => {
  rejectsTorrent(encode({}), "invalid-field", /no info dictionary/);
  rejectsTorrent(encode({ info: "text" }), "invalid-field", /no info dictionary/);
  rejectsTorrent(encode({ info: [] }), "invalid-field", /no info dictionary/);
  const files = [{ length: 40_000, path: ["a"] }];
  rejectsTorrent(sampleTorrent({ files }), "invalid-field", /both a length and a list of files/);
  rejectsTorrent(sampleTorrent({ length: undefined }), "invalid-field", /neither a length nor/);
  rejectsTorrent(
    sampleTorrent({ length: "40000" }),
    "invalid-field",
    /the length of file 1 is not/,
  );
  rejectsTorrent(
    sampleTorrent({ length: undefined, files: {} }),
    "invalid-field",
    /files is no list/,
  );
  rejectsTorrent(sampleTorrent({ length: undefined, files: [] }), "invalid-field", /holds no data/);
  rejectsTorrent(
    sampleTorrent({ length: undefined, files: ["a"] }),
    "invalid-field",
    /1 is no dict/,
  );
});

Deno.test("M10 parseMetainfo() rejects a piece length that is missing or out of range", () => {
  for (const length of [undefined, 0, -1, "16384", 536_854_529, 2n ** 60n]) {
    rejectsTorrent(
      sampleTorrent({ "piece length": length }),
      "invalid-field",
      /piece length is not a number from 1 to 536854528/,
    );
  }
  const largest = { "piece length": 536_854_528, pieces: new Uint8Array(20) };
  equal(parseMetainfo(sampleTorrent(largest)).pieceLength, 536_854_528);
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
    rejectsTorrent(
      sampleTorrent({ pieces: new Uint8Array(length) }),
      "invalid-field",
      new RegExp(`hashes are ${length} bytes, not 20 for each of 3 pieces`),
    );
  }
  for (const pieces of [undefined, 60, []]) {
    rejectsTorrent(sampleTorrent({ pieces }), "invalid-field", /no piece hashes/);
  }
});

Deno.test("M14 parseMetainfo() rejects more than 2097152 pieces, not fewer", () => {
  const length = MAX_PIECE_COUNT + 1;
  rejectsTorrent(
    sampleTorrent({ length, "piece length": 1 }),
    "too-large",
    /more than 2097152 pieces/,
  );
  rejectsTorrent(
    sampleTorrent({ length: MAX_PIECE_COUNT, "piece length": 1 }),
    "invalid-field",
    /not 20 for each of 2097152 pieces/,
  );
});

Deno.test("M15 parseMetainfo() rejects a torrent without a name, not one with an empty name", () => {
  for (const name of [undefined, 1348, ["a"]]) {
    rejectsTorrent(sampleTorrent({ name }), "invalid-field", /it has no name/);
  }
  equal(parseMetainfo(sampleTorrent({ name: "" })).name, "");
  equal(parseMetainfo(sampleTorrent({ name: 1, "name.utf-8": "a" })).name, "a");
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
  deepStrictEqual(Array.from(metainfo.files, (file) => file.path), [["näme"], ["n\ufffdme"], [
    "plain",
  ]]);
  equal(parseMetainfo(sampleTorrent({ name: latin })).name, "n\ufffdme");
});

Deno.test("M24 parseMetainfo() reads 10 MB of tiny files in one pass", () => {
  // As many files as the limit of values allows; anything quadratic would not come back.
  const count = 370_000;
  const name = (i: number) => i.toString(36).padStart(4, "0");
  const files = Array.from({ length: count }, (_, i) => `d6:lengthi1e4:pathl4:${name(i)}ee`);
  const info = `d5:filesl${files.join("")}e4:name1:a12:piece lengthi65536e6:pieces`;
  const pieces = Math.ceil(count / 65_536) * 20;
  const torrent = latin1Bytes(`d4:info${info}${pieces}:${"x".repeat(pieces)}ee`);
  ok(torrent.length > 9_900_000 && torrent.length <= MAX_METAINFO_LENGTH);
  const metainfo = parseMetainfo(torrent);
  equal(metainfo.files.length, count);
  deepStrictEqual(metainfo.files.at(count - 1 as FileIndex).path, [name(count - 1)]);
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

Deno.test("M28 parseMetainfo() calls a newer version unsupported before it finds other faults", () => {
  rejectsTorrent(
    sampleTorrent({ "meta version": 3 }),
    "unsupported",
    /version 3, newer than is known/,
  );
  const broken = { "meta version": 4, pieces: undefined, length: undefined, "piece length": 0 };
  rejectsTorrent(sampleTorrent(broken), "unsupported", /version 4, newer than is known/);
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
