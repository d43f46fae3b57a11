/** The messages in which peers name peers: `ut_pex` (BEP 11). */
import { assert } from "../base/assert.ts";
import { type Bytes, concatBytes } from "../base/bytes.ts";
import {
  addressBytes,
  type Endpoint,
  parseCompactIpv4,
  parseCompactIpv6,
  toCompact,
} from "../base/endpoint.ts";
import { ProtocolError } from "../base/errors.ts";
import { bytesIn } from "../metainfo/bencode.ts";
import { encode } from "../metainfo/bencode_encoder.ts";
import { decodeExtension } from "./extension.ts";

/** Peers that one message may add, and as many that it may drop; we read no more of theirs. */
export const MAX_PEX_PEERS = 50;

/** In bytes, as libtorrent: nobody honest comes near (P29). */
const MAX_PAYLOAD_LENGTH = 500 * 1024;
const BENCODE_LIMITS = { maxDepth: 10, maxTokens: 500 };

const IPV4_LENGTH = 4;

/** What a message says of a peer that it adds, as bits. */
export const PexFlag = {
  prefersEncryption: 0x01,
  /** It wants nothing, a partial seed too. */
  uploadOnly: 0x02,
  utp: 0x04,
  holepunch: 0x08,
  /** The sender has dialled it, and it answered. */
  reachable: 0x10,
} as const;

/** A peer that another peer knows. */
export interface PexPeer {
  readonly endpoint: Endpoint;
  /** Bits of PexFlag; a peer's claim may have others too. */
  readonly flags: number;
}

/** Whom the sender is connected with, as a change of what it said before. */
export interface PexMessage {
  /** At most MAX_PEX_PEERS, as `dropped`. */
  readonly added: readonly PexPeer[];
  readonly dropped: readonly Endpoint[];
}

/** The payload of a message; hosts are addresses. */
export function encodePex({ added, dropped }: PexMessage): Bytes {
  assert(added.length <= MAX_PEX_PEERS && dropped.length <= MAX_PEX_PEERS);
  const added4 = added.filter(({ endpoint }) => isIpv4(endpoint));
  const added6 = added.filter(({ endpoint }) => !isIpv4(endpoint));
  return encode({
    added: compact(added4.map(({ endpoint }) => endpoint)),
    "added.f": Uint8Array.from(added4, ({ flags }) => flags),
    added6: compact(added6.map(({ endpoint }) => endpoint)),
    "added6.f": Uint8Array.from(added6, ({ flags }) => flags),
    dropped: compact(dropped.filter(isIpv4)),
    dropped6: compact(dropped.filter((endpoint) => !isIpv4(endpoint))),
  });
}

/**
 * What a peer's message says. Throws ProtocolError: "message-too-large", or "malformed-message"
 * when it is no dictionary. Lists of a wrong length are ignored, and so are flags that are not one for each peer (P29).
 */
export function parsePex(payload: Uint8Array): PexMessage {
  if (payload.length > MAX_PAYLOAD_LENGTH) {
    throw new ProtocolError(
      "message-too-large",
      `Cannot use the peer: its list of peers is of ${payload.length} bytes`,
    );
  }
  const dictionary = decodeExtension(payload, "list of peers", BENCODE_LIMITS);
  const field = (name: string) => bytesIn(dictionary, name);
  const dropped = parsePeers(field("dropped"), undefined, IPV4);
  const dropped6 = parsePeers(field("dropped6"), undefined, IPV6);
  return {
    added: share(
      parsePeers(field("added"), field("added.f"), IPV4),
      parsePeers(field("added6"), field("added6.f"), IPV6),
    ),
    dropped: share(dropped, dropped6).map(({ endpoint }) => endpoint),
  };
}

interface Family {
  /** Bytes of a compact endpoint. */
  readonly length: number;
  readonly parse: (bytes: Uint8Array) => Endpoint[] | undefined;
}

const IPV4: Family = { length: 6, parse: parseCompactIpv4 };
const IPV6: Family = { length: 18, parse: parseCompactIpv6 };

/** One at a time: a group of port 0 is no endpoint, and must not shift the flags of the others. */
function parsePeers(
  bytes: Uint8Array | undefined,
  flags: Uint8Array | undefined,
  { length, parse }: Family,
): PexPeer[] {
  if (bytes === undefined || bytes.length % length !== 0) return [];
  const count = bytes.length / length;
  const areFlagsUsable = flags?.length === count;
  const peers: PexPeer[] = [];
  for (let index = 0; index < count && peers.length < MAX_PEX_PEERS; index++) {
    const [endpoint] = parse(bytes.subarray(index * length, (index + 1) * length)) ?? [];
    if (endpoint === undefined) continue;
    peers.push({ endpoint, flags: areFlagsUsable ? flags[index]! : 0 });
  }
  return peers;
}

/** As many as one message may name: when there are too many, half of them of each family. */
function share<Item>(ipv4: readonly Item[], ipv6: readonly Item[]): Item[] {
  const half = MAX_PEX_PEERS / 2;
  const ipv6Count = Math.min(ipv6.length, Math.max(half, MAX_PEX_PEERS - ipv4.length));
  return [...ipv4.slice(0, MAX_PEX_PEERS - ipv6Count), ...ipv6.slice(0, ipv6Count)];
}

function isIpv4({ host }: Endpoint): boolean {
  return addressBytes(host)?.length === IPV4_LENGTH;
}

function compact(endpoints: readonly Endpoint[]): Bytes {
  return concatBytes(...endpoints.map(toCompact));
}
