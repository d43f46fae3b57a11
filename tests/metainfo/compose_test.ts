import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { encode } from "../../src/metainfo/bencode_encoder.ts";
import { composeTorrent } from "../../src/metainfo/compose.ts";
import { createMetainfo } from "../../src/metainfo/create.ts";
import { parseMetainfo } from "../../src/metainfo/metainfo.ts";

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

Deno.test("composeTorrent() does not encode a sloppy info dictionary anew", () => {
  const canonical = new TextDecoder("latin1").decode(encode({ length: 1, name: "x" }));
  const pieces = `6:pieces20:${"\0".repeat(20)}12:piece lengthi016384e`;
  const sloppy = new TextEncoder().encode(canonical.replace(/e$/, `${pieces}e`));
  const metainfo = parseMetainfo(composeTorrent(sloppy, { trackers: [], webSeeds: [] }));
  deepStrictEqual(metainfo.infoBytes, sloppy);
});
