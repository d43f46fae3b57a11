import { deepStrictEqual, ok } from "node:assert/strict";
import fc from "fast-check";
import {
  encodeReceipt,
  maxReceiptLength,
  parseReceipt,
  type Receipt,
} from "../../src/storage/receipt_codec.ts";

const INFO_HASH = "ab".repeat(20);

const RECEIPT: Receipt = {
  infoHash: INFO_HASH,
  name: "pack",
  completed: "2026-11-20T21:00:00.000Z",
  starling: "0.1.0",
  peers: 3,
  downloaded: 1_500,
  files: [
    { path: "pack/a", size: 1000, modifiedMs: 1_700_000_000_123, sha256: null, onDone: true },
    { path: "pack/b", size: 500, modifiedMs: -1, sha256: "0f".repeat(32), onDone: false },
  ],
};

function textOf(receipt: Receipt): string {
  return new TextDecoder().decode(encodeReceipt(receipt));
}

function parse(text: string): Receipt | undefined {
  return parseReceipt(new TextEncoder().encode(text), INFO_HASH);
}

Deno.test("encodeReceipt() writes JSON for scripts, one file a line", () => {
  deepStrictEqual(JSON.parse(textOf(RECEIPT)), {
    format: "starling-receipt",
    version: 1,
    ...RECEIPT,
  });
  deepStrictEqual(textOf(RECEIPT).split("\n").length, RECEIPT.files.length + 3);
});

Deno.test("parseReceipt() reads back any receipt, which is no longer than maxReceiptLength()", () => {
  const count = fc.nat({ max: Number.MAX_SAFE_INTEGER });
  const hex = fc.constantFrom("0", "9", "a", "f");
  const file = fc.record({
    path: fc.string({ unit: "binary" }),
    size: count,
    modifiedMs: fc.maxSafeInteger(),
    sha256: fc.option(fc.string({ unit: hex, minLength: 64, maxLength: 64 })),
    onDone: fc.boolean(),
  });
  const receipt = fc.record({
    infoHash: fc.constant(INFO_HASH),
    name: fc.string({ unit: "binary" }),
    completed: fc.string(),
    starling: fc.string(),
    peers: count,
    downloaded: count,
    files: fc.array(file),
  });
  fc.assert(fc.property(receipt, ({ files, ...fields }) => {
    const receipt = { ...fields, files: files.map((file) => ({ ...file })) };
    const bytes = encodeReceipt(receipt);
    deepStrictEqual(parseReceipt(bytes, INFO_HASH), receipt);
    ok(bytes.length <= maxReceiptLength(fields.name, files.map(({ path }) => path)));
  }));
});

Deno.test("maxReceiptLength() is enough for many long lines and for the longest name", () => {
  const longest = {
    size: Number.MAX_SAFE_INTEGER,
    modifiedMs: Number.MIN_SAFE_INTEGER,
    sha256: "0f".repeat(32),
    onDone: false,
  };
  const name = "\u0001".repeat(20_000);
  const files = Array.from({ length: 1_000 }, () => ({ path: "\u0001".repeat(500), ...longest }));
  const { length } = encodeReceipt({ ...RECEIPT, name, files });
  const limit = maxReceiptLength(name, files.map(({ path }) => path));
  ok(length <= limit && limit < 1.1 * length, `${length} bytes, ${limit} at most`);
});

Deno.test("parseReceipt() takes nothing that is cut short, wherever it is cut", () => {
  const bytes = encodeReceipt(RECEIPT);
  for (let length = 0; length < bytes.length - 1; length++) {
    deepStrictEqual(parseReceipt(bytes.subarray(0, length), INFO_HASH), undefined);
  }
});

Deno.test("parseReceipt() takes nothing of another torrent, another version or another kind", () => {
  const text = textOf(RECEIPT);
  ok(parse(text) !== undefined);
  deepStrictEqual(parseReceipt(encodeReceipt(RECEIPT), "cd".repeat(20)), undefined);
  const wrong: readonly (readonly [string, string])[] = [
    ['"version":1', '"version":2'],
    ["starling-receipt", "starling-resume"],
    ['"peers":3', '"peers":-3'],
    ['"downloaded":1500', '"downloaded":1.5'],
    ['"name":"pack"', '"name":null'],
    ['"size":500', '"size":"500"'],
    ['"modifiedMs":-1', '"modifiedMs":1e99'],
    ["0f0f", "0F0F"],
    ['"onDone":true', '"onDone":1'],
    ['"path":"pack/a"', '"path":5'],
  ];
  for (const [from, to] of wrong) deepStrictEqual(parse(text.replace(from, to)), undefined, to);
  for (const other of ["null", "[]", "7", '"x"', "", "{}"]) {
    deepStrictEqual(parse(other), undefined);
  }
});

Deno.test("parseReceipt() gives nothing when a field is missing, or of another type", () => {
  const wrong: Record<string, readonly unknown[]> = {
    format: ["starling-resume", null],
    version: [2, "1"],
    infoHash: ["cd".repeat(20), 1],
    name: [7, null],
    completed: [7, null],
    starling: [7, null],
    peers: ["3", -1, 1.5],
    downloaded: ["3", -1, 1.5],
    files: [{}, [null], [{}]],
  };
  const fields = JSON.parse(textOf(RECEIPT));
  deepStrictEqual(Object.keys(wrong), Object.keys(fields));
  for (const [name, values] of Object.entries(wrong)) {
    for (const value of [...values, undefined]) {
      deepStrictEqual(parse(JSON.stringify({ ...fields, [name]: value })), undefined, name);
    }
  }
});
