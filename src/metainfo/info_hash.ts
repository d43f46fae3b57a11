/** Info-hashes in full, of either version (BEP 3, BEP 52). Pure. */
import { sha1 } from "@noble/hashes/legacy.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { equalBytes } from "../base/bytes.ts";
import { type FullInfoHash, HASH_LENGTH, type InfoHash } from "../base/ids.ts";

/** Is it the info-hash of this info dictionary, which is as it was encoded? */
export function isInfoHashOf(infoHash: FullInfoHash, infoBytes: Uint8Array): boolean {
  const hash = infoHash.length === HASH_LENGTH ? sha1 : sha256;
  return equalBytes(hash(infoBytes), infoHash);
}

/** What peers, trackers and the DHT know the torrent by: of version 2 the first 20 bytes. */
export function shortInfoHash(infoHash: FullInfoHash): InfoHash {
  return infoHash.slice(0, HASH_LENGTH) as InfoHash;
}
