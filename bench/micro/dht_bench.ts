/**
 * What a datagram at the DHT's port costs before it is answered or dropped: floods are read as
 * fast as they are allowed to come, so each line must stay at a few microseconds.
 */
import { SeededRandom } from "../../src/base/ambient.ts";
import type { InfoHash, NodeId } from "../../src/base/ids.ts";
import { type KrpcQuery, type KrpcResponse, parseKrpc } from "../../src/dht/krpc.ts";
import { encodeQuery, encodeResponse } from "../../src/dht/krpc_encoder.ts";
import { createNodeId, randomIdBeside } from "../../src/dht/node_id.ts";
import { RoutingTable } from "../../src/dht/routing_table.ts";
import { Throttle } from "../../src/dht/throttle.ts";
import { encode } from "../../src/metainfo/bencode_encoder.ts";

const random = new SeededRandom(1);
const anyId = () => createNodeId(undefined, random);
const transaction = random.bytes(4);

const query: KrpcQuery = {
  kind: "query",
  transaction,
  id: anyId(),
  isReadOnly: false,
  method: "get_peers",
  infoHash: random.bytes(20) as InfoHash,
  want: ["ipv4", "ipv6"],
  withoutSeeds: false,
};
const response: KrpcResponse = {
  kind: "response",
  transaction,
  id: anyId(),
  nodes: Array.from({ length: 8 }, (_, index) => nodeAt(anyId(), index)),
  values: [],
  token: random.bytes(8),
  observed: { host: "1.2.3.4", port: 5 },
};
const values = Array.from({ length: 90 }, (_, index) => ({ host: `9.9.${index}.9`, port: 6881 }));

const datagrams: Readonly<Record<string, Uint8Array>> = {
  "a query": encodeQuery(query),
  "an answer with 8 nodes": encodeResponse(response),
  "an answer with 8 nodes and 90 peers": encodeResponse({ ...response, values }),
  "noise": random.bytes(300),
  "bencode that breaks off": new TextEncoder().encode("d1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:q9:e"),
  "490 values in a list": encode({ a: new Array(490).fill(0) }),
};

for (const [name, bytes] of Object.entries(datagrams)) {
  Deno.bench(`parseKrpc: ${name}`, () => {
    parseKrpc(bytes);
  });
}

const throttle = new Throttle();
const senders = Array.from({ length: 1_024 }, (_, index) => nodeAt(anyId(), index).endpoint);
let turn = 0;

Deno.bench("Throttle: one of many senders", () => {
  throttle.allows(senders[turn++ % senders.length]!, 0);
});

const ownId = anyId();
const table = new RoutingTable({ ownId, family: "ipv4", random });
for (let index = 0; index < 2_000; index++) {
  table.seen(nodeAt(randomIdBeside(ownId, random.below(12), random), index), 0);
}
const targets = Array.from({ length: 64 }, anyId);

Deno.bench(`RoutingTable.closest: 8 of ${table.size} nodes`, () => {
  table.closest(targets[turn++ % targets.length]!, 8);
});

function nodeAt(id: NodeId, index: number) {
  return { id, endpoint: { host: `8.${index >> 8}.${index & 255}.8`, port: 6881 } };
}
