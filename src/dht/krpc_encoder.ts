/** The messages of the DHT, into bytes (BEP 5, 32, 33, 42, 43): the other half of `krpc.ts`. */
import type { Bytes } from "../base/bytes.ts";
import { familyOf, type IpFamily, toCompact } from "../base/endpoint.ts";
import { type EncodableRecord, encode } from "../metainfo/bencode_encoder.ts";
import { type NodeInfo, toCompactNodes } from "./compact_node.ts";
import {
  type KrpcCall,
  type KrpcError,
  type KrpcQuery,
  type KrpcResponse,
  type Want,
  WANT_OF_FAMILY,
} from "./krpc.ts";

/**
 * The most peers in one answer: with 8 nodes of each family beside them it has less than 1,400
 * bytes, and fits one packet on any path (hostile-inputs H9).
 */
export const MAX_REPLY_VALUES: Readonly<Record<IpFamily, number>> = { ipv4: 90, ipv6: 32 };

/** Leaves out what says no more than its absence. */
export function encodeQuery(query: KrpcQuery): Bytes {
  return encode({
    a: { id: query.id, ...callFields(query) },
    q: query.method,
    ro: query.isReadOnly ? 1 : undefined,
    t: query.transaction,
    y: "q",
  });
}

function callFields(call: KrpcCall): EncodableRecord {
  switch (call.method) {
    case "ping":
      return {};
    case "find_node":
      return { target: call.target, want: wantField(call.want) };
    case "get_peers":
      return {
        info_hash: call.infoHash,
        want: wantField(call.want),
        noseed: call.withoutSeeds ? 1 : undefined,
      };
    case "announce_peer":
      return {
        info_hash: call.infoHash,
        token: call.token,
        implied_port: call.port === undefined ? 1 : undefined,
        port: call.port ?? 0,
        seed: call.isSeed ? 1 : undefined,
      };
  }
}

function wantField(want: Want): string[] | undefined {
  return want?.map((family) => WANT_OF_FAMILY[family]);
}

/** All hosts in it must be addresses. `observed` is who asked, as BEP 42 wants it told. */
export function encodeResponse(response: KrpcResponse): Bytes {
  return encode({
    ip: response.observed && toCompact(response.observed),
    r: {
      id: response.id,
      nodes: nodesField(response.nodes, "ipv4"),
      nodes6: nodesField(response.nodes, "ipv6"),
      token: response.token,
      values: response.values.length === 0 ? undefined : response.values.map(toCompact),
    },
    t: response.transaction,
    y: "r",
  });
}

function nodesField(nodes: readonly NodeInfo[], family: IpFamily): Bytes | undefined {
  const ofFamily = nodes.filter(({ endpoint }) => familyOf(endpoint.host) === family);
  return ofFamily.length === 0 ? undefined : toCompactNodes(ofFamily, family);
}

/** A refusal; a `KrpcBadQuery` says all that is needed. */
export function encodeError({ transaction, code, text }: Omit<KrpcError, "kind">): Bytes {
  return encode({ e: [code, text], t: transaction, y: "e" });
}
