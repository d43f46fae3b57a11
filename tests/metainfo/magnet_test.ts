import { deepStrictEqual } from "node:assert/strict";
import { createMetainfo } from "../../src/metainfo/create.ts";
import { magnetLink } from "../../src/metainfo/magnet.ts";
import { parseMetainfo } from "../../src/metainfo/metainfo.ts";

Deno.test("magnetLink() names info-hash, name and all trackers, escaped", () => {
  const metainfo = parseMetainfo(createMetainfo({
    name: "a & ü",
    files: [{ path: ["a & ü"], length: 1 }],
    isSingleFile: true,
    pieceLength: 16_384,
    pieceHashes: new Uint8Array(20),
    trackers: [["http://a/announce?x=1", "udp://b:1"], ["http://c/"]],
  }));
  const link = magnetLink(metainfo);
  deepStrictEqual(link.split("&"), [
    `magnet:?xt=urn:btih:${metainfo.infoHashHex}`,
    "dn=a%20%26%20%C3%BC",
    "tr=http%3A%2F%2Fa%2Fannounce%3Fx%3D1",
    "tr=udp%3A%2F%2Fb%3A1",
    "tr=http%3A%2F%2Fc%2F",
  ]);
  const { searchParams } = new URL(link);
  deepStrictEqual(searchParams.getAll("tr"), metainfo.trackers.flat());
  deepStrictEqual(searchParams.get("dn"), "a & ü");
});
