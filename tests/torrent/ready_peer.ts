import type { InfoHash, PeerId } from "../../src/base/ids.ts";
import type { Connection } from "../../src/net/transport.ts";
import type { ReadyPeer } from "../../src/torrent/dialer.ts";

/** A peer that has shaken hands, and that we dialled where its connection leads, unless told. */
export function readyPeer(
  connection: Connection,
  { peerId = new Uint8Array(20) as PeerId, ...differently }:
    & Partial<ReadyPeer>
    & { readonly peerId?: PeerId } = {},
): ReadyPeer {
  const flags = { fast: true, extended: true, dht: false };
  return {
    connection,
    handshake: { infoHash: new Uint8Array(20) as InfoHash, peerId, flags },
    endpoint: connection.remote,
    isIncoming: false,
    ...differently,
  };
}
