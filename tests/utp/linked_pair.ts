/** Two multiplexers and the way between them, without a socket and without waiting. */
import { type Random, SeededRandom } from "../../src/base/ambient.ts";
import type { Bytes } from "../../src/base/bytes.ts";
import type { Endpoint } from "../../src/base/endpoint.ts";
import { Multiplexer } from "../../src/utp/multiplexer.ts";
import type { Stream } from "../../src/utp/stream.ts";

/** IPv4 and UDP headers take their part of a link. */
const HEADERS_LENGTH = 28;
const CONNECT_TIMEOUT_MS = 3_000;

/** One direction of the way. */
export interface Link {
  readonly latencyMs: number;
  /** Up to so much more, at random: packets overtake each other. */
  readonly jitterMs?: number;
  readonly lossPercent?: number;
  readonly duplicatePercent?: number;
  /** The bottleneck, and the bytes that wait before it; more are lost. */
  readonly bytesPerSecond?: number;
  readonly queueBytes?: number;
}

interface Flight {
  readonly at: number;
  readonly order: number;
  readonly bytes: Bytes;
  readonly from: Side;
  readonly to: Side;
}

/** One end: what it has opened, and what is done there whenever something has changed. */
export class Side {
  readonly multiplexer: Multiplexer;
  readonly opened: Stream[] = [];
  /** Datagrams that it has sent. */
  sent = 0;
  /** When its link is free for the next packet. */
  linkFreeAt = 0;

  constructor(readonly endpoint: Endpoint, readonly link: Link, random: Random, now: number) {
    this.multiplexer = new Multiplexer({ random, now, isAccepting: () => true });
  }
}

export class LinkedPair {
  readonly random: SeededRandom;
  readonly a: Side;
  readonly b: Side;
  /** What goes by; false: it is lost. */
  onPacket: (bytes: Bytes, from: Side) => boolean = () => true;
  readonly #flights: Flight[] = [];
  readonly #apps: (() => void)[] = [];
  #order = 0;
  #now: number;

  constructor(
    { seed = 1, link, back = link, start = 0 }: {
      seed?: number;
      link: Link;
      back?: Link;
      start?: number;
    },
  ) {
    this.random = new SeededRandom(seed);
    this.#now = start;
    this.a = new Side({ host: "192.0.2.1", port: 1 }, link, this.random, start);
    this.b = new Side({ host: "192.0.2.2", port: 2 }, back, this.random, start);
  }

  get now(): number {
    return this.#now;
  }

  /** a connects to b, and says one byte, which makes b take notice. As often as it takes. */
  open(): { ours: Stream; theirs: Stream } {
    const ours = this.connect();
    this.send(this.a, ours, Uint8Array.of(0));
    this.run(() => this.b.opened.length > 0 || ours.end !== undefined, 60_000);
    const [theirs] = this.b.opened;
    if (theirs === undefined) return this.open();
    theirs.read(new Uint8Array(1), this.#now);
    return { ours, theirs };
  }

  connect(timeoutMs = CONNECT_TIMEOUT_MS): Stream {
    return this.a.multiplexer.connect(this.b.endpoint, timeoutMs, this.#now)!;
  }

  /** Writes all of `bytes`, as soon as the stream takes them. */
  send(side: Side, stream: Stream, bytes: Uint8Array, chunkLength = 64 * 1024): void {
    let offset = 0;
    this.#apps.push(() => {
      while (offset < bytes.length && stream.isWritable && stream.isWritten) {
        stream.write(bytes.subarray(offset, offset + chunkLength));
        offset += chunkLength;
        side.multiplexer.touch(stream, this.#now);
      }
    });
  }

  /** Reads all that comes; `onBytes` gets a view. */
  receive(side: Side, stream: Stream, onBytes: (bytes: Uint8Array) => void): void {
    const buffer = new Uint8Array(64 * 1024);
    this.#apps.push(() => {
      for (let length; (length = stream.read(buffer, this.#now)) > 0;) {
        onBytes(buffer.subarray(0, length));
        if (stream.deadline() <= this.#now) side.multiplexer.touch(stream, this.#now);
      }
    });
  }

  /** Lets time pass until `isDone`, or for `limitMs`; false when the limit came first. */
  run(isDone: () => boolean, limitMs: number): boolean {
    const end = this.#now + limitMs;
    while (true) {
      this.#settle();
      if (isDone()) return true;
      const [flight] = this.#flights;
      const wakeAt = Math.min(this.a.multiplexer.deadline(), this.b.multiplexer.deadline());
      const next = Math.min(flight?.at ?? Infinity, Math.max(wakeAt, this.#now));
      if (next > end) {
        this.#now = end;
        return false;
      }
      this.#now = next;
      if (flight !== undefined && flight.at <= next) this.#deliver(this.#flights.shift()!);
      else this.#wake();
    }
  }

  /** Puts a datagram on the way to b as if another one had sent it. */
  spoof(bytes: Bytes, from: Endpoint, to: Side = this.b): void {
    to.multiplexer.handleDatagram(bytes, from, this.#now);
  }

  #wake(): void {
    for (const { multiplexer } of [this.a, this.b]) {
      if (multiplexer.deadline() <= this.#now) multiplexer.handleTimeout(this.#now);
    }
  }

  #deliver({ bytes, from, to }: Flight): void {
    to.multiplexer.handleDatagram(bytes, from.endpoint, this.#now);
  }

  #settle(): void {
    do {
      for (const app of this.#apps) app();
    } while (this.#act(this.a, this.b) || this.#act(this.b, this.a));
  }

  #act(side: Side, other: Side): boolean {
    const effects = side.multiplexer.drain();
    for (const effect of effects) {
      if (effect.kind === "opened") side.opened.push(effect.stream);
      if (effect.kind === "send" && effect.to.host === other.endpoint.host) {
        this.#send(effect.bytes, side, other);
      }
    }
    return effects.length > 0;
  }

  #send(bytes: Bytes, from: Side, to: Side): void {
    from.sent++;
    const { lossPercent = 0, duplicatePercent = 0 } = from.link;
    if (!this.onPacket(bytes, from)) return;
    const leavesAt = this.#passBottleneck(bytes, from);
    if (leavesAt === undefined || this.random.next() * 100 < lossPercent) return;
    const times = this.random.next() * 100 < duplicatePercent ? 2 : 1;
    for (let time = 0; time < times; time++) this.#fly(bytes.slice(), leavesAt, from, to);
  }

  /** When the packet has left the queue; undefined when that was full. */
  #passBottleneck(bytes: Bytes, from: Side): number | undefined {
    const { bytesPerSecond = Infinity, queueBytes = Infinity } = from.link;
    const length = bytes.length + HEADERS_LENGTH;
    const startsAt = Math.max(from.linkFreeAt, this.#now);
    if ((startsAt - this.#now) * bytesPerSecond / 1_000 + length > queueBytes) return undefined;
    from.linkFreeAt = startsAt + length * 1_000 / bytesPerSecond;
    return from.linkFreeAt;
  }

  #fly(bytes: Bytes, leavesAt: number, from: Side, to: Side): void {
    const { latencyMs, jitterMs = 0 } = from.link;
    const at = leavesAt + latencyMs + this.random.next() * jitterMs;
    const flight = { at, order: this.#order++, bytes, from, to };
    let index = this.#flights.length;
    while (index > 0 && this.#flights[index - 1]!.at > at) index--;
    this.#flights.splice(index, 0, flight);
  }
}
