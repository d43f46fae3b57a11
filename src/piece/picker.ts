import type { Random } from "../base/ambient.ts";
import type { BlockIndex, PieceIndex } from "../base/ids.ts";
import { MIN_SILENCE_MS } from "../base/silence.ts";
import type { BlockSpan, Layout } from "../metainfo/layout.ts";
import type { Assembly } from "./assembly.ts";
import type { Availability } from "./availability.ts";
import type { BlockRequest } from "./block_request.ts";
import { isWorthRepeating, MIN_DOUBTED_AGE_MS } from "./endgame.ts";
import { Eviction } from "./eviction.ts";
import { Liveliness } from "./liveliness.ts";
import type { OpenPiece } from "./open_piece.ts";
import { OpenPieces } from "./open_pieces.ts";
import type { PickerPeer } from "./picker_peer.ts";
import { PieceChoice } from "./piece_choice.ts";
import { PieceLife } from "./piece_life.ts";
import type { PeerKey, PieceTable } from "./piece_table.ts";
import { Turn } from "./turn.ts";

/** How many requests of others one call looks at, the oldest first. */
const MAX_DOUBTS = 1_024;
/** A peer for which no piece could be evicted tries again after this time. */
const EVICTION_PAUSE_MS = 500;
/** When a quick peer found no room, slow ones do with half of it for so long. */
const CONFINEMENT_MS = 10_000;
/** Of the pieces in memory, at most one in so many is reserved for one peer each. */
const PAROLE_SHARE = 4;

const NOBODY: readonly PeerKey[] = [];

/** What peers read of their disks at a time, more or less, so that it pays to ask for all of it. */
const EXTENT_BYTES = 512 * 1024;

export interface PiecePickerOptions {
  readonly layout: Layout;
  /** The selection is made, and what is on the disk is marked; from here on the picker moves it. */
  readonly table: PieceTable;
  readonly availability: Availability;
  readonly assembly: Assembly;
  readonly random: Random;
  /** All pieces in order, instead of the rarest first. */
  readonly sequential?: boolean;
}

/** Which block to ask a peer for next. Whatever happens to blocks and pieces is told to it. */
export class PiecePicker {
  readonly #options: PiecePickerOptions;
  readonly #open = new OpenPieces();
  readonly #choice: PieceChoice;
  readonly #life: PieceLife;
  readonly #eviction: Eviction;
  readonly #liveliness = new Liveliness();
  /** When a quick peer last found no room for a piece. */
  #crampedAt = -Infinity;

  constructor(options: PiecePickerOptions) {
    const { layout, table, availability, assembly, random, sequential } = options;
    this.#options = options;
    this.#choice = new PieceChoice({
      pieceCount: layout.pieceCount,
      table,
      availability,
      random,
      isSequential: sequential ?? false,
      extentPieces: Math.max(1, Math.floor(EXTENT_BYTES / layout.pieceLength)),
    });
    this.#life = new PieceLife({ layout, table, assembly, choice: this.#choice, open: this.#open });
    this.#eviction = new Eviction(layout.pieceLength);
  }

  /**
   * Up to `count` blocks to ask this peer for, in order; they count as requested from now on. To
   * be called when the peer has room, and twice a second even if nothing happened: time alone
   * gives it a right to what others hold.
   *
   * Started pieces come before new ones, to have something whole soon and little in memory; but
   * whoever is quick fetches its own. When there is no memory for one, it waits while it has enough
   * to do, and then helps where most is left: so few give each piece. Peers finish the pieces of
   * their like: the slow would hold up those of the quick. When nothing is free, memory is sought
   * for a new piece, and then others' requests are repeated.
   */
  pick(peer: PickerPeer, count: number, now: number): BlockSpan[] {
    if (count <= 0 || (peer.isPeerChoking && peer.allowedFast.size === 0)) return [];
    const requester = this.#open.requester(peer.key);
    const turn = new Turn(peer, requester, count, now);
    const { layout, assembly } = this.#options;
    this.#adoptParoled(turn);
    if (turn.isQuickFor(layout.pieceLength)) {
      this.#continuePieces(turn, this.#isItsOwn);
      this.#startPieces(turn, { isSafe: true });
      const others = this.#piecesToHelp(turn);
      if (others.length > 0 && !turn.isDry && !assembly.hasSafeRoom) return turn.spans;
      for (const open of others) this.#takeFree(turn, open);
    } else {
      this.#continuePieces(turn, this.#isOfItsKind);
    }
    this.#startPieces(turn);
    if (!this.#isConfined(turn)) this.#continuePieces(turn, this.#isOpenTo);
    if (turn.spans.length === 0) this.#replaceAbandoned(turn);
    this.#repeatRequests(turn);
    if (requester.requests.length === 0) this.#replaceOverdue(turn);
    return turn.spans;
  }

  /** How many blocks all peers together owe us. */
  get outstandingCount(): number {
    return this.#open.requestCount;
  }

  /** Has the peer something that we want and do not have? Amortised O(1). */
  isInteresting({ key, theirHave }: PickerPeer): boolean {
    const { missing } = this.#options.table;
    const requester = this.#open.requester(key);
    const known = requester.interestingPiece;
    if (missing.has(known) && theirHave.has(known)) return true;
    const boring = requester.boringHave;
    if (boring?.field === theirHave && boring.count === theirHave.count) return false;
    let found = theirHave.nextCommon(missing, known);
    if (found < 0) found = theirHave.nextCommon(missing);
    if (found >= 0) requester.interestingPiece = found;
    else requester.boringHave = { field: theirHave, count: theirHave.count };
    return found >= 0;
  }

  /**
   * A block came, and `Assembly.put` has taken it or not: one that had no room is free again.
   * Returns the other peers that were asked for the same block, to be sent a Cancel. Harmless if
   * it was not asked for.
   */
  received(peer: PeerKey, piece: PieceIndex, block: BlockIndex, now: number): readonly PeerKey[] {
    const request = this.#open.request(peer, piece, block);
    this.#liveliness.heard(now);
    const requester = request?.requester ?? this.#open.requester(peer);
    requester.quietSince = this.#liveliness.ms;
    if (request !== undefined) requester.answeredAfter(now - request.at);
    const open = this.#open.get(piece);
    if (open === undefined || !open.partial.has(block)) {
      // It was not taken: the piece was given up, is on parole and another peer's, or had no room.
      if (request !== undefined) this.#free(request);
      return NOBODY;
    }
    const others = this.#open.settle(open, block, peer, now);
    if (open.partial.missingCount === 0) this.#life.completed(open);
    return others;
  }

  /** A request will not be answered (choke, reject, timeout): its block is free. */
  returned(peer: PeerKey, piece: PieceIndex, block: BlockIndex): void {
    const request = this.#open.request(peer, piece, block);
    if (request !== undefined) this.#free(request);
  }

  /** The peer's connection ended: all that it was asked for is free. */
  peerGone(peer: PeerKey): void {
    const requester = this.#open.requester(peer);
    for (const request of [...requester.requests]) this.#free(request);
    for (const open of this.#open.all()) {
      if (open.paroled?.owner === peer) open.disown();
    }
    this.#open.forget(requester);
  }

  /** The piece was verified and written. */
  verified(piece: PieceIndex): void {
    this.#life.verified(piece);
    this.#eviction.succeeded();
  }

  /** The piece was wrong: if several peers gave it, it is fetched again from one (parole). */
  corrupt(piece: PieceIndex, contributors: readonly PeerKey[], now: number): void {
    this.#life.corrupt(piece, contributors, now);
  }

  /** The disk did not take the piece, or lost it after it was `verified`. */
  failed(piece: PieceIndex): void {
    this.#life.failed(piece);
    for (const requester of this.#open.requesters()) requester.boringHave = undefined;
  }

  /** Makes the peer the owner of pieces that were wrong and that nobody fetches. */
  #adoptParoled(turn: Turn): void {
    const { peer, requester, now } = turn;
    for (const [piece, paroled] of this.#life.parole) {
      if (turn.isFull) return;
      if (!paroled.mayOwn(requester, peer.isSnubbed, now) || !peer.offers(piece)) continue;
      const open = this.#open.get(piece) ?? this.#startParoled(piece, turn);
      if (open === undefined || !this.#mayAsk(turn, open)) continue;
      open.own(peer.key, now);
      this.#takeFree(turn, open);
    }
  }

  #startParoled(piece: PieceIndex, { isSlow, now }: Turn): OpenPiece | undefined {
    const { table, assembly } = this.#options;
    if (table.state(piece) !== "wanted" || !assembly.hasRoom) return undefined;
    const ownedCount = this.#life.parole.ownedCount;
    if (ownedCount > 0 && (ownedCount + 1) * PAROLE_SHARE > assembly.maxPieces) return undefined;
    return this.#life.start(piece, { isSlow, now });
  }

  /** Asks for free blocks of started pieces; those that come before them in order are started. */
  #continuePieces(turn: Turn, isForPeer: (open: OpenPiece, turn: Turn) => boolean): void {
    let next: OpenPiece | undefined;
    for (let open = this.#open.firstWithFreeBlocks; open !== undefined; open = next) {
      if (turn.isFull) return;
      next = open.next;
      if (!isForPeer(open, turn) || !this.#mayAsk(turn, open)) continue;
      this.#startPieces(turn, { beforeRank: open.rank });
      this.#takeFree(turn, open);
    }
  }

  /**
   * Asks for pieces that nobody has started: with `beforeRank`, for those of less rank alone; if
   * `isSafe`, only while their blocks will hardly be refused.
   */
  #startPieces(turn: Turn, { beforeRank = Infinity, isSafe = false } = {}): void {
    const { peer, isSlow, now } = turn;
    const { assembly } = this.#options;
    while (!turn.isFull && (isSafe ? assembly.hasSafeRoom : assembly.hasRoom)) {
      // One piece they may always have: those that are quick might never give anything.
      const { slowCount } = this.#open;
      const isHalfSlow = slowCount > 0 && (slowCount + 1) * 2 > assembly.maxPieces;
      if (isHalfSlow && this.#isConfined(turn)) return;
      const piece = beforeRank === Infinity
        ? this.#choice.next(peer)
        : this.#choice.nextBefore(peer, beforeRank);
      if (piece === undefined) return;
      this.#takeFree(turn, this.#life.start(piece, { isSlow, now }));
    }
  }

  /** Others' pieces with free blocks, first those with most of them. */
  #piecesToHelp(turn: Turn): OpenPiece[] {
    const pieces: OpenPiece[] = [];
    if (turn.isFull) return pieces;
    for (let open = this.#open.firstWithFreeBlocks; open !== undefined; open = open.next) {
      if (this.#isOfItsKind(open, turn) && this.#mayAsk(turn, open)) pieces.push(open);
    }
    return pieces.sort((one, other) => other.freeCount - one.freeCount);
  }

  #replaceAbandoned(turn: Turn): void {
    const { peer, requester, isSlow, now } = turn;
    if (this.#options.assembly.hasRoom || now < requester.seeksRoomAt) return;
    requester.seeksRoomAt = now + EVICTION_PAUSE_MS;
    if (this.#choice.next(peer) === undefined) return;
    if (!isSlow) this.#crampedAt = now;
    this.#replace(turn, (pieces) => this.#eviction.abandoned(pieces, now));
  }

  #replaceOverdue(turn: Turn): void {
    if (this.#options.assembly.hasRoom) return;
    this.#replace(turn, (pieces) => this.#eviction.overdue(pieces, turn.peer, turn.now));
  }

  /** Gives up a piece and starts one that the peer has, if there are both. */
  #replace(turn: Turn, victim: (pieces: Iterable<OpenPiece>) => OpenPiece | undefined): void {
    if (this.#choice.next(turn.peer) === undefined) return;
    const open = victim(this.#inTheWay());
    if (open === undefined) return;
    this.#life.giveUp(open);
    this.#startPieces(turn);
  }

  /** Asks for blocks that were asked of others, those first that should have come long ago. */
  #repeatRequests(turn: Turn): void {
    const { peer, requester, now } = turn;
    const livelyMs = this.#liveliness.ms, isDoubted = peer.isSnubbed;
    const isIdle = requester.requests.length === 0;
    const leastAgeMs = isIdle ? MIN_SILENCE_MS : MIN_DOUBTED_AGE_MS;
    let next: BlockRequest | undefined;
    let doubts = 0;
    for (let request = this.#open.oldestRequest; request !== undefined; request = next) {
      if (turn.isFull || now - request.at < leastAgeMs || ++doubts > MAX_DOUBTS) return;
      next = request.next;
      const { open, block } = request;
      if (!isWorthRepeating(request, requester, { now, livelyMs, isDoubted })) continue;
      if (this.#mayAsk(turn, open) && this.#isOpenTo(open, turn)) this.#ask(turn, open, block);
    }
  }

  /** Pieces that make room when they are given up: those with a buffer, when there is no other. */
  *#inTheWay(): Iterable<OpenPiece> {
    for (const open of this.#open.all()) {
      if (this.#options.assembly.hasRoomFor(open.partial)) yield open;
    }
  }

  /** Has the peer the piece, and is there memory for it? */
  #mayAsk({ peer }: Turn, { piece, partial }: OpenPiece): boolean {
    return peer.offers(piece) && this.#options.assembly.hasRoomFor(partial);
  }

  #takeFree(turn: Turn, open: OpenPiece): void {
    while (!turn.isFull) {
      const block = open.nextFree();
      if (block === undefined) return;
      this.#ask(turn, open, block);
    }
  }

  #ask({ peer, requester, now, spans }: Turn, open: OpenPiece, block: BlockIndex): void {
    if (open.paroled !== undefined && open.paroled.owner !== peer.key) open.share();
    if (requester.requests.length === 0) requester.quietSince = this.#liveliness.ms;
    if (peer.isSnubbed) this.#open.addDoubted(open, block, requester, now - MIN_DOUBTED_AGE_MS);
    else this.#open.add(open, block, requester, now);
    requester.latestPiece = open.piece;
    spans.push(this.#options.layout.blockRequest(open.piece, block));
  }

  #free(request: BlockRequest): void {
    const { open, requester } = request;
    this.#open.remove(request);
    if (open.isClosed) return;
    if (open.paroled?.owner === requester.key) open.disown();
    if (open.isUntouched) this.#life.giveUp(open);
  }

  #isConfined({ isSlow, now }: Turn): boolean {
    return isSlow && now - this.#crampedAt < CONFINEMENT_MS;
  }

  readonly #isItsOwn = (open: OpenPiece, { peer, ownPiece }: Turn): boolean => {
    const { piece, rank, paroled, requestedCount } = open;
    if (paroled !== undefined) return paroled.owner === peer.key;
    return piece === ownPiece || requestedCount === 0 || this.#choice.isInOrder(rank);
  };

  readonly #isOfItsKind = (open: OpenPiece, turn: Turn): boolean => {
    if (open.paroled !== undefined) return open.paroled.owner === turn.peer.key;
    return open.isSlow === turn.isSlow || this.#choice.isInOrder(open.rank);
  };

  /** For a peer that finds nothing of its kind. */
  readonly #isOpenTo = ({ paroled }: OpenPiece, { peer, requester, now }: Turn): boolean =>
    paroled === undefined || paroled.owner === peer.key || paroled.mayHelp(requester, now);
}
