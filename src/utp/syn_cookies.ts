/**
 * SYN cookies: of whoever opens a connection we keep nothing before it has shown that it hears us.
 * The answer to a SYN has a sequence number and a time that only we can make, from the peer's
 * endpoint, and the peer's first data says both again (hostile-inputs P33). Pure: `now` is in
 * milliseconds.
 */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import type { Random } from "../base/ambient.ts";
import { type Bytes, getUint16, getUint32 } from "../base/bytes.ts";
import { type Endpoint, formatEndpoint } from "../base/endpoint.ts";
import type { Packet } from "./packet.ts";
import { WireClock } from "./wire_clock.ts";

/** An answer is good for this time slot and the next one: 10 to 20 seconds. */
const SLOT_MS = 10_000;
const SECRET_LENGTH = 32;
/** The first packet of data may be lost or overtaken before we know its connection. */
const MAX_FIRST_PACKETS = 2;

/** What a SYN must have said. */
export interface OpenedBy {
  readonly synSequence: number;
  /** The sequence number with which we have answered it. */
  readonly firstSequence: number;
  readonly clock: WireClock;
}

export class SynCookies {
  readonly #secret: Bytes;

  constructor({ random }: { random: Random }) {
    this.#secret = random.bytes(SECRET_LENGTH);
  }

  /** The first sequence number of ours on a connection that a SYN wants. */
  firstSequence(syn: Packet, from: Endpoint, now: number): number {
    const keyed = this.#keyedSequence(syn.connectionId, from, slotAt(now));
    return (keyed + syn.sequenceNumber) & 0xffff;
  }

  /** The clock that a peer sees in the answer to its SYN. */
  clock(synId: number, from: Endpoint): WireClock {
    return new WireClock(getUint32(this.#keyed("clock", synId, from), 0));
  }

  /** What a packet of no known connection continues; undefined: nothing that we have answered. */
  openedBy(packet: Packet, from: Endpoint, now: number): OpenedBy | undefined {
    const synId = (packet.connectionId - 1) & 0xffff;
    const clock = this.clock(synId, from);
    if (!clock.isKnownTo(packet, now)) return undefined;
    for (const slot of [slotAt(now), slotAt(now) - 1]) {
      const firstSequence = (packet.ackNumber + 1) & 0xffff;
      const synSequence = (firstSequence - this.#keyedSequence(synId, from, slot)) & 0xffff;
      const place = (packet.sequenceNumber - synSequence) & 0xffff;
      if (place >= 1 && place <= MAX_FIRST_PACKETS) return { synSequence, firstSequence, clock };
    }
    return undefined;
  }

  #keyedSequence(synId: number, from: Endpoint, slot: number): number {
    return getUint16(this.#keyed(`${slot}`, synId, from), 0);
  }

  #keyed(what: string, synId: number, from: Endpoint): Uint8Array {
    const text = new TextEncoder().encode(`${what} ${synId} ${formatEndpoint(from)}`);
    return hmac(sha256, this.#secret, text);
  }
}

function slotAt(now: number): number {
  return Math.floor(now / SLOT_MS);
}
