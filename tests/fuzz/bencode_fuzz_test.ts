import { deepStrictEqual, ok } from "node:assert/strict";
import {
  BencodeError,
  type BencodePrefix,
  type BencodeValue,
  decodePrefix,
} from "../../src/metainfo/bencode.ts";
import { type Encodable, encode } from "../../src/metainfo/bencode_encoder.ts";
import { fuzz } from "./mutation.ts";

function decode(input: Uint8Array): BencodePrefix | undefined {
  try {
    return decodePrefix(input);
  } catch (error) {
    ok(error instanceof BencodeError, `${error}`);
    ok(error.offset >= 0 && error.offset <= input.length);
    ok(/^[\x20-\x7e]+$/.test(error.message), error.message);
    return undefined;
  }
}

function encodable(value: BencodeValue): Encodable {
  switch (value.kind) {
    case "integer":
      return value.value;
    case "string":
      return value.bytes;
    case "list":
      return [...value].map(encodable);
    case "dictionary":
      return new Map([...value.entries()].map(([key, item]) => [key.bytes, encodable(item)]));
  }
}

Deno.test("fuzz: decodePrefix() gives what encodes to the same bytes, or throws BencodeError", () => {
  fuzz({
    corpus: "bencode",
    check(input) {
      const decoded = decode(input);
      if (decoded === undefined) return;
      ok(decoded.end <= input.length);
      deepStrictEqual(decoded.value.raw, input.subarray(0, decoded.end));
      // What is sloppily encoded decodes too, but only the canonical encoding is unique.
      if (decoded.warnings.length > 0) return;
      deepStrictEqual(encode(encodable(decoded.value)), new Uint8Array(decoded.value.raw));
    },
  });
});
