/** The packets of the UDP tracker protocol, both sides (BEP 15, BEP 41). */
import { assert } from "../base/assert.ts";
import {
  type Bytes,
  concatBytes,
  getUint16,
  getUint32,
  putUint16,
  putUint32,
} from "../base/bytes.ts";
import {
  type Endpoint,
  type IpFamily,
  parseCompactIpv4,
  parseCompactIpv6,
  toCompact,
} from "../base/endpoint.ts";
import { TrackerError } from "../base/errors.ts";
import { HASH_LENGTH } from "../base/ids.ts";
import {
  type AnnounceEvent,
  type AnnounceRequest,
  type AnnounceResponse,
  intervalMsFrom,
  MAX_PEERS_PER_RESPONSE,
  type PartialSeedEvent,
  type ReceivedAnnounce,
  type SwarmCounts,
  trackerText,
} from "./announce.ts";

/** A tracker's answer to the transaction that we asked for. */
export type UdpResponse =
  | { readonly kind: "connected"; readonly connectionId: Bytes }
  | { readonly kind: "announced"; readonly response: AnnounceResponse }
  | { readonly kind: "error"; readonly message: string };

/** A client's packet; the arrays are views of it. */
export type UdpRequest =
  & { readonly transactionId: number }
  & (
    | { readonly kind: "connect" }
    | {
      readonly kind: "announce";
      readonly connectionId: Uint8Array;
      readonly announce: ReceivedAnnounce;
    }
    | {
      readonly kind: "scrape";
      readonly connectionId: Uint8Array;
      readonly infoHashes: readonly Uint8Array[];
    }
  );

/** Bytes of the tracker's proof that a client's address is its own. */
export const CONNECTION_ID_LENGTH = 8;

const ACTION_CONNECT = 0;
const ACTION_ANNOUNCE = 1;
const ACTION_SCRAPE = 2;
const ACTION_ERROR = 3;
/** 0x41727101980, which opens every connect request. */
const PROTOCOL_ID_HIGH = 0x417;
const PROTOCOL_ID_LOW = 0x27101980;

const RESPONSE_HEADER_LENGTH = 8;
const CONNECT_LENGTH = 16;
const ANNOUNCE_REQUEST_LENGTH = 98;
const ANNOUNCE_RESPONSE_LENGTH = 20;
const SCRAPE_COUNTS_LENGTH = 12;
/** As many as BEP 15 allows in one scrape. */
const MAX_SCRAPED = 74;

const OPTION_URL_DATA = 2;
const MAX_OPTION_LENGTH = 255;

/** By their numbers in BEP 15; the last is what libtorrent sends for BEP 21. */
const EVENTS: readonly (AnnounceEvent | PartialSeedEvent | undefined)[] = [
  undefined,
  "completed",
  "started",
  "stopped",
  "paused",
];

export function encodeConnectRequest(transactionId: number): Bytes {
  const packet = new Uint8Array(CONNECT_LENGTH);
  putUint32(packet, 0, PROTOCOL_ID_HIGH);
  putUint32(packet, 4, PROTOCOL_ID_LOW);
  putUint32(packet, 8, ACTION_CONNECT);
  putUint32(packet, 12, transactionId);
  return packet;
}

/** `requestPath` is path and query of the tracker's address; it follows as options (BEP 41). */
export function encodeAnnounceRequest(
  connectionId: Uint8Array,
  transactionId: number,
  request: AnnounceRequest,
  requestPath: string,
): Bytes {
  const packet = new Uint8Array(ANNOUNCE_REQUEST_LENGTH);
  packet.set(connectionId);
  putUint32(packet, 8, ACTION_ANNOUNCE);
  putUint32(packet, 12, transactionId);
  packet.set(request.infoHash, 16);
  packet.set(request.peerId, 36);
  putCount(packet, 56, request.downloaded);
  putCount(packet, 64, request.left);
  putCount(packet, 72, request.uploaded);
  putUint32(packet, 80, EVENTS.indexOf(request.event));
  // Bytes 84 to 87 stay zero: the tracker shall take the sender's address for ours.
  putUint32(packet, 88, request.key);
  putUint32(packet, 92, request.numWant);
  putUint16(packet, 96, request.port);
  return concatBytes(packet, ...urlDataOptions(requestPath));
}

/** The URL in pieces of at most 255 bytes; a bare "/" says nothing and is left out. */
function urlDataOptions(requestPath: string): Bytes[] {
  const data = new TextEncoder().encode(requestPath === "/" ? "" : requestPath);
  const options: Bytes[] = [];
  for (let offset = 0; offset < data.length; offset += MAX_OPTION_LENGTH) {
    const part = data.subarray(offset, offset + MAX_OPTION_LENGTH);
    options.push(concatBytes(Uint8Array.of(OPTION_URL_DATA, part.length), part));
  }
  return options;
}

/**
 * The answer to `transactionId`; undefined for whatever is not that answer, since anybody may
 * send us packets. Throws TrackerError("malformed") when it is, but its peers are broken.
 */
export function parseUdpResponse(
  packet: Uint8Array,
  expected: { kind: "connect" | "announce"; transactionId: number; family: IpFamily },
): UdpResponse | undefined {
  if (packet.length < RESPONSE_HEADER_LENGTH) return undefined;
  if (getUint32(packet, 4) !== expected.transactionId) return undefined;
  switch (getUint32(packet, 0)) {
    case ACTION_CONNECT:
      if (expected.kind !== "connect" || packet.length < CONNECT_LENGTH) return undefined;
      return { kind: "connected", connectionId: packet.slice(8, 16) };
    case ACTION_ANNOUNCE:
      if (expected.kind !== "announce" || packet.length < ANNOUNCE_RESPONSE_LENGTH) {
        return undefined;
      }
      return { kind: "announced", response: parseAnnounced(packet, expected.family) };
    case ACTION_ERROR:
      return { kind: "error", message: trackerText(packet.subarray(RESPONSE_HEADER_LENGTH)) };
    default:
      return undefined;
  }
}

function parseAnnounced(packet: Uint8Array, family: IpFamily): AnnounceResponse {
  const compact = packet.subarray(ANNOUNCE_RESPONSE_LENGTH);
  const endpoints = family === "ipv4" ? parseCompactIpv4(compact) : parseCompactIpv6(compact);
  if (endpoints === undefined) throw new TrackerError("malformed", "its list of peers is broken");
  return {
    intervalMs: intervalMsFrom(getUint32(packet, 8)),
    minIntervalMs: undefined,
    leechers: getUint32(packet, 12),
    seeders: getUint32(packet, 16),
    endpoints: endpoints.slice(0, MAX_PEERS_PER_RESPONSE),
    warning: undefined,
    trackerId: undefined,
    externalAddress: undefined,
  };
}

/** A client's packet; undefined for whatever is none. Options (BEP 41) are not looked at. */
export function parseUdpRequest(packet: Uint8Array): UdpRequest | undefined {
  if (packet.length < CONNECT_LENGTH) return undefined;
  const transactionId = getUint32(packet, 12);
  const connectionId = packet.subarray(0, CONNECTION_ID_LENGTH);
  switch (getUint32(packet, 8)) {
    case ACTION_CONNECT: {
      const isOurs = getUint32(packet, 0) === PROTOCOL_ID_HIGH &&
        getUint32(packet, 4) === PROTOCOL_ID_LOW;
      return isOurs ? { kind: "connect", transactionId } : undefined;
    }
    case ACTION_ANNOUNCE: {
      const announce = parseAnnounce(packet);
      return announce && { kind: "announce", transactionId, connectionId, announce };
    }
    case ACTION_SCRAPE: {
      const infoHashes = parseScraped(packet.subarray(CONNECT_LENGTH));
      return infoHashes && { kind: "scrape", transactionId, connectionId, infoHashes };
    }
    default:
      return undefined;
  }
}

function parseAnnounce(packet: Uint8Array): ReceivedAnnounce | undefined {
  if (packet.length < ANNOUNCE_REQUEST_LENGTH) return undefined;
  const event = getUint32(packet, 80);
  if (event >= EVENTS.length) return undefined;
  // -1, "as you like", is the largest unsigned number.
  const numWant = getUint32(packet, 92);
  return {
    infoHash: packet.subarray(16, 36),
    peerId: packet.subarray(36, 56),
    isSeeder: getUint32(packet, 64) === 0 && getUint32(packet, 68) === 0,
    event: EVENTS[event],
    numWant: numWant < 2 ** 31 ? numWant : undefined,
    port: getUint16(packet, 96),
  };
}

function parseScraped(hashes: Uint8Array): Uint8Array[] | undefined {
  const count = hashes.length / HASH_LENGTH;
  if (!Number.isInteger(count) || count < 1 || count > MAX_SCRAPED) return undefined;
  return Array.from(
    { length: count },
    (_, index) => hashes.subarray(index * HASH_LENGTH, (index + 1) * HASH_LENGTH),
  );
}

export function encodeConnectResponse(transactionId: number, connectionId: Uint8Array): Bytes {
  return concatBytes(responseHeader(ACTION_CONNECT, transactionId), connectionId);
}

/** Endpoints must be addresses, all of the family that the client asked over. */
export function encodeUdpAnnounceResponse(
  transactionId: number,
  answer: { intervalMs: number; counts: SwarmCounts; endpoints: readonly Endpoint[] },
): Bytes {
  const counts = new Uint8Array(ANNOUNCE_RESPONSE_LENGTH - RESPONSE_HEADER_LENGTH);
  putUint32(counts, 0, Math.ceil(answer.intervalMs / 1000));
  putUint32(counts, 4, answer.counts.leechers);
  putUint32(counts, 8, answer.counts.seeders);
  return concatBytes(
    responseHeader(ACTION_ANNOUNCE, transactionId),
    counts,
    ...answer.endpoints.map(toCompact),
  );
}

/** Counts in the order of the request. */
export function encodeUdpScrapeResponse(
  transactionId: number,
  torrents: readonly SwarmCounts[],
): Bytes {
  const counts = new Uint8Array(torrents.length * SCRAPE_COUNTS_LENGTH);
  for (const [index, { seeders, downloaded, leechers }] of torrents.entries()) {
    putUint32(counts, index * SCRAPE_COUNTS_LENGTH, seeders);
    putUint32(counts, index * SCRAPE_COUNTS_LENGTH + 4, downloaded);
    putUint32(counts, index * SCRAPE_COUNTS_LENGTH + 8, leechers);
  }
  return concatBytes(responseHeader(ACTION_SCRAPE, transactionId), counts);
}

export function encodeUdpError(transactionId: number, message: string): Bytes {
  return concatBytes(
    responseHeader(ACTION_ERROR, transactionId),
    new TextEncoder().encode(message),
  );
}

function responseHeader(action: number, transactionId: number): Bytes {
  const header = new Uint8Array(RESPONSE_HEADER_LENGTH);
  putUint32(header, 0, action);
  putUint32(header, 4, transactionId);
  return header;
}

/** A count of bytes, 64 bits. */
function putCount(packet: Uint8Array, offset: number, count: number): void {
  assert(Number.isSafeInteger(count) && count >= 0);
  putUint32(packet, offset, Math.floor(count / 2 ** 32));
  putUint32(packet, offset + 4, count % 2 ** 32);
}
