/**
 * All connections of our sockets: whom a datagram is for, and what becomes of those for nobody
 * (BEP 29; hostile-inputs P33). Pure: `now` is in milliseconds.
 */
import type { Random } from "../base/ambient.ts";
import { type Bytes, getUint16 } from "../base/bytes.ts";
import {
  type Endpoint,
  familyOf,
  formatEndpoint,
  type IpFamily,
  isLoopback,
} from "../base/endpoint.ts";
import { TokenBucket } from "../base/rate.ts";
import { SynCookies } from "./syn_cookies.ts";
import { encodePacket, type Packet, parsePacket } from "./packet.ts";
import { LEAST_WINDOW_BYTES, ReceiveBudget } from "./receive_budget.ts";
import { Stream, type StreamOptions } from "./stream.ts";
import { WireClock } from "./wire_clock.ts";

/** Those that are being closed included. */
export const MAX_STREAMS = 500;
/**
 * UDP payload that passes everywhere in one piece: what every link of IPv6 must take (RFC 8200,
 * section 5), and so all tunnels do, less two headers. What is longer gets lost on some ways without
 * a word, however often it is sent, and a packet of uTP cannot be divided later.
 */
const MAX_PACKET_LENGTH: Readonly<Record<IpFamily, number>> = { ipv4: 1_252, ipv6: 1_232 };
/** To this machine itself there is no such link. */
const MAX_LOOPBACK_PACKET_LENGTH = 1_400;
/**
 * SYNs that are answered, or looked at, in a second; each answer costs a hash, and may hit whom it
 * is not for.
 */
const SYN_ANSWERS_PER_SECOND = 500;
/**
 * Packets of no connection that are looked at in a second: whether they open one costs a hash, and
 * whoever guesses has no more tries.
 */
const STRAYS_PER_SECOND = 50;
/** RESETs that are sent in a second. */
const RESETS_PER_SECOND = 50;
/** Tries to find an id that no connection to the endpoint has. */
const MAX_ID_TRIES = 16;
const NOTHING = new Uint8Array(0);

/** What is to be done: send a datagram, or look at a stream that a peer has opened or changed. */
export type Effect =
  | { readonly kind: "send"; readonly bytes: Bytes; readonly to: Endpoint }
  | { readonly kind: "opened"; readonly stream: Stream }
  | { readonly kind: "changed"; readonly stream: Stream };

export interface MultiplexerOptions {
  readonly random: Random;
  readonly now: number;
  /** May a peer open one more connection? */
  readonly isAccepting: () => boolean;
}

export class Multiplexer {
  readonly #random: Random;
  readonly #isAccepting: () => boolean;
  readonly #synCookies: SynCookies;
  readonly #streams = new Map<string, Stream>();
  readonly #budget = new ReceiveBudget();
  readonly #synAnswers: TokenBucket;
  readonly #strays: TokenBucket;
  readonly #resets: TokenBucket;
  #deadline = Infinity;
  #effects: Effect[] = [];

  constructor({ random, now, isAccepting }: MultiplexerOptions) {
    this.#random = random;
    this.#isAccepting = isAccepting;
    this.#synCookies = new SynCookies({ random });
    this.#synAnswers = new TokenBucket(SYN_ANSWERS_PER_SECOND, now);
    this.#strays = new TokenBucket(STRAYS_PER_SECOND, now);
    this.#resets = new TokenBucket(RESETS_PER_SECOND, now);
  }

  get size(): number {
    return this.#streams.size;
  }

  /** Begins to connect; undefined when there are too many connections. */
  connect(remote: Endpoint, timeoutMs: number, now: number): Stream | undefined {
    const receiveId = this.#freeId(remote);
    if (receiveId === undefined || this.#streams.size >= MAX_STREAMS) return undefined;
    const sendId = (receiveId + 1) & 0xffff;
    const firstSequence = this.#randomUint16();
    const clock = WireClock.make(this.#random);
    const ids = { receiveId, sendId };
    const stream = Stream.connect(
      { firstSequence, clock, now, ...ids, ...this.#optionsFor(remote) },
      timeoutMs,
    );
    this.#streams.set(keyOf(remote, receiveId), stream);
    this.touch(stream, now);
    return stream;
  }

  handleDatagram(datagram: Uint8Array, from: Endpoint, now: number): void {
    const packet = parsePacket(datagram);
    if (packet === undefined) return;
    if (packet.type === "syn") return this.#handleSyn(packet, from, now);
    if (packet.type === "reset") return this.#handleReset(packet, from, now);
    const stream = this.#streams.get(keyOf(from, packet.connectionId)) ??
      this.#openedBy(packet, from, now);
    if (stream === undefined) return;
    stream.handlePacket(packet, now);
    this.touch(stream, now);
  }

  /** Something was done with the stream: it may have packets to send, or be over. */
  touch(stream: Stream, now: number): void {
    for (const bytes of stream.drain(now)) this.#send(bytes, stream.remote);
    if (stream.end !== undefined) this.#streams.delete(keyOf(stream.remote, stream.receiveId));
    this.#deadline = Math.min(this.#deadline, stream.deadline());
    this.#effects.push({ kind: "changed", stream });
  }

  /** When `handleTimeout` is to be called, at the latest; Infinity: never. */
  deadline(): number {
    return this.#deadline;
  }

  /** Does for all streams what is due. */
  handleTimeout(now: number): void {
    this.#deadline = Infinity;
    for (const stream of this.#streams.values()) {
      if (stream.deadline() <= now) {
        stream.handleTimeout(now);
        this.touch(stream, now);
      } else this.#deadline = Math.min(this.#deadline, stream.deadline());
    }
  }

  /** Ends all connections. */
  close(now: number): void {
    for (const stream of this.#streams.values()) {
      stream.close(now);
      this.touch(stream, now);
    }
  }

  /** What is to be done since the last call, in order. */
  drain(): Effect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  /** Answered, and forgotten: so many strangers cost nothing, whoever they say they are. */
  #handleSyn(syn: Packet, from: Endpoint, now: number): void {
    if (!this.#synAnswers.tryTake(1, now)) return; // First, as it costs least: there may be a flood.
    const receiveId = (syn.connectionId + 1) & 0xffff;
    if (this.#streams.has(keyOf(from, receiveId))) return; // It has heard our answer already.
    if (!this.#hasRoom) return this.#reset(syn, from, now);
    const clock = this.#synCookies.clock(syn.connectionId, from);
    this.#send(
      encodePacket({
        type: "state",
        connectionId: syn.connectionId,
        timestampUs: clock.at(now),
        timestampDifferenceUs: (clock.at(now) - syn.timestampUs) >>> 0,
        windowBytes: LEAST_WINDOW_BYTES,
        sequenceNumber: this.#synCookies.firstSequence(syn, from, now),
        ackNumber: syn.sequenceNumber,
        selectiveAck: NOTHING,
      }),
      from,
    );
  }

  /** It has the id that was in the packet which it answers; some send the one that we have. */
  #handleReset(packet: Packet, from: Endpoint, now: number): void {
    for (const distance of [0, -1, 1]) {
      const receiveId = (packet.connectionId + distance) & 0xffff;
      const stream = this.#streams.get(keyOf(from, receiveId));
      if (stream === undefined) continue;
      if (distance !== 0 && stream.sendId !== packet.connectionId) continue;
      stream.handleReset(packet.ackNumber);
      return this.touch(stream, now);
    }
  }

  /** The stream that a peer opens with a packet of none; the others hear that there is none. */
  #openedBy(packet: Packet, from: Endpoint, now: number): Stream | undefined {
    if (!this.#strays.tryTake(1, now)) return undefined;
    const opened = this.#synCookies.openedBy(packet, from, now);
    if (opened === undefined || !this.#hasRoom || packet.type === "fin") {
      this.#reset(packet, from, now);
      return undefined;
    }
    if (packet.type !== "data") return undefined; // It has not said anything yet.
    const { synSequence, firstSequence, clock } = opened;
    const sendId = (packet.connectionId - 1) & 0xffff;
    const ids = { receiveId: packet.connectionId, sendId };
    const stream = Stream.accept(
      { firstSequence, clock, now, ...ids, ...this.#optionsFor(from) },
      synSequence,
    );
    this.#streams.set(keyOf(from, packet.connectionId), stream);
    this.#effects.push({ kind: "opened", stream });
    return stream;
  }

  get #hasRoom(): boolean {
    return this.#streams.size < MAX_STREAMS && this.#isAccepting();
  }

  /** Never for a RESET. */
  #reset(packet: Packet, to: Endpoint, now: number): void {
    if (!this.#resets.tryTake(1, now)) return;
    const reset = {
      type: "reset",
      connectionId: packet.connectionId,
      timestampUs: 0, // Of a clock that is nobody's.
      timestampDifferenceUs: 0,
      windowBytes: 0,
      sequenceNumber: 0,
      ackNumber: packet.sequenceNumber,
      selectiveAck: NOTHING,
    } as const;
    this.#send(encodePacket(reset), to);
  }

  #send(bytes: Bytes, to: Endpoint): void {
    this.#effects.push({ kind: "send", bytes, to });
  }

  #optionsFor(remote: Endpoint): Pick<StreamOptions, "remote" | "maxPacketLength" | "budget"> {
    const { host } = remote;
    const maxPacketLength = isLoopback(host)
      ? MAX_LOOPBACK_PACKET_LENGTH
      : MAX_PACKET_LENGTH[familyOf(host)];
    return { remote, maxPacketLength, budget: this.#budget };
  }

  /** Not to be guessed by whoever has seen others. */
  #randomUint16(): number {
    return getUint16(this.#random.bytes(2), 0);
  }

  #freeId(remote: Endpoint): number | undefined {
    for (let tries = 0; tries < MAX_ID_TRIES; tries++) {
      const id = this.#randomUint16();
      if (!this.#streams.has(keyOf(remote, id))) return id;
    }
    return undefined;
  }
}

function keyOf(remote: Endpoint, receiveId: number): string {
  return `${receiveId} ${formatEndpoint(remote)}`;
}
