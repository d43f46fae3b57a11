import fc from "fast-check";
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { concatBytes } from "../../src/base/bytes.ts";
import { encodePacket, HEADER_LENGTH, parsePacket, putHeader } from "../../src/utp/packet.ts";
import { anyHeader, bytesOf, NOTHING, packetOf } from "./samples.ts";

const HEADER = "01 00 1234 00000001 80000002 00100000 fffe 0003";

function fromHex(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromHex(text.replaceAll(" ", ""));
}

Deno.test("parsePacket() reads the fields of BEP 29, each in its place", () => {
  deepStrictEqual(
    parsePacket(fromHex(`${HEADER} aabb`)),
    packetOf({
      type: "data",
      connectionId: 0x1234,
      timestampUs: 1,
      timestampDifferenceUs: 0x80000002,
      windowBytes: 0x100000,
      sequenceNumber: 0xfffe,
      ackNumber: 3,
      payload: Uint8Array.of(0xaa, 0xbb),
    }),
  );
});

Deno.test("parsePacket() tells the five types, and what is none of ours", () => {
  const rows: [first: string, type: string | undefined][] = [
    ["01", "data"],
    ["11", "fin"],
    ["21", "state"],
    ["31", "reset"],
    ["41", "syn"],
    ["51", undefined],
    ["f1", undefined],
    ["00", undefined],
    ["02", undefined],
    ["64", undefined], // "d", as messages of the DHT begin.
  ];
  for (const [first, type] of rows) {
    strictEqual(parsePacket(fromHex(first + HEADER.slice(2)))?.type, type, first);
  }
});

Deno.test("parsePacket() follows the chain of extensions, and no further than the datagram", () => {
  const rows: [
    name: string,
    extension: string,
    rest: string,
    selectiveAck?: string,
    payload?: string,
  ][] = [
    ["none", "00", "0102", "", "0102"],
    ["a selective ack", "01", "00 04 0f000080 77", "0f000080", "77"],
    ["a short one, of libtorrent", "01", "00 01 05 77", "05", "77"],
    ["one after another extension", "02", "01 08 0000000000000000 00 04 01000000", "01000000", ""],
    ["one before another extension", "01", "03 04 01000000 00 04 00000001 99", "01000000", "99"],
    ["an unknown one", "ff", "00 01 00", "", ""],
    ["P33 of no length", "01", "00 00"],
    ["P33 an unknown one of no length", "07", "00 00"],
    ["P33 longer than the datagram", "01", "00 ff 00000000"],
    ["P33 one byte longer", "01", "00 04 000000"],
    ["no header of an extension", "01", ""],
    ["half a header", "01", "00"],
    ["a chain that does not end", "01", "01 04 00000000"],
  ];
  for (const [name, extension, rest, selectiveAck, payload] of rows) {
    const packet = parsePacket(fromHex(`01 ${extension} ${HEADER.slice(6)} ${rest}`));
    deepStrictEqual([packet?.selectiveAck.toHex(), packet?.payload.toHex()], [
      selectiveAck,
      payload,
    ], name);
  }
});

Deno.test("parsePacket() gives nothing for a header that is cut, at every byte", () => {
  const datagram = encodePacket(packetOf({ selectiveAck: Uint8Array.of(1, 2, 3, 4) }));
  for (let length = 0; length < datagram.length; length++) {
    strictEqual(parsePacket(datagram.subarray(0, length)), undefined, `${length} bytes`);
  }
  ok(parsePacket(datagram));
});

Deno.test("encodePacket() writes what parsePacket() reads", () => {
  fc.assert(
    fc.property(anyHeader, fc.uint8Array({ maxLength: 30 }), (header, payload) => {
      const packet = { ...header, payload };
      deepStrictEqual(parsePacket(bytesOf(packet)), packet);
    }),
  );
});

Deno.test("putHeader() leaves the payload alone, and cuts numbers to their fields", () => {
  const payload = Uint8Array.of(1, 2, 3);
  const bytes = concatBytes(new Uint8Array(HEADER_LENGTH).fill(255), payload);
  const wide = packetOf({ type: "data", sequenceNumber: 65_536 * 3 + 7, ackNumber: -1 });
  putHeader(bytes, wide);
  const { selectiveAck: _, payload: read, ...header } = parsePacket(bytes)!;
  deepStrictEqual([header.sequenceNumber, header.ackNumber, [...read]], [7, 65_535, [1, 2, 3]]);
  strictEqual(encodePacket({ ...header, selectiveAck: NOTHING }).length, HEADER_LENGTH);
});
