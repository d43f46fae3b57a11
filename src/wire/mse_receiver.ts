/** The MSE handshake of whoever was dialled. Pure. */
import type { Random } from "../base/ambient.ts";
import { assert } from "../base/assert.ts";
import {
  type Bytes,
  concatBytes,
  getUint16,
  getUint32,
  putUint16,
  putUint32,
} from "../base/bytes.ts";
import { ProtocolError } from "../base/errors.ts";
import { HASH_LENGTH, type InfoHash } from "../base/ids.ts";
import { KEY_LENGTH } from "./diffie_hellman.ts";
import {
  createCiphers,
  createPad,
  malformed,
  maskHash,
  MAX_PAD_LENGTH,
  PayloadMethod,
  syncHash,
  VERIFICATION_LENGTH,
} from "./mse.ts";
import { MseSide } from "./mse_side.ts";
import type { Rc4 } from "./rc4.ts";

/** Bytes of the verification, crypto_provide and the length of the pad after it. */
const OFFER_LENGTH = VERIFICATION_LENGTH + 6;
/** Of the payload's length, which stands behind that pad. */
const LENGTH_LENGTH = 2;
/** A handshake, and the bitfield of a large torrent; more has to wait for our answer. */
const MAX_PAYLOAD_LENGTH = 16 * 1024;

export interface MseReceiverOptions {
  /** The torrent whose `torrentHash` this is, if it is one of ours. */
  readonly findTorrent: (torrentHash: Uint8Array) => InfoHash | undefined;
  /** One or more bits of PayloadMethod; plaintext, if it is among them and offered, is chosen. */
  readonly accepted: number;
  readonly random: Random;
}

type Step = "key" | "mark" | "torrent" | "offer" | "pad" | "payload" | "done";

export class MseReceiver extends MseSide {
  readonly #options: MseReceiverOptions;
  #step: Step = "key";
  #secret = new Uint8Array(0);
  #mark = new Uint8Array(0);
  #infoHash: InfoHash | undefined;
  #ciphers: { ofInitiator: Rc4; ofReceiver: Rc4 } | undefined;
  #selected = 0;
  #padLength = 0;
  #payloadLength = 0;

  constructor(options: MseReceiverOptions) {
    super(options.random);
    this.#options = options;
    this.proceed();
  }

  protected override take(): boolean {
    switch (this.#step) {
      case "key":
        return this.#takeKey();
      case "mark":
        if (!this.input.skipPast(this.#mark, HASH_LENGTH + OFFER_LENGTH)) return false;
        this.#step = "torrent";
        return true;
      case "torrent":
        return this.#takeTorrent();
      case "offer":
        return this.#takeOffer();
      case "pad":
        return this.#takePad();
      case "payload":
        return this.#takePayload();
      case "done":
        return false;
    }
  }

  #takeKey(): boolean {
    const theirs = this.input.take(KEY_LENGTH);
    if (theirs === undefined) return false;
    const secret = this.keys.secretWith(theirs);
    if (secret === undefined) throw malformed("its public key is none");
    this.#secret = secret;
    this.#mark = syncHash(secret);
    this.output = concatBytes(this.keys.publicKey, createPad(this.#options.random));
    this.#step = "mark";
    return true;
  }

  #takeTorrent(): boolean {
    const masked = this.input.take(HASH_LENGTH);
    if (masked === undefined) return false;
    const infoHash = this.#options.findTorrent(maskHash(masked, this.#secret));
    if (infoHash === undefined) {
      throw new ProtocolError("wrong-info-hash", "Cannot serve the peer: its torrent is not ours");
    }
    this.#infoHash = infoHash;
    this.#ciphers = createCiphers(this.#secret, infoHash);
    this.#step = "offer";
    return true;
  }

  #takeOffer(): boolean {
    const offer = this.#takeEncrypted(OFFER_LENGTH);
    if (offer === undefined) return false;
    for (const byte of offer.subarray(0, VERIFICATION_LENGTH)) {
      if (byte !== 0) throw malformed("its verification constant is wrong");
    }
    this.#selected = select(getUint32(offer, VERIFICATION_LENGTH) & this.#options.accepted);
    this.#padLength = getUint16(offer, VERIFICATION_LENGTH + 4);
    if (this.#padLength > MAX_PAD_LENGTH) throw malformed("its padding is too long");
    this.#step = "pad";
    return true;
  }

  #takePad(): boolean {
    const pad = this.#takeEncrypted(this.#padLength + LENGTH_LENGTH);
    if (pad === undefined) return false;
    this.#payloadLength = getUint16(pad, this.#padLength);
    if (this.#payloadLength > MAX_PAYLOAD_LENGTH) throw malformed("its first payload is too long");
    this.#step = "payload";
    return true;
  }

  #takePayload(): boolean {
    const payload = this.#takeEncrypted(this.#payloadLength);
    if (payload === undefined) return false;
    assert(this.#ciphers !== undefined && this.#infoHash !== undefined);
    const { ofInitiator, ofReceiver } = this.#ciphers;
    this.output = encodeAnswer(this.#selected, createPad(this.#options.random));
    ofReceiver.apply(this.output);
    const isEncrypted = this.#selected === PayloadMethod.rc4;
    this.#step = "done";
    return this.finish({
      infoHash: this.#infoHash,
      ciphers: isEncrypted ? { incoming: ofInitiator, outgoing: ofReceiver } : undefined,
      received: payload.slice(),
    });
  }

  #takeEncrypted(length: number): Bytes | undefined {
    const bytes = this.input.take(length);
    if (bytes !== undefined) this.#ciphers!.ofInitiator.apply(bytes);
    return bytes;
  }
}

/** Plaintext costs nothing. */
function select(methods: number): number {
  if ((methods & PayloadMethod.plaintext) !== 0) return PayloadMethod.plaintext;
  if ((methods & PayloadMethod.rc4) !== 0) return PayloadMethod.rc4;
  throw malformed("it offers no encryption that is accepted");
}

/** Not encrypted yet. */
function encodeAnswer(selected: number, pad: Uint8Array): Bytes {
  const answer = new Uint8Array(VERIFICATION_LENGTH + 6);
  putUint32(answer, VERIFICATION_LENGTH, selected);
  putUint16(answer, VERIFICATION_LENGTH + 4, pad.length);
  return concatBytes(answer, pad);
}
