/**
 * Message Stream Encryption (MSE, also called PE): what both sides of its handshake share. See
 * https://wiki.vuze.com/w/Message_Stream_Encryption; hostile-inputs P31.
 */
import { sha1 } from "@noble/hashes/legacy.js";
import type { Random } from "../base/ambient.ts";
import { type Bytes, concatBytes } from "../base/bytes.ts";
import { ProtocolError } from "../base/errors.ts";
import type { InfoHash } from "../base/ids.ts";
import { Rc4 } from "./rc4.ts";

/**
 * Which connections are encrypted: those with peers that can, all (and no other is accepted),
 * or none.
 */
export type EncryptionMode = "prefer" | "require" | "off";

/** How the payload goes on after the handshake: bits of crypto_provide and crypto_select. */
export const PayloadMethod = { plaintext: 0x01, rc4: 0x02 } as const;

/** Eight zeros, by which each side sees that the other has the same keys. */
export const VERIFICATION_LENGTH = 8;
/** Bytes of random padding, of any of the four pads. */
export const MAX_PAD_LENGTH = 512;
/** Bytes at the start of RC4's stream that give away something of the key. */
const DISCARDED_LENGTH = 1024;

/** What a finished handshake came to. */
export interface MseResult {
  /** The torrent that the initiator named. */
  readonly infoHash: InfoHash;
  /** What comes and goes from now on is encrypted with these; undefined: plaintext. */
  readonly ciphers: { readonly incoming: Rc4; readonly outgoing: Rc4 } | undefined;
  /** The beginning of the payload, in plaintext: it came with the handshake. */
  readonly received: Bytes;
}

/** The streams of both sides, ready for their first byte. */
export function createCiphers(
  secret: Uint8Array,
  infoHash: InfoHash,
): { readonly ofInitiator: Rc4; readonly ofReceiver: Rc4 } {
  return {
    ofInitiator: createCipher(hash("keyA", secret, infoHash)),
    ofReceiver: createCipher(hash("keyB", secret, infoHash)),
  };
}

/** By this the receiver finds the end of the initiator's first pad. */
export function syncHash(secret: Uint8Array): Bytes {
  return hash("req1", secret);
}

/** How the initiator names the torrent, once `maskHash` has been applied. */
export function torrentHash(infoHash: InfoHash): Bytes {
  return hash("req2", infoHash);
}

/** Hides a torrent's hash, and shows it again. */
export function maskHash(torrentHash: Uint8Array, secret: Uint8Array): Bytes {
  const mask = hash("req3", secret);
  for (let index = 0; index < mask.length; index++) mask[index]! ^= torrentHash[index]!;
  return mask;
}

/** Of any length that is allowed, so that the handshake has no length to be known by. */
export function createPad(random: Random): Bytes {
  return random.bytes(random.below(MAX_PAD_LENGTH + 1));
}

/** `problem` ends "Cannot use the peer: ". */
export function malformed(problem: string): ProtocolError {
  return new ProtocolError("malformed-handshake", `Cannot use the peer: ${problem}`);
}

function createCipher(key: Uint8Array): Rc4 {
  const cipher = new Rc4(key);
  cipher.apply(new Uint8Array(DISCARDED_LENGTH));
  return cipher;
}

function hash(label: string, ...parts: readonly Uint8Array[]): Bytes {
  return sha1(concatBytes(new TextEncoder().encode(label), ...parts));
}
