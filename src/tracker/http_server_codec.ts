/** A tracker's side of HTTP: the queries of clients and the answers (BEP 3, 7, 23, 24, 48). */
import { type Bytes, concatBytes } from "../base/bytes.ts";
import { addressBytes, familyOf, MAX_PORT, toCompact } from "../base/endpoint.ts";
import { HASH_LENGTH } from "../base/ids.ts";
import { encode } from "../metainfo/bencode_encoder.ts";
import type { AnnounceEvent, KnownPeer, ReceivedAnnounce, SwarmCounts } from "./announce.ts";

/** An announce, and the form of answer that it asks for. */
export interface HttpAnnounce extends ReceivedAnnounce {
  readonly isCompact: boolean;
  /** Peer ids are wanted in the long form. */
  readonly wantsPeerIds: boolean;
}

/** A query that cannot be answered; `message` is for the client. */
export class QueryError extends Error {
  override readonly name = "QueryError";
}

const MAX_QUERY_LENGTH = 4_096;
const MAX_PARAMETERS = 128;
/** Torrents in one scrape, as many as over UDP. */
const MAX_SCRAPED = 74;
const PERCENT = 0x25;

/** The query of an announce, without its `?`. Throws QueryError. */
export function parseAnnounceQuery(query: string): HttpAnnounce {
  const parameters = parseQuery(query);
  const one = (name: string) => parameters.get(name)?.[0];
  return {
    infoHash: hashFrom("info_hash", one("info_hash")),
    peerId: hashFrom("peer_id", one("peer_id")),
    port: portFrom(one("port")),
    // A client that does not say has something left.
    isSeeder: one("left") === "0",
    event: eventFrom(one("event")),
    numWant: numWantFrom(one("numwant")),
    isCompact: one("compact") !== "0",
    wantsPeerIds: one("no_peer_id") !== "1",
  };
}

/** The info-hashes of a scrape, at least one, each once. Throws QueryError. */
export function parseScrapeQuery(query: string): Bytes[] {
  const hashes = parseQuery(query).get("info_hash") ?? [];
  if (hashes.length === 0) throw new QueryError("info_hash is missing");
  if (hashes.length > MAX_SCRAPED) throw new QueryError(`more than ${MAX_SCRAPED} info_hash`);
  const unique = new Map<string, Bytes>();
  for (const text of hashes) {
    const hash = hashFrom("info_hash", text);
    unique.set(hash.toHex(), hash);
  }
  return [...unique.values()];
}

/** Values by name, still percent-encoded. */
function parseQuery(query: string): Map<string, string[]> {
  if (query.length > MAX_QUERY_LENGTH) throw new QueryError("the query is too long");
  const parameters = new Map<string, string[]>();
  for (const parameter of query.split("&", MAX_PARAMETERS)) {
    const equals = parameter.indexOf("=");
    if (equals === -1) continue;
    const name = parameter.slice(0, equals), value = parameter.slice(equals + 1);
    const values = parameters.get(name);
    if (values === undefined) parameters.set(name, [value]);
    else values.push(value);
  }
  return parameters;
}

function hashFrom(name: string, value: string | undefined): Bytes {
  const bytes = value === undefined ? undefined : percentDecode(value);
  if (bytes?.length !== HASH_LENGTH) {
    throw new QueryError(`${name} is not ${HASH_LENGTH} percent-encoded bytes`);
  }
  return bytes;
}

function portFrom(value: string | undefined): number {
  const port = /^\d{1,5}$/.test(value ?? "") ? Number(value) : 0;
  if (port < 1 || port > MAX_PORT) throw new QueryError("port is not a number from 1 to 65535");
  return port;
}

function eventFrom(value: string | undefined): AnnounceEvent | undefined {
  switch (value) {
    case "started":
    case "completed":
    case "stopped":
      return value;
    default:
      return undefined;
  }
}

function numWantFrom(value: string | undefined): number | undefined {
  return /^\d{1,9}$/.test(value ?? "") ? Number(value) : undefined;
}

/** Bytes of a percent-encoded text; undefined when an escape is broken or a character no byte. */
function percentDecode(text: string): Bytes | undefined {
  const bytes = new Uint8Array(text.length);
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    let byte = text.charCodeAt(i);
    if (byte === PERCENT) {
      const escape = text.slice(i + 1, i + 3);
      if (!/^[0-9a-fA-F]{2}$/.test(escape)) return undefined;
      byte = parseInt(escape, 16);
      i += 2;
    }
    if (byte > 255) return undefined;
    bytes[length++] = byte;
  }
  return bytes.slice(0, length);
}

/** The answer to an announce; `peers` are addresses of the family that the client came over. */
export function encodeHttpAnnounceResponse(
  { isCompact, wantsPeerIds }: HttpAnnounce,
  answer: {
    intervalMs: number;
    counts: SwarmCounts;
    peers: readonly KnownPeer[];
    clientAddress: string;
  },
): Bytes {
  const { counts: { seeders, leechers, downloaded }, peers, clientAddress } = answer;
  const isIpv6 = familyOf(clientAddress) === "ipv6";
  const list = isCompact
    ? concatBytes(...peers.map(({ endpoint }) => toCompact(endpoint)))
    : peers.map(({ peerId, endpoint: { host, port } }) => ({
      "peer id": wantsPeerIds ? peerId : undefined,
      ip: host,
      port,
    }));
  return encode({
    interval: Math.ceil(answer.intervalMs / 1000),
    complete: seeders,
    incomplete: leechers,
    downloaded,
    "external ip": addressBytes(clientAddress),
    // `peers` stands in every answer: old clients take its absence for an error.
    peers: isCompact && isIpv6 ? new Uint8Array(0) : list,
    peers6: isCompact && isIpv6 ? list : undefined,
  });
}

/** The answer to a scrape (BEP 48); unknown torrents are simply not there. */
export function encodeHttpScrapeResponse(
  torrents: readonly { readonly infoHash: Uint8Array; readonly counts: SwarmCounts }[],
): Bytes {
  const files = new Map(
    torrents.map(({ infoHash, counts: { seeders, downloaded, leechers } }) => [
      infoHash,
      { complete: seeders, downloaded, incomplete: leechers },
    ]),
  );
  return encode({ files });
}

/** Any answer that is none. */
export function encodeHttpFailure(message: string): Bytes {
  return encode({ "failure reason": message });
}
