import { equal } from "node:assert/strict";
import { createHash } from "node:crypto";
import type { FullInfoHash } from "../../src/base/ids.ts";
import { isInfoHashOf, shortInfoHash } from "../../src/metainfo/info_hash.ts";

const INFO = new TextEncoder().encode("d4:name1:xe");

function hashOf(algorithm: string): FullInfoHash {
  return new Uint8Array(createHash(algorithm).update(INFO).digest()) as FullInfoHash;
}

Deno.test("isInfoHashOf() tells by its length which version's an info-hash is", () => {
  for (const algorithm of ["sha1", "sha256"]) {
    const infoHash = hashOf(algorithm);
    equal(isInfoHashOf(infoHash, INFO), true);
    equal(isInfoHashOf(infoHash, INFO.subarray(1)), false);
    equal(isInfoHashOf(infoHash.toReversed() as FullInfoHash, INFO), false);
  }
  // What peers know it by proves nothing.
  equal(isInfoHashOf(shortInfoHash(hashOf("sha256")), INFO), false);
});

Deno.test("shortInfoHash() is the first 20 bytes", () => {
  equal(shortInfoHash(hashOf("sha256")).toHex(), hashOf("sha256").toHex().slice(0, 40));
  equal(shortInfoHash(hashOf("sha1")).toHex(), hashOf("sha1").toHex());
});
