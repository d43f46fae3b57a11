/** A scripted UDP tracker: answers connects and announces, and notes what it hears. */
import { concatBytes, getUint32 } from "../../src/base/bytes.ts";
import type { Endpoint } from "../../src/base/endpoint.ts";
import {
  encodeConnectResponse,
  encodeUdpAnnounceResponse,
  encodeUdpError,
  parseUdpRequest,
} from "../../src/tracker/udp_codec.ts";
import type { UdpHost } from "./fake_network.ts";

export interface ScriptedUdpTracker {
  readonly host: UdpHost;
  /** `connect`, `started`, `interval` …, in order. */
  readonly heard: string[];
}

export function udpTracker(
  { peers = [], failure, isMute = () => false, url }: {
    peers?: readonly Endpoint[];
    failure?: string;
    /** Ignores packets while this is true. */
    isMute?: () => boolean;
    /** Answers announces that carry this path alone (BEP 41). */
    url?: string;
  } = {},
): ScriptedUdpTracker {
  const heard: string[] = [];
  const host: UdpHost = (packet) => {
    if (isMute()) return undefined;
    const request = parseUdpRequest(packet);
    if (request === undefined) return undefined;
    const { transactionId } = request;
    if (request.kind !== "announce") {
      heard.push(request.kind);
      return encodeConnectResponse(transactionId, new Uint8Array(8).fill(7));
    }
    if (url !== undefined && new TextDecoder().decode(packet.subarray(100)) !== url) {
      return undefined;
    }
    heard.push(request.announce.event ?? "interval");
    if (failure !== undefined) return encodeUdpError(transactionId, failure);
    const counts = { seeders: 1, leechers: 0, downloaded: 0 };
    return encodeUdpAnnounceResponse(transactionId, {
      intervalMs: 1_800_000,
      counts,
      endpoints: peers,
    });
  };
  return { host, heard };
}

/** Packets for the transaction of `packet` that are no answer to it. */
export function forgeries(packet: Uint8Array): Uint8Array[] {
  const transactionId = getUint32(packet, 12);
  const connected = encodeConnectResponse(transactionId, new Uint8Array(8));
  return [
    new Uint8Array(0),
    connected.subarray(0, 7),
    connected.subarray(0, 15),
    encodeConnectResponse(transactionId ^ 1, new Uint8Array(8)),
    encodeUdpError(transactionId ^ 1, "forged"),
    concatBytes(Uint8Array.of(0, 0, 0, 9), connected.subarray(4)),
  ];
}
