/** The 68 bytes that open a connection between peers (BEP 3; reserved bits of BEP 5, 6, 10). */
import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { ProtocolError } from "../base/errors.ts";
import { HASH_LENGTH, type InfoHash, type PeerId } from "../base/ids.ts";

/** Bytes of a handshake. */
export const HANDSHAKE_LENGTH = 68;

const PREFIX = new TextEncoder().encode("\x13BitTorrent protocol");
/** Bytes by which a handshake is known: the same in all. */
export const HANDSHAKE_PREFIX_LENGTH = PREFIX.length;
const RESERVED_OFFSET = PREFIX.length;
const INFO_HASH_OFFSET = RESERVED_OFFSET + 8;
const PEER_ID_OFFSET = INFO_HASH_OFFSET + HASH_LENGTH;

/**
 * Offsets and masks of the reserved bits that we know. That of BEP 52 ("upgrade path"), 0x10 of the
 * last byte, is not set: whoever sees it may answer with a hybrid's info-hash of version 2, where
 * pieces and hashes follow other rules, and we share hybrids as version 1 has them. For the same
 * reason it is not looked at: to answer with the info-hash that was asked for is always right.
 */
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

/** Can what has come so far, any number of bytes, become a handshake, or is it one? */
export function startsLikeHandshake(bytes: Uint8Array): boolean {
  const length = Math.min(bytes.length, HANDSHAKE_PREFIX_LENGTH);
  for (let offset = 0; offset < length; offset++) {
    if (bytes[offset] !== PREFIX[offset]) return false;
  }
  return true;
}

/**
 * Throws ProtocolError "malformed-handshake" when what has come so far, 1 to HANDSHAKE_LENGTH
 * bytes, cannot become a handshake: other protocols are turned away at their first byte.
 */
export function checkHandshakeStart(bytes: Uint8Array): void {
  if (startsLikeHandshake(bytes)) return;
  throw new ProtocolError(
    "malformed-handshake",
    "Cannot use the peer: what it says is not BitTorrent's handshake",
  );
}

/** A handshake from its HANDSHAKE_LENGTH bytes. Throws like `checkHandshakeStart`. */
export function parseHandshake(bytes: Uint8Array): Handshake {
  assert(bytes.length === HANDSHAKE_LENGTH);
  checkHandshakeStart(bytes);
  return {
    infoHash: new Uint8Array(bytes.subarray(INFO_HASH_OFFSET, PEER_ID_OFFSET)) as InfoHash,
    peerId: new Uint8Array(bytes.subarray(PEER_ID_OFFSET)) as PeerId,
    flags: {
      extended: (bytes[EXTENDED_OFFSET]! & EXTENDED_BIT) !== 0,
      fast: (bytes[FAST_OFFSET]! & FAST_BIT) !== 0,
      dht: (bytes[DHT_OFFSET]! & DHT_BIT) !== 0,
    },
  };
}
