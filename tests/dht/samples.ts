/** What the tests of the DHT are made of. */
import fc from "fast-check";
import { type Endpoint, formatAddress } from "../../src/base/endpoint.ts";
import type { InfoHash, NodeId } from "../../src/base/ids.ts";
import type { NodeInfo } from "../../src/dht/compact_node.ts";

/** An id that begins with these bytes. */
export function idOf(...start: readonly number[]): NodeId {
  const id = new Uint8Array(20);
  id.set(start);
  return id as NodeId;
}

export function idFromHex(hex: string): NodeId {
  return Uint8Array.fromHex(hex) as NodeId;
}

export function hashOf(byte: number): InfoHash {
  return new Uint8Array(20).fill(byte) as InfoHash;
}

export function nodeOf(id: NodeId, host: string, port = 6881): NodeInfo {
  return { id, endpoint: { host, port } };
}

/** With the prototype of ordinary objects, so that they equal such. */
export function record<Fields>(
  fields: { [Key in keyof Fields]: fc.Arbitrary<Fields[Key]> },
): fc.Arbitrary<Fields> {
  return fc.record<Fields>(fields, { noNullPrototype: true });
}

const bytes20 = fc.uint8Array({ minLength: 20, maxLength: 20 })
  .map((bytes) => Uint8Array.from(bytes));

export const anyId = bytes20.map((bytes) => bytes as NodeId);
export const anyHash = bytes20.map((bytes) => bytes as InfoHash);

const port = fc.integer({ min: 1, max: 65_535 });

export const anyIpv4Endpoint: fc.Arbitrary<Endpoint> = record({ host: fc.ipV4(), port });

/** Not v4-mapped: those are read as what they stand for. */
export const anyIpv6Endpoint: fc.Arbitrary<Endpoint> = record({
  host: fc.uint8Array({ minLength: 16, maxLength: 16 })
    .map((bytes) => formatAddress(bytes)!).filter((host) => host.includes(":")),
  port,
});

export function anyNode(endpoint: fc.Arbitrary<Endpoint>): fc.Arbitrary<NodeInfo> {
  return record({ id: anyId, endpoint });
}
