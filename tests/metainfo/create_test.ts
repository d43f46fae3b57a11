import { deepStrictEqual, equal, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { choosePieceLength, createMetainfo } from "../../src/metainfo/create.ts";
import { parseMetainfo } from "../../src/metainfo/metainfo.ts";
import { MAX_PIECE_COUNT } from "../../src/metainfo/metainfo_content.ts";

const single = {
  name: "a.iso",
  files: [{ path: ["a.iso"], length: 40_000 }],
  isSingleFile: true,
  pieceLength: 16_384,
  pieceHashes: Uint8Array.from({ length: 60 }, (_, i) => i),
};

Deno.test("createMetainfo() is undone by parseMetainfo(), field by field", () => {
  const metainfo = parseMetainfo(createMetainfo({
    name: "folder",
    files: [{ path: ["b", "ü"], length: 10 }, { path: ["a"], length: 0 }],
    isSingleFile: false,
    pieceLength: 16_384,
    pieceHashes: new Uint8Array(20).fill(3),
    trackers: [["http://a/announce", "udp://b:1"], ["https://c/"]],
    webSeeds: ["http://seed/"],
    nodes: [{ host: "router.example", port: 6881 }],
    comment: "hello",
    createdBy: "starling",
    creationDate: 1_700_000_000,
    isPrivate: true,
    source: "HERE",
  }));
  equal(metainfo.name, "folder");
  equal(metainfo.isMultiFile, true);
  deepStrictEqual(Array.from(metainfo.files, ({ path, length }) => [path, length]), [
    [["b", "ü"], 10],
    [["a"], 0],
  ]);
  deepStrictEqual(metainfo.pieceHashes, new Uint8Array(20).fill(3));
  deepStrictEqual(metainfo.trackers, [["http://a/announce", "udp://b:1"], ["https://c/"]]);
  deepStrictEqual(metainfo.webSeeds, ["http://seed/"]);
  deepStrictEqual(metainfo.nodes, [{ host: "router.example", port: 6881 }]);
  equal(metainfo.comment, "hello");
  equal(metainfo.createdBy, "starling");
  equal(metainfo.creationDate, 1_700_000_000);
  equal(metainfo.isPrivate, true);
  equal(metainfo.source, "HERE");
  deepStrictEqual(metainfo.warnings, []);
});

Deno.test("createMetainfo() writes a single file without a list, and no empty fields", () => {
  const text = new TextDecoder("latin1").decode(createMetainfo(single));
  equal(
    text.slice(0, text.indexOf("6:pieces")),
    "d4:infod6:lengthi40000e4:name5:a.iso12:piece lengthi16384e",
  );
  deepStrictEqual(parseMetainfo(createMetainfo(single)).trackers, []);
});

Deno.test("createMetainfo() names one tracker in announce, more of them in tiers too", () => {
  const withTrackers = (trackers: string[][]) =>
    new TextDecoder("latin1").decode(createMetainfo({ ...single, trackers }));
  ok(withTrackers([["http://a/"]]).startsWith("d8:announce9:http://a/4:info"));
  ok(withTrackers([["http://a/"], ["http://b/"]]).includes("13:announce-listll9:http://a/el9:"));
});

Deno.test("createMetainfo() gives each source an info-hash of its own", () => {
  const hashOf = (source?: string) =>
    parseMetainfo(createMetainfo({ ...single, source })).infoHashHex;
  equal(hashOf(), hashOf());
  equal(new Set([hashOf(), hashOf("A"), hashOf("B")]).size, 3);
});

Deno.test("createMetainfo() treats hashes that do not fit the files as a bug", () => {
  throws(() => createMetainfo({ ...single, pieceHashes: new Uint8Array(40) }));
  throws(() => createMetainfo({ ...single, files: [...single.files, ...single.files] }));
});

Deno.test("choosePieceLength() is a power of two from 16 KiB to 16 MiB that grows with the size", () => {
  const KiB = 2 ** 10, MiB = 2 ** 20, GiB = 2 ** 30;
  equal(choosePieceLength(0), 16 * KiB);
  equal(choosePieceLength(1), 16 * KiB);
  equal(choosePieceLength(MiB), 16 * KiB);
  equal(choosePieceLength(64 * MiB), 128 * KiB);
  equal(choosePieceLength(GiB), 512 * KiB);
  equal(choosePieceLength(4 * GiB), MiB);
  equal(choosePieceLength(1024 * GiB), 16 * MiB);
  equal(choosePieceLength(20_000 * GiB), 16 * MiB);
});

Deno.test("choosePieceLength() keeps the pieces within what torrents allow", () => {
  fc.assert(fc.property(fc.nat(2 ** 49), (totalLength) => {
    const pieceLength = choosePieceLength(totalLength);
    ok(Number.isInteger(Math.log2(pieceLength)));
    ok(pieceLength >= 16_384 && pieceLength <= 2 ** 28);
    ok(totalLength <= pieceLength * MAX_PIECE_COUNT);
  }));
});
