import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { Rc4 } from "../../src/wire/rc4.ts";

/** RFC 6229: sixteen bytes of the stream of the key 1, 2, 3, … of a length, at an offset. */
const VECTORS: readonly (readonly [keyLength: number, offset: number, stream: string])[] = [
  [5, 0, "b2396305f03dc027ccc3524a0a1118a8"],
  [5, 16, "6982944f18fc82d589c403a47a0d0919"],
  [5, 240, "28cb1132c96ce286421dcaadb8b69eae"],
  [5, 256, "1cfcf62b03eddb641d77dfcf7f8d8c93"],
  [5, 1520, "3294f744d8f9790507e70f62e5bbceea"],
  [5, 4096, "ff25b58995996707e51fbdf08b34d875"],
  [16, 0, "9ac7cc9a609d1ef7b2932899cde41b97"],
  [16, 16, "5248c4959014126a6e8a84f11d1a9e1c"],
  [16, 240, "065902e4b620f6cc36c8589f66432f2b"],
  [16, 256, "d39d566bc6bce3010768151549f3873f"],
  [16, 4096, "a36a4c301ae8ac13610ccbc12256cacc"],
  [32, 0, "eaa6bd25880bf93d3f5d1e4ca2611d91"],
  [32, 16, "cfa45c9f7e714b54bdfa80027cb14380"],
];

for (const [keyLength, offset, stream] of VECTORS) {
  Deno.test(`apply() gives the stream of RFC 6229 for ${keyLength} bytes of key at ${offset}`, () => {
    const bytes = new Uint8Array(offset + 16);
    new Rc4(Uint8Array.from({ length: keyLength }, (_, index) => index + 1)).apply(bytes);
    strictEqual(bytes.subarray(offset).toHex(), stream);
  });
}

Deno.test("apply() gives the same in whatever parts the bytes come, and undoes itself", () => {
  fc.assert(fc.property(
    fc.uint8Array({ minLength: 1, maxLength: 256 }),
    fc.uint8Array({ maxLength: 300 }),
    fc.array(fc.nat(20), { minLength: 1, maxLength: 40 }),
    (key, message, lengths) => {
      const whole = message.slice(), parts = message.slice();
      new Rc4(key).apply(whole);
      const cipher = new Rc4(key);
      let offset = 0;
      for (const length of lengths) {
        cipher.apply(parts.subarray(offset, offset + length));
        offset += length;
      }
      cipher.apply(parts.subarray(offset));
      deepStrictEqual(parts, whole);
      new Rc4(key).apply(whole);
      deepStrictEqual(whole, message);
    },
  ));
});
