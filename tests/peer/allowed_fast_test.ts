import { deepStrictEqual } from "node:assert/strict";
import fc from "fast-check";
import { HASH_LENGTH, type InfoHash } from "../../src/base/ids.ts";
import { Layout } from "../../src/metainfo/layout.ts";
import { allowedFastSet } from "../../src/peer/allowed_fast.ts";

const INFO_HASH = new Uint8Array(HASH_LENGTH).fill(0xaa) as InfoHash;

function layoutOf(pieceCount: number): Layout {
  return new Layout({ pieceLength: 1, files: [{ length: pieceCount, isPadding: false }] });
}

Deno.test("allowedFastSet() gives the example of BEP 6, and one piece more", () => {
  deepStrictEqual(
    allowedFastSet("80.4.4.200", INFO_HASH, layoutOf(1313)).slice(0, 9),
    [1059, 431, 808, 1217, 287, 376, 1188, 353, 508],
  );
});

Deno.test("allowedFastSet() is the same within a /24, and another outside", () => {
  const [ours, neighbour, stranger] = ["80.4.4.200", "80.4.4.1", "80.4.5.200"]
    .map((host) => allowedFastSet(host, INFO_HASH, layoutOf(1313)));
  deepStrictEqual(neighbour, ours);
  deepStrictEqual(stranger!.filter((piece) => ours!.includes(piece)), []);
});

Deno.test("allowedFastSet() is empty for IPv6 and for names", () => {
  deepStrictEqual(allowedFastSet("2001:db8::1", INFO_HASH, layoutOf(100)), []);
  deepStrictEqual(allowedFastSet("peer.example", INFO_HASH, layoutOf(100)), []);
});

Deno.test("allowedFastSet() gives ten different pieces, or all there are", () => {
  fc.assert(fc.property(fc.ipV4(), fc.integer({ min: 1, max: 3_000 }), (host, pieceCount) => {
    const pieces = allowedFastSet(host, INFO_HASH, layoutOf(pieceCount));
    deepStrictEqual(new Set(pieces).size, Math.min(10, pieceCount));
    deepStrictEqual(pieces.filter((piece) => piece >= pieceCount), []);
  }));
});
