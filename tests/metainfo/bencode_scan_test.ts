import { deepStrictEqual, equal, throws } from "node:assert/strict";
import { BencodeError, decode, decodePrefix } from "../../src/metainfo/bencode.ts";
import {
  latin1,
  nextOnTape,
  scan,
  TAPE_END,
  TAPE_STRIDE,
  TAPE_THIRD,
} from "../../src/metainfo/bencode_scan.ts";
import { plain } from "./plain_value.ts";
import { rejectsBencode } from "./rejects_bencode.ts";
import { latin1Bytes } from "./latin1_bytes.ts";

Deno.test("scan() notes on the tape where each value lies", () => {
  const text = "d1:ali-5e2:xye1:b0:e";
  const bytes = latin1Bytes(text);
  const { tape, end, warnings } = scan(bytes);
  const spans: string[] = [];
  for (let token = 0; token < 7 * TAPE_STRIDE; token += TAPE_STRIDE) {
    spans.push(text.slice(tape[token]!, tape[token + TAPE_END]!));
  }
  deepStrictEqual(spans, [text, "1:a", "li-5e2:xye", "i-5e", "2:xy", "1:b", "0:"]);
  equal(end, text.length);
  deepStrictEqual(warnings, []);
  equal(text.slice(tape[4 * TAPE_STRIDE + TAPE_THIRD]!, tape[4 * TAPE_STRIDE + TAPE_END]!), "xy");
  equal(nextOnTape(bytes, tape, 0), 7 * TAPE_STRIDE);
  equal(nextOnTape(bytes, tape, 2 * TAPE_STRIDE), 5 * TAPE_STRIDE);
  equal(nextOnTape(bytes, tape, 3 * TAPE_STRIDE), 4 * TAPE_STRIDE);
});

Deno.test("latin1() is exact for every byte, at any length", () => {
  const bytes = Uint8Array.from({ length: 10_000 }, (_, i) => i & 255);
  const text = latin1(bytes, 0, bytes.length);
  deepStrictEqual(latin1Bytes(text), bytes);
  equal(latin1(bytes, 97, 100), "abc");
  equal(latin1(bytes, 5, 5), "");
});

Deno.test("M5 decode() tolerates leading zeros and minus zero with a warning", () => {
  const cases: readonly (readonly [string, unknown])[] = [
    ["i-0e", 0],
    ["i03e", 3],
    ["i-03e", -3],
    ["i00e", 0],
    ["03:abc", latin1Bytes("abc")],
    ["00:", latin1Bytes("")],
  ];
  for (const [text, expected] of cases) {
    const { value, warnings } = decodePrefix(latin1Bytes(text));
    deepStrictEqual(plain(value), expected);
    deepStrictEqual(warnings, [{ kind: "leading-zero", offset: 0 }], text);
  }
  for (const text of ["i0e", "0:", "i-10e", "10:0123456789"]) {
    deepStrictEqual(decodePrefix(latin1Bytes(text)).warnings, [], text);
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
    deepStrictEqual(decodePrefix(latin1Bytes(text)).warnings, expected, text);
  }
});

Deno.test("M6 decode() keeps a bounded number of warnings, and never drops a duplicate", () => {
  const { warnings } = decodePrefix(latin1Bytes(`l${"i00e".repeat(10_000)}e`));
  equal(warnings.length, 100);
  rejectsBencode(`l${"d1:ai1e1:ai1ee".repeat(101)}e`, 1 + 14 * 100 + 7, /duplicate keys/);
});

Deno.test("M1 decode() rejects more levels than its limit, however many", () => {
  rejectsBencode("l".repeat(1_000_000), 100, /more than 100 levels/);
  rejectsBencode("d1:a".repeat(200_000), 400, /more than 100 levels/);
  decode(latin1Bytes("l".repeat(100) + "e".repeat(100)));
  decode(latin1Bytes("llee"), { maxDepth: 2 });
  throws(() => decode(latin1Bytes("llleee"), { maxDepth: 2 }), BencodeError);
  throws(() => decode(latin1Bytes("le"), { maxDepth: 0 }), BencodeError);
});

Deno.test("M2 decode() rejects more values than its limit", () => {
  rejectsBencode(`l${"i1e".repeat(3_000_000)}e`, 1 + 3 * 2_999_999, /more than 3000000 values/);
  decode(latin1Bytes("d1:ai1ee"), { maxTokens: 3 });
  throws(() => decode(latin1Bytes("d1:ai1ee"), { maxTokens: 2 }), BencodeError);
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
  for (const [text, offset, problem] of cases) rejectsBencode(text, offset, problem);
});

Deno.test("M7 decode() rejects every truncation of a valid document", () => {
  const text = "d1:ad1:bli-10e12:abcdefghijkle1:c0:e1:zlee";
  decode(latin1Bytes(text));
  for (let length = 0; length < text.length; length++) {
    throws(() => decode(latin1Bytes(text.slice(0, length))), BencodeError, `${length} bytes`);
  }
});
