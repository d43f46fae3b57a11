/**
 * Our side of the UDP tracker protocol with one address (BEP 15): connection ids, transaction
 * ids, retransmission. Pure: packets and `now` (ms) go in, `drain` says what to do.
 */
import { assert } from "../base/assert.ts";
import type { Random } from "../base/ambient.ts";
import { type Bytes, getUint32 } from "../base/bytes.ts";
import type { IpFamily } from "../base/endpoint.ts";
import { TrackerError } from "../base/errors.ts";
import type { AnnounceRequest, AnnounceResponse } from "./announce.ts";
import {
  encodeAnnounceRequest,
  encodeConnectRequest,
  parseUdpResponse,
  type UdpResponse,
} from "./udp_codec.ts";

export type UdpEffect =
  | { readonly kind: "send"; readonly packet: Bytes }
  | { readonly kind: "answered"; readonly response: AnnounceResponse }
  | { readonly kind: "failed"; readonly error: TrackerError };

/** How long a connection id may be used (BEP 15). */
const CONNECTION_LIFE_MS = 60_000;
/** The wait for an answer doubles with each packet: 15, 30, 60 s (BEP 15: up to n = 8). */
const FIRST_TIMEOUT_MS = 15_000;
/** Packets without an answer after which the announce has failed. */
const MAX_PACKETS = 3;

interface Announce {
  readonly request: AnnounceRequest;
  kind: "connect" | "announce";
  transactionId: number;
  /** Packets sent since the last answer or the start. */
  unanswered: number;
  deadline: number;
  /** The connection id is from an earlier announce, so the tracker may have forgotten it. */
  hasOldConnection: boolean;
}

export class UdpSession {
  readonly #family: IpFamily;
  readonly #requestPath: string;
  readonly #random: Random;
  #connection: { readonly id: Bytes; readonly expiresAt: number } | undefined;
  #announce: Announce | undefined;
  #effects: UdpEffect[] = [];

  constructor(options: { family: IpFamily; requestPath: string; random: Random }) {
    this.#family = options.family;
    this.#requestPath = options.requestPath;
    this.#random = options.random;
  }

  /** Begins to announce; gives up an announce that is still under way. */
  announce(request: AnnounceRequest, now: number): void {
    this.#effects = [];
    this.#announce = {
      request,
      kind: "connect",
      transactionId: 0,
      unanswered: 0,
      deadline: now,
      hasOldConnection: this.#isConnected(now),
    };
    this.#beginTransaction(this.#announce, now);
  }

  /** Gives up the announce under way, if any; what is answered later is ignored. */
  cancel(): void {
    this.#announce = undefined;
    this.#effects = [];
  }

  /** A packet from the tracker's address, which anybody may have forged. True if it was ours. */
  handlePacket(packet: Uint8Array, now: number): boolean {
    const announce = this.#announce;
    if (announce === undefined) return false;
    const { kind, transactionId } = announce;
    let response: UdpResponse | undefined;
    try {
      response = parseUdpResponse(packet, { kind, transactionId, family: this.#family });
    } catch (error) {
      assert(error instanceof TrackerError);
      this.#fail(error);
      return true;
    }
    if (response === undefined) return false;
    this.#handleResponse(announce, response, now);
    return true;
  }

  handleTimeout(now: number): void {
    const announce = this.#announce;
    if (announce === undefined || now < announce.deadline) return;
    if (announce.unanswered >= MAX_PACKETS) {
      return this.#fail(new TrackerError("timeout", "no answer"));
    }
    // The id may have died while we waited (BEP 15: then a new one must be asked for).
    if (announce.kind === "announce" && !this.#isConnected(now)) {
      this.#beginTransaction(announce, now);
    } else this.#send(announce, now);
  }

  /** When to call `handleTimeout`. */
  deadline(): number | undefined {
    return this.#announce?.deadline;
  }

  /** What there is to do, in order. */
  drain(): readonly UdpEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  #handleResponse(announce: Announce, response: UdpResponse, now: number): void {
    switch (response.kind) {
      case "connected":
        this.#connection = { id: response.connectionId, expiresAt: now + CONNECTION_LIFE_MS };
        announce.unanswered = 0;
        return this.#beginTransaction(announce, now);
      case "announced":
        this.#announce = undefined;
        this.#effects.push({ kind: "answered", response: response.response });
        return;
      case "error":
        this.#connection = undefined;
        if (announce.kind === "announce" && announce.hasOldConnection) {
          announce.hasOldConnection = false;
          return this.#beginTransaction(announce, now);
        }
        return this.#fail(new TrackerError("failure-reason", `it says "${response.message}"`));
    }
  }

  #beginTransaction(announce: Announce, now: number): void {
    announce.kind = this.#isConnected(now) ? "announce" : "connect";
    announce.transactionId = getUint32(this.#random.bytes(4), 0);
    this.#send(announce, now);
  }

  #send(announce: Announce, now: number): void {
    const { kind, transactionId, request } = announce;
    const packet = kind === "connect"
      ? encodeConnectRequest(transactionId)
      : encodeAnnounceRequest(this.#connection!.id, transactionId, request, this.#requestPath);
    announce.deadline = now + FIRST_TIMEOUT_MS * 2 ** announce.unanswered;
    announce.unanswered++;
    this.#effects.push({ kind: "send", packet });
  }

  #fail(error: TrackerError): void {
    this.#announce = undefined;
    this.#effects.push({ kind: "failed", error });
  }

  #isConnected(now: number): boolean {
    return this.#connection !== undefined && now < this.#connection.expiresAt;
  }
}
