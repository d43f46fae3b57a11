import { deepStrictEqual, equal, strictEqual, throws } from "node:assert/strict";
import { MetainfoError } from "../../src/base/errors.ts";
import { encode } from "../../src/metainfo/bencode_encoder.ts";
import { composeTorrent } from "../../src/metainfo/compose.ts";
import { createMetainfo } from "../../src/metainfo/create.ts";
import { neededLayers, parseMetainfo } from "../../src/metainfo/metainfo.ts";
import { pieceLayersOf } from "../../src/metainfo/piece_layers.ts";
import { sampleTorrent } from "./sample_torrent.ts";
import { dataOf, version2Torrent } from "./version_2_torrent.ts";

const { infoBytes, infoHashHex } = parseMetainfo(createMetainfo({
  name: "größe",
  files: [{ path: ["größe"], length: 1 }],
  isSingleFile: true,
  pieceLength: 16_384,
  pieceHashes: new Uint8Array(20),
}));

Deno.test("composeTorrent() keeps the info-hash, the trackers by tier and the web seeds", () => {
  const CASES = [
    { trackers: [], webSeeds: [] },
    { trackers: [["http://a/"]], webSeeds: [] },
    { trackers: [["http://a/", "udp://b:1"], ["https://c/"]], webSeeds: ["http://d/"] },
    { trackers: [], webSeeds: ["http://d/", "https://e/x"] },
  ];
  for (const addresses of CASES) {
    const metainfo = parseMetainfo(composeTorrent(infoBytes, addresses));
    const { trackers, webSeeds, warnings } = metainfo;
    strictEqual(metainfo.infoHashHex, infoHashHex);
    deepStrictEqual({ trackers, webSeeds }, addresses);
    deepStrictEqual(metainfo.infoBytes, infoBytes);
    deepStrictEqual(warnings, []);
  }
});

Deno.test("composeTorrent() adds the piece layers that a torrent of version 2 needs", () => {
  const files = { a: dataOf(70_000), b: dataOf(40_000, 2), c: dataOf(70_000), d: dataOf(9) };
  const metainfo = parseMetainfo(version2Torrent(files));
  const layers = pieceLayersOf(metainfo);
  equal(layers.size, 2);
  const addresses = { trackers: [["http://t.example/x"]], webSeeds: ["http://w.example/"] };
  const again = parseMetainfo(composeTorrent(metainfo.infoBytes, addresses, layers));
  deepStrictEqual({ ...again, trackers: [], webSeeds: [] }, metainfo);
  deepStrictEqual([again.trackers, again.webSeeds], [addresses.trackers, addresses.webSeeds]);
  const needed = neededLayers(metainfo.infoBytes);
  deepStrictEqual(needed.map(({ root }) => root), [...layers.keys()]);
  deepStrictEqual(needed.map(({ pieceCount, height }) => [pieceCount, height]), [[3, 1], [2, 1]]);
});

Deno.test("neededLayers() gives none for version 1, and refuses what could be no .torrent", () => {
  deepStrictEqual(neededLayers(parseMetainfo(sampleTorrent()).infoBytes), []);
  const info = (fields: Parameters<typeof sampleTorrent>[0]) =>
    encode({ name: "x", "meta version": 2, "piece length": 16_384, ...fields });
  const leaf = (length: number) => ({ "": { length, "pieces root": new Uint8Array(32).fill(1) } });
  const most = Math.floor((10_000_000 - 200) / 32);
  equal(neededLayers(info({ "file tree": { a: leaf(most * 16_384) } })).length, 1);
  throws(
    () => neededLayers(info({ "file tree": { a: leaf((most + 10) * 16_384) } })),
    /larger than 10000000 bytes/,
  );
  throws(() => neededLayers(info({})), /no file tree/);
  // What may stand in version 1 makes no version 2.
  const text = new TextDecoder("latin1").decode(info({ "file tree": { a: leaf(16_384) } }));
  const sloppy = new TextEncoder().encode(text.replace("i16384e", "i016384e"));
  throws(() => neededLayers(sloppy), /a number with a leading zero at byte/);
  throws(() => neededLayers(new Uint8Array(3)), MetainfoError);
});

Deno.test("composeTorrent() does not encode a sloppy info dictionary anew", () => {
  const canonical = new TextDecoder("latin1").decode(encode({ length: 1, name: "x" }));
  const pieces = `6:pieces20:${"\0".repeat(20)}12:piece lengthi016384e`;
  const sloppy = new TextEncoder().encode(canonical.replace(/e$/, `${pieces}e`));
  const metainfo = parseMetainfo(composeTorrent(sloppy, { trackers: [], webSeeds: [] }));
  deepStrictEqual(metainfo.infoBytes, sloppy);
});
