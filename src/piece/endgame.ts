import type { BlockRequest } from "./block_request.ts";
import type { Requester } from "./requester.ts";

/** A request younger than this is not doubted. */
export const MIN_DOUBTED_AGE_MS = 300;

/** A block is late when it takes so many times what its peer usually takes, and a little more. */
const LATENESS = 1.25;
const LATENESS_MS = 300;

/** So many peers may be asked for one block, and twice as many every 2 s after it was late. */
const MAX_REQUESTERS = 2;
const REQUESTERS_DOUBLE_MS = 2_000;
const MAX_DOUBLINGS = 10;

/**
 * Should a peer that has nothing else to do be asked for a block that another was asked for?
 * Only if it will probably be the first to give it: a block that comes twice is wasted, and most
 * that are outstanding near the end are just about to come.
 */
export function isWorthRepeating(request: BlockRequest, peer: Requester, now: number): boolean {
  if (request.open.isClosed) return false;
  let requesterCount = 0;
  const newest = request.open.requestsFor(request.block);
  for (let other = newest; other !== undefined; other = other.another) {
    if (other.requester === peer) return false;
    requesterCount++;
  }
  const age = now - request.at;
  const { responseMs } = request.requester;
  const lateForMs = age - (responseMs * LATENESS + LATENESS_MS);
  if (lateForMs < 0) return requesterCount < MAX_REQUESTERS && responseMs - age > peer.responseMs;
  const doublings = Math.min(Math.floor(lateForMs / REQUESTERS_DOUBLE_MS), MAX_DOUBLINGS);
  return requesterCount < MAX_REQUESTERS * 2 ** doublings;
}
