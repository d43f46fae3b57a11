/** How peers have dealt with us, those that are gone too: what verdicts are made of. Pure. */
import { type Endpoint, formatEndpoint } from "../base/endpoint.ts";
import type { Bitfield } from "../base/bitfield.ts";
import type { CloseReason } from "../base/errors.ts";
import type { PeerKey } from "../piece/piece_table.ts";

/** Endpoints remembered as having given us something. */
const MAX_CONTRIBUTORS = 3_000;
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
  /** By their text. */
  readonly #contributors = new Set<string>();
  readonly #unchokedAt = new Map<PeerKey, number>();

  /** How connections ended, and how often; not those of strangers who came and gave nothing. */
  get departures(): Readonly<Partial<Record<Departure, number>>> {
    return this.#departures;
  }

  /** Endpoints that gave us a block, as far as `note` was told of them. */
  get contributorCount(): number {
    return this.#contributors.size;
  }

  /** A peer may have sent blocks. */
  note({ session, endpoint }: Dealer): void {
    if (session.downloadedBytes === 0 || this.#contributors.size >= MAX_CONTRIBUTORS) return;
    this.#contributors.add(formatEndpoint(endpoint));
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
