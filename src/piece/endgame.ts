import type { BlockRequest } from "./block_request.ts";
import type { Requester } from "./requester.ts";

/** A request younger than this is not doubted. */
export const MIN_DOUBTED_AGE_MS = 300;

/** So many peers may be asked for one block at first, and twice as many after every 2 s. */
const MAX_REQUESTERS = 2;
const REQUESTERS_DOUBLE_MS = 2_000;
const MAX_DOUBLINGS = 10;

/** A block is late when it takes so many times what its peer usually takes, and a little more. */
const LATENESS = 1.25;
const LATENESS_MS = 300;

/**
 * Should a peer that has nothing else to do be asked for a block that others were asked for?
 * Only if it is likely to be the first to give it: a block that comes twice is wasted, and most
 * that are outstanding near the end are just about to come.
 */
export function isWorthRepeating(request: BlockRequest, peer: Requester, now: number): boolean {
  let requesterCount = 0;
  const newest = request.open.requestsFor(request.block);
  for (let other = newest; other !== undefined; other = other.another) {
    requesterCount++;
    if (other.requester === peer || expectedWaitMs(other, now) <= peer.responseMs) return false;
  }
  const doublings = Math.floor((now - request.at) / REQUESTERS_DOUBLE_MS);
  return requesterCount < MAX_REQUESTERS * 2 ** Math.min(doublings, MAX_DOUBLINGS);
}

/** How long the block will probably take yet; for ever when it should have come already. */
function expectedWaitMs({ requester, at }: BlockRequest, now: number): number {
  const age = now - at;
  const isLate = age > requester.responseMs * LATENESS + LATENESS_MS;
  return isLate ? Infinity : Math.max(0, requester.responseMs - age);
}
