/**
 * What one peer and we tell each other of third ones (PEX, BEP 11): who may be told of whom, how
 * often, and what has changed since the last time.
 */
import type { Bytes } from "../base/bytes.ts";
import {
  type AddressScope,
  addressScope,
  type Endpoint,
  formatEndpoint,
  isDialable,
} from "../base/endpoint.ts";
import { ProtocolError } from "../base/errors.ts";
import { LimitedSet } from "../base/limited_map.ts";
import { encodePex, MAX_PEX_PEERS, parsePex, type PexPeer } from "../wire/pex.ts";

/** BEP 11: no more than one message a minute. */
const TELL_INTERVAL_MS = 60_000;
/** So that those who come together are told of together. */
const FIRST_TELL_AFTER_MS = 1_000;
/** Endpoints that we remember to have told, and would have to tell the end of. */
const MAX_TOLD = 1_000;

/** Endpoints that the peer is connected with, as it said: then the oldest are forgotten. */
const MAX_HEARD_OF = 200;
/** A peer that tells more often is after something else (P29; libtorrent's limit). */
const MAX_HEARD = 6;
const HEARD_WINDOW_MS = 60_000;

export interface PeerExchangeOptions {
  /** The peer's address. */
  readonly host: string;
  /** Milliseconds, as in every method. */
  readonly now: number;
}

export class PeerExchange {
  readonly #scope: AddressScope;
  /** Told and not taken back, by the text of the endpoint. */
  readonly #told = new Map<string, Endpoint>();
  /** Those that the peer told us and has not taken back, by the text of the endpoint. */
  readonly #heardOf = new LimitedSet<string>(MAX_HEARD_OF);
  /** When the last messages came, at most MAX_HEARD of them. */
  readonly #heardAt: number[] = [];
  #tellAt: number;
  /** Of `known`, when all of it was told; undefined while there is more to tell. */
  #toldVersion: number | undefined;

  constructor({ host, now }: PeerExchangeOptions) {
    this.#scope = addressScope(host);
    this.#tellAt = now + FIRST_TELL_AFTER_MS;
  }

  /**
   * Those that the peer's message adds, as far as we would dial them on its word: at most
   * MAX_PEX_PEERS. Throws ProtocolError when it is malformed or too soon.
   */
  hear(payload: Uint8Array, now: number): PexPeer[] {
    if (this.#heardAt.length === MAX_HEARD && now - this.#heardAt.shift()! < HEARD_WINDOW_MS) {
      throw new ProtocolError("pex-flood", "Cannot use the peer: it lists peers without end");
    }
    this.#heardAt.push(now);
    const { added, dropped } = parsePex(payload);
    const peers = added.filter(({ endpoint }) => concerns(endpoint, this.#scope));
    for (const { endpoint } of peers) this.#heardOf.add(formatEndpoint(endpoint));
    for (const endpoint of dropped) this.#heardOf.delete(formatEndpoint(endpoint));
    return peers;
  }

  /** The peer is connected with the endpoint, as it says. */
  knows(endpoint: Endpoint): boolean {
    return this.#heardOf.has(formatEndpoint(endpoint));
  }

  /** It is time to tell, and there may be something; nothing while `version` stays as it was. */
  isDue(version: number, now: number): boolean {
    return version !== this.#toldVersion && now >= this.#tellAt;
  }

  /**
   * The payload that tells how `known`, all whom the peer may know of, has changed; undefined
   * when it has not. `version` is another one whenever `known` is.
   */
  tell(known: readonly PexPeer[], version: number, now: number): Bytes | undefined {
    const telling = new Map<string, PexPeer>();
    for (const peer of known) {
      if (concerns(peer.endpoint, this.#scope)) telling.set(formatEndpoint(peer.endpoint), peer);
    }
    const dropped = [...this.#told].filter(([key]) => !telling.has(key)).slice(0, MAX_PEX_PEERS);
    const room = Math.min(MAX_PEX_PEERS, MAX_TOLD - this.#told.size);
    const added = [...telling].filter(([key]) => !this.#told.has(key)).slice(0, room);
    const isMore = added.length === MAX_PEX_PEERS || dropped.length === MAX_PEX_PEERS;
    this.#toldVersion = isMore ? undefined : version;
    if (added.length + dropped.length === 0) return undefined;
    for (const [key] of dropped) this.#told.delete(key);
    for (const [key, { endpoint }] of added) this.#told.set(key, endpoint);
    this.#tellAt = now + TELL_INTERVAL_MS;
    return encodePex({
      added: added.map(([, peer]) => peer),
      dropped: dropped.map(([, endpoint]) => endpoint),
    });
  }
}

/**
 * May one whose address is of `scope` name the endpoint, or be told it? The local addresses of
 * one network mean other machines in another (P29).
 */
export function concerns(endpoint: Endpoint, scope: AddressScope): boolean {
  if (!isDialable(endpoint, scope)) return false;
  switch (addressScope(endpoint.host)) {
    case "global":
      return true;
    case "private":
      return scope === "private" || scope === "link-local" || scope === "loopback";
    case "link-local":
      return scope === "link-local";
    case "loopback":
      return scope === "loopback";
    default:
      return false;
  }
}
