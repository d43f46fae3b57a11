/**
 * The datagrams of local service discovery (BEP 14): a text like an HTTP request, which says
 * that its sender has or wants some torrents and where it listens.
 */
import { type Endpoint, formatEndpoint, MAX_PORT } from "../base/endpoint.ts";
import { HASH_LENGTH, type InfoHash } from "../base/ids.ts";

/** Bytes of a datagram of ours, so that it fits into one packet (BEP 14). */
const MAX_ANNOUNCEMENT_LENGTH = 1_400;
/** Bytes of a datagram that is looked at, a whole packet of an Ethernet. */
export const MAX_DATAGRAM_LENGTH = 1_500;
const MAX_COOKIE_LENGTH = 64;

const REQUEST_LINE = /^BT-SEARCH \* HTTP\/1\.[01]$/;
const LINE_END = "\r\n";

export interface Announcement {
  /** Where the sender takes connections, 1 to 65535. */
  readonly port: number;
  /** One or more. */
  readonly infoHashes: readonly InfoHash[];
  /** What its sender knows its own announcements by. */
  readonly cookie: string | undefined;
}

/**
 * What a datagram announces; undefined for anything else. Info-hashes that are none are left
 * out, as are those of other lengths: others may have newer ones.
 */
export function parseAnnouncement(datagram: Uint8Array): Announcement | undefined {
  if (datagram.length > MAX_DATAGRAM_LENGTH) return undefined;
  const [requestLine, ...lines] = asLatin1(datagram).split(/\r?\n/);
  if (!REQUEST_LINE.test(requestLine!)) return undefined;
  let port: number | undefined, cookie: string | undefined;
  const infoHashes = new Map<string, InfoHash>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const value = line.slice(colon + 1).trim();
    switch (line.slice(0, Math.max(0, colon)).toLowerCase()) {
      case "port":
        // Two ports are no port: whom would we call?
        if (port !== undefined || !/^\d{1,5}$/.test(value)) return undefined;
        port = Number(value);
        break;
      case "infohash":
        if (isInfoHash(value)) infoHashes.set(value.toLowerCase(), infoHashFrom(value));
        break;
      case "cookie":
        if (value.length <= MAX_COOKIE_LENGTH) cookie = value;
        break;
    }
  }
  if (port === undefined || port < 1 || port > MAX_PORT || infoHashes.size === 0) return undefined;
  return { port, infoHashes: [...infoHashes.values()], cookie };
}

/** Announcements to `group` of any number of torrents, as few datagrams as can be. */
export function encodeAnnouncements(
  { port, infoHashes, cookie }: Announcement & { readonly cookie: string },
  group: Endpoint,
): Uint8Array[] {
  const head = ["BT-SEARCH * HTTP/1.1", `Host: ${formatEndpoint(group)}`, `Port: ${port}`];
  const tail = [`cookie: ${cookie}`, "", "", ""];
  const frame = [...head, ...tail].join(LINE_END).length + LINE_END.length;
  const lines = infoHashes.map((infoHash) => `Infohash: ${infoHash.toHex()}`);
  const lineLength = LINE_END.length + (lines[0]?.length ?? 0);
  const linesEach = Math.floor((MAX_ANNOUNCEMENT_LENGTH - frame) / lineLength);
  const datagrams: Uint8Array[] = [];
  for (let first = 0; first < lines.length; first += linesEach) {
    const text = [...head, ...lines.slice(first, first + linesEach), ...tail].join(LINE_END);
    datagrams.push(new TextEncoder().encode(text));
  }
  return datagrams;
}

function isInfoHash(text: string): boolean {
  return text.length === 2 * HASH_LENGTH && /^[\da-f]+$/i.test(text);
}

function infoHashFrom(hex: string): InfoHash {
  return Uint8Array.fromHex(hex) as InfoHash;
}

/** Each byte a character: whatever comes in has as many of them as it has bytes. */
function asLatin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
