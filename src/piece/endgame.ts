import { longSilenceMs } from "../base/silence.ts";
import type { BlockRequest } from "./block_request.ts";
import type { Requester } from "./requester.ts";

/** A request younger than this is not doubted, unless its peer has been silent unusually long. */
export const MIN_DOUBTED_AGE_MS = 300;

/** A block is late when it takes so much longer than its peer usually does. */
const TOLERANCE_MS = 300;
/** Who takes over what others will yet give must be so many times as quick. */
const ADVANTAGE = 2;

/** So many peers may be asked for a block that is late, and twice as many after every 2 s. */
const MAX_REQUESTERS = 2;
const REQUESTERS_DOUBLE_MS = 2_000;
const MAX_DOUBLINGS = 10;

/**
 * Should a peer that has nothing else to do be asked for a block that others were asked for? Only
 * if it will be much sooner than all of them: a block that comes twice is wasted, and most that
 * are outstanding near the end are just about to come. But whoever gives in bursts, as a rate limit
 * lets it, is silent in between, and is not waited for; and what is late is asked of ever more
 * peers, as liars could wait for it in turn. Those that are doubted keep it from nobody but their
 * like: dozens of them could do so for ever. `livelyMs` is by `Liveliness`.
 */
export function isWorthRepeating(
  { open, block }: BlockRequest,
  peer: Requester,
  { now, livelyMs, isDoubted }: {
    readonly now: number;
    readonly livelyMs: number;
    /** The peer is. */
    readonly isDoubted: boolean;
  },
): boolean {
  if (open.isClosed) return false;
  let oldest: BlockRequest | undefined;
  let requesterCount = 0;
  let soonestMs = Infinity;
  for (let other = open.requestsFor(block); other !== undefined; other = other.another) {
    if (other.requester === peer) return false;
    if (other.isDoubted && !isDoubted) continue;
    if (oldest === undefined || other.at < oldest.at) oldest = other;
    requesterCount++;
    const waitMs = expectedWaitMs(other, now);
    if (waitMs > -TOLERANCE_MS) soonestMs = Math.min(soonestMs, Math.max(0, waitMs));
  }
  if (oldest === undefined) return true;
  if (requesterCount === 1 && isHeldUp(oldest, peer, livelyMs)) return true;
  if (now - oldest.at < MIN_DOUBTED_AGE_MS) return false;
  if (soonestMs > ADVANTAGE * peer.responseMs) return true;
  const lateForMs = -TOLERANCE_MS - expectedWaitMs(oldest, now);
  const doublings = Math.min(Math.floor(lateForMs / REQUESTERS_DOUBLE_MS), MAX_DOUBLINGS);
  return doublings >= 0 && requesterCount < MAX_REQUESTERS * 2 ** doublings;
}

/** How long the block will probably take yet; negative when it should have come. */
function expectedWaitMs({ requester, at }: BlockRequest, now: number): number {
  return requester.responseMs - (now - at);
}

/** Has the one who owes it been silent unusually long, so that `peer` will hardly be later? */
function isHeldUp({ requester }: BlockRequest, peer: Requester, livelyMs: number): boolean {
  const silentMs = livelyMs - requester.quietSince;
  return silentMs > longSilenceMs(requester.responseMs) && silentMs > ADVANTAGE * peer.responseMs;
}
