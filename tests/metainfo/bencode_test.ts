import { deepStrictEqual, equal, ok } from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import oracle from "bencode";
import {
  type BencodeDictionary,
  bytesIn,
  decode,
  decodeDictionary,
  decodePrefix,
  dictionaryIn,
  integerIn,
  listIn,
  textIn,
} from "../../src/metainfo/bencode.ts";
import { type Encodable, encode } from "../../src/metainfo/bencode_encoder.ts";

import { plain } from "./plain_value.ts";
import { rejectsBencode } from "./rejects_bencode.ts";
import { latin1Bytes } from "./latin1_bytes.ts";

const utf8 = new TextEncoder();

function dictionary(text: string): BencodeDictionary {
  const value = decode(latin1Bytes(text));
  ok(value.kind === "dictionary");
  return value;
}

function plainEncodable(value: Encodable): unknown {
  if (typeof value === "number") return value + 0;
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (typeof value === "string") return utf8.encode(value);
  if (value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(plainEncodable);
  const entries = [...(value as ReadonlyMap<string | Uint8Array, Encodable>)];
  return entries
    .map(([key, item]) => ({
      key: typeof key === "string" ? utf8.encode(key) : key,
      item,
    }))
    .sort((a, b) => Buffer.compare(a.key, b.key))
    .map(({ key, item }) => [key, plainEncodable(item)]);
}

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const { encodable } = fc.letrec<{ encodable: Encodable }>((tie) => ({
  encodable: fc.oneof(
    { depthSize: "small" },
    fc.maxSafeInteger(),
    int64,
    fc.string({ unit: "grapheme" }),
    fc.uint8Array(),
    fc.array(tie("encodable"), { maxLength: 12 }),
    fc.uniqueArray(fc.tuple(fc.string({ unit: "binary-ascii" }), tie("encodable")), {
      maxLength: 12,
      selector: ([key]) => key,
    }).map((entries) => new Map(entries)),
  ),
}));

Deno.test("decode() undoes encode() for any value", () => {
  fc.assert(fc.property(encodable, (value) => {
    const { value: decoded, end, warnings } = decodePrefix(encode(value));
    deepStrictEqual(plain(decoded), plainEncodable(value));
    deepStrictEqual(decoded.raw, encode(value));
    equal(end, encode(value).length);
    deepStrictEqual(warnings, []);
  }));
});

Deno.test("decode() agrees with the npm package bencode on well-formed input", () => {
  const { value } = fc.letrec<{ value: Encodable }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      fc.integer(),
      fc.uint8Array(),
      fc.array(tie("value"), { maxLength: 6 }),
      // The oracle turns keys that are not UTF-8 into hex, and drops those named like methods.
      fc.uniqueArray(fc.tuple(fc.stringMatching(/^k[a-z]{0,5}$/), tie("value")), {
        maxLength: 12,
        selector: ([key]) => key,
      }).map((entries) => new Map(entries)),
    ),
  }));
  const plainOracle = (value: unknown): unknown => {
    if (typeof value === "number") return value;
    if (value instanceof Uint8Array) return new Uint8Array(value);
    if (Array.isArray(value)) return value.map(plainOracle);
    return Object.entries(value as object).map(([key, item]) => [
      utf8.encode(key),
      plainOracle(item),
    ]);
  };
  fc.assert(fc.property(value, (value) => {
    const bytes = encode(value);
    deepStrictEqual(plain(decode(bytes)), plainOracle(oracle.decode(bytes)));
    deepStrictEqual(new Uint8Array(oracle.encode(value)), bytes);
  }));
});

Deno.test("decode() keeps the raw span of every value, at any place in a buffer", () => {
  const before = latin1Bytes("junk"), text = "d1:ad1:bli-1e2:xyee1:c0:e";
  const buffer = new Uint8Array([...before, ...latin1Bytes(text), ...before]);
  const root = decode(buffer.subarray(4, 4 + text.length));
  ok(root.kind === "dictionary");
  const inner = dictionaryIn(root, "a")!;
  equal(text.slice(inner.start, inner.end), "d1:bli-1e2:xyee");
  deepStrictEqual(inner.raw, latin1Bytes("d1:bli-1e2:xyee"));
  const [integer, string] = listIn(inner, "b")!;
  deepStrictEqual(integer!.raw, latin1Bytes("i-1e"));
  deepStrictEqual(string!.raw, latin1Bytes("2:xy"));
  deepStrictEqual(root.get("c")!.raw, latin1Bytes("0:"));
});

Deno.test("decode() gives views, no copies", () => {
  const bytes = latin1Bytes("5:abcde");
  const value = decode(bytes);
  ok(value.kind === "string");
  equal(value.bytes.buffer, bytes.buffer);
});

Deno.test("decodePrefix() says where the value ends and leaves what follows alone", () => {
  const { value, end } = decodePrefix(latin1Bytes("d1:ai1eeTHE DATA"));
  equal(end, 8);
  deepStrictEqual(value.raw, latin1Bytes("d1:ai1ee"));
});

Deno.test("decodePrefix() gives the memory of its values back when it is disposed of", () => {
  const document = decodePrefix(latin1Bytes("li1ei2ee"));
  equal(document.value.end, 8);
  document[Symbol.dispose]();
  equal(document.value.end, undefined, "there is none to read it from");
});

Deno.test("get() finds keys in dictionaries of any size, the first of equal ones", () => {
  for (const size of [0, 1, 7, 8, 9, 10, 500]) {
    const keys = Array.from({ length: size }, (_, i) => `key${i}`);
    const value = decode(encode(new Map(keys.map((key, i) => [key, i]))));
    ok(value.kind === "dictionary");
    for (const [i, key] of keys.entries()) equal(integerIn(value, key), i);
    for (const missing of ["", "key", `key${size}`, "lkey0"]) equal(value.get(missing), undefined);
  }
  equal(integerIn(dictionary("d1:ai1e1:ai2ee"), "a"), 1);
  const keys = Array.from({ length: 20 }, (_, i) => `2:${String.fromCharCode(97 + i)}xi${i}e`);
  equal(integerIn(dictionary(`d${keys.join("")}2:axi99ee`), "ax"), 0);
});

Deno.test("getAll() finds each key as get() does, the first of equal ones", () => {
  const value = dictionary("d1:ai1e1:ai2e2:bai3e2:bbd1:ai4ee1:cl1:aee");
  const keys = ["bb", "a", "x", "c", "xx", "ba"];
  const values = value.getAll(keys);
  deepStrictEqual(values.map((found) => found?.raw), keys.map((key) => value.get(key)?.raw));
  deepStrictEqual(values.map((found) => found?.kind), [
    "dictionary",
    "integer",
    undefined,
    "list",
    undefined,
    "integer",
  ]);
});

Deno.test("texts() gives the strings of a list, and nothing when it holds anything else", () => {
  const textsOf = (text: string) => listIn(dictionary(`d1:x${text}e`), "x")!.texts();
  deepStrictEqual(textsOf("le"), []);
  deepStrictEqual(textsOf("l1:a0:2:\xc3\xbc2:\xffxe"), ["a", "", "\u00fc", "\ufffdx"]);
  deepStrictEqual(textsOf(`l1:a100:${"b".repeat(100)}e`), ["a", "b".repeat(100)]);
  for (const other of ["li1e1:ae", "l1:ai1ee", "l1:al1:bee", "l1:ad1:b1:cee"]) {
    deepStrictEqual(textsOf(other), undefined);
  }
});

Deno.test("get() of many keys is no search through all of them each time", () => {
  const count = 100_000;
  const value = decode(encode(new Map(Array.from({ length: count }, (_, i) => [`${i}`, i]))));
  ok(value.kind === "dictionary");
  for (let i = 0; i < count; i++) equal(integerIn(value, `${i}`), i);
});

Deno.test("get() takes binary keys, one character a byte", () => {
  equal(integerIn(dictionary("d3:\xff\x00\x80i7ee"), "\xff\x00\x80"), 7);
});

Deno.test("integerIn() and its kin are undefined for what is absent or of another type", () => {
  const root = dictionary("d1:bd1:xi1ee1:ii-5e1:ll1:xe1:s3:\xe2\x82\xace");
  equal(integerIn(root, "i"), -5);
  deepStrictEqual(bytesIn(root, "s"), Uint8Array.of(0xe2, 0x82, 0xac));
  equal(textIn(root, "s"), "€");
  deepStrictEqual([...listIn(root, "l")!].map(plain), [latin1Bytes("x")]);
  equal(integerIn(dictionaryIn(root, "b")!, "x"), 1);
  for (const key of ["b", "l", "s", "none"]) equal(integerIn(root, key), undefined);
  for (const key of ["b", "l", "i", "none"]) equal(bytesIn(root, key), undefined);
  for (const key of ["b", "l", "i", "none"]) equal(textIn(root, key), undefined);
  for (const key of ["b", "s", "i", "none"]) equal(listIn(root, key), undefined);
  for (const key of ["s", "l", "i", "none"]) equal(dictionaryIn(root, key), undefined);
});

Deno.test("M4 decode() keeps 64-bit integers exact and rejects longer ones", () => {
  const integers = [0n, 1n, -1n, 2n ** 32n - 1n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n - 1n];
  integers.push(-(2n ** 53n), -(2n ** 63n), 10n ** 17n, 10n ** 18n);
  for (const integer of integers) {
    const value = decode(latin1Bytes(`i${integer}e`));
    ok(value.kind === "integer");
    equal(BigInt(value.value), integer);
    equal(typeof value.value, Number.isSafeInteger(Number(integer)) ? "number" : "bigint");
  }
  equal(integerIn(dictionary("d1:ai9007199254740992ee"), "a"), undefined);
  for (const digits of ["9223372036854775808", "-9223372036854775809", "1".repeat(20)]) {
    rejectsBencode(`i${digits}e`, 0, /64 bits/);
  }
  rejectsBencode(`i${"9".repeat(1_000_000)}e`, 0, /64 bits/);
});

Deno.test("M17 text is UTF-8 with U+FFFD for what is not, at any length", () => {
  for (const padding of ["", "x".repeat(100)]) {
    const text = (bytes: readonly number[]) => {
      const content = new Uint8Array([...latin1Bytes(padding), ...bytes]);
      const value = decode(encode(content));
      ok(value.kind === "string");
      return value.text.slice(padding.length);
    };
    equal(text([0xe2, 0x82, 0xac]), "€");
    equal(text([0xf0, 0x9f, 0x8e, 0xac]), "🎬");
    equal(text([0x61, 0xff, 0x62]), "a\ufffdb");
    equal(text([0xc0, 0xaf]), "\ufffd\ufffd");
    equal(text([0xed, 0xa0, 0x80]), "\ufffd\ufffd\ufffd");
    equal(text([0xe2, 0x82]), "\ufffd");
  }
  const value = decode(Uint8Array.of(0x34, 0x3a, 0xef, 0xbb, 0xbf, 0x61));
  ok(value.kind === "string");
  equal(value.text, "\ufeffa");
});

Deno.test("decodeDictionary() is undefined for what is broken, too much or something else", () => {
  const limits = { maxDepth: 2, maxTokens: 4 };
  equal(decodeDictionary(latin1Bytes("d1:ai1ee"), limits)?.get("a")?.kind, "integer");
  for (const text of ["", "d", "i1e", "de1", "d1:adlee", "d1:alleee", "d1:ali1ei2eee"]) {
    equal(decodeDictionary(latin1Bytes(text), limits), undefined, text);
  }
});
