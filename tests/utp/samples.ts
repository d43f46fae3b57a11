/** Packets to parse, to answer and to distort. */
import fc from "fast-check";
import type { Bytes } from "../../src/base/bytes.ts";
import { concatBytes } from "../../src/base/bytes.ts";
import { encodePacket, type Packet, type PacketHeader } from "../../src/utp/packet.ts";

export const NOTHING = new Uint8Array(0);

/** A packet with some of its fields given. */
export function packetOf(fields: Partial<Packet> = {}): Packet {
  return {
    type: "state",
    connectionId: 1_000,
    timestampUs: 0,
    timestampDifferenceUs: 0,
    windowBytes: 1_000_000,
    sequenceNumber: 0,
    ackNumber: 0,
    selectiveAck: NOTHING,
    payload: NOTHING,
    ...fields,
  };
}

/** Its bytes. */
export function bytesOf(packet: Packet): Bytes {
  return concatBytes(encodePacket(packet), packet.payload);
}

/** A selective ack of 4 bytes or more with these bits. */
export function bits(...indices: readonly number[]): Uint8Array {
  const selectiveAck = new Uint8Array(Math.ceil((Math.max(...indices, 0) + 1) / 32) * 4);
  for (const index of indices) selectiveAck[index >> 3]! |= 1 << (index & 7);
  return selectiveAck;
}

const uint16 = fc.nat(0xffff), uint32 = fc.nat(0xffff_ffff);

export const anyHeader: fc.Arbitrary<PacketHeader> = fc.record({
  type: fc.constantFrom("data", "fin", "state", "reset", "syn"),
  connectionId: uint16,
  timestampUs: uint32,
  timestampDifferenceUs: uint32,
  windowBytes: uint32,
  sequenceNumber: uint16,
  ackNumber: uint16,
  selectiveAck: fc.nat(63).chain((words) =>
    fc.uint8Array({ minLength: words * 4, maxLength: words * 4 })
  ),
});
