import { deepStrictEqual, equal, ok } from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import {
  compareBytes,
  concatBytes,
  equalBytes,
  getUint16,
  getUint32,
  putUint16,
  putUint32,
} from "../../src/base/bytes.ts";

const anyBytes = fc.uint8Array({ maxLength: 40 });

Deno.test("getUint32() and putUint32() agree with DataView at any offset", () => {
  fc.assert(fc.property(fc.nat(0xffff_ffff), fc.nat(9), (value, offset) => {
    const bytes = new Uint8Array(16);
    putUint32(bytes, offset, value);
    equal(new DataView(bytes.buffer).getUint32(offset), value);
    equal(getUint32(bytes, offset), value);
    equal(getUint16(bytes, offset), value >>> 16);
  }));
});

Deno.test("getUint32() is unsigned for the highest values", () => {
  equal(getUint32(Uint8Array.of(255, 255, 255, 255), 0), 0xffff_ffff);
  equal(getUint32(Uint8Array.of(128, 0, 0, 0), 0), 0x8000_0000);
});

Deno.test("putUint16() writes two bytes, the high one first", () => {
  const bytes = Uint8Array.of(9, 0, 0, 9);
  putUint16(bytes, 1, 0x1234);
  deepStrictEqual(bytes, Uint8Array.of(9, 0x12, 0x34, 9));
  equal(getUint16(bytes, 1), 0x1234);
});

Deno.test("compareBytes() orders as Buffer does, and equalBytes() agrees with it", () => {
  fc.assert(fc.property(anyBytes, anyBytes, (a, b) => {
    equal(Math.sign(compareBytes(a, b)), Buffer.compare(a, b));
    equal(equalBytes(a, b), Buffer.compare(a, b) === 0);
    ok(equalBytes(a, a.slice()));
  }));
});

Deno.test("concatBytes() joins in order and owns its buffer", () => {
  fc.assert(fc.property(fc.array(anyBytes), (parts) => {
    const joined = concatBytes(...parts);
    deepStrictEqual(joined, new Uint8Array(Buffer.concat(parts)));
    equal(joined.buffer.byteLength, joined.length);
  }));
});
