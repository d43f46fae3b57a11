import { deepStrictEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import { parseCompactNodes, toCompactNodes } from "../../src/dht/compact_node.ts";
import { anyIpv4Endpoint, anyIpv6Endpoint, anyNode, idOf, nodeOf } from "./samples.ts";

const FAMILIES = [["ipv4", anyIpv4Endpoint, 26], ["ipv6", anyIpv6Endpoint, 38]] as const;

Deno.test("toCompactNodes() is id, address and port (BEP 5)", () => {
  const id = "01" + "00".repeat(19);
  equal(toCompactNodes([nodeOf(idOf(1), "8.8.4.4", 256)], "ipv4").toHex(), `${id}080804040100`);
  equal(
    toCompactNodes([nodeOf(idOf(1), "2001:db8::1", 1)], "ipv6").toHex(),
    `${id}20010db80000000000000000000000010001`,
  );
});

Deno.test("parseCompactNodes() reads what toCompactNodes() writes, and no part of it", () => {
  for (const [family, endpoint, nodeLength] of FAMILIES) {
    fc.assert(fc.property(fc.array(anyNode(endpoint), { maxLength: 4 }), (nodes) => {
      const bytes = toCompactNodes(nodes, family);
      deepStrictEqual(parseCompactNodes(bytes, family, 100), nodes);
      for (let length = 0; length < bytes.length; length++) {
        const whole = length / nodeLength;
        deepStrictEqual(
          parseCompactNodes(bytes.subarray(0, length), family, 100),
          Number.isInteger(whole) ? nodes.slice(0, whole) : undefined,
        );
      }
    }));
  }
});

Deno.test("H6 parseCompactNodes() takes no more than it may, and none of port 0", () => {
  const nodes = Array.from({ length: 50 }, (_, index) => nodeOf(idOf(index), "8.8.8.8", index));
  const bytes = toCompactNodes(nodes, "ipv4");
  deepStrictEqual(parseCompactNodes(bytes, "ipv4", 10), nodes.slice(1, 10));
});

Deno.test("parseCompactNodes() copies", () => {
  const bytes = toCompactNodes([nodeOf(idOf(1), "8.8.8.8")], "ipv4");
  const nodes = parseCompactNodes(bytes, "ipv4", 1)!;
  bytes.fill(0);
  equal(nodes[0]!.id[0], 1);
});

Deno.test("toCompactNodes() refuses nodes of the other family", () => {
  throws(() => toCompactNodes([nodeOf(idOf(), "::1")], "ipv4"));
  throws(() => toCompactNodes([nodeOf(idOf(), "1.2.3.4")], "ipv6"));
});
