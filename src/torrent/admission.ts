/** Who may join a swarm, who makes way for whom, and who is counted on. */
import { compareBytes } from "../base/bytes.ts";
import type { CloseReason } from "../base/errors.ts";
import type { PeerId } from "../base/ids.ts";
import type { PeerList } from "../peer/peer_list.ts";
import type { PeerSession } from "../peer/session.ts";
import type { PeerKey, PieceTable } from "../piece/piece_table.ts";
import type { PeerConnection } from "./connection.ts";
import type { ReadyPeer } from "./dialer.ts";

/** A peer that has nothing for us, and wants nothing, makes way for another after this time. */
const USELESS_AFTER_MS = 60_000;
/** Whoever let us wait for so long is not counted on, … */
const DOUBTED_AFTER_MS = 60_000;
/** … and after this time makes way for another. */
const BARREN_AFTER_MS = 120_000;

type AskedOfSession = "amInterested" | "isPeerInterested" | "isPeerChoking" | "isSnubbed";

/** A peer that has joined. */
export interface Member {
  readonly connection:
    & Pick<PeerConnection, "isClosed" | "isIncoming" | "remote" | "lastDataAt" | "close">
    & { readonly session: Pick<PeerSession, AskedOfSession> };
  /** In hex. */
  readonly peerId: string;
  readonly joinedAt: number;
}

export interface AdmissionOptions {
  /** Those that are here, live. */
  readonly members: ReadonlyMap<PeerKey, Member>;
  readonly table: PieceTable;
  readonly peerList: PeerList;
  readonly peerId: PeerId;
  readonly maxPeers: number;
}

export class Admission {
  readonly #options: AdmissionOptions;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /**
   * Members that give us something, or will, and once we are complete those that want something.
   * Not those that choke us or owe us blocks and have given nothing for long: enough of such
   * would keep us from everybody else.
   */
  usefulCount(now: number): number {
    const { members, table: { isComplete } } = this.#options;
    let useful = 0;
    for (const member of members.values()) {
      const { session } = member.connection;
      const isUseful = isComplete
        ? session.isPeerInterested
        : session.amInterested && waitedMs(member, now) < DOUBTED_AFTER_MS;
      if (isUseful) useful++;
    }
    return useful;
  }

  /** How many may join: in free places, and in those of members that make way. */
  placeCount(now: number): number {
    const { members, maxPeers } = this.#options;
    let staying = 0;
    for (const member of members.values()) {
      if (!isIndifferent(member, now) && !this.#isBarren(member, now)) staying++;
    }
    return Math.max(0, maxPeers - staying);
  }

  /** Why a peer cannot join; others make way for it where they should. */
  refusal(ready: ReadyPeer, now: number): CloseReason | undefined {
    const { members, peerList, maxPeers } = this.#options;
    if (peerList.isBanned(ready.endpoint)) return "banned";
    const twin = this.#twinOf(ready);
    if (twin !== undefined) {
      if (!this.#isPreferred(ready, twin)) return "duplicate-connection";
      twin.connection.close("duplicate-connection");
      return undefined;
    }
    if (members.size < maxPeers) return undefined;
    return this.#makeRoom(now) ? undefined : "too-many-peers";
  }

  /** The same peer. Its id alone proves nothing: whoever has met it knows that, too (P3). */
  #twinOf({ handshake, connection }: ReadyPeer): Member | undefined {
    const peerId = handshake.peerId.toHex();
    return this.#options.members.values().find((member) =>
      member.peerId === peerId && !member.connection.isClosed &&
      member.connection.remote.host === connection.remote.host
    );
  }

  /** When two connect to each other at once, both keep the one that the greater peer id dialled. */
  #isPreferred(ready: ReadyPeer, { connection }: Member): boolean {
    if (connection.isIncoming === ready.isIncoming) return false;
    const weAreGreater = compareBytes(this.#options.peerId, ready.handshake.peerId) > 0;
    return ready.isIncoming !== weAreGreater;
  }

  /** Closes one to whom we are nothing either; else the one that has let us wait for longest. */
  #makeRoom(now: number): boolean {
    let longest: Member | undefined;
    for (const member of this.#options.members.values()) {
      if (isIndifferent(member, now)) {
        member.connection.close("useless");
        return true;
      }
      if (!this.#isBarren(member, now)) continue;
      if (longest === undefined || waitedMs(member, now) > waitedMs(longest, now)) longest = member;
    }
    // Unlike one that is useless, it may be tried again soon if it is trusted.
    longest?.connection.close("silent");
    return longest !== undefined;
  }

  #isBarren(member: Member, now: number): boolean {
    return !this.#options.table.isComplete && waitedMs(member, now) > BARREN_AFTER_MS;
  }
}

/** It has nothing for us, and wants nothing. */
function isIndifferent({ connection: { session }, joinedAt }: Member, now: number): boolean {
  return !session.amInterested && !session.isPeerInterested && now - joinedAt > USELESS_AFTER_MS;
}

/** How long a peer has let us wait; 0 while it need not give anything, or has nothing to give. */
function waitedMs({ connection, joinedAt }: Member, now: number): number {
  const { session, lastDataAt = joinedAt } = connection;
  if (!session.amInterested || (!session.isPeerChoking && !session.isSnubbed)) return 0;
  return now - Math.max(joinedAt, lastDataAt);
}
