/** Who may join a swarm, who makes way for whom, and who is counted on. */
import { compareBytes, equalBytes } from "../base/bytes.ts";
import type { CloseReason } from "../base/errors.ts";
import type { PeerId, PieceIndex } from "../base/ids.ts";
import type { Network } from "../net/transport.ts";
import type { PeerList } from "../peer/peer_list.ts";
import type { PeerSession } from "../peer/session.ts";
import type { Availability } from "../piece/availability.ts";
import type { PeerKey, PieceTable } from "../piece/piece_table.ts";
import type { PeerConnection } from "./connection.ts";
import type { ReadyPeer } from "./dialer.ts";

/** A peer that has nothing for us, and wants nothing, makes way for another after this time. */
const USELESS_AFTER_MS = 60_000;
/** Whoever let us wait for so long makes way for another. */
const BARREN_AFTER_MS = 120_000;
/** With so many useful peers all is well, and new ones are met only to see whether they are better. */
const ENOUGH_USEFUL_PEERS = 30;
/** Whoever gives so many bytes a second, a block, is useful; … */
const USEFUL_RATE = 16 * 1024;
/** … and so is at first whoever came so lately. */
const DOUBTED_AFTER_MS = 10_000;
/** Whoever came so lately is on trial: nobody else takes its place yet for giving more. */
const TRIAL_MS = 30_000;
/**
 * Places, as a part of all, for those on trial beyond what is free or wanted: in 30 seconds so many
 * known peers are met that have not been, until there are none. So whoever fills all places, and
 * gives little or nothing, holds up a better peer by two minutes for every `maxPeers` of his.
 */
const TRIAL_SHARE = 1 / 4;
/** The same while enough are useful: it costs a little, and there is less to be won. */
const EASY_TRIAL_SHARE = 1 / 16;

/** Of all places, those whose peers stay although they give least: what they have, nobody else has. */
const SPARED_SHARE = 1 / 4;
/** What peers gave says little of them so long after we ourselves held them up. */
const HELD_UP_MS = 10_000;

type AskedOfSession =
  | "amInterested"
  | "isPeerInterested"
  | "isPeerChoking"
  | "awaitedSince"
  | "downloadedBytes"
  | "downloadRate"
  | "theirHave";

type AskedOfConnection =
  | "isClosed"
  | "isIncoming"
  | "remote"
  | "peerId"
  | "joinedAt"
  | "lastDataAt"
  | "close";

/** A peer that has joined. */
export type Member =
  & Pick<PeerConnection, AskedOfConnection>
  & { readonly session: Pick<PeerSession, AskedOfSession> };

export interface AdmissionOptions {
  /** Those that are here, live. */
  readonly members: ReadonlyMap<PeerKey, Member>;
  readonly table: PieceTable;
  readonly availability: Pick<Availability, "count">;
  readonly peerList: PeerList;
  readonly peerId: PeerId;
  readonly maxPeers: number;
  /** It may have room for fewer. */
  readonly network: Pick<Network, "maxPeers">;
}

export class Admission {
  readonly #options: AdmissionOptions;
  #heldUpAt = -Infinity;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** To be called as long as we keep peers from giving: while the disk is behind, or by a limit. */
  holdUp(now: number): void {
    this.#heldUpAt = now;
  }

  /**
   * Members that give us something worth while now, that wait for us to ask, or that have just come,
   * and once we are complete those that want something. What members say makes none of them useful:
   * enough of such would keep us from everybody else.
   */
  usefulCount(now: number): number {
    const { members, table: { isComplete } } = this.#options;
    let useful = 0;
    for (const member of members.values()) {
      const { isPeerInterested, amInterested } = member.session;
      const isUseful = isComplete ? isPeerInterested : amInterested && this.#isOfUse(member, now);
      if (isUseful) useful++;
    }
    return useful;
  }

  /**
   * How many peers are to be dialled for: as many as there are places until enough are useful. Then,
   * or when there is no place, a few that have not been met, as long as we know any.
   */
  wantedCount(now: number): number {
    const { peerList, table: { isComplete } } = this.#options;
    const places = this.placeCount(now);
    const isEnough = this.usefulCount(now) >= ENOUGH_USEFUL_PEERS;
    if (places > 0 && !isEnough) return places;
    return isComplete || !peerList.hasUntried(now) ? 0 : this.#trialRoom(isEnough, now);
  }

  /** Are others to be looked for, whom we do not know yet? A seed waits for those who look for it. */
  isHungry(now: number): boolean {
    const { peerList, table: { isComplete } } = this.#options;
    if (isComplete || this.usefulCount(now) >= ENOUGH_USEFUL_PEERS) return false;
    return this.placeCount(now) > 0 || !peerList.hasUntried(now);
  }

  /** How many may join: in free places, and in those of members that make way. */
  placeCount(now: number): number {
    const { members } = this.#options;
    let staying = 0;
    for (const member of members.values()) {
      if (!isIndifferent(member, now) && !this.#isBarren(member, now)) staying++;
    }
    return Math.max(0, this.#maxPeers - staying);
  }

  /** Why a peer cannot join; others make way for it where they should. */
  refusal(ready: ReadyPeer, now: number): CloseReason | undefined {
    const { members, peerList } = this.#options;
    if (peerList.isBanned(ready.endpoint)) return "banned";
    const twin = this.#twinOf(ready);
    if (twin !== undefined) {
      if (!this.#isPreferred(ready, twin)) return "duplicate-connection";
      twin.close("duplicate-connection");
      return undefined;
    }
    if (members.size < this.#maxPeers) return undefined;
    if (this.#makeRoom(now)) return undefined;
    // Whoever comes by himself could do so without end.
    return !ready.isIncoming && this.#makeTrialRoom(now) ? undefined : "too-many-peers";
  }

  get #maxPeers(): number {
    const { maxPeers, network } = this.#options;
    return Math.min(maxPeers, network.maxPeers ?? Infinity);
  }

  #twinOf(ready: ReadyPeer): Member | undefined {
    const members = this.#options.members.values();
    return members.find((member) => !member.isClosed && isSamePeer(member, ready));
  }

  /** When two connect to each other at once, both keep the one that the greater peer id dialled. */
  #isPreferred(ready: ReadyPeer, { isIncoming }: Member): boolean {
    if (isIncoming === ready.isIncoming) return false;
    const weAreGreater = compareBytes(this.#options.peerId, ready.handshake.peerId) > 0;
    return ready.isIncoming !== weAreGreater;
  }

  /** Closes one to whom we are nothing either; else the one that has let us wait for longest. */
  #makeRoom(now: number): boolean {
    let longest: Member | undefined;
    for (const member of this.#options.members.values()) {
      if (isIndifferent(member, now)) {
        member.close("useless");
        return true;
      }
      if (!this.#isBarren(member, now)) continue;
      if (longest === undefined || waitedMs(member, now) > waitedMs(longest, now)) longest = member;
    }
    longest?.close("made-way");
    return longest !== undefined;
  }

  /** Closes the one that has given us least for the time that it has been here. */
  #makeTrialRoom(now: number): boolean {
    const { members, table: { isComplete } } = this.#options;
    if (isComplete || this.#trialRoom(false, now) === 0) return false;
    const least = [...members.values()].filter((member) => !isOnTrial(member, now))
      .sort((a, b) => givenRate(a, now) - givenRate(b, now));
    // They may lie about what they have, so not all can be spared.
    const spared = least.slice(0, Math.floor(this.#maxPeers * SPARED_SHARE));
    const leaving = spared.find((member) => !this.#isOnlySource(member)) ?? least[spared.length];
    leaving?.close("made-way");
    return leaving !== undefined;
  }

  /** Has it given us something, and has it alone a piece that we lack? */
  #isOnlySource({ session }: Member): boolean {
    const { table, availability } = this.#options;
    if (session.downloadedBytes === 0) return false;
    for (const piece of session.theirHave.ones()) {
      if (!table.have.has(piece) && availability.count(piece as PieceIndex) <= 1) return true;
    }
    return false;
  }

  /**
   * How many more may be on trial. The only member there may be stays as long as it is useful: at
   * less than USEFUL_RATE it makes way when its own trial is over.
   */
  #trialRoom(isEnough: boolean, now: number): number {
    const maxPeers = this.#maxPeers;
    if (this.#isHeldUp(now) || (maxPeers < 2 && this.usefulCount(now) > 0)) return 0;
    const most = Math.max(1, Math.floor(maxPeers * (isEnough ? EASY_TRIAL_SHARE : TRIAL_SHARE)));
    let onTrial = 0;
    for (const member of this.#options.members.values()) if (isOnTrial(member, now)) onTrial++;
    return Math.max(0, most - onTrial);
  }

  #isBarren(member: Member, now: number): boolean {
    if (this.#options.table.isComplete || this.#isHeldUp(now)) return false;
    return waitedMs(member, now) > BARREN_AFTER_MS;
  }

  /** It gives something worth while, would if we let it, or has just come. */
  #isOfUse({ session, joinedAt }: Member, now: number): boolean {
    const waitsForUs = session.awaitedSince === undefined || this.#isHeldUp(now);
    return (!session.isPeerChoking && waitsForUs) || now - joinedAt < DOUBTED_AFTER_MS ||
      session.downloadRate(now) >= USEFUL_RATE;
  }

  #isHeldUp(now: number): boolean {
    return now - this.#heldUpAt < HELD_UP_MS;
  }
}

/** It has come once more. Its id alone proves nothing: whoever has met it knows that, too (P3). */
export function isSamePeer(
  member: Pick<Member, "peerId" | "remote">,
  { handshake, connection }: ReadyPeer,
): boolean {
  return member.remote.host === connection.remote.host &&
    equalBytes(member.peerId, handshake.peerId);
}

/** It has nothing for us, and wants nothing. */
function isIndifferent({ session, joinedAt }: Member, now: number): boolean {
  return !session.amInterested && !session.isPeerInterested && now - joinedAt > USELESS_AFTER_MS;
}

function isOnTrial({ joinedAt }: Member, now: number): boolean {
  return now - joinedAt < TRIAL_MS;
}

/** Bytes of blocks a millisecond, of all the time that it has been here. */
function givenRate({ session, joinedAt }: Member, now: number): number {
  return session.downloadedBytes / (now - joinedAt);
}

/**
 * How long a peer has let us wait; 0 while it need not give anything, or has nothing to give. An
 * unchoke is no gift.
 */
function waitedMs({ session, joinedAt, lastDataAt }: Member, now: number): number {
  const { amInterested, isPeerChoking, awaitedSince } = session;
  const since = isPeerChoking ? joinedAt : awaitedSince;
  if (!amInterested || since === undefined) return 0;
  return now - Math.max(since, lastDataAt ?? joinedAt);
}
