/** What we have and what we want: each piece is in exactly one state. */
import { fail } from "../base/assert.ts";
import { Bitfield } from "../base/bitfield.ts";
import type { PieceIndex } from "../base/ids.ts";
import type { Layout } from "../metainfo/layout.ts";

/** Names a connection for as long as the program runs: 0, 1, 2 … never used again. */
export type PeerKey = number;

/**
 * - `unwanted`: not selected, and not here;
 * - `wanted`: selected, and nothing of it in memory;
 * - `partial`: being assembled;
 * - `verifying`: all of it is here, on its way to the disk;
 * - `have`: verified and written.
 */
export type PieceState = "unwanted" | "wanted" | "partial" | "verifying" | "have";

/** 0 is unwanted, 1 is normal, 2 comes before all others and in order (`--range`). */
export type PiecePriority = 0 | 1 | 2;

const STATES: readonly PieceState[] = ["unwanted", "wanted", "partial", "verifying", "have"];

/**
 * Invariants: `have` holds exactly the pieces in that state that were not withheld, `missing`
 * exactly those that are wanted, partial or verifying; a piece that is missing has a priority.
 */
export class PieceTable {
  /** Verified and written: what we tell peers. */
  readonly have: Bitfield;
  /** Selected and not here. */
  readonly missing: Bitfield;
  readonly #layout: Layout;
  readonly #states: Uint8Array;
  readonly #priorities: Uint8Array;
  #selectedCount = 0;
  #bytesWanted = 0;
  #bytesHave = 0;

  /** All pieces start as unwanted. */
  constructor(layout: Layout) {
    this.#layout = layout;
    this.have = new Bitfield(layout.pieceCount);
    this.missing = new Bitfield(layout.pieceCount);
    this.#states = new Uint8Array(layout.pieceCount);
    this.#priorities = new Uint8Array(layout.pieceCount);
  }

  state(piece: PieceIndex): PieceState {
    return STATES[this.#states[piece]!]!;
  }

  priority(piece: PieceIndex): PiecePriority {
    return this.#priorities[piece] as PiecePriority;
  }

  get isComplete(): boolean {
    return this.missing.isEmpty;
  }

  get selectedCount(): number {
    return this.#selectedCount;
  }

  get haveSelectedCount(): number {
    return this.#selectedCount - this.missing.count;
  }

  /** Bytes of all selected pieces, without padding. */
  get bytesWanted(): number {
    return this.#bytesWanted;
  }

  /** Bytes of the selected pieces that are here, without padding. */
  get bytesHave(): number {
    return this.#bytesHave;
  }

  /**
   * Selects a piece, or changes its priority; before the picker is made. A piece that is all
   * padding is had at once: there is nothing to ask for and nothing to write.
   */
  setWanted(piece: PieceIndex, priority: 1 | 2): void {
    const wasSelected = this.#priorities[piece] !== 0;
    this.#priorities[piece] = priority;
    if (wasSelected) return;
    const bytes = this.#dataBytes(piece);
    this.#selectedCount++;
    this.#bytesWanted += bytes;
    if (this.state(piece) === "have") this.#bytesHave += bytes;
    else if (bytes === 0) this.markHave(piece);
    else this.#move(piece, ["unwanted"], "wanted");
  }

  /**
   * Found on the disk at the start (before the picker is made), or verified and written. Nothing
   * for a piece that is had already, as those of padding are.
   */
  markHave(piece: PieceIndex): void {
    if (this.have.has(piece)) return;
    this.#move(piece, ["unwanted", "wanted", "verifying"], "have");
    if (this.priority(piece) > 0) this.#bytesHave += this.#dataBytes(piece);
  }

  /** The picker alone makes the moves below; everybody else tells it what happened. */
  markPartial(piece: PieceIndex): void {
    this.#move(piece, ["wanted"], "partial");
  }

  /** What was there of it was given up. */
  markDropped(piece: PieceIndex): void {
    this.#move(piece, ["partial"], "wanted");
  }

  markVerifying(piece: PieceIndex): void {
    this.#move(piece, ["partial"], "verifying");
  }

  /** It was wrong, or the disk did not take it, or lost it again. */
  markFailed(piece: PieceIndex): void {
    const isSelected = this.priority(piece) > 0;
    if (isSelected && this.state(piece) === "have") this.#bytesHave -= this.#dataBytes(piece);
    this.#move(piece, ["verifying", "have"], isSelected ? "wanted" : "unwanted");
  }

  /**
   * It was here, and somebody else has spoiled it since: nobody is told of it any more. It stays
   * done for us, as it was written once and is not ours to repair while we give it to others.
   */
  withhold(piece: PieceIndex): void {
    this.have.clear(piece);
  }

  #move(piece: PieceIndex, from: readonly PieceState[], to: PieceState): void {
    const state = this.state(piece);
    if (!from.includes(state)) fail(`piece ${piece} cannot become ${to}: it is ${state}`);
    this.#states[piece] = STATES.indexOf(to);
    if (to === "have") this.have.set(piece);
    else if (state === "have") this.have.clear(piece);
    if (to === "have" || to === "unwanted") this.missing.clear(piece);
    else this.missing.set(piece);
  }

  #dataBytes(piece: PieceIndex): number {
    const { dataLength, totalLength } = this.#layout;
    if (dataLength === totalLength) return this.#layout.pieceSize(piece);
    return this.#layout.fileSpans(piece).reduce((total, { length }) => total + length, 0);
  }
}
