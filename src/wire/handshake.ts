/** The 68 bytes that open a connection between peers (BEP 3; reserved bits of BEP 5, 6, 10). */
import { ok as assert } from "node:assert/strict";
import type { Bytes } from "../base/bytes.ts";
import { ProtocolError } from "../base/errors.ts";
import { HASH_LENGTH, type InfoHash, type PeerId } from "../base/ids.ts";

/** Bytes of a handshake. */
export const HANDSHAKE_LENGTH = 68;

const PREFIX = new TextEncoder().encode("\x13BitTorrent protocol");
const RESERVED_OFFSET = PREFIX.length;
const INFO_HASH_OFFSET = RESERVED_OFFSET + 8;
const PEER_ID_OFFSET = INFO_HASH_OFFSET + HASH_LENGTH;

/** Offsets and masks of the reserved bits that we know. */
const EXTENDED_OFFSET = RESERVED_OFFSET + 5, EXTENDED_BIT = 0x10;
const FAST_OFFSET = RESERVED_OFFSET + 7, FAST_BIT = 0x04;
const DHT_OFFSET = RESERVED_OFFSET + 7, DHT_BIT = 0x01;

/** What a peer says it supports. */
export interface HandshakeFlags {
  /** The extension protocol, BEP 10. */
  readonly extended: boolean;
  /** The fast extension, BEP 6. */
  readonly fast: boolean;
  /** It runs a DHT node, BEP 5. */
  readonly dht: boolean;
}

/** What both sides say first. */
export interface Handshake {
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  readonly flags: HandshakeFlags;
}

/** The wire form of a handshake: HANDSHAKE_LENGTH bytes. */
export function encodeHandshake({ infoHash, peerId, flags }: Handshake): Bytes {
  assert(infoHash.length === HASH_LENGTH && peerId.length === HASH_LENGTH);
  const bytes = new Uint8Array(HANDSHAKE_LENGTH);
  bytes.set(PREFIX);
  if (flags.extended) bytes[EXTENDED_OFFSET]! |= EXTENDED_BIT;
  if (flags.fast) bytes[FAST_OFFSET]! |= FAST_BIT;
  if (flags.dht) bytes[DHT_OFFSET]! |= DHT_BIT;
  bytes.set(infoHash, INFO_HASH_OFFSET);
  bytes.set(peerId, PEER_ID_OFFSET);
  return bytes;
}

/**
 * Takes a handshake in pieces of any size, and not one byte of what follows it.
 *
 * Read into `space()`, tell `advance()` how much came, until `handshake` is there.
 */
export class HandshakeDecoder {
  readonly #bytes = new Uint8Array(HANDSHAKE_LENGTH);
  #length = 0;

  /** Where to read into: what is still missing. */
  space(): Uint8Array {
    return this.#bytes.subarray(this.#length);
  }

  /**
   * `count` more bytes are there. Throws ProtocolError "malformed-handshake" at the first byte
   * that is not BitTorrent's, so that other protocols are turned away at once.
   */
  advance(count: number): void {
    assert(count >= 0 && this.#length + count <= HANDSHAKE_LENGTH);
    const end = Math.min(this.#length + count, PREFIX.length);
    for (let offset = this.#length; offset < end; offset++) {
      if (this.#bytes[offset] !== PREFIX[offset]) {
        throw new ProtocolError(
          "malformed-handshake",
          `Cannot talk to peer: byte ${offset} of its handshake is not BitTorrent's`,
        );
      }
    }
    this.#length += count;
  }

  /** The handshake once it is complete. */
  get handshake(): Handshake | undefined {
    if (this.#length < HANDSHAKE_LENGTH) return undefined;
    const bytes = this.#bytes;
    return {
      infoHash: bytes.slice(INFO_HASH_OFFSET, PEER_ID_OFFSET) as InfoHash,
      peerId: bytes.slice(PEER_ID_OFFSET) as PeerId,
      flags: {
        extended: (bytes[EXTENDED_OFFSET]! & EXTENDED_BIT) !== 0,
        fast: (bytes[FAST_OFFSET]! & FAST_BIT) !== 0,
        dht: (bytes[DHT_OFFSET]! & DHT_BIT) !== 0,
      },
    };
  }
}
