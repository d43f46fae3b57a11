/** How peers have dealt with us, those that are gone too: what verdicts are made of. Pure. */
import { type Endpoint, formatEndpoint } from "../base/endpoint.ts";
import type { Bitfield } from "../base/bitfield.ts";
import type { CloseReason } from "../base/errors.ts";
import type { PeerId } from "../base/ids.ts";
import type { PeerKey } from "../piece/piece_table.ts";

/** Ids and endpoints remembered as having given us something. */
const MAX_CONTRIBUTOR_NAMES = 6_000;
/** Whoever lets us ask, and has sent nothing since, for so long, sends nothing. */
const MUTE_AFTER_MS = 3_000;
/** The same for a peer that did send something: it may be slow. */
const MUTE_AFTER_DATA_MS = 15_000;

/** Why a connection ended; all that a web server breaks off is one thing to us. */
export type Departure = CloseReason | "web-seed";

/** What a connected peer does for us. */
export type Standing = "giving" | "choking" | "mute" | "empty";

/** A connected peer, as far as it matters here. */
export interface Dealer {
  readonly key: PeerKey;
  readonly endpoint: Endpoint;
  readonly peerId: PeerId;
  readonly isWebSeed: boolean;
  readonly isIncoming: boolean;
  readonly theirHave: Bitfield;
  readonly isPeerChoking: boolean;
  readonly session: {
    readonly downloadedBytes: number;
    /** Since when it was asked and has sent no block; undefined when it owes none. */
    readonly awaitedSince: number | undefined;
  };
  /** When it last sent a block, or a part of one. */
  readonly lastDataAt: number | undefined;
  /** Our own limit of the rate keeps us from hearing it. */
  readonly isHeldBack: boolean;
}

export class Dealings {
  readonly #departures: Partial<Record<Departure, number>> = {};
  /** Their ids in hex, and their endpoints as text. */
  readonly #contributors = new Set<string>();
  #contributorCount = 0;
  readonly #unchokedAt = new Map<PeerKey, number>();

  /** How connections ended, and how often; not those of strangers who came and gave nothing. */
  get departures(): Readonly<Partial<Record<Departure, number>>> {
    return this.#departures;
  }

  /**
   * Peers that gave us a block, as far as `note` was told of them. One that is reached at several
   * addresses has one id, one that comes again with another id its address: both are one peer.
   */
  get contributorCount(): number {
    return this.#contributorCount;
  }

  /** A peer may have sent blocks. */
  note({ session, endpoint, peerId }: Dealer): void {
    if (session.downloadedBytes === 0) return;
    const contributors = this.#contributors;
    const names = [peerId.toHex(), formatEndpoint(endpoint)];
    if (contributors.size + names.length > MAX_CONTRIBUTOR_NAMES) return;
    if (!names.some((name) => contributors.has(name))) this.#contributorCount++;
    for (const name of names) contributors.add(name);
  }

  /**
   * It lets us ask, and we have not done so yet. Whoever was asked and has sent nothing since it
   * was last given time has none given anew.
   */
  unchoked({ key, session, lastDataAt = -Infinity }: Dealer, now: number): void {
    const before = this.#unchokedAt.get(key) ?? -Infinity;
    const owesNothing = session.awaitedSince === undefined || lastDataAt >= before;
    if (owesNothing) this.#unchokedAt.set(key, now);
  }

  left(peer: Dealer, reason: CloseReason): void {
    this.note(peer);
    this.#unchokedAt.delete(peer.key);
    // We have not reached it: it says nothing of those that we know, whatever it did.
    if (peer.isIncoming && peer.session.downloadedBytes === 0) return;
    const isOurs = reason === "finished" || reason === "banned";
    const departure = peer.isWebSeed && !isOurs ? "web-seed" : reason;
    this.#departures[departure] = (this.#departures[departure] ?? 0) + 1;
  }

  /** What a peer does for us, who lack `missing`; `windowMs` is long to be sent nothing. */
  standing(peer: Dealer, missing: Bitfield, windowMs: number, now: number): Standing {
    // It may have let us ask, and sent all that we want: a small limit is used up by a handshake.
    if (peer.isHeldBack) return "giving";
    if (peer.theirHave.nextCommon(missing) < 0) return "empty";
    const { isPeerChoking, lastDataAt = -Infinity } = peer;
    const unchokedAt = isPeerChoking ? -Infinity : this.#unchokedAt.get(peer.key) ?? -Infinity;
    // Some pieces are given even to those who are choked (BEP 6), but then at once.
    const isSlow = lastDataAt > -Infinity && !isPeerChoking;
    const patienceMs = Math.min(isSlow ? MUTE_AFTER_DATA_MS : MUTE_AFTER_MS, windowMs);
    if (now - Math.max(lastDataAt, unchokedAt) < patienceMs) return "giving";
    return isPeerChoking ? "choking" : "mute";
  }
}
