import { equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { SeededRandom } from "../../src/base/ambient.ts";
import { addressBytes, formatAddress } from "../../src/base/endpoint.ts";
import {
  commonPrefixLength,
  compareDistance,
  createNodeId,
  isNodeIdOf,
  randomIdBeside,
} from "../../src/dht/node_id.ts";
import { anyId, idFromHex, idOf } from "./samples.ts";

/** The examples of BEP 42. */
const BEP_42: readonly (readonly [host: string, id: string])[] = [
  ["124.31.75.21", "5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401"],
  ["21.75.31.124", "5a3ce9c14e7a08645677bbd1cfe7d8f956d53256"],
  ["65.23.51.170", "a5d43220bc8f112a3d426c84764f8c2a1150e616"],
  ["84.124.73.14", "1b0321dd1bb1fe518101ceef99462b947a01ff41"],
  ["43.213.53.83", "e56f6cbf5b7c4be0237986d5243b87aa6d51305a"],
];

Deno.test("isNodeIdOf() knows the examples of BEP 42, and decides by 21 bits and the last byte", () => {
  for (const [host, hex] of BEP_42) {
    ok(isNodeIdOf(idFromHex(hex), host), host);
    for (let bit = 0; bit < 160; bit++) {
      const id = idFromHex(hex);
      id[bit >> 3]! ^= 0x80 >> (bit & 7);
      // The first 21 bits, and the three bits of the last byte that are hashed with the address.
      const matters = bit < 21 || bit >= 157;
      equal(isNodeIdOf(id, host), !matters, `${host}, bit ${bit}`);
    }
  }
  ok(!isNodeIdOf(idFromHex(BEP_42[0]![1]), BEP_42[1]![0]));
});

Deno.test("isNodeIdOf() lets nodes outside the internet have any id", () => {
  for (const host of ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.0.1", "::1"]) {
    ok(isNodeIdOf(idOf(1, 2, 3), host), host);
  }
  ok(isNodeIdOf(idOf(1, 2, 3), "fe80::1"));
  ok(isNodeIdOf(idOf(1, 2, 3), "fd00::1"));
});

Deno.test("createNodeId() makes an id that its address may have", () => {
  fc.assert(fc.property(
    fc.oneof(fc.ipV4(), fc.constantFrom("2001:db8::1", "2a00:1450:4001:81b::200e")),
    fc.integer(),
    (host, seed) => {
      const id = createNodeId(host, new SeededRandom(seed));
      equal(id.length, 20);
      ok(isNodeIdOf(id, host));
    },
  ));
});

Deno.test("isNodeIdOf() depends on the bits of an address that BEP 42 names, and on no others", () => {
  const masks: readonly (readonly [string, string])[] = [
    ["85.85.85.85", "030f3fff"],
    ["2a55:5555:5555:5555:5555::1", "0103070f1f3f7fff0000000000000000"],
  ];
  for (const [host, mask] of masks) {
    const id = createNodeId(host, new SeededRandom(1)), bits = Uint8Array.fromHex(mask);
    for (let bit = 3; bit < bits.length * 8; bit++) {
      const address = addressBytes(host)!;
      address[bit >> 3]! ^= 0x80 >> (bit & 7);
      const matters = (bits[bit >> 3]! & (0x80 >> (bit & 7))) !== 0;
      equal(isNodeIdOf(id, formatAddress(address)!), !matters, `${host}, bit ${bit}`);
    }
  }
});

Deno.test("createNodeId() depends on the network part of an IPv6 address alone", () => {
  const id = createNodeId("2001:db8:1:2::1", new SeededRandom(1));
  ok(isNodeIdOf(id, "2001:db8:1:2:ffff:ffff:ffff:ffff"));
  ok(!isNodeIdOf(id, "2001:db8:1:3::1"));
});

Deno.test("createNodeId() makes a random id while the address is unknown", () => {
  const random = new SeededRandom(1);
  const [a, b] = [createNodeId(undefined, random), createNodeId(undefined, random)];
  ok(commonPrefixLength(a, b) < 20);
});

Deno.test("compareDistance() orders as the numbers that XOR gives", () => {
  const distance = (a: Uint8Array, b: Uint8Array) =>
    a.reduce((sum, byte, index) => sum * 256n + BigInt(byte ^ b[index]!), 0n);
  fc.assert(fc.property(anyId, anyId, anyId, (target, a, b) => {
    const expected = distance(a, target) - distance(b, target);
    const order = compareDistance(target, a, b);
    equal(Math.sign(order), expected > 0n ? 1 : expected < 0n ? -1 : 0);
    equal(compareDistance(target, a, a), 0);
  }));
  ok(compareDistance(idOf(0, 1), idOf(0, 0), idOf(0, 3)) < 0);
});

Deno.test("commonPrefixLength() counts equal leading bits", () => {
  equal(commonPrefixLength(idOf(), idOf()), 160);
  equal(commonPrefixLength(idOf(), idOf(0x80)), 0);
  equal(commonPrefixLength(idOf(), idOf(1)), 7);
  equal(commonPrefixLength(idOf(5), idOf(5, 0x40)), 9);
  const last = idOf();
  last[19] = 1;
  equal(commonPrefixLength(idOf(), last), 159);
});

Deno.test("randomIdBeside() shares exactly as many leading bits as asked", () => {
  fc.assert(fc.property(anyId, fc.nat(159), fc.integer(), (id, prefixLength, seed) => {
    const beside = randomIdBeside(id, prefixLength, new SeededRandom(seed));
    equal(commonPrefixLength(id, beside), prefixLength);
  }));
  const random = new SeededRandom(1);
  const ids = Array.from({ length: 50 }, () => randomIdBeside(idOf(), 9, random).toHex());
  equal(new Set(ids).size, 50, "the rest is random");
});
