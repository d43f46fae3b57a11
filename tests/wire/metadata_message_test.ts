import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { concatBytes } from "../../src/base/bytes.ts";
import {
  encodeMetadataData,
  encodeMetadataReject,
  encodeMetadataRequest,
  METADATA_PIECE_LENGTH,
  parseMetadataMessage,
} from "../../src/wire/metadata_message.ts";

const ascii = (text: string) => new TextEncoder().encode(text);

Deno.test("encodeMetadata…() writes the bytes of BEP 9", () => {
  deepStrictEqual(encodeMetadataRequest(0), ascii("d8:msg_typei0e5:piecei0ee"));
  deepStrictEqual(encodeMetadataReject(7), ascii("d8:msg_typei2e5:piecei7ee"));
  deepStrictEqual(
    encodeMetadataData(0, 34256, ascii("xxx")),
    ascii("d8:msg_typei1e5:piecei0e10:total_sizei34256eexxx"),
  );
});

Deno.test("parseMetadataMessage() gives back what was encoded", () => {
  const piece = fc.nat(2_000), data = fc.uint8Array({ maxLength: 200 });
  fc.assert(fc.property(piece, fc.nat(), data, (piece, totalSize, data) => {
    const request = parseMetadataMessage(encodeMetadataRequest(piece));
    deepStrictEqual(request, { kind: "request", piece });
    const reject = parseMetadataMessage(encodeMetadataReject(piece));
    deepStrictEqual(reject, { kind: "reject", piece });
    const message = parseMetadataMessage(encodeMetadataData(piece, totalSize, data));
    deepStrictEqual(message, { kind: "data", piece, totalSize, data });
  }));
});

Deno.test("parseMetadataMessage() shows the data as a view when it is a whole piece", () => {
  const payload = encodeMetadataData(3, 65_536, new Uint8Array(METADATA_PIECE_LENGTH).fill(9));
  const message = parseMetadataMessage(payload);
  ok(message.kind === "data");
  strictEqual(message.data.length, METADATA_PIECE_LENGTH);
  strictEqual(message.data.buffer, payload.buffer);
});

Deno.test("parseMetadataMessage() throws ProtocolError when cut at any byte of its head", () => {
  const payload = encodeMetadataData(1, 20_000, new Uint8Array());
  for (let length = 0; length < payload.length; length++) {
    throws(() => parseMetadataMessage(payload.subarray(0, length)), {
      reason: "malformed-message",
    });
  }
});

Deno.test("P27 parseMetadataMessage() ignores types of later versions", () => {
  for (const type of ["i3e", "i-1e", "i255e", "i9223372036854775807e", "1:0", "le"]) {
    const payload = ascii(`d8:msg_type${type}5:piecei0ee`);
    deepStrictEqual(parseMetadataMessage(payload), { kind: "unknown" }, type);
  }
  deepStrictEqual(parseMetadataMessage(ascii("de")), { kind: "unknown" });
});

Deno.test("P27 parseMetadataMessage() throws ProtocolError for what is none", () => {
  const MALFORMED = [
    "",
    "i0e",
    "le",
    "d8:msg_typei0ee",
    "d8:msg_typei0e5:piecei-1ee",
    "d8:msg_typei0e5:piece1:0e",
    "d8:msg_typei0e5:piecei9223372036854775807ee",
    "l".repeat(11) + "e".repeat(11),
    `d8:msg_typei0e5:piecei0e1:xl${"le".repeat(600)}ee`,
  ];
  for (const text of MALFORMED) {
    throws(() => parseMetadataMessage(ascii(text)), { reason: "malformed-message" }, text);
  }
});

Deno.test("P27 parseMetadataMessage() takes no more data than a piece", () => {
  const head = ascii("d8:msg_typei1e5:piecei0ee");
  const parse = (length: number) => parseMetadataMessage(concatBytes(head, new Uint8Array(length)));
  strictEqual(parse(METADATA_PIECE_LENGTH).kind, "data");
  throws(() => parse(METADATA_PIECE_LENGTH + 1), { reason: "malformed-message" });
  throws(() => parse(17 * 1024), { reason: "message-too-large" });
});
