/**
 * A tracker's answers to UDP packets (BEP 15, BEP 48). Pure. Nothing is kept of a client before
 * it has shown, by repeating a connection id, that its address is its own; and no packet is
 * answered by a longer one before that, so that nobody can be flooded through us.
 */
import { createHmac } from "node:crypto";
import type { Random } from "../base/ambient.ts";
import { type Bytes, equalBytes } from "../base/bytes.ts";
import { type Endpoint, familyOf } from "../base/endpoint.ts";
import type { SwarmRegistry } from "./swarm_registry.ts";
import {
  CONNECTION_ID_LENGTH,
  encodeConnectResponse,
  encodeUdpAnnounceResponse,
  encodeUdpError,
  encodeUdpScrapeResponse,
  parseUdpRequest,
  type UdpRequest,
} from "./udp_codec.ts";

/** A connection id is good for this time slot and the next one: one to two minutes (BEP 15). */
const SLOT_MS = 60_000;
const SECRET_LENGTH = 32;
/** So that an answer fits one packet on any path: 1,220 and 1,370 bytes. */
const MAX_PEERS = { ipv4: 200, ipv6: 75 };

export class UdpService {
  readonly #registry: SwarmRegistry;
  readonly #intervalMs: number;
  readonly #secret: Bytes;

  constructor(registry: SwarmRegistry, options: { random: Random; intervalMs: number }) {
    this.#registry = registry;
    this.#intervalMs = options.intervalMs;
    this.#secret = options.random.bytes(SECRET_LENGTH);
  }

  /** The answer to a packet; undefined for what is none of our protocol. */
  answer(packet: Uint8Array, from: Endpoint, now: number): Bytes | undefined {
    const request = parseUdpRequest(packet);
    if (request === undefined) return undefined;
    const { transactionId } = request;
    if (request.kind === "connect") {
      return encodeConnectResponse(transactionId, this.#connectionId(from.host, slotAt(now)));
    }
    if (!this.#isConnected(request.connectionId, from, now)) {
      return encodeUdpError(transactionId, "connection id is not valid");
    }
    return request.kind === "announce"
      ? this.#announce(request, from, now)
      : encodeUdpScrapeResponse(
        transactionId,
        request.infoHashes.map((infoHash) => this.#registry.counts(infoHash, now)),
      );
  }

  #announce(
    { transactionId, announce }: UdpRequest & { kind: "announce" },
    from: Endpoint,
    now: number,
  ): Bytes {
    if (announce.port === 0) return encodeUdpError(transactionId, "port is 0");
    const maxPeers = MAX_PEERS[familyOf(from.host)];
    const announced = this.#registry.announce(announce, from.host, maxPeers, now);
    if ("refusal" in announced) return encodeUdpError(transactionId, announced.refusal);
    return encodeUdpAnnounceResponse(transactionId, {
      intervalMs: this.#intervalMs,
      counts: announced.counts,
      endpoints: announced.peers.map(({ endpoint }) => endpoint),
    });
  }

  #isConnected(connectionId: Uint8Array, { host }: Endpoint, now: number): boolean {
    const slot = slotAt(now);
    return equalBytes(connectionId, this.#connectionId(host, slot)) ||
      equalBytes(connectionId, this.#connectionId(host, slot - 1));
  }

  /** Not of the port: libtorrent shares an id among its sockets, and NAT may change it. */
  #connectionId(host: string, slot: number): Uint8Array {
    return createHmac("sha256", this.#secret).update(`${host} ${slot}`).digest()
      .subarray(0, CONNECTION_ID_LENGTH);
  }
}

function slotAt(now: number): number {
  return Math.floor(now / SLOT_MS);
}
