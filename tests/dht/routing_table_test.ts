import { deepStrictEqual, equal, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { SeededRandom } from "../../src/base/ambient.ts";
import { formatEndpoint } from "../../src/base/endpoint.ts";
import type { NodeId } from "../../src/base/ids.ts";
import type { NodeInfo } from "../../src/dht/compact_node.ts";
import {
  commonPrefixLength,
  compareDistance,
  createNodeId,
  randomIdBeside,
} from "../../src/dht/node_id.ts";
import { RoutingTable } from "../../src/dht/routing_table.ts";
import { idOf, nodeOf } from "./samples.ts";

const MINUTE = 60_000;
const OWN = idOf();

function tableOf(nodes: readonly NodeInfo[] = [], ownId = OWN): RoutingTable {
  const table = new RoutingTable({ ownId, family: "ipv4", random: new SeededRandom(1) });
  for (const node of nodes) table.seen(node, 0);
  return table;
}

/** Nodes that share `prefixLength` bits with our id, on this machine, where no limits hold. */
function localNodes(count: number, prefixLength: number, firstPort = 1000): NodeInfo[] {
  const random = new SeededRandom(firstPort + prefixLength);
  return Array.from(
    { length: count },
    (_, index) => nodeOf(randomIdBeside(OWN, prefixLength, random), "127.0.0.1", firstPort + index),
  );
}

function keys(nodes: readonly NodeInfo[]): string[] {
  return nodes.map(({ endpoint }) => formatEndpoint(endpoint)).toSorted();
}

Deno.test("seen() keeps more nodes far from our id than near it", () => {
  for (const [prefixLength, expected] of [[0, 128], [1, 64], [3, 16], [4, 8], [32, 8], [159, 1]]) {
    const table = tableOf(localNodes(200, prefixLength!).slice(0, prefixLength === 159 ? 1 : 200));
    equal(table.size, expected, `prefix of ${prefixLength}`);
  }
});

Deno.test("seen() never takes our own id", () => {
  const table = tableOf([nodeOf(OWN, "127.0.0.1")]);
  equal(table.size, 0);
  equal(table.isWanted(nodeOf(OWN, "127.0.0.1")), false);
});

Deno.test("seen() treats a node of the other family as our bug", () => {
  throws(() => tableOf([nodeOf(idOf(1), "::1")]));
});

Deno.test("closest() gives what sorting all nodes by distance would give", () => {
  const random = new SeededRandom(7);
  const ownId = createNodeId(undefined, random);
  const nodes = Array.from({ length: 400 }, (_, index) => {
    const id = index % 3 === 0
      ? createNodeId(undefined, random)
      : randomIdBeside(ownId, random.below(20), random);
    return nodeOf(id, "127.0.0.1", 1000 + index);
  });
  const table = tableOf(nodes, ownId);
  const kept = table.nodes();
  ok(kept.length > 150);
  const anyTarget = fc.oneof(
    fc.constant(ownId),
    fc.integer().map((seed) => createNodeId(undefined, new SeededRandom(seed))),
    fc.nat(24).map((prefixLength) => randomIdBeside(ownId, prefixLength, random)),
    fc.constantFrom(...kept).map(({ id }) => id),
  );
  fc.assert(fc.property(anyTarget, fc.integer({ min: 1, max: 30 }), (target, count) => {
    const sorted = kept.toSorted((a, b) => compareDistance(target, a.id, b.id));
    deepStrictEqual(table.closest(target, count), sorted.slice(0, count));
  }));
});

Deno.test("closest() gives nodes that have missed two queries only when there are no others", () => {
  const [near, far] = [nodeOf(idOf(1), "127.0.0.1", 1), nodeOf(idOf(2), "127.0.0.1", 2)];
  const table = tableOf([near, far]);
  table.failed(near, 1);
  deepStrictEqual(table.closest(OWN, 1), [near]);
  table.failed(near, 2);
  deepStrictEqual(table.closest(OWN, 8), [far]);
  table.failed(far, 1);
  table.failed(far, 2);
  deepStrictEqual(table.closest(OWN, 8), [near, far]);
  table.seen(near, 3);
  deepStrictEqual(table.closest(OWN, 8), [near]);
});

Deno.test("H7 seen() takes one node of an address and one of a network in a bucket", () => {
  const table = tableOf([
    nodeOf(idOf(0x80), "8.8.8.8", 1),
    nodeOf(idOf(0x81), "8.8.8.8", 2), // The same address.
    nodeOf(idOf(0x01), "8.8.8.8", 3), // And in another bucket.
    nodeOf(idOf(0x82), "8.8.8.9", 4), // The same network.
    nodeOf(idOf(0x02), "8.8.8.10", 5), // The same network, in another bucket: fine.
    nodeOf(idOf(0x83), "8.8.9.8", 6),
  ]);
  deepStrictEqual(keys(table.nodes()), ["8.8.8.10:5", "8.8.8.8:1", "8.8.9.8:6"]);
});

Deno.test("H7 seen() counts the 64 bits of an IPv6 network as one", () => {
  const table = new RoutingTable({ ownId: OWN, family: "ipv6", random: new SeededRandom(1) });
  for (const host of ["2001:db8:1:1::1", "2001:db8:1:1::2", "2001:db8:1:2::1"]) {
    table.seen(nodeOf(createNodeId(undefined, new SeededRandom(host.length)), host), 0);
  }
  for (const [index, host] of ["2001:db8:1:1::1", "2001:db8:1:1::2", "fd00::1"].entries()) {
    table.seen(nodeOf(idOf(0x80 + index), host), 0);
  }
  equal(
    table.nodes().filter(({ endpoint }) => endpoint.host.startsWith("2001:db8:1:1:")).length,
    1,
  );
});

Deno.test("H7 an attacker with one network gets one place in each bucket, whatever he does", () => {
  const random = new SeededRandom(3);
  const table = tableOf(localNodes(20, 0));
  for (let i = 0; i < 5_000; i++) {
    const id = randomIdBeside(OWN, random.below(12), random);
    table.seen(nodeOf(id, `6.6.6.${random.below(256)}`, 1 + random.below(60_000)), i);
  }
  const attackers = table.nodes().filter(({ endpoint }) => endpoint.host.startsWith("6."));
  ok(attackers.length <= 12, `${attackers.length}`);
  const prefixes = attackers.map(({ id }) => commonPrefixLength(OWN, id));
  equal(new Set(prefixes).size, prefixes.length);
  equal(new Set(attackers.map(({ endpoint }) => endpoint.host)).size, attackers.length);
});

Deno.test("H7 seen() takes one node of a network among those that wait, too", () => {
  const nodes = localNodes(8, 5);
  const [first, second] = [1, 2].map((host) =>
    nodeOf(randomIdBeside(OWN, 5, new SeededRandom(host)), `6.6.6.${host}`)
  );
  const table = tableOf([...nodes, first!]);
  equal(table.size, 8);
  equal(table.isWanted(second!), false);
});

Deno.test("H7 seen() drops a node that answers with another id, and takes it when it stays so", () => {
  const old = nodeOf(idOf(1), "8.8.8.8"), renamed = nodeOf(idOf(2), "8.8.8.8");
  const table = tableOf([old]);
  table.seen(renamed, 1);
  equal(table.size, 0);
  table.seen(renamed, 2);
  deepStrictEqual(table.nodes(), [renamed]);
});

Deno.test("H7 seen() leaves an id to the node that has it, unless that one is gone", () => {
  const first = nodeOf(idOf(1), "8.8.8.8"), other = nodeOf(idOf(1), "9.9.9.9");
  const table = tableOf([first, other]);
  deepStrictEqual(table.nodes(), [first]);
  table.failed(first, 1);
  table.failed(first, 2);
  table.seen(other, 3);
  deepStrictEqual(table.nodes(), [other]);
  table.seen(nodeOf(idOf(0x90), "8.8.8.8", 2), 4);
  equal(table.size, 2, "the address of the one that left is free");
});

Deno.test("H7 failed() forgets a node after 20 misses in a row, and the address with it", () => {
  const node = nodeOf(idOf(1), "8.8.8.8"), other = nodeOf(idOf(2), "8.8.8.8", 2);
  const table = tableOf([node]);
  for (let miss = 1; miss <= 19; miss++) table.failed(node, miss);
  table.seen(other, 20);
  deepStrictEqual(table.nodes(), [node]);
  table.failed(node, 21);
  equal(table.size, 0);
  table.seen(other, 22);
  deepStrictEqual(table.nodes(), [other]);
});

Deno.test("failed() begins to count anew when the node answers", () => {
  const node = nodeOf(idOf(1), "8.8.8.8");
  const table = tableOf([node]);
  for (let miss = 1; miss <= 60; miss++) {
    table.failed(node, miss);
    if (miss % 15 === 0) table.seen(node, miss);
  }
  equal(table.size, 1);
});

Deno.test("failed() ignores nodes that are not in the table, or have another id there", () => {
  const node = nodeOf(idOf(1), "8.8.8.8");
  const table = tableOf([node]);
  for (let miss = 0; miss < 30; miss++) {
    table.failed(nodeOf(idOf(2), "8.8.8.8"), miss);
    table.failed(nodeOf(idOf(1), "8.8.8.9"), miss);
  }
  deepStrictEqual(table.closest(OWN, 8), [node]);
});

Deno.test("failed() gives the place of a node with two misses to one that waits for it", () => {
  const nodes = localNodes(10, 5);
  const table = tableOf(nodes);
  equal(table.size, 8);
  table.failed(nodes[0]!, 1);
  equal(keys(table.nodes()).includes(keys([nodes[0]!])[0]!), true, "one miss is nothing");
  table.failed(nodes[0]!, 2);
  // The spare that was heard of last comes first.
  deepStrictEqual(keys(table.nodes()), keys([...nodes.slice(1, 8), nodes[9]!]));
  table.failed(nodes[8]!, 3);
  table.failed(nodes[1]!, 3);
  table.failed(nodes[1]!, 4);
  ok(keys(table.nodes()).includes(keys([nodes[1]!])[0]!), "a spare that fails is forgotten");
});

Deno.test("seen() puts a new node in the place of a bad one at once", () => {
  const nodes = localNodes(9, 5);
  const table = tableOf(nodes.slice(0, 8));
  table.failed(nodes[3]!, 1);
  table.failed(nodes[3]!, 2);
  table.seen(nodes[8]!, 3);
  deepStrictEqual(keys(table.nodes()), keys(nodes.toSpliced(3, 1)));
});

Deno.test("H5 seen() prefers a node whose id is its address's to one whose id is not", () => {
  const random = new SeededRandom(5);
  const proper = nodeOf(createNodeId("9.9.9.9", random), "9.9.9.9");
  const ownId = randomIdBeside(proper.id, 5, random);
  const improper = Array.from(
    { length: 9 },
    (_, index) => nodeOf(randomIdBeside(ownId, 5, random), `8.${index}.0.1`),
  );
  const table = tableOf([...improper.slice(0, 8), proper], ownId);
  deepStrictEqual(keys(table.nodes()), keys([...improper.slice(1, 8), proper]));
  table.seen(improper[8]!, 1);
  equal(keys(table.nodes()).filter((key) => key === "9.9.9.9:6881").length, 1);
  table.failed(improper[1]!, 2);
  table.failed(improper[1]!, 3);
  equal(table.size, 8, "who was displaced waits among the spares");
});

Deno.test("isWanted() says whether asking a node could put it into the table", () => {
  const nodes = localNodes(20, 5);
  const table = tableOf(nodes.slice(0, 15));
  equal(table.isWanted(nodes[0]!), false, "known");
  equal(table.isWanted(nodes[15]!), true, "among the spares");
  table.seen(nodes[15]!, 1);
  equal(table.isWanted(nodes[16]!), false, "full");
  // One more comes all the same: the spare that was heard of first leaves, and could come again.
  table.seen(nodes[16]!, 1);
  table.failed(nodes[16]!, 1);
  equal(table.isWanted(nodes[8]!), true, "left");
  table.seen(nodes[8]!, 1);
  equal(table.isWanted(localNodes(1, 6, 5000)[0]!), true, "in another bucket");
  table.seen(nodeOf(idOf(0x80), "8.8.8.8"), 2);
  equal(table.isWanted(nodeOf(idOf(1), "8.8.8.8", 2)), false, "the same address");
  equal(table.isWanted(nodeOf(idOf(0x81), "8.8.8.9", 2)), false, "the same network");
  equal(table.isWanted(nodeOf(idOf(0x80), "9.9.9.9", 2)), false, "the same id");
});

Deno.test("questionable() gives nodes not heard of for 15 minutes, the longest silent first", () => {
  const nodes = localNodes(12, 0);
  const table = tableOf();
  for (const [index, node] of nodes.entries()) table.seen(node, index);
  deepStrictEqual(table.questionable(15 * MINUTE - 1), []);
  deepStrictEqual(table.questionable(15 * MINUTE + 2), nodes.slice(0, 3));
  deepStrictEqual(table.questionable(15 * MINUTE + 3), [nodes[3]], "each is given once");
  table.seen(nodes[4]!, 15 * MINUTE);
  deepStrictEqual(keys(table.questionable(15 * MINUTE + 20)), keys(nodes.slice(5, 12)));
});

Deno.test("questionable() gives few at a time, and silent nodes again, more and more rarely", () => {
  const nodes = localNodes(30, 0);
  const table = tableOf(nodes);
  const given = [0, 1, 2, 3, 4].map(() => table.questionable(15 * MINUTE).length);
  deepStrictEqual(given, [8, 8, 8, 6, 0]);
  const one = tableOf(nodes.slice(0, 1));
  const asked: number[] = [];
  for (let minute = 0; minute <= 90; minute++) {
    for (const node of one.questionable(minute * MINUTE)) {
      asked.push(minute);
      one.failed(node, minute * MINUTE);
    }
  }
  deepStrictEqual(asked, [15, 16, 18, 22, 30, 45, 60, 75, 90]);
});

Deno.test("refreshTargets() gives an id in every bucket that has not changed for 15 minutes", () => {
  const table = tableOf([...localNodes(2, 0), ...localNodes(2, 3, 2000)]);
  deepStrictEqual(table.refreshTargets(15 * MINUTE - 1), []);
  table.seen(localNodes(1, 3, 2000)[0]!, 5 * MINUTE);
  const prefixes = (targets: readonly NodeId[]) =>
    targets.map((target) => commonPrefixLength(OWN, target));
  deepStrictEqual(prefixes(table.refreshTargets(15 * MINUTE)), [0]);
  deepStrictEqual(prefixes(table.refreshTargets(20 * MINUTE)), [3]);
  deepStrictEqual(prefixes(table.refreshTargets(30 * MINUTE)), [0]);
  table.seen(localNodes(1, 3, 3000)[0]!, 31 * MINUTE);
  deepStrictEqual(prefixes(table.refreshTargets(40 * MINUTE)), [], "one has joined");
});

Deno.test("nodes() puts those that have answered latest first, and those that fail last", () => {
  const nodes = localNodes(3, 0);
  const table = tableOf();
  for (const [index, node] of nodes.entries()) table.seen(node, index);
  table.failed(nodes[2]!, 5);
  deepStrictEqual(table.nodes(), [nodes[1], nodes[0], nodes[2]]);
});

Deno.test("the table stays whole whatever happens to it", () => {
  const hosts = ["127.0.0.1", "10.0.0.1", "8.8.8.8", "8.8.8.9", "9.9.9.9", "1.2.3.4"];
  const anyStep = fc.tuple(fc.nat(9), fc.nat(23), fc.constantFrom(...hosts), fc.nat(3));
  fc.assert(fc.property(fc.array(anyStep, { maxLength: 300 }), (steps) => {
    const table = tableOf();
    for (const [now, [action, idByte, host, port]] of steps.entries()) {
      const node = nodeOf(idOf(0, idByte), host, port + 1);
      if (action < 6) table.seen(node, now);
      else if (action < 9) table.failed(node, now);
      else table.questionable(now * MINUTE);
    }
    const nodes = table.nodes();
    equal(nodes.length, table.size);
    equal(new Set(keys(nodes)).size, nodes.length, "one node an endpoint");
    equal(new Set(nodes.map(({ id }) => id.toHex())).size, nodes.length, "one node an id");
    const onInternet = nodes.map(({ endpoint }) => endpoint.host)
      .filter((host) => !/^(127|10)\./.test(host));
    equal(new Set(onInternet).size, onInternet.length, "one node an address");
    // Nothing of those that left is left behind: the addresses can come again.
    while (table.size > 0) {
      for (const node of table.nodes()) for (let i = 0; i < 20; i++) table.failed(node, 0);
    }
    for (const host of hosts.slice(2)) {
      const node = nodeOf(idOf(0x80, hosts.indexOf(host)), host, 9);
      ok(host === "8.8.8.9" || table.isWanted(node), host);
      table.seen(node, 0);
    }
    equal(table.size, 3);
  }));
});
