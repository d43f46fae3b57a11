/** Both sides of an MSE handshake for tests: our own, and what a scripted peer would say. */
import { concatBytes, putUint16, putUint32 } from "../../src/base/bytes.ts";
import { SeededRandom } from "../../src/base/ambient.ts";
import { ProtocolError } from "../../src/base/errors.ts";
import type { InfoHash } from "../../src/base/ids.ts";
import { KEY_LENGTH, type KeyPair } from "../../src/wire/diffie_hellman.ts";
import {
  createCiphers,
  maskHash,
  PayloadMethod,
  syncHash,
  torrentHash,
} from "../../src/wire/mse.ts";
import type { MseSide } from "../../src/wire/mse_side.ts";
import { MseInitiator } from "../../src/wire/mse_initiator.ts";
import { MseReceiver } from "../../src/wire/mse_receiver.ts";

export const INFO_HASH = new Uint8Array(20).fill(7) as InfoHash;
export const EITHER = PayloadMethod.plaintext | PayloadMethod.rc4;

/** Public keys that are none: 0, 1, one less than the prime, the prime, and the largest number. */
export const BAD_KEYS: readonly Uint8Array[] = [
  new Uint8Array(KEY_LENGTH),
  new Uint8Array(KEY_LENGTH).fill(1, KEY_LENGTH - 1),
  ...[0x62, 0x63].map((last) =>
    Uint8Array.fromHex(
      "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74" +
        "020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f1437" +
        "4fe1356d6d51c245e485b576625e7ec6f44c42e9a63a362100000000000905" + last.toString(16),
    )
  ),
  new Uint8Array(KEY_LENGTH).fill(0xff),
];

/** Tells a side some bytes, in reads of these lengths at most; then in reads as long as it likes. */
export function tell(
  side: MseSide,
  bytes: Uint8Array,
  lengths: Iterator<number> = [].values(),
): Uint8Array {
  let offset = 0;
  while (offset < bytes.length && side.result === undefined) {
    const space = side.space();
    const length = Math.min(space.length, bytes.length - offset, lengths.next().value ?? Infinity);
    space.set(bytes.subarray(offset, offset + length));
    side.advance(length);
    offset += length;
  }
  return bytes.subarray(offset);
}

/** Why a side refuses what it is told; undefined when it does not. */
export function refusalOf(side: MseSide, bytes: Uint8Array): string | undefined {
  try {
    tell(side, bytes);
    return undefined;
  } catch (error) {
    if (error instanceof ProtocolError) return error.reason;
    throw error;
  }
}

export function initiate(
  { offer = EITHER, payload = new Uint8Array(0), seed = 1 }: {
    offer?: number;
    payload?: Uint8Array;
    seed?: number;
  } = {},
): MseInitiator {
  return new MseInitiator({
    infoHash: INFO_HASH,
    offer,
    payload,
    random: new SeededRandom(seed),
  });
}

export function receive({ accepted = EITHER, seed = 2 } = {}): MseReceiver {
  const ours = torrentHash(INFO_HASH).toHex();
  return new MseReceiver({
    findTorrent: (hash) => hash.toHex() === ours ? INFO_HASH : undefined,
    accepted,
    random: new SeededRandom(seed),
  });
}

export interface Script {
  /** Bytes of the pad behind the public key. */
  readonly firstPad?: number;
  /** Of the encrypted pad, as it is said; what is sent of it is no longer than 512 bytes. */
  readonly secondPad?: number;
  /** crypto_provide or crypto_select. */
  readonly methods?: number;
  readonly verification?: number;
  readonly infoHash?: InfoHash;
  readonly payload?: Uint8Array;
  /** As it is said. */
  readonly payloadLength?: number;
}

/** What a peer that dials us says after it has our public key. */
export function initiatorWords(keys: KeyPair, theirKey: Uint8Array, script: Script): Uint8Array {
  const { firstPad = 0, infoHash = INFO_HASH, payload = new Uint8Array(0) } = script;
  const secret = keys.secretWith(theirKey)!;
  const length = new Uint8Array(2);
  putUint16(length, 0, script.payloadLength ?? payload.length);
  const request = concatBytes(secondPart(script), length, payload);
  createCiphers(secret, infoHash).ofInitiator.apply(request);
  return concatBytes(
    new Uint8Array(firstPad),
    syncHash(secret),
    maskHash(torrentHash(infoHash), secret),
    request,
  );
}

/** What a peer that we dial says once it has our public key. */
export function receiverWords(keys: KeyPair, theirKey: Uint8Array, script: Script): Uint8Array {
  const answer = secondPart(script);
  createCiphers(keys.secretWith(theirKey)!, INFO_HASH).ofReceiver.apply(answer);
  return concatBytes(keys.publicKey, new Uint8Array(script.firstPad ?? 0), answer);
}

function secondPart({ verification = 0, methods = EITHER, secondPad = 0 }: Script) {
  const bytes = new Uint8Array(14 + Math.min(secondPad, 512));
  bytes[7] = verification;
  putUint32(bytes, 8, methods);
  putUint16(bytes, 12, secondPad);
  return bytes;
}
