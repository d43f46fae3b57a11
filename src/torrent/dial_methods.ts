/** How each endpoint is spoken to: with encryption or without, by uTP alone or not. Pure. */
import { type Endpoint, formatEndpoint } from "../base/endpoint.ts";
import { LimitedMap, LimitedSet } from "../base/limited_map.ts";
import { type EncryptionMode, PayloadMethod } from "../wire/mse.ts";

/** Endpoints of which is remembered how they want it; then the oldest are forgotten. */
const MAX_REMEMBERED = 3_000;

/** Bits of PayloadMethod to offer in an encrypted handshake; undefined: no encryption. */
export type Offer = number | undefined;

const { plaintext: PLAINTEXT, rc4: RC4 } = PayloadMethod;
const EITHER = PLAINTEXT | RC4;

export class DialMethods {
  readonly #usual: Offer;
  /** Those that want it otherwise than usual. */
  readonly #remembered = new LimitedMap<string, Offer>(MAX_REMEMBERED);
  readonly #hungUp = new LimitedSet<string>(MAX_REMEMBERED);

  constructor(readonly mode: EncryptionMode) {
    // A peer that is offered RC4 may take it, and it costs both; the handshake alone hides enough.
    this.#usual = mode === "off" ? undefined : mode === "require" ? RC4 : PLAINTEXT;
  }

  /** What to try first. */
  first(endpoint: Endpoint): Offer {
    const key = formatEndpoint(endpoint);
    return this.#remembered.has(key) ? this.#remembered.get(key) : this.#usual;
  }

  /**
   * What to try once an encrypted handshake that made this offer has failed, if anything: a peer
   * that knows encryption may want all of it, and another one none.
   */
  fallback(offer: Offer, knowsEncryption: boolean): { readonly offer: Offer } | undefined {
    if (this.mode !== "prefer" || offer === undefined) return undefined;
    if (!knowsEncryption) return { offer: undefined };
    return offer === EITHER ? undefined : { offer: EITHER };
  }

  /** What to try first from now on. */
  remember(endpoint: Endpoint, offer: Offer): void {
    const key = formatEndpoint(endpoint);
    this.#remembered.delete(key);
    if (offer === this.#usual) return;
    this.#remembered.set(key, offer);
  }

  /** It took up TCP, and hung up on whatever we said: so do those who want uTP alone. */
  noteHangUp(endpoint: Endpoint): void {
    this.#hungUp.add(formatEndpoint(endpoint));
  }

  /** It hung up the last time: now it may be tried by uTP, and then by TCP again. */
  takeHangUp(endpoint: Endpoint): boolean {
    return this.#hungUp.delete(formatEndpoint(endpoint));
  }

  /** Neither way led anywhere: it may be another peer by now. */
  forget(endpoint: Endpoint): void {
    this.#remembered.delete(formatEndpoint(endpoint));
  }
}
