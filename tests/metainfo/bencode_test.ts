import { deepStrictEqual, equal, ok, throws } from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import oracle from "bencode";
import {
  type BencodeDictionary,
  BencodeError,
  type BencodeValue,
  bytesIn,
  decode,
  decodePrefix,
  dictionaryIn,
  type Encodable,
  encode,
  integerIn,
  listIn,
  textIn,
} from "../../src/metainfo/bencode.ts";

const utf8 = new TextEncoder();

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function dictionary(text: string): BencodeDictionary {
  const value = decode(bytesOf(text));
  ok(value.kind === "dictionary");
  return value;
}

/** A decoded value as plain data: byte strings as Uint8Array, dictionaries as sorted pairs. */
function plain(value: BencodeValue): unknown {
  switch (value.kind) {
    case "integer":
      return value.value;
    case "string":
      return value.bytes.slice();
    case "list":
      return [...value].map(plain);
    case "dictionary":
      return [...value.entries()].map(([key, item]) => [key.bytes.slice(), plain(item)]);
  }
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
  const before = bytesOf("junk"), text = "d1:ad1:bli-1e2:xyee1:c0:e";
  const buffer = new Uint8Array([...before, ...bytesOf(text), ...before]);
  const root = decode(buffer.subarray(4, 4 + text.length));
  ok(root.kind === "dictionary");
  const inner = dictionaryIn(root, "a")!;
  equal(text.slice(inner.start, inner.end), "d1:bli-1e2:xyee");
  deepStrictEqual(inner.raw, bytesOf("d1:bli-1e2:xyee"));
  const [integer, string] = listIn(inner, "b")!;
  deepStrictEqual(integer!.raw, bytesOf("i-1e"));
  deepStrictEqual(string!.raw, bytesOf("2:xy"));
  deepStrictEqual(root.get("c")!.raw, bytesOf("0:"));
});

Deno.test("decode() gives views, no copies", () => {
  const bytes = bytesOf("5:abcde");
  const value = decode(bytes);
  ok(value.kind === "string");
  equal(value.bytes.buffer, bytes.buffer);
});

Deno.test("decodePrefix() says where the value ends and leaves what follows alone", () => {
  const { value, end } = decodePrefix(bytesOf("d1:ai1eeTHE DATA"));
  equal(end, 8);
  deepStrictEqual(value.raw, bytesOf("d1:ai1ee"));
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
  deepStrictEqual([...listIn(root, "l")!].map(plain), [bytesOf("x")]);
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
    const value = decode(bytesOf(`i${integer}e`));
    ok(value.kind === "integer");
    equal(BigInt(value.value), integer);
    equal(typeof value.value, Number.isSafeInteger(Number(integer)) ? "number" : "bigint");
  }
  equal(integerIn(dictionary("d1:ai9007199254740992ee"), "a"), undefined);
  for (const digits of ["9223372036854775808", "-9223372036854775809", "1".repeat(20)]) {
    rejects(`i${digits}e`, 0, /64 bits/);
  }
  rejects(`i${"9".repeat(1_000_000)}e`, 0, /64 bits/);
});

Deno.test("M5 decode() tolerates leading zeros and minus zero with a warning", () => {
  const cases: readonly (readonly [string, unknown])[] = [
    ["i-0e", 0],
    ["i03e", 3],
    ["i-03e", -3],
    ["i00e", 0],
    ["03:abc", bytesOf("abc")],
    ["00:", bytesOf("")],
  ];
  for (const [text, expected] of cases) {
    const { value, warnings } = decodePrefix(bytesOf(text));
    deepStrictEqual(plain(value), expected);
    deepStrictEqual(warnings, [{ kind: "leading-zero", offset: 0 }], text);
  }
  for (const text of ["i0e", "0:", "i-10e", "10:0123456789"]) {
    deepStrictEqual(decodePrefix(bytesOf(text)).warnings, [], text);
  }
});

Deno.test("M6 decode() tolerates unsorted and duplicate keys with a warning", () => {
  const cases: readonly (readonly [string, unknown])[] = [
    ["d1:bi1e1:ai2ee", [{ kind: "unsorted-keys", offset: 7 }]],
    ["d1:ai1e1:ai2ee", [{ kind: "duplicate-key", offset: 7 }]],
    ["d1:ai1e1:bi1e1:ai2ee", [
      { kind: "unsorted-keys", offset: 13 },
      { kind: "duplicate-key", offset: 13 },
    ]],
    ["d2:aai1e1:ai1ee", [{ kind: "unsorted-keys", offset: 8 }]],
    ["d1:ai1e2:aai1ee", []],
    ["d1:\x7fi1e1:\x80i1ee", []],
    ["d0:i1e1:ai1ee", []],
    ["d0:i1e0:i1ee", [{ kind: "duplicate-key", offset: 6 }]],
    // Each dictionary is sorted by itself.
    ["d1:bd1:ai1ee1:cd1:ai1eee", []],
  ];
  for (const [text, expected] of cases) {
    deepStrictEqual(decodePrefix(bytesOf(text)).warnings, expected, text);
  }
});

Deno.test("M6 decode() keeps a bounded number of warnings, and never drops a duplicate", () => {
  const { warnings } = decodePrefix(bytesOf(`l${"i00e".repeat(10_000)}e`));
  equal(warnings.length, 100);
  rejects(`l${"d1:ai1e1:ai1ee".repeat(101)}e`, 1 + 14 * 100 + 7, /duplicate keys/);
});

Deno.test("M1 decode() rejects more levels than its limit, however many", () => {
  rejects("l".repeat(1_000_000), 100, /more than 100 levels/);
  rejects("d1:a".repeat(200_000), 400, /more than 100 levels/);
  decode(bytesOf("l".repeat(100) + "e".repeat(100)));
  decode(bytesOf("llee"), { maxDepth: 2 });
  throws(() => decode(bytesOf("llleee"), { maxDepth: 2 }), BencodeError);
  throws(() => decode(bytesOf("le"), { maxDepth: 0 }), BencodeError);
});

Deno.test("M2 decode() rejects more values than its limit", () => {
  rejects(`l${"i1e".repeat(3_000_000)}e`, 1 + 3 * 2_999_999, /more than 3000000 values/);
  decode(bytesOf("d1:ai1ee"), { maxTokens: 3 });
  throws(() => decode(bytesOf("d1:ai1ee"), { maxTokens: 2 }), BencodeError);
});

Deno.test("M7 decode() rejects malformed bencode and says where", () => {
  const cases: readonly (readonly [text: string, offset: number, problem: RegExp])[] = [
    ["", 0, /the end instead of a value/],
    ["x", 0, /'x' instead of a value/],
    ["\x1b", 0, /0x1b instead of a value/],
    ["e", 0, /'e' instead of a value/],
    ["-10:x", 0, /'-' instead of a value/],
    ["18446744073709551615:x", 0, /longer than what is left/],
    ["99999999:x", 0, /longer than what is left/],
    ["3:ab", 0, /longer than what is left/],
    ["1", 1, /the end instead of a digit or ':'/],
    ["1x", 1, /'x' instead of a digit or ':'/],
    ["3 :abc", 1, /0x20 instead/],
    ["i", 1, /the end instead of a digit/],
    ["ie", 1, /'e' instead of a digit/],
    ["i-e", 2, /'e' instead of a digit/],
    ["i--1e", 2, /'-' instead of a digit/],
    ["i1-2e", 2, /'-' instead of a digit or 'e'/],
    ["i+1e", 1, /'\+' instead of a digit/],
    ["i1.5e", 2, /'\.' instead of/],
    ["i1", 2, /the end instead of a digit or 'e'/],
    ["i 1e", 1, /0x20 instead/],
    ["l", 1, /the end instead of a value/],
    ["li1e", 4, /the end instead of a value/],
    ["d", 1, /the end instead of a value/],
    ["d1:a", 4, /the end instead of a value/],
    ["d1:ae", 4, /a key without a value/],
    ["d1:ai1e", 7, /the end instead of a value/],
    ["di1ei2ee", 1, /key that is not a string/],
    ["dlei2ee", 1, /key that is not a string/],
    ["d1:ai1ei2ei3ee", 7, /key that is not a string/],
    ["i1ei2e", 3, /more bytes after the value/],
    ["lee", 2, /more bytes after the value/],
    ["l-3:e", 1, /'-' instead of a value/],
  ];
  for (const [text, offset, problem] of cases) rejects(text, offset, problem);
});

Deno.test("M7 decode() rejects every truncation of a valid document", () => {
  const text = "d1:ad1:bli-10e12:abcdefghijkle1:c0:e1:zlee";
  decode(bytesOf(text));
  for (let length = 0; length < text.length; length++) {
    throws(() => decode(bytesOf(text.slice(0, length))), BencodeError, `${length} bytes`);
  }
});

Deno.test("M17 text is UTF-8 with U+FFFD for what is not, at any length", () => {
  for (const padding of ["", "x".repeat(100)]) {
    const text = (bytes: readonly number[]) => {
      const content = new Uint8Array([...bytesOf(padding), ...bytes]);
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

Deno.test("encode() sorts keys as raw bytes and leaves undefined out", () => {
  deepStrictEqual(
    encode({ b: 1, a: "x", "é": [], "a b": undefined, "B": new Uint8Array([255]) }),
    bytesOf("d1:B1:\xff1:a1:x1:bi1e2:\xc3\xa9lee"),
  );
  const binary = new Map([[Uint8Array.of(0x80), 1], [Uint8Array.of(0x7f, 1), 2]]);
  deepStrictEqual(encode(binary), bytesOf("d2:\x7f\x01i2e1:\x80i1ee"));
});

Deno.test("encode() treats fractions, unsafe numbers and equal keys as bugs", () => {
  for (const number of [0.5, NaN, Infinity, 2 ** 53]) throws(() => encode(number));
  deepStrictEqual(encode(-0), bytesOf("i0e"));
  deepStrictEqual(encode(2n ** 63n), bytesOf("i9223372036854775808e"));
  throws(() => encode(new Map<string | Uint8Array, number>([["a", 1], [utf8.encode("a"), 2]])));
});

Deno.test("encode() takes lists longer than the stack is deep", () => {
  const list = new Array<number>(300_000).fill(1);
  equal(encode(list).length, 900_002);
});

function rejects(text: string, offset: number, problem: RegExp): void {
  try {
    decode(bytesOf(text));
  } catch (error) {
    ok(error instanceof BencodeError, `${error}`);
    equal(error.offset, offset, `${text.slice(0, 30)}: ${error.message}`);
    ok(problem.test(error.message), error.message);
    ok(error.message.startsWith("Cannot decode bencode: "));
    return;
  }
  throw new Error(`not rejected: ${text.slice(0, 30)}`);
}
