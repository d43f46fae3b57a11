/**
 * A .torrent around an info dictionary that came from peers (BEP 9, BEP 12, BEP 19, BEP 52). Pure.
 */
import { type Bytes, concatBytes } from "../base/bytes.ts";
import { encode } from "./bencode_encoder.ts";

export interface TorrentAddresses {
  /** Tracker URLs by tier. */
  readonly trackers: readonly (readonly string[])[];
  readonly webSeeds: readonly string[];
}

/** By the root of the file: of version 2, where a file has more than one piece. */
export type PieceLayers = ReadonlyMap<Uint8Array, Uint8Array>;

/**
 * The bytes of a .torrent that `parseMetainfo` reads, if the info dictionary is a good one. The
 * dictionary goes in as it is: encoded anew, it might have another info-hash.
 */
export function composeTorrent(
  infoBytes: Uint8Array,
  { trackers, webSeeds }: TorrentAddresses,
  pieceLayers: PieceLayers = new Map(),
): Bytes {
  const urls = trackers.flat();
  const before = encode({
    announce: urls[0],
    "announce-list": urls.length > 1 ? trackers : undefined,
  });
  const after = encode({
    "piece layers": pieceLayers.size > 0 ? pieceLayers : undefined,
    "url-list": webSeeds.length > 0 ? webSeeds : undefined,
  });
  return concatBytes(
    before.subarray(0, -1),
    new TextEncoder().encode("4:info"),
    infoBytes,
    after.subarray(1),
  );
}
