/** An endpoint that we have heard of: how good it is, and when it may be dialled again. Pure. */
import type { Endpoint } from "../base/endpoint.ts";
import type { CloseReason } from "../base/errors.ts";

/** A peer for which there was no place: it has done nothing, and is tried again after this time. */
const NO_PLACE_RETRY_MS = 15_000;
/** A stranger that failed is tried again after this time, doubled with every further failure. */
const FIRST_RETRY_MS = 15_000;
const MAX_RETRY_MS = 600_000;
/**
 * The same for a peer that gave us blocks, or that the user named. Mostly a mere hiccup ended
 * the connection; and after an outage of ours all is back within a minute.
 */
const FIRST_TRUSTED_RETRY_MS = 1_000;
const MAX_TRUSTED_RETRY_MS = 60_000;
/**
 * A peer that neither had nor wanted anything, that gave less than others and made way for a new
 * one, or that is here already, is tried after this time.
 */
const UNNEEDED_RETRY_MS = 600_000;
/** The same for one that gave us something: it may come back as soon as there is a place. */
const MADE_WAY_RETRY_MS = 60_000;

/**
 * Who named an endpoint. Those that the user named come first, and are never forgotten, as are
 * those of the torrent itself; those that only other peers named come last.
 */
export type PeerSource = "named" | "torrent" | "tracker" | "dht" | "pex" | "lsd" | "incoming";

/** How a connection ended. */
export interface Disconnection {
  readonly reason: CloseReason;
  /** The peer gave us blocks. */
  readonly wasUseful: boolean;
}

/** What is known of one endpoint. */
export interface KnownPeer {
  readonly endpoint: Endpoint;
  /** The best that named it. */
  source: PeerSource;
  /** The address of the peer that named it, while no better source has. */
  namedBy: string | undefined;
  /** Gave us blocks once. */
  wasUseful: boolean;
  /** How often it came back after it had been useful, and left again. */
  returnCount: number;
  wasConnected: boolean;
  /** It has been connected, and there was a place for it. */
  wasMet: boolean;
  state: "idle" | "dialling" | "connected";
  /** Since it was last useful. */
  failureCount: number;
  retryAt: number;
}

export function newPeer(
  endpoint: Endpoint,
  source: PeerSource,
  namedBy: string | undefined,
): KnownPeer {
  return {
    endpoint,
    source,
    namedBy,
    wasUseful: false,
    returnCount: 0,
    wasConnected: false,
    wasMet: false,
    state: "idle",
    failureCount: 0,
    retryAt: -Infinity,
  };
}

/** A known peer was named again. */
export function noteSource(peer: KnownPeer, source: PeerSource): void {
  if (rankOf(source) >= rankOf(peer.source)) return;
  peer.source = source;
  peer.namedBy = undefined;
}

/** The lower, the better. */
function rankOf(source: PeerSource): number {
  if (source === "named") return 0;
  return source === "pex" ? 2 : 1;
}

function isTrusted({ source, wasUseful }: KnownPeer): boolean {
  return source === "named" || wasUseful;
}

/** Who names it says it once. */
export function isKept(peer: KnownPeer): boolean {
  return isTrusted(peer) || peer.source === "torrent";
}

/** It could not be reached, or did not shake hands. */
export function noteFailure(peer: KnownPeer, now: number): void {
  const doublings = Math.min(peer.failureCount++, 16);
  const waitMs = isTrusted(peer)
    ? Math.min(FIRST_TRUSTED_RETRY_MS * 2 ** doublings, MAX_TRUSTED_RETRY_MS)
    : Math.min(FIRST_RETRY_MS * 2 ** doublings, MAX_RETRY_MS);
  retryAfter(peer, waitMs, now);
}

/**
 * Is it worth a trial where all places are taken: it can be dialled, and has not been met, or gave
 * us something and has been left alone for long?
 */
export function deservesTrial(
  { state, retryAt, wasMet, wasUseful }: KnownPeer,
  now: number,
): boolean {
  if (state !== "idle" || retryAt > now) return false;
  return !wasMet || (wasUseful && retryAt + UNNEEDED_RETRY_MS <= now);
}

/** The connection with it has ended. */
export function noteEnd(peer: KnownPeer, { reason, wasUseful }: Disconnection, now: number): void {
  if (reason === "too-many-peers") return retryAfter(peer, NO_PLACE_RETRY_MS, now);
  peer.wasMet = true;
  if (peer.wasUseful) peer.returnCount++;
  if (wasUseful) {
    peer.wasUseful = true;
    peer.failureCount = 0;
  }
  if (reason === "made-way") {
    // Behind all that have not been tried: else the two would make way for each other in turn.
    peer.failureCount++;
    return retryAfter(peer, isTrusted(peer) ? MADE_WAY_RETRY_MS : UNNEEDED_RETRY_MS, now);
  }
  if (reason === "useless" || reason === "duplicate-connection") {
    retryAfter(peer, UNNEEDED_RETRY_MS, now);
  } else if (wasUseful) {
    retryAfter(peer, FIRST_TRUSTED_RETRY_MS, now);
  } else {
    noteFailure(peer, now);
  }
}

function retryAfter(peer: KnownPeer, waitMs: number, now: number): void {
  peer.state = "idle";
  peer.retryAt = now + waitMs;
}

/** Negative when `a` is to be dialled before `b`. */
export function compareUrgency(a: KnownPeer, b: KnownPeer): number {
  if (a.source !== b.source && (a.source === "named" || b.source === "named")) {
    return a.source === "named" ? -1 : 1;
  }
  // Whoever gives a little and leaves, again and again, must not come before those not yet tried.
  const aCount = a.failureCount + a.returnCount, bCount = b.failureCount + b.returnCount;
  if (aCount !== bCount) return aCount - bCount;
  if (a.wasUseful !== b.wasUseful) return a.wasUseful ? -1 : 1;
  return rankOf(a.source) - rankOf(b.source);
}
