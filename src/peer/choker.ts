/**
 * Whom to let ask: the choke algorithm of Legout, Urvoy-Keller and Michiardi, "Rarest first and
 * choke algorithms are enough" (IMC 2006), section 2.2. While we download, those who give most get
 * most; once we have all, everybody gets a turn. Between its rounds a free slot is given at once.
 */
import type { Random } from "../base/ambient.ts";
import { shuffle } from "../base/ambient.ts";
import { MIN_CHOKE_PERIOD_MS, type SlotPeer, UploadSlots } from "./upload_slots.ts";

/** A round is as long as a decision must stand. */
const ROUND_MS = MIN_CHOKE_PERIOD_MS;
/** The optimistic slot moves on, and a seed keeps its peers, every third round. */
const ROUNDS_PER_TURN = 3;
/** Rates are means over so many rounds: 20 s. */
const RATE_ROUNDS = 2;
/** A peer is new for so long, … */
const NEWCOMER_MS = 60_000;
/** … and is drawn so many times as often: it has nothing to give yet. */
const NEWCOMER_WEIGHT = 3;
/** A seed lets a peer that was unchoked so recently go on. */
const RECENT_MS = 20_000;

/** What there is to know of a connected peer; bytes are totals since it came. */
export interface ChokeFacts {
  readonly key: number;
  readonly downloadedBytes: number;
  readonly uploadedBytes: number;
  /** It owes us blocks and sends none. */
  readonly isSnubbing: boolean;
  /** It asked for blocks that it has not got yet. */
  readonly hasRequests: boolean;
}

export interface ChokeChange {
  readonly key: number;
  readonly choke: boolean;
}

interface Peer extends SlotPeer {
  isSnubbing: boolean;
  hasRequests: boolean;
  /** Totals at the last rounds, the oldest first. */
  readonly downloaded: number[];
  readonly uploaded: number[];
}

export class Choker {
  readonly #slotCount: number;
  readonly #random: Random;
  readonly #slots: UploadSlots<Peer>;
  readonly #peers = new Map<number, Peer>();
  #changes: ChokeChange[] = [];
  #optimistic: Peer | undefined;
  #round = 0;
  #roundAt = -Infinity;

  /** `slots`: most interested peers that are unchoked at once. */
  constructor({ slots, random }: { readonly slots: number; readonly random: Random }) {
    this.#slotCount = slots;
    this.#random = random;
    this.#slots = new UploadSlots(slots);
  }

  /** A peer came: choked, and not interested. */
  join(key: number, now: number): void {
    this.#peers.set(key, {
      key,
      joinedAt: now,
      isInterested: false,
      isUnchoked: false,
      changedAt: -Infinity,
      downloadRate: 0,
      uploadRate: 0,
      isSnubbing: false,
      hasRequests: false,
      downloaded: [0],
      uploaded: [0],
    });
  }

  leave(key: number): void {
    const peer = this.#peers.get(key);
    if (peer === undefined) return;
    this.#peers.delete(key);
    this.#slots.remove(peer);
    if (this.#optimistic === peer) this.#optimistic = undefined;
  }

  /** What the peer said of its interest: a free slot is its own at once. Costs O(slots). */
  setInterested(key: number, isInterested: boolean, now: number): readonly ChokeChange[] {
    const peer = this.#peers.get(key);
    if (peer === undefined) return [];
    peer.isInterested = isInterested;
    if (isInterested && !peer.isUnchoked) this.#unchoke(peer, now);
    if (isInterested && this.#slots.isOverfull) this.#displace(now);
    return this.#takeChanges();
  }

  /** To be called twice a second or so: holds a round when one is due, and fills free slots. */
  tick(facts: Iterable<ChokeFacts>, isSeed: boolean, now: number): readonly ChokeChange[] {
    if (now - this.#roundAt >= ROUND_MS) {
      for (const fact of facts) this.#learn(fact);
      if (isSeed) this.#holdSeedRound(now);
      else this.#holdLeecherRound(now);
      this.#roundAt = now;
      this.#round++;
    }
    if (this.#slots.free(now) > 0) this.#fill(now);
    return this.#takeChanges();
  }

  /** The fastest get all slots but one; that one is for whoever may turn out to be faster. */
  #holdLeecherRound(now: number): void {
    const isTurn = this.#round % ROUNDS_PER_TURN === 0;
    const giving = this.#drawOrder(now)
      .filter((peer) => peer.downloadRate > 0 && !peer.isSnubbing)
      .toSorted((a, b) => b.downloadRate - a.downloadRate);
    const regular = giving.filter(isInterested).slice(0, Math.max(0, this.#slotCount - 1));
    const keep = new Set(regular);
    const optimistic = this.#chooseOptimistic(keep, isTurn, now);
    if (optimistic !== undefined) keep.add(optimistic);
    // Slots that no giver fills: whoever has one stays, unless it is others' turn who wait.
    const waiting = isTurn ? this.#waiting(now).filter((peer) => !keep.has(peer)) : [];
    for (const peer of [...this.#slots.unchoked].toReversed()) {
      if (keep.size + waiting.length < this.#slotCount && peer.isInterested) keep.add(peer);
    }
    // Not interested yet, but better than the worst that is served: it need not wait to be.
    const worst = regular.at(-1)?.downloadRate ?? Infinity;
    const ahead = giving.filter((peer) => !peer.isInterested && peer.downloadRate > worst);
    this.#chokeAllBut(new Set([...keep, ...ahead]), now);
    for (const peer of [...keep, ...ahead]) this.#unchoke(peer, now);
  }

  #chooseOptimistic(regular: ReadonlySet<Peer>, isTurn: boolean, now: number): Peer | undefined {
    const current = this.#optimistic;
    if (!isTurn && current?.isInterested && !regular.has(current)) return current;
    const candidates = this.#waiting(now).filter((peer) => !regular.has(peer));
    // With nobody else waiting, whoever has the slot keeps it.
    if (candidates.length > 0) this.#optimistic = candidates[0];
    else if (!current?.isInterested || regular.has(current)) this.#optimistic = undefined;
    return this.#optimistic;
  }

  /** Those who came last go on; in two rounds of three one of them makes way for another. */
  #holdSeedRound(now: number): void {
    const served = [...this.#slots.unchoked].filter(isInterested);
    const isProtected = (peer: Peer) => peer.hasRequests || now - peer.changedAt < RECENT_MS;
    const ranked = [
      ...served.filter(isProtected).toSorted((a, b) =>
        b.changedAt - a.changedAt || b.uploadRate - a.uploadRate
      ),
      ...served.filter((peer) => !isProtected(peer)).toSorted((a, b) =>
        b.uploadRate - a.uploadRate
      ),
    ];
    const next = this.#round % ROUNDS_PER_TURN === ROUNDS_PER_TURN - 1
      ? undefined
      : this.#waiting(now)[0];
    const keptCount = this.#slotCount - (next === undefined ? 0 : 1);
    this.#chokeAllBut(new Set(ranked.slice(0, keptCount)), now);
    if (next !== undefined) this.#unchoke(next, now);
  }

  /** Free slots are better given to anybody than to nobody; those who snub us come last. */
  #fill(now: number): void {
    const rank = (peer: Peer) => peer.isSnubbing ? -1 : peer.downloadRate;
    for (const peer of this.#waiting(now).toSorted((a, b) => rank(b) - rank(a))) {
      if (!this.#unchoke(peer, now)) return;
    }
  }

  /** A peer that was unchoked ahead has become interested: the worst of all makes way. */
  #displace(now: number): void {
    let worst: Peer | undefined;
    for (const peer of this.#slots.unchoked) {
      if (!peer.isInterested || !this.#slots.isChangeable(peer, now)) continue;
      if (worst === undefined || peer.downloadRate < worst.downloadRate) worst = peer;
    }
    if (worst !== undefined) this.#choke(worst, now);
  }

  #learn(fact: ChokeFacts): void {
    const peer = this.#peers.get(fact.key);
    if (peer === undefined) return;
    peer.isSnubbing = fact.isSnubbing;
    peer.hasRequests = fact.hasRequests;
    peer.downloadRate = advance(peer.downloaded, fact.downloadedBytes);
    peer.uploadRate = advance(peer.uploaded, fact.uploadedBytes);
  }

  /** Interested peers that could be unchoked now, in random order. */
  #waiting(now: number): Peer[] {
    return this.#drawOrder(now).filter((peer) =>
      peer.isInterested && !peer.isUnchoked && this.#slots.isChangeable(peer, now)
    );
  }

  /** All peers in random order; a newcomer is first three times as often as another. */
  #drawOrder(now: number): Peer[] {
    const tickets: Peer[] = [];
    for (const peer of this.#peers.values()) {
      const weight = now - peer.joinedAt < NEWCOMER_MS ? NEWCOMER_WEIGHT : 1;
      for (let count = 0; count < weight; count++) tickets.push(peer);
    }
    shuffle(tickets, this.#random);
    return [...new Set(tickets)];
  }

  #chokeAllBut(keep: ReadonlySet<Peer>, now: number): void {
    for (const peer of [...this.#slots.unchoked]) {
      if (!keep.has(peer)) this.#choke(peer, now);
    }
  }

  #choke(peer: Peer, now: number): void {
    if (this.#slots.choke(peer, now)) this.#changes.push({ key: peer.key, choke: true });
  }

  #unchoke(peer: Peer, now: number): boolean {
    const isUnchoked = this.#slots.unchoke(peer, now);
    if (isUnchoked) this.#changes.push({ key: peer.key, choke: false });
    return isUnchoked;
  }

  #takeChanges(): readonly ChokeChange[] {
    const changes = this.#changes;
    if (changes.length > 0) this.#changes = [];
    return changes;
  }
}

function isInterested(peer: Peer): boolean {
  return peer.isInterested;
}

/** Notes the newest total; gives the mean rate since the oldest, which is forgotten then. */
function advance(totals: number[], total: number): number {
  totals.push(total);
  const rounds = totals.length - 1;
  const bytes = total - totals[0]!;
  if (rounds === RATE_ROUNDS) totals.shift();
  return bytes * 1000 / (rounds * ROUND_MS);
}
