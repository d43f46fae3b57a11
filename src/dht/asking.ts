/**
 * Our queries, from the moment they are sent to an answer or the lack of one. Pure. Every answer
 * is also a sign of life for the routing table, and a word about our own address.
 */
import type { Random } from "../base/ambient.ts";
import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { type Endpoint, familyOf } from "../base/endpoint.ts";
import type { NodeId } from "../base/ids.ts";
import type { KrpcCall, KrpcError, KrpcResponse } from "./krpc.ts";
import { encodeQuery } from "./krpc_encoder.ts";
import type { Place } from "./place.ts";
import type { Reachability } from "./reachability.ts";
import { Transactions } from "./transactions.ts";

/** A query, and what is to happen next. */
export interface Inquiry {
  readonly call: KrpcCall;
  /** Of the node that is asked; undefined while only its endpoint is known. */
  readonly id?: NodeId | undefined;
  /** Its id may be another one than was expected: it has moved, or others lied about it. */
  readonly answered?: (answer: KrpcResponse, from: Endpoint, now: number) => void;
  /** It takes long: others may be asked meanwhile. */
  readonly slow?: () => void;
  /** There was no answer, or none that is worth anything. */
  readonly lost?: () => void;
}

/** A packet to be sent. */
export interface OutgoingDatagram {
  readonly bytes: Bytes;
  readonly to: Endpoint;
}

export class Asking {
  readonly #places: readonly Place[];
  readonly #reachability: Reachability;
  readonly #transactions: Transactions<{ to: Endpoint; inquiry: Inquiry }>;
  #outgoing: OutgoingDatagram[] = [];
  /** Queries, and how many of them were answered. */
  asked = 0;
  answered = 0;

  constructor(
    { places, reachability, random }: {
      places: readonly Place[];
      reachability: Reachability;
      random: Random;
    },
  ) {
    this.#places = places;
    this.#reachability = reachability;
    this.#transactions = new Transactions({ random });
  }

  /** No more queries for now. */
  get isFull(): boolean {
    return this.#transactions.isFull;
  }

  /** Sends a query to an endpoint of one of our families. Not while `isFull`. */
  ask(to: Endpoint, inquiry: Inquiry, now: number): void {
    const place = this.placeOf(to);
    assert(place !== undefined, "an endpoint of our families");
    const { id: transaction } = this.#transactions.begin(to, { to, inquiry }, now);
    const isReadOnly = this.#reachability.isReadOnly(now);
    const query = { kind: "query", transaction, id: place.id, isReadOnly } as const;
    this.send({ bytes: encodeQuery({ ...query, ...inquiry.call }), to }, now);
    this.asked++;
  }

  /** Sends something that needs no answer. */
  send(datagram: OutgoingDatagram, now: number): void {
    this.#outgoing.push(datagram);
    this.#reachability.handleSent(datagram.to, now);
  }

  /** Our place in the family of an endpoint; undefined when it is not one of ours. */
  placeOf({ host }: Endpoint): Place | undefined {
    return this.#places.find(({ family }) => family === familyOf(host));
  }

  /** Something that claims to be an answer; false when nothing was asked (H2). */
  handleAnswer(message: KrpcResponse | KrpcError, from: Endpoint, now: number): boolean {
    const asked = this.#transactions.take(message.transaction, from, now);
    if (asked === undefined) return false;
    const { inquiry } = asked;
    this.#reachability.handleAnswer(from);
    if (message.kind === "error") {
      inquiry.lost?.();
      return true;
    }
    const place = this.placeOf(from);
    assert(place !== undefined, "only our families are asked");
    place.table.seen({ id: message.id, endpoint: from }, now);
    this.answered++;
    if (message.observed !== undefined) place.observed(message.observed.host, from.host, now);
    inquiry.answered?.(message, from, now);
    return true;
  }

  handleTimeout(now: number): void {
    const { slow, lost } = this.#transactions.expire(now);
    for (const { inquiry } of slow) inquiry.slow?.();
    for (const { to, inquiry } of lost) {
      if (inquiry.id !== undefined) {
        this.placeOf(to)?.table.failed({ id: inquiry.id, endpoint: to }, now);
      }
      inquiry.lost?.();
    }
  }

  deadline(): number | undefined {
    return this.#transactions.deadline();
  }

  /** What is to be sent. */
  drain(): OutgoingDatagram[] {
    const outgoing = this.#outgoing;
    this.#outgoing = [];
    return outgoing;
  }
}
