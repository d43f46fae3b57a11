/**
 * What is under way: packets that the peer has not acknowledged, and what is lost of them.
 * Sequence numbers here do not wrap.
 */
import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import type { PacketType } from "./packet.ts";

/** libtorrent refuses what is 512 or more beyond the last packet that it has in order. */
export const MAX_PACKETS_UNDER_WAY = 511;
/** A packet is lost when one has arrived that was sent so many packets later (RFC 5681, 3.2). */
const REORDERING_PACKETS = 3;
/** On ways where packets overtake each other by more, it is as many as they do. */
const MAX_REORDERING_PACKETS = 128;

export interface SentPacket {
  readonly type: PacketType;
  readonly sequence: number;
  /** Header and payload. */
  readonly bytes: Bytes;
  readonly payloadLength: number;
  sentAt: number;
  /** Counts all that was sent, so that it says what was sent later; new whenever it is sent. */
  order: number;
  /** That of the time before. */
  previousOrder: number;
  isRepeated: boolean;
}

/** What an acknowledgement told. */
export interface Acknowledged {
  readonly bytes: number;
  /** How long the latest of its packets took; undefined when all were sent more than once. */
  readonly roundTripMs: number | undefined;
  /** Packets are lost that were sent after the last time that this was told. */
  readonly isLossNew: boolean;
  /** Something that was under way has arrived. */
  readonly hasProgress: boolean;
}

export class SendWindow {
  /** As they were sent, the oldest first: a packet that is sent again moves to the end. */
  readonly #underWay = new Map<number, SentPacket>();
  readonly #lost = new Map<number, SentPacket>();
  #order = 0;
  /** The order of that which arrived and was sent last. */
  #latestArrived = -1;
  #reordering = REORDERING_PACKETS;
  #leastRoundTripMs = Infinity;
  /** Losses of packets up to this order are one event. */
  #toldLossesUpTo = -1;
  #acknowledged: number;
  #next: number;
  #bytesUnderWay = 0;
  /** Answers that told nothing new, of a peer that gives no selective acks. */
  #duplicateAcks = 0;

  /** `next`: the sequence number of the first packet. */
  constructor(next: number) {
    this.#next = next;
    this.#acknowledged = next - 1;
  }

  /** The sequence number of the next packet. */
  get next(): number {
    return this.#next;
  }

  /** The last packet up to which the peer has all. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Payload that has been sent, and neither arrived nor was lost. */
  get bytesUnderWay(): number {
    return this.#bytesUnderWay;
  }

  /** Nothing waits for an acknowledgement. */
  get isEmpty(): boolean {
    return this.#acknowledged === this.#next - 1;
  }

  /** The receiver would keep one packet more. */
  get hasRoom(): boolean {
    return this.#next - this.#acknowledged <= MAX_PACKETS_UNDER_WAY;
  }

  /** When that was sent which has been under way for longest; Infinity: nothing is. */
  get oldestSentAt(): number {
    for (const { sentAt } of this.#underWay.values()) return sentAt;
    return Infinity;
  }

  /** A packet is sent for the first time. */
  add(type: PacketType, bytes: Bytes, payloadLength: number, now: number): void {
    const packet: SentPacket = {
      type,
      sequence: this.#next++,
      bytes,
      payloadLength,
      sentAt: now,
      order: this.#order++,
      previousOrder: -1,
      isRepeated: false,
    };
    this.#underWay.set(packet.sequence, packet);
    this.#bytesUnderWay += payloadLength;
  }

  /** The length of the lost packet that is to be sent next; undefined when none is lost. */
  get lostLength(): number | undefined {
    for (const { payloadLength } of this.#lost.values()) return payloadLength;
    return undefined;
  }

  /** The packet that was lost first is sent again; there must be one. */
  repeat(now: number): SentPacket {
    const [packet] = this.#lost.values();
    assert(packet !== undefined, "a packet is lost");
    this.#lost.delete(packet.sequence);
    packet.sentAt = now;
    packet.previousOrder = packet.order;
    packet.order = this.#order++;
    packet.isRepeated = true;
    this.#underWay.set(packet.sequence, packet);
    this.#bytesUnderWay += packet.payloadLength;
    return packet;
  }

  /**
   * The peer has all up to `ackNumber`, not less than `acknowledged`, and what the bits of
   * `selectiveAck` say of those that begin 2 later. `isBare`: its packet brought nothing else.
   */
  handleAck(
    ackNumber: number,
    selectiveAck: Uint8Array,
    { isBare, now }: { isBare: boolean; now: number },
  ): Acknowledged {
    const arrived: Arrived = { bytes: 0, count: 0, latest: undefined, now };
    const isDuplicate = isBare && ackNumber === this.#acknowledged && !this.isEmpty;
    for (let sequence = this.#acknowledged + 1; sequence <= ackNumber; sequence++) {
      this.#arrive(sequence, arrived);
    }
    this.#acknowledged = ackNumber;
    this.#takeBits(selectiveAck, arrived);
    const isDuplicateOnly = isDuplicate && selectiveAck.length === 0;
    this.#duplicateAcks = isDuplicateOnly ? this.#duplicateAcks + 1 : 0;
    const roundTripMs = arrived.latest && this.#roundTripOf(arrived.latest, now);
    const isLossNew = this.#findLost();
    return { bytes: arrived.bytes, roundTripMs, isLossNew, hasProgress: arrived.count > 0 };
  }

  /** Nothing came back in time: all that is under way is lost, and is sent again in order. */
  handleTimeout(): void {
    const packets = [...this.#lost.values(), ...this.#underWay.values()];
    this.#lost.clear();
    this.#underWay.clear();
    this.#bytesUnderWay = 0;
    this.#reordering = REORDERING_PACKETS;
    packets.sort((a, b) => a.sequence - b.sequence);
    for (const packet of packets) this.#lost.set(packet.sequence, packet);
  }

  #takeBits(selectiveAck: Uint8Array, arrived: Arrived): void {
    const first = this.#acknowledged + 2;
    // What was never sent is not looked for.
    const count = Math.min(selectiveAck.length * 8, this.#next - first);
    for (let index = 0; index < count; index++) {
      if ((selectiveAck[index >> 3]! >> (index & 7)) & 1) this.#arrive(first + index, arrived);
    }
  }

  #arrive(sequence: number, arrived: Arrived): void {
    const packet = this.#underWay.get(sequence) ?? this.#lost.get(sequence);
    if (packet === undefined) return; // Acknowledged before.
    if (this.#underWay.delete(sequence)) {
      this.#bytesUnderWay -= packet.payloadLength;
      // So soon that it was the first one that arrived.
      const isEarlier = packet.isRepeated &&
        arrived.now - packet.sentAt < this.#leastRoundTripMs;
      if (isEarlier) this.#noteReordering(packet.previousOrder);
      else this.#latestArrived = Math.max(this.#latestArrived, packet.order);
      if (packet.order > (arrived.latest?.order ?? -1)) arrived.latest = packet;
    } else {
      this.#lost.delete(sequence);
      this.#noteReordering(packet.order);
    }
    arrived.bytes += packet.payloadLength;
    arrived.count++;
  }

  /** What was taken for lost had only been overtaken. */
  #noteReordering(order: number): void {
    const distance = this.#latestArrived - order + 1;
    this.#reordering = Math.min(Math.max(this.#reordering, distance), MAX_REORDERING_PACKETS);
  }

  #roundTripOf(packet: SentPacket, now: number): number | undefined {
    if (packet.isRepeated) return undefined;
    const durationMs = now - packet.sentAt;
    this.#leastRoundTripMs = Math.min(this.#leastRoundTripMs, durationMs);
    return durationMs;
  }

  /** Says whether something is lost that was sent after the last loss was told. */
  #findLost(): boolean {
    let isNew = false;
    // When little is under way, what is lost must show in that.
    const some = Math.max(REORDERING_PACKETS, this.#underWay.size >> 1);
    const lostUpTo = this.#latestArrived - Math.min(this.#reordering, some);
    for (const packet of this.#underWay.values()) {
      const isNext = packet.sequence === this.#acknowledged + 1;
      const isTold = isNext && !packet.isRepeated && this.#duplicateAcks >= REORDERING_PACKETS;
      if (packet.order > lostUpTo && !isTold) break;
      this.#underWay.delete(packet.sequence);
      this.#bytesUnderWay -= packet.payloadLength;
      this.#lost.set(packet.sequence, packet);
      if (packet.order > this.#toldLossesUpTo) isNew = true;
    }
    if (isNew) this.#toldLossesUpTo = this.#order - 1;
    return isNew;
  }
}

interface Arrived {
  bytes: number;
  count: number;
  latest: SentPacket | undefined;
  readonly now: number;
}
