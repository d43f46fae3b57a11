/** The sending half of a connection: what is written, cut into packets, until it has arrived. */
import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { CongestionWindow } from "./congestion.ts";
import { HEADER_LENGTH, type Packet, type PacketType } from "./packet.ts";
import { windowFor } from "./nearby.ts";
import { RoundTrip } from "./round_trip.ts";
import { MAX_PACKETS_UNDER_WAY, SendWindow } from "./send_window.ts";
import { nearestSequence } from "./wrapping.ts";

const NOTHING = new Uint8Array(0);

export interface OutgoingOptions {
  /** The longest packet to send, with its header. */
  readonly maxPacketLength: number;
  /** The first sequence number of ours. */
  readonly firstSequence: number;
}

/** Writes the header of a packet, as it is now, in front of its payload. */
export type PutHeader = (packet: Bytes, type: PacketType, sequence: number) => void;

export class Outgoing {
  readonly #maxPayload: number;
  readonly #window: SendWindow;
  readonly #congestion: CongestionWindow;
  readonly #roundTrip = new RoundTrip();
  /** What is being written and has not been sent. */
  #unsent: Uint8Array = NOTHING;
  #isFinWanted = false;
  #isFinSent = false;
  /** What the peer can take, all that is under way included. */
  #peerRoom = 0;
  #probeAt = Infinity;

  constructor({ maxPacketLength, firstSequence }: OutgoingOptions) {
    this.#maxPayload = maxPacketLength - HEADER_LENGTH;
    this.#window = new SendWindow(firstSequence);
    this.#congestion = new CongestionWindow({
      packetBytes: this.#maxPayload,
      maxBytes: MAX_PACKETS_UNDER_WAY * this.#maxPayload,
    });
  }

  /** The sequence number of the next packet. */
  get nextSequence(): number {
    return this.#window.next;
  }

  /** The last packet up to which the peer has all. */
  get acknowledged(): number {
    return this.#window.acknowledged;
  }

  /** Everything that was written has been sent, perhaps not for good: the bytes may change. */
  get isWritten(): boolean {
    return this.#unsent.length === 0;
  }

  get isFinishing(): boolean {
    return this.#isFinWanted;
  }

  /** The peer has everything, FIN too. */
  get isFinished(): boolean {
    return this.#isFinSent && this.#window.isEmpty;
  }

  /** Timeouts since something was last acknowledged. */
  get timeoutCount(): number {
    return this.#roundTrip.timeoutCount;
  }

  /** How long the way there and back takes at best; Infinity before that is known. */
  get roundTripMs(): number {
    return this.#roundTrip.leastMs;
  }

  /** When the peer should have answered; Infinity: nothing waits for an answer. */
  get answerBy(): number {
    return this.#window.oldestSentAt + this.#roundTrip.timeoutMs;
  }

  /** When `send` may have something to send that it does not have now. */
  get probeAt(): number {
    return this.#probeAt;
  }

  /** Takes `bytes`, which must not change until `isWritten`; one write at a time. */
  write(bytes: Uint8Array): void {
    assert(this.isWritten, "one write at a time");
    assert(!this.#isFinWanted, "nothing is written after the end");
    this.#unsent = bytes;
  }

  /** Nothing more is sent of what is unsent, but FIN. */
  finish(): void {
    this.abandon();
    this.#isFinWanted = true;
  }

  /** Lets go of what is unsent. */
  abandon(): void {
    this.#unsent = NOTHING;
  }

  /** Takes what a packet says of ours; its ack number is one of those that may be. */
  handleAck(packet: Packet, now: number): void {
    const ackNumber = nearestSequence(packet.ackNumber, this.#window.acknowledged);
    if (ackNumber < this.#window.acknowledged) return; // Overtaken by a later one.
    this.#peerRoom = packet.windowBytes;
    const { timestampDifferenceUs } = packet;
    if (timestampDifferenceUs !== 0) this.#congestion.sampleDelay(timestampDifferenceUs, now);
    const wasFull = this.#window.bytesUnderWay + this.#maxPayload > this.#congestion.bytes;
    const { bytes, roundTripMs, isLossNew, hasProgress } = this.#window.handleAck(
      ackNumber,
      packet.selectiveAck,
      { isBare: packet.type === "state", now },
    );
    if (roundTripMs !== undefined) {
      this.#roundTrip.sample(roundTripMs);
      this.#congestion.sampleRoundTrip(roundTripMs);
    }
    if (hasProgress) this.#roundTrip.timeoutCount = 0;
    if (bytes > 0) this.#congestion.handleAck(bytes, wasFull);
    if (isLossNew) this.#congestion.handleLoss();
  }

  /** The peer has not answered in time. */
  handleTimeout(): void {
    this.#window.handleTimeout();
    this.#congestion.handleTimeout();
    this.#roundTrip.timeoutCount++;
  }

  /** SYN, first and whenever it was lost. */
  sendSyn(packets: Bytes[], putHeader: PutHeader, now: number): void {
    if (this.#window.isEmpty) packets.push(this.#next("syn", 0, putHeader, now));
    else if (this.#window.lostLength !== undefined) packets.push(this.#again(putHeader, now));
  }

  /** All that may be sent now, what was lost first. */
  send(packets: Bytes[], putHeader: PutHeader, now: number): void {
    this.#setProbe(now);
    const isProbe = now >= this.#probeAt;
    for (let length; (length = this.#window.lostLength) !== undefined && this.#mayAdd(length);) {
      packets.push(this.#again(putHeader, now));
    }
    while (this.#unsent.length > 0 && this.#window.hasRoom) {
      const length = this.#nextLength(isProbe);
      if (length === 0) break;
      packets.push(this.#next("data", length, putHeader, now));
    }
    if (this.#isFinWanted && !this.#isFinSent && this.#window.hasRoom) {
      packets.push(this.#next("fin", 0, putHeader, now));
      this.#isFinSent = true;
    }
  }

  get #allowance(): number {
    return Math.min(this.#congestion.bytes, this.#peerRoom, windowFor(this.roundTripMs));
  }

  /** One packet is always under way: else nothing would come back. */
  #mayAdd(length: number): boolean {
    const { bytesUnderWay } = this.#window;
    return bytesUnderWay === 0 || bytesUnderWay + length <= this.#allowance;
  }

  /**
   * The payload of the next packet; 0: not now. It is cut short for the peer's sake only when
   * nothing is under way: else room for a whole one is coming.
   */
  #nextLength(isProbe: boolean): number {
    const length = Math.min(this.#unsent.length, this.#maxPayload);
    if (this.#window.bytesUnderWay + length <= this.#allowance) return length;
    if (!this.#window.isEmpty) return 0;
    return Math.min(length, isProbe ? 1 : this.#peerRoom);
  }

  /** A peer without room is asked now and then: that it has some again may have been lost. */
  #setProbe(now: number): void {
    const isStuck = this.#unsent.length > 0 && this.#peerRoom === 0 && this.#window.isEmpty;
    if (!isStuck) this.#probeAt = Infinity;
    else if (this.#probeAt === Infinity) this.#probeAt = now + this.#roundTrip.timeoutMs;
  }

  /** A packet of what is unsent. */
  #next(type: PacketType, length: number, putHeader: PutHeader, now: number): Bytes {
    const bytes = new Uint8Array(HEADER_LENGTH + length);
    bytes.set(this.#unsent.subarray(0, length), HEADER_LENGTH);
    this.#unsent = this.#unsent.subarray(length);
    putHeader(bytes, type, this.#window.next);
    this.#window.add(type, bytes, length, now);
    return bytes;
  }

  /** A packet that was lost, once more. */
  #again(putHeader: PutHeader, now: number): Bytes {
    const { bytes, type, sequence } = this.#window.repeat(now);
    putHeader(bytes, type, sequence);
    return bytes;
  }
}
