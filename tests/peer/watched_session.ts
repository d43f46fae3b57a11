import { deepStrictEqual, ok } from "node:assert/strict";
import type { Random } from "../../src/base/ambient.ts";
import { Bitfield } from "../../src/base/bitfield.ts";
import type { BlockIndex, PieceIndex } from "../../src/base/ids.ts";
import { isDialable } from "../../src/base/endpoint.ts";
import { LayerTrees } from "../../src/metainfo/layer_trees.ts";
import { Layout } from "../../src/metainfo/layout.ts";
import { parseMetainfo } from "../../src/metainfo/metainfo.ts";
import { PeerSession } from "../../src/peer/session.ts";
import type { SessionEvent } from "../../src/peer/session_event.ts";
import type { Message } from "../../src/wire/message.ts";
import { MAX_PEX_PEERS } from "../../src/wire/pex.ts";
import { dataOf, version2Torrent } from "../metainfo/version_2_torrent.ts";

const KIB = 1024;
/** 5 pieces of 2 blocks, and one of 100 bytes. */
const LAYOUT = new Layout({
  pieceLength: 32 * KIB,
  files: [{ length: 160 * KIB + 100, isPadding: false }],
});
/** Of the same pieces. */
const LAYERS = new LayerTrees(parseMetainfo(version2Torrent({ a: dataOf(160 * KIB + 100) })));
const REQUEST_TIMEOUT_MS = 60_000;
/** Two pieces, and a short one. */
const METADATA_LENGTH = 40_000;

/**
 * A session whose driver does what it may, as chance will have it, and which is watched: what
 * its events say must at all times agree with what it was asked and heard.
 */
export class WatchedSession {
  readonly session: PeerSession;
  readonly #random: Random;
  readonly #have = new Bitfield(LAYOUT.pieceCount);
  /** Keys of blocks asked for and not answered, and the moments of asking. */
  readonly #open = new Map<number, number>();
  readonly #given = new Map<number, number>();
  /** What `have` and `bitfield` events add up to. */
  readonly #seen = new Bitfield(LAYOUT.pieceCount);
  #requested = 0;
  #ended = 0;
  #now = 5_000;
  isClosed = false;

  constructor(random: Random, flags: { fast: boolean; extended: boolean }) {
    this.#random = random;
    for (const piece of [0, 2, 5]) this.#have.set(piece);
    this.session = new PeerSession({
      layout: LAYOUT,
      have: this.#have,
      flags: { ...flags, dht: false },
      host: "10.0.0.2",
      metadata: new Uint8Array(METADATA_LENGTH),
      layers: LAYERS,
      pex: true,
      dhtPort: () => 6881,
      now: this.#now,
    });
    this.session.open(new Uint8Array(2), this.#now);
  }

  /** Hears some messages with one read, then lets the driver act. */
  hear(messages: Iterable<Message>): void {
    for (const message of messages) this.session.handleMessage(message, this.#now);
    this.#watch();
  }

  /** One command of the driver, or some time that passes. */
  act(): void {
    const { session } = this;
    const now = this.#now;
    const piece = this.#anyPiece();
    switch (this.#random.below(11)) {
      case 0:
        return this.#passTime(this.#random.below(500));
      case 1:
        return this.#passTime(this.#random.below(130_000));
      case 2:
        return session.choke(now);
      case 3:
        return session.unchoke(now);
      case 4:
        this.#have.set(piece);
        return session.sendHave(piece, now);
      case 5:
        return session.grantAllowedFast([piece], now);
      case 6:
        return this.#upload();
      case 7:
        return this.#cancelSome();
      case 8:
        return this.#sendPex();
      default:
        return this.#request();
    }
  }

  #request(): void {
    const { session } = this;
    for (let room = session.requestRoom(this.#now); room > 0; room--) {
      const piece = this.#anyPiece();
      const block = this.#random.below(LAYOUT.blockCount(piece)) as BlockIndex;
      const key = LAYOUT.blockKey(piece, block);
      if (!session.offers(piece) || this.#open.has(key)) continue;
      session.request(LAYOUT.blockRequest(piece, block), this.#now);
      this.#open.set(key, this.#now);
      this.#requested++;
    }
    this.#checkRequests();
  }

  #cancelSome(): void {
    const piece = this.#anyPiece();
    const block = this.#random.below(LAYOUT.blockCount(piece)) as BlockIndex;
    this.session.cancel(piece, block, this.#now);
    const key = LAYOUT.blockKey(piece, block);
    if (this.#open.delete(key)) {
      this.#ended++;
      this.#giveUp(key);
    }
    this.#checkRequests();
  }

  #sendPex(): void {
    const version = this.#now;
    if (!this.session.isPexDue(version, this.#now)) return;
    const endpoint = { host: `10.0.1.${this.#random.below(256)}`, port: 6881 };
    this.session.sendPex([{ endpoint, flags: 0 }], version, this.#now);
  }

  #upload(): void {
    const request = this.session.firstUpload;
    if (request === undefined) return;
    ok(LAYOUT.isReadable(request.piece, request.begin, request.length));
    ok(this.#have.has(request.piece));
    if (this.#random.below(5) === 0) return this.session.rejectUpload(this.#now);
    ok(this.session.nextUpload() === request);
    this.session.noteUploaded(request.length, this.#now);
  }

  #passTime(durationMs: number): void {
    this.#now += durationMs;
    this.session.handleTimeout(this.#now);
    this.#watch();
    if (this.isClosed) return;
    for (const sentAt of this.#open.values()) ok(this.#now - sentAt < REQUEST_TIMEOUT_MS);
  }

  #watch(): void {
    for (const event of this.session.drain()) {
      ok(!this.isClosed, "nothing comes after a close");
      this.#check(event);
    }
    deepStrictEqual(this.#seen.toBytes(), this.session.theirHave.toBytes());
    this.#checkRequests();
    if (this.session.output.take() !== undefined) this.session.output.release();
  }

  #check(event: SessionEvent): void {
    switch (event.kind) {
      case "block": {
        const key = LAYOUT.blockKey(event.piece, event.block);
        deepStrictEqual(
          event.data.length,
          LAYOUT.blockRequest(event.piece, event.block).length,
        );
        if (this.#open.delete(key)) this.#ended++;
        else ok(this.#takeGiven(key), "a block that was never asked for");
        return;
      }
      case "freed":
        for (const { piece, block } of event.blocks) {
          const key = LAYOUT.blockKey(piece, block);
          ok(this.#open.delete(key), "freed, and not asked for");
          this.#ended++;
          this.#giveUp(key);
        }
        return;
      case "have":
        ok(this.#seen.set(event.piece), "have, and not news");
        return;
      case "bitfield":
        deepStrictEqual(event.previous.toBytes(), this.#seen.toBytes());
        for (let piece = 0; piece < LAYOUT.pieceCount; piece++) {
          if (this.session.theirHave.has(piece)) this.#seen.set(piece);
          else this.#seen.clear(piece);
        }
        return;
      case "pex-peers":
        ok(event.peers.length > 0 && event.peers.length <= MAX_PEX_PEERS);
        ok(event.peers.every(({ endpoint }) => isDialable(endpoint, "private")));
        return;
      case "dht-port":
        ok(event.port > 0);
        return;
      case "close":
        ok(event.reason.length > 0);
        this.isClosed = true;
    }
  }

  /** Each time that a block was asked for may be answered, however late. */
  #giveUp(key: number): void {
    this.#given.set(key, (this.#given.get(key) ?? 0) + 1);
  }

  #takeGiven(key: number): boolean {
    const count = this.#given.get(key) ?? 0;
    this.#given.set(key, count - 1);
    return count > 0;
  }

  #checkRequests(): void {
    const { session } = this;
    deepStrictEqual(session.outstandingCount, this.#open.size);
    deepStrictEqual(this.#requested, this.#ended + this.#open.size);
    if (this.isClosed) deepStrictEqual(session.requestRoom(this.#now), 0);
  }

  #anyPiece(): PieceIndex {
    return this.#random.below(LAYOUT.pieceCount) as PieceIndex;
  }
}
