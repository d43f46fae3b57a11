import { deepStrictEqual, equal, throws } from "node:assert/strict";
import { encode } from "../../src/metainfo/bencode_encoder.ts";
import { latin1Bytes } from "./latin1_bytes.ts";

const utf8 = new TextEncoder();

Deno.test("encode() sorts keys as raw bytes and leaves undefined out", () => {
  deepStrictEqual(
    encode({ b: 1, a: "x", "é": [], "a b": undefined, "B": new Uint8Array([255]) }),
    latin1Bytes("d1:B1:\xff1:a1:x1:bi1e2:\xc3\xa9lee"),
  );
  const binary = new Map([[Uint8Array.of(0x80), 1], [Uint8Array.of(0x7f, 1), 2]]);
  deepStrictEqual(encode(binary), latin1Bytes("d2:\x7f\x01i2e1:\x80i1ee"));
});

Deno.test("encode() treats fractions, unsafe numbers and equal keys as bugs", () => {
  for (const number of [0.5, NaN, Infinity, 2 ** 53]) throws(() => encode(number));
  deepStrictEqual(encode(-0), latin1Bytes("i0e"));
  deepStrictEqual(encode(2n ** 63n), latin1Bytes("i9223372036854775808e"));
  throws(() => encode(new Map<string | Uint8Array, number>([["a", 1], [utf8.encode("a"), 2]])));
});

Deno.test("encode() takes lists longer than the stack is deep", () => {
  const list = new Array<number>(300_000).fill(1);
  equal(encode(list).length, 900_002);
});
