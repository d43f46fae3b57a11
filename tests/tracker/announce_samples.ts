/** Announces and their parts, as tests need them. */
import type { InfoHash, PeerId } from "../../src/base/ids.ts";
import type { Announcement, AnnounceRequest } from "../../src/tracker/announce.ts";

export const infoHash = Uint8Array.from({ length: 20 }, (_, index) => index * 13) as InfoHash;
export const peerId = new TextEncoder().encode("-SL0100-abcdefghijkl") as PeerId;

export function announceRequest(
  changes: Partial<AnnounceRequest & Announcement> = {},
): AnnounceRequest & Announcement {
  return {
    infoHash,
    peerId,
    port: 6881,
    portFor: () => 6881,
    uploaded: 1,
    downloaded: 2,
    left: 3,
    event: undefined,
    numWant: 50,
    key: 0xbeef,
    ...changes,
  };
}

export function ascii(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** Text and raw bytes in one, for answers in bencode. */
export function bytesOf(
  ...parts: readonly (string | readonly number[])[]
): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(
    parts.flatMap((part) => typeof part === "string" ? [...ascii(part)] : part),
  );
}
