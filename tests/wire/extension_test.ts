import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { concatBytes } from "../../src/base/bytes.ts";
import { type Encodable, encode } from "../../src/metainfo/bencode_encoder.ts";
import {
  encodeExtensionHandshake,
  type ExtensionHandshake,
  parseExtensionHandshake,
} from "../../src/wire/extension.ts";

const TEXT = new TextEncoder();
const NOTHING: ExtensionHandshake = {
  clientName: "",
  requestQueueLimit: undefined,
  yourIp: undefined,
  listenPort: undefined,
  metadataSize: undefined,
  messages: new Map(),
  uploadOnly: false,
  prefersEncryption: false,
};

function parse(fields: Record<string, Encodable>): ExtensionHandshake {
  return parseExtensionHandshake(encode(fields));
}

Deno.test("encodeExtensionHandshake() writes the fields of BEP 10, 9 and 21, and of PEX", () => {
  const payload = encodeExtensionHandshake({
    clientName: "starling 0.1.0",
    requestQueueLimit: 500,
    yourIp: "127.0.0.1",
    listenPort: 6881,
    metadataSize: 31_235,
    messages: { ut_pex: 1, ut_metadata: 3 },
    uploadOnly: true,
    prefersEncryption: true,
  });
  strictEqual(
    new TextDecoder("latin1").decode(payload),
    "d1:ei1e1:md11:ut_metadatai3e6:ut_pexi1ee13:metadata_sizei31235e1:pi6881e4:reqqi500e" +
      "11:upload_onlyi1e1:v14:starling 0.1.06:yourip4:\x7f\0\0\x01e",
  );
});

Deno.test("encodeExtensionHandshake() leaves out what is not known", () => {
  const payload = encodeExtensionHandshake({ clientName: "s", messages: {}, uploadOnly: false });
  strictEqual(new TextDecoder().decode(payload), "d1:mde1:v1:se");
});

Deno.test("encodeExtensionHandshake() names no port where nobody listens", () => {
  const payload = encodeExtensionHandshake({ clientName: "s", listenPort: 1, messages: {} });
  strictEqual(parseExtensionHandshake(payload).listenPort, undefined);
});

Deno.test("parseExtensionHandshake() keeps what was said before where nothing is said, but for ids", () => {
  const all = { v: "x", reqq: 5, yourip: "\x01\x02\x03\x04", p: 6, metadata_size: 7 };
  const before = parse({ ...all, e: 1, upload_only: 1, m: { ut_pex: 9 } });
  const parseAfter = (fields: Record<string, Encodable>) =>
    parseExtensionHandshake(encode(fields), before);
  deepStrictEqual(parseAfter({}), { ...before, messages: new Map() });
  deepStrictEqual(parseAfter({ v: "", e: 0, upload_only: 0, p: 8, m: { ut_pex: 0 } }), {
    ...before,
    clientName: "",
    prefersEncryption: false,
    uploadOnly: false,
    listenPort: 8,
    messages: new Map([["ut_pex", 0]]),
  });
});

Deno.test("parseExtensionHandshake() gives what was encoded", () => {
  const optional = <Value>(arbitrary: fc.Arbitrary<Value>) =>
    fc.option(arbitrary, { nil: undefined });
  fc.assert(fc.property(
    fc.string({ unit: fc.constantFrom(..."abc 0.1/äß😀"), maxLength: 20 }),
    optional(fc.integer({ min: 1, max: 100_000 })),
    optional(fc.oneof(fc.ipV4(), fc.constantFrom("::1", "2001:db8::5", "fe80::1:0:0:2"))),
    optional(fc.integer({ min: 2, max: 65_535 })),
    optional(fc.integer({ min: 1, max: 31_457_280 })),
    fc.uniqueArray(fc.integer({ min: 1, max: 255 }), { maxLength: 10 }),
    fc.tuple(fc.boolean(), fc.boolean()),
    (clientName, requestQueueLimit, yourIp, listenPort, metadataSize, ids, wishes) => {
      const [uploadOnly, prefersEncryption] = wishes;
      const messages = ids.map((id, index) => [`ut_${index}`, id] as const);
      const fields = {
        clientName,
        requestQueueLimit,
        yourIp,
        listenPort,
        metadataSize,
        uploadOnly,
        prefersEncryption,
      };
      const payload = encodeExtensionHandshake({
        ...fields,
        messages: Object.fromEntries(messages),
      });
      deepStrictEqual(parseExtensionHandshake(payload), { ...fields, messages: new Map(messages) });
    },
  ));
});

Deno.test("parseExtensionHandshake() gives an IPv4 address for a v4-mapped one", () => {
  const mapped = concatBytes(new Uint8Array(10), Uint8Array.of(255, 255, 192, 0, 2, 7));
  strictEqual(parse({ yourip: mapped }).yourIp, "192.0.2.7");
});

Deno.test("P26 parseExtensionHandshake() refuses what is not a dictionary", () => {
  for (const text of ["", "le", "i1e", "4:spam", "d", "d1:ae", "de ", "<html>", "d1:v99999:xe"]) {
    throws(() => parseExtensionHandshake(TEXT.encode(text)), {
      name: "ProtocolError",
      reason: "malformed-message",
    });
  }
});

Deno.test("P26 parseExtensionHandshake() ignores fields of another type", () => {
  deepStrictEqual(parse({}), NOTHING);
  for (const wrong of [[], {}, "x", -1, ["x"]]) {
    const fields = ["p", "reqq", "metadata_size", "upload_only", "e", "yourip"];
    deepStrictEqual(parse(Object.fromEntries(fields.map((name) => [name, wrong]))), NOTHING);
  }
  for (const wrong of [[], {}, 7]) deepStrictEqual(parse({ v: wrong }), NOTHING);
  for (const wrong of [[], "x", 7]) deepStrictEqual(parse({ m: wrong }), NOTHING);
});

Deno.test("P26 parseExtensionHandshake() ignores numbers out of range", () => {
  for (const wrong of [0, -1, -(2 ** 31), 2n ** 62n]) {
    deepStrictEqual(parse({ p: wrong, reqq: wrong, metadata_size: wrong }), NOTHING);
  }
  deepStrictEqual(parse({ p: 65_536, metadata_size: 31_457_281 }), NOTHING);
  deepStrictEqual(parse({ metadata_size: 2 ** 31 }), NOTHING);
});

Deno.test("P26 parseExtensionHandshake() ignores ids that are negative, over 255 or taken", () => {
  const m = { a: -1, b: 256, c: 2n ** 40n, d: 7, e: 7, f: 255, g: 0, h: 0, i: "1", j: [1] };
  deepStrictEqual(
    parse({ m }).messages,
    new Map([["d", 7], ["f", 255], ["g", 0], ["h", 0]]),
  );
});

Deno.test("P26 parseExtensionHandshake() bounds how much of m it keeps", () => {
  const m = new Map(Array.from({ length: 100_000 }, (_, i) => [`name${i}`, (i % 255) + 1]));
  strictEqual(parse({ m }).messages.size, 64);
  deepStrictEqual(parse({ m: { ["x".repeat(65)]: 1, ok: 2 } }).messages, new Map([["ok", 2]]));
});

Deno.test("P26 parseExtensionHandshake() makes the client's name short and printable", () => {
  strictEqual(parse({ v: "\x1b[31mEvil\n\u202e" }).clientName, "\\x1b[31mEvil\\x0a\\u{202e}");
  strictEqual(parse({ v: "v".repeat(1_000_000) }).clientName.length, 64);
  strictEqual(parse({ v: Uint8Array.of(0xc3, 0x28) }).clientName, "\ufffd(");
});

Deno.test("P30 parseExtensionHandshake() gives yourip only when it is 4 or 16 bytes", () => {
  for (const length of [0, 1, 3, 5, 15, 17, 1_000]) {
    strictEqual(parse({ yourip: new Uint8Array(length) }).yourIp, undefined);
  }
});
