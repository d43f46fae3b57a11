/**
 * One connection (BEP 29): its state, what comes in and what goes out. Pure: `now` is in
 * milliseconds, and `drain` gives the packets that are to be sent now.
 */
import type { Bytes } from "../base/bytes.ts";
import type { Endpoint } from "../base/endpoint.ts";
import { AckSchedule } from "./ack_schedule.ts";
import { Outgoing, type OutgoingOptions, type PutHeader } from "./outgoing.ts";
import {
  encodePacket,
  type Packet,
  type PacketHeader,
  type PacketType,
  putHeader,
} from "./packet.ts";
import { LEAST_WINDOW_BYTES, type ReceiveBudget } from "./receive_budget.ts";
import { MAX_EARLY_PACKETS, ReceiveWindow } from "./receive_window.ts";
import type { WireClock } from "./wire_clock.ts";
import { nearestSequence } from "./wrapping.ts";

/**
 * Timeouts one after the other, without an acknowledgement between them, that end a connection:
 * half a minute. libtorrent allows 3; when one packet in twenty is lost, one of 160,000 waits
 * would end so, and here one of 25 thousand million.
 */
const MAX_TIMEOUTS = 7;
/** SYN goes out so often in all (hostile-inputs P33): at once, after 1 second and after 3. */
const MAX_SYN_COUNT = 3;
/** What was sent is brought to the peer for so long after `close`. */
const LINGER_MS = 5_000;
/** Routers forget whom nobody writes to for 30 seconds. */
const KEEP_ALIVE_MS = 29_000;
/** Keep-alives in a row while the peer is silent; after 5 minutes it is for the peers to speak. */
const MAX_KEEP_ALIVES = 10;
/** The peer hears at once when there is room again for so much more than it knows of, */
const ROOM_WORTH_TELLING = 48 * 1024;
/** or for so much, when it knows of less: it waits. */
const ROOM_WORTH_WAITING_FOR = LEAST_WINDOW_BYTES / 2;
const NOTHING = new Uint8Array(0);

/** How a connection ended that is over. */
export type StreamEnd = "closed" | "refused" | "timeout" | "reset";

export interface StreamOptions extends OutgoingOptions {
  readonly remote: Endpoint;
  /** The id in packets to us; in those to the peer it is `sendId`, 1 more or less. */
  readonly receiveId: number;
  readonly sendId: number;
  /** That which the peer sees. */
  readonly clock: WireClock;
  /** What all connections have in common for what they receive. */
  readonly budget: ReceiveBudget;
  readonly now: number;
}

export class Stream {
  readonly remote: Endpoint;
  readonly receiveId: number;
  readonly sendId: number;
  readonly #clock: WireClock;
  readonly #budget: ReceiveBudget;
  readonly #outgoing: Outgoing;
  readonly #acks = new AckSchedule();
  /** Undefined until the peer has answered our SYN. */
  #received: ReceiveWindow | undefined;
  #end: StreamEnd | undefined;
  #connectBy = Infinity;
  #lingerUntil = Infinity;
  /** What the last packet took to us, as the two clocks have it. */
  #timestampDifferenceUs = 0;
  #toldRoom = LEAST_WINDOW_BYTES;
  #lastSentAt: number;
  #keepAliveCount = 0;
  /** The peer has echoed our clock. */
  #isClockKnown = true;

  private constructor(options: StreamOptions) {
    this.remote = options.remote;
    this.receiveId = options.receiveId;
    this.sendId = options.sendId;
    this.#clock = options.clock;
    this.#budget = options.budget;
    this.#outgoing = new Outgoing(options);
    this.#lastSentAt = options.now;
  }

  /** Connects; its end is "timeout" if that takes longer than `timeoutMs`. */
  static connect(options: StreamOptions, timeoutMs: number): Stream {
    const stream = new Stream(options);
    stream.#connectBy = options.now + timeoutMs;
    stream.#isClockKnown = false;
    return stream;
  }

  /** What a peer has opened by a SYN of the sequence number `synSequence`. */
  static accept(options: StreamOptions, synSequence: number): Stream {
    const stream = new Stream(options);
    stream.#received = new ReceiveWindow(synSequence, options);
    return stream;
  }

  get isConnected(): boolean {
    return this.#received !== undefined;
  }

  /** Undefined while it lasts. */
  get end(): StreamEnd | undefined {
    return this.#end;
  }

  /** Can something be written, now or later? */
  get isWritable(): boolean {
    return this.#end === undefined && !this.#outgoing.isFinishing;
  }

  /** Everything that was written has been sent, perhaps not for good: the bytes may change. */
  get isWritten(): boolean {
    return this.#outgoing.isWritten;
  }

  get unreadBytes(): number {
    return this.#received?.unreadBytes ?? 0;
  }

  /** Nothing more can be read than what waits. */
  get hasEnded(): boolean {
    return !this.isWritable || this.#received?.isComplete === true;
  }

  /** Sends `bytes`, which must not change until `isWritten`; one write at a time. */
  write(bytes: Uint8Array): void {
    this.#outgoing.write(bytes);
  }

  /** Moves bytes that have come into `buffer`; returns how many, 0 when none wait. */
  read(buffer: Uint8Array, now: number): number {
    if (this.#received === undefined) return 0;
    const length = this.#received.read(buffer);
    if (this.#isRoomWorthTelling(this.#received)) this.#acks.hurry(now);
    return length;
  }

  /** Ends both directions. What was sent is still brought to the peer, for a while. */
  close(now: number): void {
    this.#received?.discard();
    if (!this.isWritable) return;
    if (this.#received === undefined) return this.#endWith("closed");
    this.#outgoing.finish();
    this.#lingerUntil = now + LINGER_MS;
  }

  /** Takes a packet to this connection that is neither SYN nor RESET. */
  handlePacket(packet: Packet, now: number): void {
    if (this.#end !== undefined || !this.#isPlausible(packet)) return;
    if (!this.#hasHeardUs(packet, now)) {
      // A clock that was set at the other end echoes ours wrongly until it hears of it again.
      if (packet.type !== "state") this.#acks.hurry(now);
      return;
    }
    // STATE has the number of the next packet.
    this.#received ??= new ReceiveWindow(packet.sequenceNumber - 1, { budget: this.#budget, now });
    this.#connectBy = Infinity;
    this.#timestampDifferenceUs = (this.#clock.at(now) - packet.timestampUs) >>> 0;
    this.#keepAliveCount = 0;
    this.#outgoing.handleAck(packet, now);
    if (packet.type === "data" || packet.type === "fin") this.#handleData(packet, now);
  }

  /** Takes a RESET, which must answer SYN, one of the packets that are under way, or STATE. */
  handleReset(ackNumber: number): void {
    if (this.#end !== undefined) return;
    const { acknowledged, nextSequence } = this.#outgoing;
    const sequence = nearestSequence(ackNumber, nextSequence);
    const isOfSyn = sequence === nextSequence - 1;
    const isOfSent = sequence >= acknowledged && sequence <= nextSequence;
    if (this.isConnected && isOfSent) this.#endWith("reset");
    else if (!this.isConnected && isOfSyn) this.#endWith("refused");
  }

  /** When `handleTimeout` is to be called; Infinity: never. */
  deadline(): number {
    if (this.#end !== undefined) return Infinity;
    return Math.min(
      this.#acks.dueAt,
      this.#outgoing.answerBy,
      this.#outgoing.probeAt,
      this.#connectBy,
      this.#lingerUntil,
      this.#keepAliveAt,
    );
  }

  handleTimeout(now: number): void {
    if (this.#end !== undefined) return;
    if (now >= this.#connectBy) return this.#endWith("timeout");
    if (now >= this.#lingerUntil) return this.#endWith("closed");
    if (now >= this.#outgoing.answerBy) this.#handleSilence();
    if (now >= this.#keepAliveAt) {
      this.#keepAliveCount++;
      this.#acks.hurry(now);
    }
  }

  /** The packets that are to be sent now. */
  drain(now: number): Bytes[] {
    const packets: Bytes[] = [];
    if (this.#end !== undefined) return packets;
    const put: PutHeader = (packet, type, sequence) =>
      putHeader(packet, this.#header(type, sequence, now));
    if (this.isConnected) this.#outgoing.send(packets, put, now);
    else this.#outgoing.sendSyn(packets, put, now);
    const isTold = packets.length > 0 && !this.#acks.isAlone;
    if (now >= this.#acks.dueAt && !isTold) packets.push(this.#state(now));
    if (packets.length > 0) {
      this.#acks.done();
      this.#lastSentAt = now;
    }
    // Not before: the peer's FIN, with which it acknowledged ours, is to be acknowledged too.
    if (this.#outgoing.isFinished) this.#endWith("closed");
    return packets;
  }

  get #keepAliveAt(): number {
    const isIdle = this.isConnected && this.#keepAliveCount < MAX_KEEP_ALIVES;
    return isIdle ? this.#lastSentAt + KEEP_ALIVE_MS : Infinity;
  }

  #isRoomWorthTelling(received: ReceiveWindow): boolean {
    const more = received.roomFor(this.#outgoing.roundTripMs) - this.#toldRoom;
    const isWaiting = this.#toldRoom < ROOM_WORTH_WAITING_FOR;
    return more >= (isWaiting ? ROOM_WORTH_WAITING_FOR : ROOM_WORTH_TELLING);
  }

  /** Does it fit what we know? A stranger would have to guess all of this. */
  #isPlausible(packet: Packet): boolean {
    const { acknowledged, nextSequence } = this.#outgoing;
    const ackNumber = nearestSequence(packet.ackNumber, acknowledged);
    if (ackNumber >= nextSequence || ackNumber < acknowledged - MAX_EARLY_PACKETS) return false;
    if (this.#received === undefined) {
      return packet.type === "state" && ackNumber === nextSequence - 1;
    }
    const { last } = this.#received;
    const sequence = nearestSequence(packet.sequenceNumber, last + 1);
    return Math.abs(sequence - last) <= MAX_EARLY_PACKETS + 1;
  }

  /**
   * Whoever acknowledges what it never received would have us flood somebody else. libutp does not
   * echo the clock of a SYN; whoever answers ours has already had two numbers to guess.
   */
  #hasHeardUs(packet: Packet, now: number): boolean {
    if (!this.#isClockKnown && packet.timestampDifferenceUs === 0) return true;
    const isKnown = this.#clock.isKnownTo(packet, now);
    if (isKnown) this.#isClockKnown = true;
    return isKnown;
  }

  #handleData(packet: Packet, now: number): void {
    const received = this.#received!;
    const hadGap = received.hasGap;
    const sequence = nearestSequence(packet.sequenceNumber, received.last + 1);
    const arrival = packet.type === "fin"
      ? received.takeEnd(sequence)
      : received.take(sequence, packet.payload);
    const isOrdinary = arrival === "next" && !hadGap && packet.type === "data";
    if (isOrdinary) this.#acks.note(now);
    else this.#acks.hurry(now);
    if (this.#outgoing.isFinishing) received.discard();
  }

  /** The peer has not answered in time. */
  #handleSilence(): void {
    const maxTimeouts = this.isConnected ? MAX_TIMEOUTS : MAX_SYN_COUNT - 1;
    if (this.#outgoing.timeoutCount >= maxTimeouts) this.#endWith("timeout");
    else this.#outgoing.handleTimeout();
  }

  #state(now: number): Bytes {
    return encodePacket({
      ...this.#header("state", this.#outgoing.nextSequence, now),
      selectiveAck: this.#received!.selectiveAck(),
    });
  }

  #header(type: PacketType, sequenceNumber: number, now: number): PacketHeader {
    if (this.#received !== undefined) {
      this.#toldRoom = this.#received.promise(this.#outgoing.roundTripMs, now);
    }
    return {
      type,
      connectionId: type === "syn" ? this.receiveId : this.sendId,
      timestampUs: this.#clock.at(now),
      timestampDifferenceUs: this.#timestampDifferenceUs,
      windowBytes: this.#toldRoom,
      sequenceNumber,
      ackNumber: this.#received?.last ?? 0,
      selectiveAck: NOTHING,
    };
  }

  #endWith(end: StreamEnd): void {
    this.#end = end;
    this.#outgoing.abandon();
    this.#received?.end();
  }
}
