/**
 * What we know of whoever opens a connection before it has shown that it hears us: nothing. The
 * answer to a SYN has a sequence number that only we can make, from the peer's endpoint, and the
 * peer's first data says it again (hostile-inputs P33). Pure: `now` is in milliseconds.
 */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import type { Random } from "../base/ambient.ts";
import { type Bytes, getUint16 } from "../base/bytes.ts";
import { type Endpoint, formatEndpoint } from "../base/endpoint.ts";
import type { Packet } from "./packet.ts";

/** An answer is good for this time slot and the next one: 10 to 20 seconds. */
const SLOT_MS = 10_000;
const SECRET_LENGTH = 32;
/** Packets of data may overtake each other before we know their connection. */
const MAX_FIRST_PACKETS = 4;

/** What a SYN must have said. */
export interface OpenedBy {
  readonly synSequence: number;
  /** The sequence number with which we have answered it. */
  readonly firstSequence: number;
}

export class Introductions {
  readonly #secret: Bytes;

  constructor({ random }: { random: Random }) {
    this.#secret = random.bytes(SECRET_LENGTH);
  }

  /** The first sequence number of ours on a connection that a SYN wants. */
  firstSequence(syn: Packet, from: Endpoint, now: number): number {
    const keyed = this.#keyed(syn.connectionId, from, slotAt(now));
    return (keyed + syn.sequenceNumber) & 0xffff;
  }

  /** What a packet of no known connection continues; undefined: nothing that we have answered. */
  openedBy(packet: Packet, from: Endpoint, now: number): OpenedBy | undefined {
    const synId = (packet.connectionId - 1) & 0xffff;
    for (const slot of [slotAt(now), slotAt(now) - 1]) {
      const firstSequence = (packet.ackNumber + 1) & 0xffff;
      const synSequence = (firstSequence - this.#keyed(synId, from, slot)) & 0xffff;
      const place = (packet.sequenceNumber - synSequence) & 0xffff;
      if (place >= 1 && place <= MAX_FIRST_PACKETS) return { synSequence, firstSequence };
    }
    return undefined;
  }

  #keyed(synId: number, from: Endpoint, slot: number): number {
    const text = new TextEncoder().encode(`${slot} ${synId} ${formatEndpoint(from)}`);
    return getUint16(hmac(sha256, this.#secret, text), 0);
  }
}

function slotAt(now: number): number {
  return Math.floor(now / SLOT_MS);
}
