/**
 * Super-seeding (BEP 16): a seed that seems to have nothing, and shows each peer one piece at a
 * time. The next one is shown when another peer has the last: so peers hand pieces on, and about
 * one copy of each leaves the seed.
 */
import { type Random, shuffle } from "../base/ambient.ts";
import { assert } from "../base/assert.ts";
import { Bitfield } from "../base/bitfield.ts";
import type { PieceIndex } from "../base/ids.ts";

/** Without its piece, or without anybody to take it, a peer gets another after this time. */
const PATIENCE_MS = 60_000;
/** Of so many pieces that nobody was shown, or else chosen at random, the next one is taken. */
const MAX_PROBES = 256;

export interface SuperSeedOptions {
  readonly pieceCount: number;
  readonly pieceSize: (piece: PieceIndex) => number;
  readonly random: Random;
  /** How many connected peers have a piece. */
  readonly copies: (piece: PieceIndex) => number;
}

/** What there is to know of a peer. */
export interface Viewer {
  readonly key: number;
  readonly theirHave: Bitfield;
  /** Bytes of blocks that we gave to it, all together. */
  readonly uploadedBytes: number;
}

interface Peer {
  readonly shown: Bitfield;
  current: PieceIndex | undefined;
  shownAt: number;
  /** When it had got so much, it must have got the current piece: many do not say it to us. */
  enoughBytes: number;
}

export class SuperSeed {
  readonly #options: SuperSeedOptions;
  readonly #peers = new Map<number, Peer>();
  /** Who was shown a piece last. */
  readonly #viewers = new Map<PieceIndex, Set<number>>();
  /** Pieces that no peer was shown; the next one last. */
  readonly #fresh: PieceIndex[];

  constructor(options: SuperSeedOptions) {
    this.#options = options;
    this.#fresh = Array.from({ length: options.pieceCount }, (_, piece) => piece as PieceIndex);
    shuffle(this.#fresh, options.random);
  }

  /** A peer came. Gives all that it may know of us: live, empty at first. */
  join(key: number): Bitfield {
    const shown = new Bitfield(this.#options.pieceCount);
    this.#peers.set(key, { shown, current: undefined, shownAt: -Infinity, enoughBytes: 0 });
    return shown;
  }

  /** A peer is gone, perhaps with a piece that nobody else has. */
  leave(key: number): void {
    const peer = this.#peers.get(key);
    if (peer === undefined) return;
    this.#peers.delete(key);
    const { current } = peer;
    if (current === undefined) return;
    this.#forget(key, current);
    const isLost = this.#options.copies(current) === 0;
    if (isLost && !this.#fresh.includes(current)) this.#fresh.push(current);
  }

  /** Those who may have earned another piece, as somebody has got this one. */
  viewers(piece: PieceIndex): readonly number[] {
    return [...this.#viewers.get(piece) ?? []];
  }

  /** The piece to show a peer now; undefined while it has not earned one, or lacks none. */
  next(viewer: Viewer, now: number): PieceIndex | undefined {
    const { key, theirHave, uploadedBytes } = viewer;
    const peer = this.#peers.get(key);
    assert(peer !== undefined);
    if (theirHave.isFull || !this.#hasEarned(peer, viewer, now)) return undefined;
    const lacks = (piece: PieceIndex) => !peer.shown.has(piece) && !theirHave.has(piece);
    const piece = this.#nextFresh(lacks) ?? this.#rarest(lacks);
    if (piece === undefined) return undefined;
    this.#noteShown(piece);
    if (peer.current !== undefined) this.#forget(key, peer.current);
    peer.current = piece;
    peer.shownAt = now;
    peer.enoughBytes = uploadedBytes + this.#options.pieceSize(piece);
    peer.shown.set(piece);
    const viewers = this.#viewers.get(piece) ?? new Set();
    this.#viewers.set(piece, viewers.add(key));
    return piece;
  }

  #hasEarned(peer: Peer, { theirHave, uploadedBytes }: Viewer, now: number): boolean {
    const { current } = peer;
    if (current === undefined || now - peer.shownAt >= PATIENCE_MS) return true;
    const saysSo = theirHave.has(current);
    if (!saysSo && uploadedBytes < peer.enoughBytes) return false;
    // Alone, it can hand nothing on.
    return this.#peers.size === 1 || this.#options.copies(current) > (saysSo ? 1 : 0);
  }

  /**
   * One that somebody here has came from elsewhere: it need not leave here, as long as that one
   * stays.
   */
  #nextFresh(lacks: (piece: PieceIndex) => boolean): PieceIndex | undefined {
    const { copies } = this.#options;
    const latest = this.#fresh.slice(-MAX_PROBES);
    return latest.findLast((piece) => lacks(piece) && copies(piece) === 0);
  }

  #noteShown(piece: PieceIndex): void {
    const at = this.#fresh.lastIndexOf(piece);
    if (at >= 0) this.#fresh.splice(at, 1);
  }

  #rarest(lacks: (piece: PieceIndex) => boolean): PieceIndex | undefined {
    const { pieceCount, random, copies } = this.#options;
    const start = random.below(pieceCount);
    let best: PieceIndex | undefined;
    let probes = 0;
    for (let step = 0; step < pieceCount && probes < MAX_PROBES; step++) {
      const piece = (start + step) % pieceCount as PieceIndex;
      if (!lacks(piece)) continue;
      probes++;
      if (best === undefined || copies(piece) < copies(best)) best = piece;
    }
    return best;
  }

  #forget(key: number, piece: PieceIndex): void {
    const viewers = this.#viewers.get(piece);
    viewers?.delete(key);
    if (viewers?.size === 0) this.#viewers.delete(piece);
  }
}
