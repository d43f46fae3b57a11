/** What one peer has, as it says itself (BEP 3 "bitfield", "have"; BEP 6). */
import { Bitfield } from "../base/bitfield.ts";
import type { PieceIndex } from "../base/ids.ts";

/**
 * A peer says once what it has, at the start; one that says it over and over costs too much.
 * Statements of more than ever before are not counted: aria2 tells its new pieces by them.
 */
const MAX_STATEMENTS = 8;
/** Pieces that it may let us ask for while it chokes us; ten are usual (BEP 6). */
const MAX_ALLOWED_FAST = 256;

export class TheirPieces {
  readonly #allowedFast = new Set<PieceIndex>();
  #have: Bitfield;
  #statementCount = 0;
  #mostStated = 0;

  constructor(pieceCount: number) {
    this.#have = new Bitfield(pieceCount);
  }

  get have(): Bitfield {
    return this.#have;
  }

  get allowedFast(): ReadonlySet<PieceIndex> {
    return this.#allowedFast;
  }

  /**
   * Replaces all by what `bytes` say. Gives what it was before; undefined when they are malformed
   * or come too often.
   */
  state(bytes: Uint8Array): Bitfield | undefined {
    const stated = Bitfield.fromBytes(bytes, this.#have.length);
    return stated && this.#replace(stated);
  }

  /** Replaces all by everything or nothing; gives what `state` gives. */
  stateTotal(all: boolean): Bitfield | undefined {
    const stated = new Bitfield(this.#have.length);
    if (all) stated.setAll();
    return this.#replace(stated);
  }

  /** One piece more; false when it is not news. */
  add(piece: PieceIndex): boolean {
    return this.#have.set(piece);
  }

  /** It lets us ask for the piece while it chokes us; one too many is ignored. */
  allowFast(piece: PieceIndex): void {
    if (this.#allowedFast.size < MAX_ALLOWED_FAST) this.#allowedFast.add(piece);
  }

  #replace(stated: Bitfield): Bitfield | undefined {
    const isNews = this.#statementCount > 0 && stated.count > this.#mostStated;
    if (!isNews && ++this.#statementCount > MAX_STATEMENTS) return undefined;
    this.#mostStated = Math.max(this.#mostStated, stated.count);
    const previous = this.#have;
    this.#have = stated;
    return previous;
  }
}
