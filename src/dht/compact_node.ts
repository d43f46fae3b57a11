/** Nodes as they are written in messages and files: id, address and port (BEP 5, BEP 32). */
import { assert } from "../base/assert.ts";
import { type Bytes, getUint16 } from "../base/bytes.ts";
import { type Endpoint, formatAddress, type IpFamily, toCompact } from "../base/endpoint.ts";
import { HASH_LENGTH, type NodeId } from "../base/ids.ts";

/** A node of the DHT, as others name it. The endpoint's host is an address. */
export interface NodeInfo {
  readonly id: NodeId;
  readonly endpoint: Endpoint;
}

/** Bytes of one node: 20 of id, 4 or 16 of address, 2 of port. */
const COMPACT_NODE_LENGTH: Readonly<Record<IpFamily, number>> = { ipv4: 26, ipv6: 38 };

/**
 * The first `maxCount` nodes that `bytes` consists of, without those of port 0, which cannot be;
 * undefined when the length is not that of whole nodes (hostile-inputs H6).
 */
export function parseCompactNodes(
  bytes: Uint8Array,
  family: IpFamily,
  maxCount: number,
): NodeInfo[] | undefined {
  const stride = COMPACT_NODE_LENGTH[family];
  if (bytes.length % stride !== 0) return undefined;
  const nodes: NodeInfo[] = [];
  const end = Math.min(bytes.length, maxCount * stride);
  for (let start = 0; start < end; start += stride) {
    const addressStart = start + HASH_LENGTH, portStart = start + stride - 2;
    const port = getUint16(bytes, portStart);
    const host = formatAddress(bytes.subarray(addressStart, portStart));
    if (port === 0 || host === undefined) continue;
    nodes.push({ id: bytes.slice(start, addressStart) as NodeId, endpoint: { host, port } });
  }
  return nodes;
}

/** The compact form of nodes, which must all be of this family. */
export function toCompactNodes(nodes: readonly NodeInfo[], family: IpFamily): Bytes {
  const stride = COMPACT_NODE_LENGTH[family];
  const bytes = new Uint8Array(nodes.length * stride);
  for (const [index, { id, endpoint }] of nodes.entries()) {
    const compact = toCompact(endpoint);
    assert(compact.length === stride - HASH_LENGTH, "a node of the other family");
    bytes.set(id, index * stride);
    bytes.set(compact, index * stride + HASH_LENGTH);
  }
  return bytes;
}
