/**
 * The proof that whoever announces a peer has asked us before, and so has the address that it
 * sends from (BEP 5 "token"). Nothing is kept of who asked. Pure: `now` is in milliseconds.
 */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import type { Random } from "../base/ambient.ts";
import { type Bytes, concatBytes, equalBytes } from "../base/bytes.ts";
import type { InfoHash } from "../base/ids.ts";

/** A token is good for this time slot and the next one: 5 to 10 minutes (hostile-inputs H4). */
const SLOT_MS = 5 * 60_000;
const SECRET_LENGTH = 32;
const TOKEN_LENGTH = 8;

export class Tokens {
  readonly #secret: Bytes;

  constructor({ random }: { random: Random }) {
    this.#secret = random.bytes(SECRET_LENGTH);
  }

  /** What the node at the address `host` must show to announce a peer of this torrent. */
  issue(host: string, infoHash: InfoHash, now: number): Bytes {
    return this.#token(host, infoHash, slotAt(now));
  }

  isValid(token: Uint8Array, host: string, infoHash: InfoHash, now: number): boolean {
    const slot = slotAt(now);
    return equalBytes(token, this.#token(host, infoHash, slot)) ||
      equalBytes(token, this.#token(host, infoHash, slot - 1));
  }

  /** Not of the port, which NAT may change. */
  #token(host: string, infoHash: InfoHash, slot: number): Bytes {
    const asker = new TextEncoder().encode(`${slot} ${host} `);
    return hmac(sha256, this.#secret, concatBytes(asker, infoHash)).slice(0, TOKEN_LENGTH);
  }
}

function slotAt(now: number): number {
  return Math.floor(now / SLOT_MS);
}
