/**
 * What others are answered (BEP 5, 32, 33, 42). Pure. Anybody may ask, under any address: no
 * answer is longer than a packet, and all of them together have an allowance (H9).
 */
import type { Random } from "../base/ambient.ts";
import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { addressScope, type Endpoint, familyOf, isDialable } from "../base/endpoint.ts";
import { TokenBucket } from "../base/rate.ts";
import type { NodeInfo } from "./compact_node.ts";
import {
  ERROR_CODES,
  type KrpcBadQuery,
  type KrpcQuery,
  type KrpcResponse,
  type Want,
} from "./krpc.ts";
import { encodeError, encodeResponse, MAX_REPLY_VALUES } from "./krpc_encoder.ts";
import type { PeerStore } from "./peer_store.ts";
import type { Place } from "./place.ts";
import { isNodeNameable } from "./round.ts";
import { Tokens } from "./tokens.ts";

/** As libtorrent; and so much at once after a pause. */
const BYTES_PER_SECOND = 8_000;
const BURST_BYTES = 40_000;
/** Nodes named in an answer, of each family (K of BEP 5). */
const NODE_COUNT = 8;

export interface ResponderOptions {
  readonly places: readonly Place[];
  readonly peers: PeerStore;
  readonly random: Random;
  readonly now: number;
}

export class Responder {
  readonly #places: readonly Place[];
  readonly #peers: PeerStore;
  readonly #tokens: Tokens;
  readonly #allowance: TokenBucket;

  constructor({ places, peers, random, now }: ResponderOptions) {
    this.#places = places;
    this.#peers = peers;
    this.#tokens = new Tokens({ random });
    this.#allowance = new TokenBucket(BYTES_PER_SECOND, now, BURST_BYTES);
  }

  /** The answer to a query; undefined when we have said enough for now. */
  answer(query: KrpcQuery | KrpcBadQuery, from: Endpoint, now: number): Bytes | undefined {
    const answer = query.kind === "query" ? this.#answer(query, from, now) : encodeError(query);
    return this.#allowance.tryTake(answer.length, now) ? answer : undefined;
  }

  #answer(query: KrpcQuery, from: Endpoint, now: number): Bytes {
    switch (query.method) {
      case "ping":
        return this.#respond(query, from, {});
      case "find_node":
        return this.#respond(query, from, { nodes: this.#nodes(query.target, query.want, from) });
      case "get_peers":
        return this.#respond(query, from, {
          nodes: this.#nodes(query.infoHash, query.want, from),
          values: this.#values(query, from, now),
          token: this.#tokens.issue(from.host, query.infoHash, now),
        });
      case "announce_peer":
        return this.#store(query, from, now);
    }
  }

  #store(
    query: KrpcQuery & { method: "announce_peer" },
    from: Endpoint,
    now: number,
  ): Bytes {
    const { transaction, infoHash, token, port = from.port, isSeed } = query;
    if (!this.#tokens.isValid(token, from.host, infoHash, now)) {
      const text = "invalid token";
      return encodeError({ transaction, code: ERROR_CODES.protocol, text });
    }
    const peer = { host: from.host, port };
    if (isDialable(peer, addressScope(from.host))) this.#peers.add(infoHash, peer, isSeed, now);
    return this.#respond(query, from, {});
  }

  #respond(
    { transaction }: KrpcQuery,
    from: Endpoint,
    what: Partial<Pick<KrpcResponse, "nodes" | "values" | "token">>,
  ): Bytes {
    const place = this.#places.find(({ family }) => family === familyOf(from.host));
    assert(place !== undefined, "datagrams come from our families");
    return encodeResponse({
      kind: "response",
      transaction,
      id: place.id,
      nodes: [],
      values: [],
      token: undefined,
      observed: from,
      ...what,
    });
  }

  /** Nodes of our own network are the internet's business as little as the other way round. */
  #nodes(target: Uint8Array, want: Want, from: Endpoint): NodeInfo[] {
    const wanted = want ?? [familyOf(from.host)];
    const scope = addressScope(from.host);
    return this.#places.filter(({ family }) => wanted.includes(family))
      .flatMap(({ table }) => table.closest(target, NODE_COUNT))
      .filter(({ endpoint }) => isNodeNameable(endpoint, scope));
  }

  #values(
    { infoHash, withoutSeeds }: KrpcQuery & { method: "get_peers" },
    from: Endpoint,
    now: number,
  ): Endpoint[] {
    const family = familyOf(from.host), scope = addressScope(from.host);
    return this.#peers.peers(infoHash, family, { max: MAX_REPLY_VALUES[family], withoutSeeds, now })
      .filter((peer) => isDialable(peer, scope));
  }
}
