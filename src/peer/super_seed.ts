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
/**
 * Or, while it wants nothing of us, after this time: some make up their minds every ten seconds.
 * Each piece that it did not want halves its time, each that it took doubles it: whoever wants few
 * of many is soon shown them.
 */
const MAX_INDIFFERENCE_MS = 12_000;
const MIN_INDIFFERENCE_MS = 500;
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
  /** It wants something that it was shown. */
  readonly isInterested: boolean;
  /** Bytes of blocks that we gave to it, all together. */
  readonly uploadedBytes: number;
}

interface Peer {
  readonly shown: Bitfield;
  current: PieceIndex | undefined;
  shownAt: number;
  /** When it had got so much, it must have got the current piece: many do not say it to us. */
  enoughBytes: number;
  /** When it has wanted nothing for so long, it does not want the current piece. */
  indifferenceMs: number;
}

export class SuperSeed {
  readonly #options: SuperSeedOptions;
  readonly #peers = new Map<number, Peer>();
  /** Who was shown a piece last. */
  readonly #viewers = new Map<PieceIndex, Set<number>>();
  /** Pieces that no peer was shown, or none that took them; the next one last. */
  readonly #fresh: PieceIndex[];
  readonly #isFresh: Bitfield;

  constructor(options: SuperSeedOptions) {
    this.#options = options;
    this.#fresh = Array.from({ length: options.pieceCount }, (_, piece) => piece as PieceIndex);
    shuffle(this.#fresh, options.random);
    this.#isFresh = new Bitfield(options.pieceCount);
    this.#isFresh.setAll();
  }

  /** A peer came. Gives all that it may know of us: live, empty at first. */
  join(key: number): Bitfield {
    const shown = new Bitfield(this.#options.pieceCount);
    this.#peers.set(key, {
      shown,
      current: undefined,
      shownAt: -Infinity,
      enoughBytes: 0,
      indifferenceMs: MAX_INDIFFERENCE_MS,
    });
    return shown;
  }

  /** A peer is gone, perhaps with a piece that nobody else has. */
  leave(key: number): void {
    const peer = this.#peers.get(key);
    if (peer === undefined) return;
    this.#peers.delete(key);
    if (peer.current === undefined) return;
    this.#forget(key, peer.current);
    this.#freshen(peer.current);
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
    this.#turnFromCurrent(peer, viewer);
    peer.current = piece;
    peer.shownAt = now;
    peer.enoughBytes = uploadedBytes + this.#options.pieceSize(piece);
    peer.shown.set(piece);
    const viewers = this.#viewers.get(piece) ?? new Set();
    this.#viewers.set(piece, viewers.add(key));
    return piece;
  }

  #hasEarned(peer: Peer, viewer: Viewer, now: number): boolean {
    const { current } = peer;
    const waitedMs = now - peer.shownAt;
    if (current === undefined || waitedMs >= PATIENCE_MS) return true;
    if (!hasTaken(peer, viewer)) return !viewer.isInterested && waitedMs >= peer.indifferenceMs;
    const own = viewer.theirHave.has(current) ? 1 : 0;
    return this.#isAlone(peer) || this.#options.copies(current) > own;
  }

  /** It can hand nothing on: to nobody, or to others who do not want what they are shown. */
  #isAlone(peer: Peer): boolean {
    return this.#peers.values().every((other) =>
      other === peer || other.indifferenceMs < MAX_INDIFFERENCE_MS
    );
  }

  #turnFromCurrent(peer: Peer, viewer: Viewer): void {
    if (peer.current === undefined) return;
    this.#forget(viewer.key, peer.current);
    if (hasTaken(peer, viewer)) {
      peer.indifferenceMs = Math.min(peer.indifferenceMs * 2, MAX_INDIFFERENCE_MS);
    } else if (!viewer.isInterested) {
      peer.indifferenceMs = Math.max(peer.indifferenceMs / 2, MIN_INDIFFERENCE_MS);
      this.#freshen(peer.current);
    }
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
    if (this.#isFresh.clear(piece)) this.#fresh.splice(this.#fresh.lastIndexOf(piece), 1);
  }

  /** Nobody will hand it on: unless somebody has it from elsewhere, another is to be shown it. */
  #freshen(piece: PieceIndex): void {
    if (this.#options.copies(piece) === 0 && this.#isFresh.set(piece)) this.#fresh.push(piece);
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

/** Many do not tell a seed what they have got: then what it was given counts. */
function hasTaken({ current, enoughBytes }: Peer, { theirHave, uploadedBytes }: Viewer): boolean {
  assert(current !== undefined);
  return theirHave.has(current) || uploadedBytes >= enoughBytes;
}
