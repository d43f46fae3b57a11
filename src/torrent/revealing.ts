/** The super-seed's choices to the connections; nothing at all for any other torrent. */
import type { Random } from "../base/ambient.ts";
import type { Bitfield } from "../base/bitfield.ts";
import type { PieceIndex } from "../base/ids.ts";
import type { Layout } from "../metainfo/layout.ts";
import { SuperSeed } from "../peer/super_seed.ts";
import type { Availability } from "../piece/availability.ts";
import type { PeerKey } from "../piece/piece_table.ts";
import type { PeerConnection } from "./connection.ts";

export interface RevealingOptions {
  /** The connected peers, live. */
  readonly peers: ReadonlyMap<PeerKey, PeerConnection>;
  readonly layout: Layout;
  /** What we have. */
  readonly have: Bitfield;
  readonly availability: Availability;
  readonly random: Random;
  /** Show each peer one piece at a time, if everything is here from the start (BEP 16). */
  readonly superSeed?: boolean;
}

export class Revealing {
  readonly #peers: RevealingOptions["peers"];
  readonly #have: Bitfield;
  readonly #superSeed: SuperSeed | undefined;

  constructor({ peers, layout, have, availability, random, superSeed }: RevealingOptions) {
    this.#peers = peers;
    this.#have = have;
    if (!superSeed || !have.isFull) return;
    const copies = (piece: PieceIndex) => availability.count(piece);
    const pieceSize = (piece: PieceIndex) => layout.pieceSize(piece);
    this.#superSeed = new SuperSeed({ pieceCount: have.length, pieceSize, random, copies });
  }

  /** Whether peers are shown less than all that we have. */
  get isPartial(): boolean {
    return this.#superSeed !== undefined;
  }

  /** What the peer that comes may know of: live. */
  join(key: PeerKey): Bitfield {
    return this.#superSeed?.join(key) ?? this.#have;
  }

  /** After the peer's pieces have been taken out of the availability. */
  leave(key: PeerKey): void {
    this.#superSeed?.leave(key);
  }

  /** Somebody has got a piece: whoever passed it on is shown another. */
  spread(piece: PieceIndex, now: number): void {
    for (const key of this.#superSeed?.viewers(piece) ?? []) this.#reveal(key, now);
  }

  tick(now: number): void {
    if (this.#superSeed === undefined) return;
    for (const key of this.#peers.keys()) this.#reveal(key, now);
  }

  #reveal(key: PeerKey, now: number): void {
    const peer = this.#peers.get(key);
    if (peer === undefined) return;
    const { theirHave, isPeerInterested: isInterested, uploadedBytes } = peer.session;
    const piece = this.#superSeed?.next({ key, theirHave, isInterested, uploadedBytes }, now);
    if (piece === undefined) return;
    peer.session.sendHave(piece, now);
    peer.flush();
  }
}
