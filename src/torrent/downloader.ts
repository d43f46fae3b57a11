/**
 * What is asked of whom, and what comes back: between the sessions, which know one peer each,
 * and the picker, which knows all pieces.
 */
import type { PieceIndex } from "../base/ids.ts";
import { RateMeter } from "../base/rate.ts";
import { BLOCK_LENGTH } from "../metainfo/layout.ts";
import type { BlockId, SessionEvent } from "../peer/session_event.ts";
import type { Assembly, FullPiece } from "../piece/assembly.ts";
import type { Availability } from "../piece/availability.ts";
import { Blame } from "../piece/blame.ts";
import type { PiecePicker } from "../piece/picker.ts";
import type { PeerKey } from "../piece/piece_table.ts";
import type { PieceOutcome } from "../storage/storage.ts";
import type { PeerConnection } from "./connection.ts";
import { DownloadTurns } from "./download_turns.ts";

/**
 * New requests wait until they are this part of the peer's window: one write for many costs a
 * fraction of many writes, and the window has room to spare.
 */
const REFILL_SHARE = 1 / 3;
/**
 * Of a large window a third would be missing on the way: so many at once are enough, or, of one of
 * thousands, this part.
 */
const ENOUGH_REFILL_BLOCKS = 64;
const LARGE_REFILL_SHARE = 1 / 16;

/**
 * Blocks asked for at a time, of those that all open pieces have: one peer may be asked for most of
 * them; the more peers there are, the more pieces are half here, and need their place.
 * What is reserved is for peers that have less than their part of it: so nobody starves.
 */
const COMMON_SHARE = 1 / 4;
const LONE_PEER_SHARE = 1 / 2;
const RESERVED_SHARE = 1 / 4;
/**
 * For whoever gives so many bytes a second, what is reserved does not count of the rest: many that
 * give nothing would leave him a block at a time. With more, the slow would only hold up each other.
 */
const QUICK_RATE = 64 * 1024;

/**
 * Peers are told of new pieces at most this often; what is left over goes with the next tick. A
 * write for each piece to each of many peers costs more than the pieces do.
 */
const HAVE_INTERVAL_MS = 50;

export interface DownloaderOptions {
  /** The connected peers, live. */
  readonly peers: ReadonlyMap<PeerKey, PeerConnection>;
  readonly picker: PiecePicker;
  readonly assembly: Assembly;
  readonly availability: Availability;
  /** Peers to download from at once. */
  readonly maxDownloads: () => number;
  readonly onFullPiece: (piece: FullPiece) => void;
  readonly onLiar: (peer: PeerKey, piece: PieceIndex) => void;
}

export class Downloader {
  readonly #options: DownloaderOptions;
  readonly #blame = new Blame();
  readonly #turns: DownloadTurns;
  /** Bytes of blocks that came. */
  readonly meter = new RateMeter();
  /** Bytes of those among them that nobody needed. */
  wastedBytes = 0;
  #diskCaughtUp: PromiseWithResolvers<void> | undefined;
  /** When peers were last told of new pieces. */
  #toldAt = -Infinity;

  constructor(options: DownloaderOptions) {
    this.#options = options;
    this.#turns = new DownloadTurns(options.peers, options.maxDownloads);
  }

  /** What to wait for before reading on: for the disk, while it is behind. */
  backPressure(): Promise<void> | undefined {
    if (!this.#options.assembly.isDiskBehind) return undefined;
    this.#diskCaughtUp ??= Promise.withResolvers();
    return this.#diskCaughtUp.promise;
  }

  /** Acts on one event of a session, if it is about pieces and blocks. */
  handle(peer: PeerConnection, event: SessionEvent, now: number): void {
    const { picker, availability } = this.#options;
    switch (event.kind) {
      case "block":
        this.#take(peer, event, event.data, now);
        break;
      case "freed":
        for (const { piece, block } of event.blocks) picker.returned(peer.key, piece, block);
        this.#fillOthers(peer, now);
        break;
      case "have":
        availability.gained(event.piece);
        this.#updateInterest(peer, now);
        break;
      case "bitfield":
        availability.replaced(peer.key, event.previous, peer.session.theirHave);
        this.#updateInterest(peer, now);
        break;
    }
  }

  /** Asks the peer for as many blocks as its window has room for; true if it was asked for any. */
  fill(peer: PeerConnection, now: number): boolean {
    const { session } = peer;
    if (!session.amInterested || peer.isClosed) return false;
    const windowRoom = session.requestRoom(now, this.#maxSlackBytes);
    if (windowRoom <= 0) return false; // Of many peers most are here: the memory costs more to ask.
    const room = this.#memoryRoom(peer, windowRoom, now);
    const window = room + session.outstandingCount;
    const enough = Math.max(ENOUGH_REFILL_BLOCKS, window * LARGE_REFILL_SHARE);
    if (room <= 0 || room < Math.min(window * REFILL_SHARE, enough)) return false;
    if (!this.#turns.take(peer, now)) return false;
    const spans = this.#options.picker.pick(peer, room, now);
    for (const span of spans) session.request(span, now);
    return spans.length > 0;
  }

  /** Asks whoever has room, after time has passed. */
  fillAll(now: number): void {
    for (const peer of this.#options.peers.values()) {
      this.fill(peer, now);
      peer.flush();
    }
  }

  /** Asks whoever has room, and tells of what is here: after pieces have been settled. */
  goOn(now: number): void {
    const tells = now - this.#toldAt >= HAVE_INTERVAL_MS;
    if (tells) this.#toldAt = now;
    for (const peer of this.#options.peers.values()) {
      if (this.fill(peer, now) || tells) peer.flush();
    }
  }

  /** Others come first: whoever gave the blocks back might only do so again. */
  #fillOthers(peer: PeerConnection, now: number): void {
    for (const other of this.#options.peers.values()) {
      if (other === peer) continue;
      this.fill(other, now);
      other.flush();
    }
  }

  /** The peer's blocks are free for others. */
  peerGone(peer: PeerConnection): void {
    this.#options.availability.left(peer.key, peer.session.theirHave);
    this.#options.picker.peerGone(peer.key);
    this.#turns.forget(peer.key);
  }

  /** Should the good piece come with digests, because somebody gave a bad one before? */
  suspects(piece: PieceIndex): boolean {
    return this.#blame.suspects(piece);
  }

  /**
   * What became of a full piece: its buffer is free, and liars may be known. To be followed by
   * `goOn`, once for all pieces that came back together.
   */
  settle({ piece, contributors }: FullPiece, outcome: PieceOutcome, now: number): void {
    const { assembly, picker, peers, onLiar } = this.#options;
    assembly.release(outcome.buffer);
    if (!assembly.isDiskBehind) {
      this.#diskCaughtUp?.resolve();
      this.#diskCaughtUp = undefined;
    }
    switch (outcome.kind) {
      case "good":
        picker.verified(piece);
        for (const liar of this.#blame.judge(piece, outcome.digests ?? [])) onLiar(liar, piece);
        for (const peer of peers.values()) {
          if (peer.session.theirHave.has(piece)) this.#updateInterest(peer, now);
          else peer.session.sendHave(piece, now);
        }
        break;
      case "corrupt": {
        picker.corrupt(piece, contributors, now);
        const liar = this.#blame.recordFailure(piece, contributors, outcome.digests);
        if (liar !== undefined) onLiar(liar, piece);
        break;
      }
      case "failed":
        picker.failed(piece);
        break;
    }
  }

  #take(peer: PeerConnection, { piece, block }: BlockId, data: Uint8Array, now: number): void {
    const { assembly, picker, peers, onFullPiece } = this.#options;
    this.meter.add(data.length, now);
    const taken = assembly.put(piece, block, data, peer.key);
    if (typeof taken === "string" && taken !== "stored") this.wastedBytes += data.length;
    for (const other of picker.received(peer.key, piece, block, now)) {
      const asked = peers.get(other);
      asked?.session.cancel(piece, block, now);
      asked?.flush();
    }
    if (typeof taken === "object") onFullPiece(taken);
  }

  #updateInterest(peer: PeerConnection, now: number): void {
    peer.session.setInterested(this.#options.picker.isInteresting(peer), now);
  }

  /** Where memory is scarce, what peers owe when they fall silent must not fill it. */
  get #maxSlackBytes(): number {
    const { assembly, peers } = this.#options;
    if (!assembly.isScarce) return Infinity;
    return assembly.maxBlocks * BLOCK_LENGTH * RESERVED_SHARE / peers.size;
  }

  /** How many more requests the memory allows this peer, of those that its window has room for. */
  #memoryRoom({ session }: PeerConnection, windowRoom: number, now: number): number {
    const { assembly: { maxBlocks }, peers, picker } = this.#options;
    const common = Math.floor(maxBlocks * (COMMON_SHARE + LONE_PEER_SHARE / peers.size));
    // As mostly: with plenty of memory a block costs the same however many peers there are.
    if (common - picker.outstandingCount >= windowRoom) return windowRoom;
    const reserved = Math.ceil(maxBlocks * RESERVED_SHARE / peers.size);
    const isQuick = session.downloadRate(now) >= QUICK_RATE;
    const used = isQuick ? this.#countBeyond(reserved) : picker.outstandingCount;
    return Math.min(windowRoom, Math.max(common - used, reserved - session.outstandingCount));
  }

  /** How many blocks are owed, of each peer those beyond `reserved`. */
  #countBeyond(reserved: number): number {
    let count = 0;
    for (const { session: { outstandingCount } } of this.#options.peers.values()) {
      count += Math.max(0, outstandingCount - reserved);
    }
    return count;
  }
}
