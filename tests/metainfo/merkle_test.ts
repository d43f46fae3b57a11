import { equal } from "node:assert/strict";
import fc from "fast-check";
import { concatBytes } from "../../src/base/bytes.ts";
import { merkleRoot, powerOfTwoFrom } from "../../src/metainfo/merkle.ts";
import { rootOf, sha256 } from "./version_2_torrent.ts";

const node = fc.uint8Array({ minLength: 32, maxLength: 32 });

Deno.test("merkleRoot() is that of the whole tree, with zeros where leaves are missing", () => {
  const layer = fc.array(node, { minLength: 1, maxLength: 20 });
  fc.assert(fc.property(layer, fc.nat(3), fc.nat(3), (nodes, more, height) => {
    const width = powerOfTwoFrom(nodes.length) * 2 ** more;
    let padding: Uint8Array = new Uint8Array(32);
    for (let below = 0; below < height; below++) padding = sha256(concatBytes(padding, padding));
    const all = Array.from({ length: width }, (_, index) => nodes[index] ?? padding);
    equal(merkleRoot(concatBytes(...nodes), { width, height }).toHex(), rootOf(all).toHex());
  }));
});

Deno.test("powerOfTwoFrom() gives the lowest power of two that is enough", () => {
  for (
    const [count, power] of [[0, 1], [1, 1], [2, 2], [3, 4], [4, 4], [5, 8], [2 ** 31, 2 ** 31]]
  ) {
    equal(powerOfTwoFrom(count!), power);
  }
});
