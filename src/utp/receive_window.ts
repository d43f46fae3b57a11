/**
 * What comes in, put back into order: bytes that wait to be read, and packets that came before
 * others which are to be read first. Sequence numbers here do not wrap.
 */
import { ByteQueue } from "./byte_queue.ts";
import { RECEIVE_WINDOW_BYTES, ReceiveAllowance } from "./receive_allowance.ts";
import type { ReceiveBudget } from "./receive_budget.ts";

/** What completes early packets may be as much again. */
const MAX_HELD_BYTES = 2 * RECEIVE_WINDOW_BYTES;
/** Packets beyond the next one that are kept: as many as others may have under way (libutp). */
export const MAX_EARLY_PACKETS = 1_024;
/** Bytes of a selective ack: 512 packets, more than libtorrent has under way. */
const MAX_SELECTIVE_ACK_LENGTH = 64;
const NOTHING = new Uint8Array(0);

/**
 * What became of a packet: it was the `next` one, it came `early`, we had it already (`old`), or
 * there is no room for it (`refused`), as if it had not come.
 */
export type Arrival = "next" | "early" | "old" | "refused";

export interface ReceiveWindowOptions {
  /** What all connections have in common. */
  readonly budget: ReceiveBudget;
  readonly now: number;
}

export class ReceiveWindow {
  readonly #allowance: ReceiveAllowance;
  readonly #unread = new ByteQueue(MAX_HELD_BYTES);
  readonly #early = new Map<number, Uint8Array>();
  #last: number;
  /** The highest sequence number that came. */
  #highest: number;
  /** That of FIN, which may come before data that precedes it. */
  #end = Infinity;

  /** `last`: the sequence number before the first one to come. */
  constructor(last: number, { budget, now }: ReceiveWindowOptions) {
    this.#allowance = new ReceiveAllowance(budget, now);
    this.#last = last;
    this.#highest = last;
  }

  /** The sequence number up to which everything has come. */
  get last(): number {
    return this.#last;
  }

  /** Bytes that a peer may send us to which the way there and back takes `roundTripMs`. */
  roomFor(roundTripMs: number): number {
    return this.#allowance.roomFor(roundTripMs);
  }

  /** Like `roomFor`, and the peer is told: it may send so much. */
  promise(roundTripMs: number, now: number): number {
    return this.#allowance.promise(roundTripMs, now);
  }

  get unreadBytes(): number {
    return this.#unread.length;
  }

  /** Packets came, and others are missing before them. */
  get hasGap(): boolean {
    return this.#early.size > 0 || (this.#end !== Infinity && this.#last < this.#end);
  }

  /** FIN has come, and everything before it. */
  get isComplete(): boolean {
    return this.#last === this.#end;
  }

  /** Takes a packet of data; copies what it keeps. */
  take(sequence: number, payload: Uint8Array): Arrival {
    if (sequence <= this.#last || this.#early.has(sequence)) return "old";
    if (sequence >= this.#end) return "refused";
    if (sequence > this.#last + 1) return this.#keep(sequence, payload);
    if (!this.#allowance.take(payload.length, this.#early.size > 0)) return "refused";
    this.#unread.push(payload);
    this.#last = sequence;
    this.#highest = Math.max(this.#highest, sequence);
    this.#takeEarly();
    return "next";
  }

  /** Takes FIN: nothing comes after it. */
  takeEnd(sequence: number): Arrival {
    if (sequence <= this.#last || sequence === this.#end) return "old";
    if (this.#end !== Infinity || sequence <= this.#highest) return "refused";
    if (sequence > this.#last + MAX_EARLY_PACKETS) return "refused";
    this.#end = sequence;
    this.#highest = sequence;
    this.#takeEarly();
    return this.isComplete ? "next" : "early";
  }

  /** Bytes in order into `buffer`; returns how many, 0 when none wait. */
  read(buffer: Uint8Array): number {
    const length = this.#unread.take(buffer);
    this.#allowance.read(length);
    return length;
  }

  /** Throws away what nobody will read. */
  discard(): void {
    this.#allowance.drop(this.#unread.length);
    this.#unread.clear();
  }

  /** Nothing more is taken; what waits can be read. */
  end(): void {
    for (const { length } of this.#early.values()) this.#allowance.drop(length);
    this.#early.clear();
    this.#allowance.end();
  }

  /** Bits for all that came early, in whole units of 4 bytes; empty when nothing did. */
  selectiveAck(): Uint8Array {
    if (!this.hasGap) return NOTHING;
    const bitCount = this.#highest - this.#last - 1;
    const length = Math.min(Math.ceil(bitCount / 32) * 4, MAX_SELECTIVE_ACK_LENGTH);
    const bits = new Uint8Array(length);
    for (const sequence of this.#early.keys()) setBit(bits, sequence - this.#last - 2);
    if (this.#end !== Infinity) setBit(bits, this.#end - this.#last - 2);
    return bits;
  }

  #keep(sequence: number, payload: Uint8Array): Arrival {
    if (sequence > this.#last + MAX_EARLY_PACKETS) return "refused";
    if (!this.#allowance.take(payload.length, false)) return "refused";
    this.#early.set(sequence, payload.slice());
    this.#highest = Math.max(this.#highest, sequence);
    return "early";
  }

  /** What came early and is next now. */
  #takeEarly(): void {
    for (;;) {
      const payload = this.#early.get(this.#last + 1);
      if (payload === undefined) break;
      this.#last++;
      this.#early.delete(this.#last);
      this.#unread.push(payload);
    }
    if (this.#last + 1 === this.#end) this.#last++;
  }
}

function setBit(bits: Uint8Array, index: number): void {
  if (index < bits.length * 8) bits[index >> 3]! |= 1 << (index & 7);
}
