/**
 * The packets of uTP (BEP 29, "header format"): 20 bytes, a chain of extensions, the payload.
 * Nothing of one is believed but its form.
 */
import { type Bytes, getUint16, getUint32, putUint16, putUint32 } from "../base/bytes.ts";

export const HEADER_LENGTH = 20;
/** Its packet may be sent again for as long as it is not acknowledged, and then says more. */
export type PacketType = "data" | "fin" | "state" | "reset" | "syn";

/** By their numbers. */
const TYPES: readonly PacketType[] = ["data", "fin", "state", "reset", "syn"];
const VERSION = 1;
/** Ends the chain of extensions. */
const NO_EXTENSION = 0;
const SELECTIVE_ACK = 1;
const EXTENSION_HEADER_LENGTH = 2;
const NOTHING = new Uint8Array(0);

/** A packet but for its payload. All numbers are as on the wire. */
export interface PacketHeader {
  readonly type: PacketType;
  /** Of SYN the one that the sender receives with; of all others the one that we receive with. */
  readonly connectionId: number;
  /** When it was sent, by the sender's clock. */
  readonly timestampUs: number;
  /** How long our last packet seemed to take; 0: none has come. */
  readonly timestampDifferenceUs: number;
  /** What the sender can take beyond what it acknowledges. */
  readonly windowBytes: number;
  /** Of STATE and RESET, the next one's. */
  readonly sequenceNumber: number;
  /** The last packet up to which all have come. */
  readonly ackNumber: number;
  /** Bit n, the lowest of a byte first: the packet `ackNumber` + 2 + n has come too. */
  readonly selectiveAck: Uint8Array;
}

export interface Packet extends PacketHeader {
  readonly payload: Uint8Array;
}

/**
 * A packet, its parts being views of the datagram; undefined when that is none. Extensions that
 * we do not know are skipped.
 */
export function parsePacket(datagram: Uint8Array): Packet | undefined {
  if (datagram.length < HEADER_LENGTH) return undefined;
  const type = TYPES[datagram[0]! >> 4];
  if (type === undefined || (datagram[0]! & 15) !== VERSION) return undefined;
  let extension = datagram[1]!;
  let end = HEADER_LENGTH;
  let selectiveAck: Uint8Array = NOTHING;
  while (extension !== NO_EXTENSION) {
    const start = end + EXTENSION_HEADER_LENGTH;
    if (start > datagram.length) return undefined;
    const length = datagram[end + 1]!;
    if (length === 0 || start + length > datagram.length) return undefined;
    // Of any length: libtorrent does not fill up words of 4 bytes.
    if (extension === SELECTIVE_ACK) selectiveAck = datagram.subarray(start, start + length);
    extension = datagram[end]!;
    end = start + length;
  }
  return {
    type,
    connectionId: getUint16(datagram, 2),
    timestampUs: getUint32(datagram, 4),
    timestampDifferenceUs: getUint32(datagram, 8),
    windowBytes: getUint32(datagram, 12),
    sequenceNumber: getUint16(datagram, 16),
    ackNumber: getUint16(datagram, 18),
    selectiveAck,
    payload: end === datagram.length ? NOTHING : datagram.subarray(end),
  };
}

/** A packet without payload. Wide numbers are cut to their fields. */
export function encodePacket(header: PacketHeader): Bytes {
  const { selectiveAck: { length } } = header;
  const packet = new Uint8Array(
    HEADER_LENGTH + (length === 0 ? 0 : EXTENSION_HEADER_LENGTH + length),
  );
  putHeader(packet, header);
  if (length === 0) return packet;
  packet[1] = SELECTIVE_ACK;
  packet[HEADER_LENGTH] = NO_EXTENSION;
  packet[HEADER_LENGTH + 1] = length;
  packet.set(header.selectiveAck, HEADER_LENGTH + EXTENSION_HEADER_LENGTH);
  return packet;
}

/** Writes the header in front of a payload that follows it at once; no selective ack. */
export function putHeader(packet: Uint8Array, header: Omit<PacketHeader, "selectiveAck">): void {
  packet[0] = TYPES.indexOf(header.type) << 4 | VERSION;
  packet[1] = NO_EXTENSION;
  putUint16(packet, 2, header.connectionId);
  putUint32(packet, 4, header.timestampUs);
  putUint32(packet, 8, header.timestampDifferenceUs);
  putUint32(packet, 12, header.windowBytes);
  putUint16(packet, 16, header.sequenceNumber);
  putUint16(packet, 18, header.ackNumber);
}
