/** The MSE handshake of whoever dialled. Pure. */
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
import type { InfoHash } from "../base/ids.ts";
import { KEY_LENGTH } from "./diffie_hellman.ts";
import { startsLikeHandshake } from "./handshake.ts";
import {
  createCiphers,
  createPad,
  malformed,
  maskHash,
  MAX_PAD_LENGTH,
  PayloadMethod,
  syncHash,
  torrentHash,
  VERIFICATION_LENGTH,
} from "./mse.ts";
import { MseSide } from "./mse_side.ts";
import type { Rc4 } from "./rc4.ts";

/** Bytes of crypto_select and of the length of the pad after it. */
const SELECTION_LENGTH = 6;

export interface MseInitiatorOptions {
  readonly infoHash: InfoHash;
  /** One or more bits of PayloadMethod. */
  readonly offer: number;
  /** What the payload begins with: it needs no round trip of its own. */
  readonly payload: Uint8Array;
  readonly random: Random;
}

type Step = "key" | "mark" | "selection" | "pad" | "done";

export class MseInitiator extends MseSide {
  readonly #options: MseInitiatorOptions;
  #step: Step = "key";
  #ciphers: { ofInitiator: Rc4; ofReceiver: Rc4 } | undefined;
  #mark = new Uint8Array(VERIFICATION_LENGTH);
  #selected = 0;
  #padLength = 0;

  constructor(options: MseInitiatorOptions) {
    super(options.random);
    this.#options = options;
    this.output = concatBytes(this.keys.publicKey, createPad(options.random));
    this.proceed();
  }

  /** The peer has sent a public key: it seems to speak MSE, whatever becomes of it. */
  get hasTheirKey(): boolean {
    return this.#step !== "key";
  }

  protected override take(): boolean {
    switch (this.#step) {
      case "key":
        return this.#takeKey();
      case "mark":
        if (!this.input.skipPast(this.#mark, SELECTION_LENGTH)) return false;
        this.#step = "selection";
        return true;
      case "selection":
        return this.#takeSelection();
      case "pad":
        return this.#takePad();
      case "done":
        return false;
    }
  }

  #takeKey(): boolean {
    const theirs = this.input.take(KEY_LENGTH);
    if (theirs === undefined) return false;
    if (startsLikeHandshake(theirs)) throw malformed("it speaks without encryption");
    const secret = this.keys.secretWith(theirs);
    if (secret === undefined) throw malformed("its public key is none");
    const { infoHash, offer, payload, random } = this.#options;
    this.#ciphers = createCiphers(secret, infoHash);
    // Zeros, encrypted: what their side must begin with.
    this.#ciphers.ofReceiver.apply(this.#mark);
    const request = encodeRequest(offer, createPad(random), payload);
    this.#ciphers.ofInitiator.apply(request);
    this.output = concatBytes(
      syncHash(secret),
      maskHash(torrentHash(infoHash), secret),
      request,
    );
    this.#step = "mark";
    return true;
  }

  #takeSelection(): boolean {
    const selection = this.input.take(SELECTION_LENGTH);
    if (selection === undefined) return false;
    this.#ciphers!.ofReceiver.apply(selection);
    this.#selected = getUint32(selection, 0);
    this.#padLength = getUint16(selection, 4);
    const { plaintext, rc4 } = PayloadMethod;
    const isOne = this.#selected === plaintext || this.#selected === rc4;
    if (!isOne || (this.#selected & this.#options.offer) === 0) {
      throw malformed("it selects an encryption that was not offered");
    }
    if (this.#padLength > MAX_PAD_LENGTH) throw malformed("its padding is too long");
    this.#step = "pad";
    return true;
  }

  #takePad(): boolean {
    const pad = this.input.take(this.#padLength);
    if (pad === undefined) return false;
    assert(this.#ciphers !== undefined);
    const { ofInitiator, ofReceiver } = this.#ciphers;
    ofReceiver.apply(pad);
    const isEncrypted = this.#selected === PayloadMethod.rc4;
    this.#step = "done";
    return this.finish({
      infoHash: this.#options.infoHash,
      ciphers: isEncrypted ? { incoming: ofReceiver, outgoing: ofInitiator } : undefined,
      received: new Uint8Array(0),
    });
  }
}

/** Not encrypted yet. */
function encodeRequest(offer: number, pad: Uint8Array, payload: Uint8Array): Bytes {
  const offered = new Uint8Array(VERIFICATION_LENGTH + 6);
  putUint32(offered, VERIFICATION_LENGTH, offer);
  putUint16(offered, VERIFICATION_LENGTH + 4, pad.length);
  const payloadLength = new Uint8Array(2);
  putUint16(payloadLength, 0, payload.length);
  return concatBytes(offered, pad, payloadLength, payload);
}
