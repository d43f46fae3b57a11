/** Which pieces a peer may ask for even while we choke it (BEP 6 "Allowed Fast Set Generation"). */
import { sha1 } from "@noble/hashes/legacy.js";
import { addressBytes } from "../base/endpoint.ts";
import { concatBytes, getUint32 } from "../base/bytes.ts";
import { HASH_LENGTH, type InfoHash } from "../base/ids.ts";
import type { PieceIndex } from "../base/ids.ts";
import type { Layout } from "../metainfo/layout.ts";

/** Pieces of a set, as BEP 6 proposes: enough to have something to trade. */
const SET_SIZE = 10;

/**
 * The set of a peer: the same for every peer of its /24, so that an address more gives no piece
 * more. All pieces of a small torrent; none for a peer that is not at an IPv4 address.
 */
export function allowedFastSet(host: string, infoHash: InfoHash, layout: Layout): PieceIndex[] {
  const address = addressBytes(host);
  if (address?.length !== 4) return [];
  address[3] = 0;
  const size = Math.min(SET_SIZE, layout.pieceCount);
  const pieces = new Set<PieceIndex>();
  let seed: Uint8Array = concatBytes(address, infoHash);
  while (pieces.size < size) {
    seed = sha1(seed);
    for (let offset = 0; offset < HASH_LENGTH && pieces.size < size; offset += 4) {
      pieces.add(layout.pieceIndex(getUint32(seed, offset) % layout.pieceCount)!);
    }
  }
  return [...pieces];
}
