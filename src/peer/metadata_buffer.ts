/** An info dictionary on its way (BEP 9): the pieces that came, and who was asked for the others. */
import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { concatBytes } from "../base/bytes.ts";
import { METADATA_PIECE_LENGTH } from "../wire/metadata_message.ts";

/** A piece is asked of two peers at once, and of twice as many after each of these times. */
const MORE_ASKED_AFTER_MS = 1_000;
const MAX_DOUBLINGS = 10;

/** A peer that metadata is fetched from, by the number that it was given. */
export type MetadataPeer = number;

export class MetadataBuffer {
  /** Bytes of the dictionary, as its peers claim. */
  readonly size: number;
  readonly pieceCount: number;
  /** When it was begun, or got its last piece. */
  grownAt: number;
  /** Memory is taken for what came, never for what was claimed (P26). */
  readonly #pieces = new Map<number, Uint8Array>();
  readonly #givers = new Set<MetadataPeer>();
  /** Those who are to send a piece, and since when the first of them is. */
  readonly #asked = new Map<number, { readonly since: number; count: number }>();
  #heldBytes = 0;

  constructor(size: number, now: number) {
    assert(size > 0);
    this.size = size;
    this.pieceCount = Math.ceil(size / METADATA_PIECE_LENGTH);
    this.grownAt = now;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Who sent what is here. */
  get givers(): ReadonlySet<MetadataPeer> {
    return this.#givers;
  }

  get isComplete(): boolean {
    return this.#pieces.size === this.pieceCount;
  }

  has(piece: number): boolean {
    return this.#pieces.has(piece);
  }

  /** The last piece has what is left, which is a whole piece when the size is a multiple of it. */
  pieceLength(piece: number): number {
    assert(piece < this.pieceCount);
    return Math.min(METADATA_PIECE_LENGTH, this.size - piece * METADATA_PIECE_LENGTH);
  }

  /** Copies `data`, which is as long as the piece; the first that comes counts. */
  put(piece: number, data: Uint8Array, giver: MetadataPeer, now: number): void {
    assert(data.length === this.pieceLength(piece));
    this.#asked.delete(piece);
    if (this.has(piece)) return;
    this.#pieces.set(piece, data.slice());
    this.#givers.add(giver);
    this.#heldBytes += data.length;
    this.grownAt = now;
  }

  /** The whole dictionary. */
  join(): Bytes {
    assert(this.isComplete);
    return concatBytes(
      ...Array.from({ length: this.pieceCount }, (_, at) => this.#pieces.get(at)!),
    );
  }

  /**
   * The piece to ask a peer for that is to send those of `asked` already: the first of those that
   * fewest are to send. Undefined when there is none.
   */
  choose(asked: ReadonlySet<number>, now: number): number | undefined {
    let best: number | undefined;
    let fewest = Infinity;
    for (let piece = 0; piece < this.pieceCount; piece++) {
      if (this.has(piece) || asked.has(piece)) continue;
      const { since = now, count = 0 } = this.#asked.get(piece) ?? {};
      if (count >= fewest || count >= maxAsked(now - since)) continue;
      best = piece;
      fewest = count;
      if (count === 0) break;
    }
    return best;
  }

  noteAsked(piece: number, now: number): void {
    const asked = this.#asked.get(piece);
    if (asked === undefined) this.#asked.set(piece, { since: now, count: 1 });
    else asked.count++;
  }

  /** Whoever was to send the piece will not. How long it has been waited for still counts. */
  noteReleased(piece: number): void {
    const asked = this.#asked.get(piece);
    if (asked !== undefined && asked.count > 0) asked.count--;
  }
}

/** Nobody can hold up a piece by not sending it: the longer it is waited for, the more are asked. */
function maxAsked(waitedMs: number): number {
  return 2 ** (1 + Math.min(Math.floor(waitedMs / MORE_ASKED_AFTER_MS), MAX_DOUBLINGS));
}
