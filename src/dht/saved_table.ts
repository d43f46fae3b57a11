/**
 * What a run leaves to the next one, so that it needs no bootstrap: a bencoded dictionary and its
 * SHA-1, so that a torn or altered file is known as such (hostile-inputs H11). Pure.
 */
import { sha1 } from "@noble/hashes/legacy.js";
import { type Bytes, concatBytes, equalBytes } from "../base/bytes.ts";
import { addressBytes, familyOf, formatAddress, type IpFamily } from "../base/endpoint.ts";
import { HASH_LENGTH, type NodeId } from "../base/ids.ts";
import {
  type BencodeDictionary,
  bytesIn,
  decodeDictionary,
  integerIn,
  textIn,
} from "../metainfo/bencode.ts";
import { encode } from "../metainfo/bencode_encoder.ts";
import { type NodeInfo, parseCompactNodes, toCompactNodes } from "./compact_node.ts";

const FORMAT = "starling-dht";
const VERSION = 1;

/** Of each family: more than a routing table holds in practice. */
const MAX_NODES_OF_FAMILY = 500;
/** Two families of 500 nodes, and what is around them. */
export const MAX_SAVED_TABLE_LENGTH = 40_000;
const LIMITS = { maxDepth: 2, maxTokens: 50 };
/** After so long hardly a node is where it was, and our own address is another one. */
const MAX_AGE_MS = 30 * 24 * 60 * 60_000;

export interface SavedTable {
  readonly ownId: NodeId;
  /** Of both families, those worth asking first first; what is too much is left out. */
  readonly nodes: readonly NodeInfo[];
  /** Our own address on the internet, if it was known. */
  readonly externalHost: string | undefined;
  /** By the calendar, in milliseconds since 1970. */
  readonly savedAtMs: number;
}

export function encodeSavedTable({ ownId, nodes, externalHost, savedAtMs }: SavedTable): Bytes {
  const body = encode({
    format: FORMAT,
    version: VERSION,
    id: ownId,
    ip: externalHost === undefined ? undefined : addressBytes(externalHost),
    nodes: compactNodes(nodes, "ipv4"),
    nodes6: compactNodes(nodes, "ipv6"),
    saved: Math.trunc(savedAtMs),
  });
  return concatBytes(body, sha1(body));
}

/** Undefined when the bytes are damaged, not understood, or older than 30 days at `nowMs`. */
export function parseSavedTable(bytes: Uint8Array, nowMs: number): SavedTable | undefined {
  if (bytes.length > MAX_SAVED_TABLE_LENGTH) return undefined;
  const body = bytes.subarray(0, -HASH_LENGTH);
  if (!equalBytes(sha1(body), bytes.subarray(-HASH_LENGTH))) return undefined;
  const fields = decodeDictionary(body, LIMITS);
  if (fields === undefined || textIn(fields, "format") !== FORMAT) return undefined;
  const ownId = bytesIn(fields, "id"), savedAtMs = integerIn(fields, "saved");
  const nodes = nodesIn(fields, "nodes", "ipv4"), nodes6 = nodesIn(fields, "nodes6", "ipv6");
  if (integerIn(fields, "version") !== VERSION || ownId?.length !== HASH_LENGTH) return undefined;
  if (savedAtMs === undefined || nodes === undefined || nodes6 === undefined) return undefined;
  if (savedAtMs < nowMs - MAX_AGE_MS) return undefined;
  const address = bytesIn(fields, "ip");
  return {
    ownId: ownId.slice() as NodeId,
    nodes: [...nodes, ...nodes6],
    externalHost: address && formatAddress(address),
    savedAtMs,
  };
}

function compactNodes(nodes: readonly NodeInfo[], family: IpFamily): Bytes {
  const ofFamily = nodes.filter(({ endpoint }) => familyOf(endpoint.host) === family);
  return toCompactNodes(ofFamily.slice(0, MAX_NODES_OF_FAMILY), family);
}

function nodesIn(fields: BencodeDictionary, key: string, family: IpFamily): NodeInfo[] | undefined {
  const bytes = bytesIn(fields, key);
  return bytes && parseCompactNodes(bytes, family, MAX_NODES_OF_FAMILY);
}
