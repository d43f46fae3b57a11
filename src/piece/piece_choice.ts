import type { Random } from "../base/ambient.ts";
import type { Bitfield } from "../base/bitfield.ts";
import type { PieceIndex } from "../base/ids.ts";
import type { Availability } from "./availability.ts";
import type { PickerPeer } from "./picker_peer.ts";
import { PieceSet } from "./piece_set.ts";
import type { PieceTable } from "./piece_table.ts";

/** So many pieces are chosen at random: the rarest would take longest until there is one to give. */
const RANDOM_FIRST_PIECES = 4;

/** How far down the order of rarity a peer's pieces are looked for, before a sample must do. */
const MAX_RARITY_PROBES = 256;
const RARITY_SAMPLE = 8;

/** Ranks of priority 2 lie below this, those of sequential mode below twice this, others above. */
const RANK_SPAN = 2 ** 32;

export interface PieceChoiceOptions {
  readonly pieceCount: number;
  readonly table: PieceTable;
  readonly availability: Availability;
  readonly random: Random;
  readonly isSequential: boolean;
  /** Pieces that lie beside each other and are fetched together when they are equally rare. */
  readonly extentPieces: number;
}

/**
 * The pieces that may be started, and which of them to start next: those of priority 2 in order;
 * then all in order if sequential, else a few at random and the rarest from there on.
 */
export class PieceChoice {
  readonly #options: PieceChoiceOptions;
  readonly #startable: PieceSet;
  readonly #first: PieceSet;
  /** Where the last of the rarest pieces was taken from. */
  #extent = -1;

  constructor(options: PieceChoiceOptions) {
    this.#options = options;
    const { pieceCount, table } = options;
    this.#startable = new PieceSet(pieceCount);
    this.#first = new PieceSet(pieceCount);
    for (const piece of table.missing.ones()) this.add(piece as PieceIndex);
  }

  /** The piece may be started. */
  add(piece: PieceIndex): void {
    this.#startable.add(piece);
    if (this.#options.table.priority(piece) === 2) this.#first.add(piece);
    else if (!this.#options.isSequential) this.#options.availability.insert(piece);
  }

  /** The piece has been started. */
  remove(piece: PieceIndex): void {
    this.#startable.delete(piece);
    if (this.#options.table.priority(piece) === 2) this.#first.delete(piece);
    else if (!this.#options.isSequential) this.#options.availability.remove(piece);
  }

  /** Started pieces are served by ascending rank; `serial` says which was started earlier. */
  rank(piece: PieceIndex, serial: number): number {
    if (this.#options.table.priority(piece) === 2) return piece;
    return this.#options.isSequential ? RANK_SPAN + piece : 2 * RANK_SPAN + serial;
  }

  /** Does the rank follow from the place of the piece in the torrent? */
  isInOrder(rank: number): boolean {
    return rank < 2 * RANK_SPAN;
  }

  /** The piece to start next with this peer. */
  next(peer: PickerPeer): PieceIndex | undefined {
    if (this.#startable.size === 0) return undefined;
    if (peer.isPeerChoking) return this.#allowed(peer);
    return this.#nextInOrder(peer) ?? this.#nextOutOfOrder(peer.theirHave);
  }

  /** As `next`, but only a piece that would be served before a started one of this rank. */
  nextBefore(peer: PickerPeer, rank: number): PieceIndex | undefined {
    const piece = this.#nextInOrder(peer);
    return piece !== undefined && this.rank(piece, 0) < rank ? piece : undefined;
  }

  #nextInOrder(peer: PickerPeer): PieceIndex | undefined {
    const set = this.#options.isSequential && this.#first.size === 0
      ? this.#startable
      : this.#first;
    if (set.size === 0 || peer.isPeerChoking) return undefined;
    const found = set.firstIn(peer.theirHave);
    if (found !== undefined || !this.#options.isSequential) return found;
    return this.#startable.firstIn(peer.theirHave);
  }

  #nextOutOfOrder(theirHave: Bitfield): PieceIndex | undefined {
    const { availability, table } = this.#options;
    if (table.have.count < RANDOM_FIRST_PIECES) return this.#anyFrom(theirHave, this.#anywhere());
    const rarest = availability.rarest(theirHave, MAX_RARITY_PROBES) ??
      this.#rarestOfSample(theirHave);
    return rarest === undefined ? undefined : this.#beside(rarest, theirHave);
  }

  /**
   * Disks and caches give what lies together at the price of one: what is as rare is taken from
   * the extent that was begun, and else from that of the rarest.
   */
  #beside(rarest: PieceIndex, theirHave: Bitfield): PieceIndex {
    const { availability, extentPieces } = this.#options;
    const maxCount = availability.count(rarest);
    const begun = this.#firstIn(this.#extent, theirHave, maxCount);
    if (begun !== undefined) return begun;
    this.#extent = Math.floor(rarest / extentPieces);
    return this.#firstIn(this.#extent, theirHave, maxCount) ?? rarest;
  }

  /** The first startable piece of an extent that at most `maxCount` peers have. */
  #firstIn(extent: number, theirHave: Bitfield, maxCount: number): PieceIndex | undefined {
    const { availability, extentPieces } = this.#options;
    const end = (extent + 1) * extentPieces;
    for (let from = extent * extentPieces; from < end;) {
      const piece = this.#startable.firstIn(theirHave, from);
      if (piece === undefined || piece >= end) return undefined;
      if (availability.count(piece) <= maxCount) return piece;
      from = piece + 1;
    }
    return undefined;
  }

  /** For a peer that has none of the rarest: the rarest of some that it has. */
  #rarestOfSample(theirHave: Bitfield): PieceIndex | undefined {
    const { availability } = this.#options;
    let rarest = this.#anyFrom(theirHave, this.#anywhere());
    for (let sampled = 1; rarest !== undefined && sampled < RARITY_SAMPLE; sampled++) {
      const other = this.#anyFrom(theirHave, this.#anywhere())!;
      if (availability.count(other) < availability.count(rarest)) rarest = other;
    }
    return rarest;
  }

  /** The first startable piece from `start` on, or else the first of all. */
  #anyFrom(theirHave: Bitfield, start: number): PieceIndex | undefined {
    return this.#startable.firstIn(theirHave, start) ?? this.#startable.firstIn(theirHave);
  }

  #anywhere(): number {
    return this.#options.random.below(this.#options.pieceCount);
  }

  /** Where the user wants an order, an early start with any piece would be none. */
  #allowed(peer: PickerPeer): PieceIndex | undefined {
    if (this.#options.isSequential || this.#first.size > 0) return undefined;
    for (const piece of peer.allowedFast) {
      if (this.#startable.has(piece) && peer.offers(piece)) return piece;
    }
    return undefined;
  }
}
