import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import { Bitfield } from "../../src/base/bitfield.ts";
import type { PieceIndex } from "../../src/base/ids.ts";
import { BLOCK_LENGTH, type BlockSpan, Layout } from "../../src/metainfo/layout.ts";
import { PeerSession } from "../../src/peer/session.ts";
import { Assembly } from "../../src/piece/assembly.ts";
import { Availability } from "../../src/piece/availability.ts";
import { PiecePicker } from "../../src/piece/picker.ts";
import type { PickerPeer } from "../../src/piece/picker_peer.ts";
import { type PeerKey, PieceTable } from "../../src/piece/piece_table.ts";
import { Downloader } from "../../src/torrent/downloader.ts";
import { PeerConnection } from "../../src/torrent/connection.ts";
import { RateLimit } from "../../src/torrent/rate_limit.ts";
import { ManualClock } from "../sim/manual_clock.ts";
import { readyPeer } from "./ready_peer.ts";

const PIECE_COUNT = 10_000;
const BLOCKS_PER_PIECE = 16;
/** From a request to its block. */
const LATENCY_MS = 10;
/** What a slow peer gives in that time. */
const SLOW_BLOCKS = 4;
/** Bytes of a HAVE. */
const HAVE_LENGTH = 9;

/** Remembers what everybody was asked for, the oldest first. */
class WatchedPicker extends PiecePicker {
  readonly asked = new Map<PeerKey, BlockSpan[]>();

  override pick(peer: PickerPeer, count: number, now: number): BlockSpan[] {
    const spans = super.pick(peer, count, now);
    const asked = this.asked.get(peer.key) ?? [];
    asked.push(...spans);
    this.asked.set(peer.key, asked);
    return spans;
  }
}

/** Counts how often all are looked at. */
class WatchedPeers extends Map<PeerKey, PeerConnection> {
  lookCount = 0;

  override values(): MapIterator<PeerConnection> {
    this.lookCount++;
    return super.values();
  }
}

/** A Downloader with seeds that speak when they are told to. */
class Scene {
  readonly #layout = new Layout({
    pieceLength: BLOCKS_PER_PIECE * BLOCK_LENGTH,
    files: [{ length: PIECE_COUNT * BLOCKS_PER_PIECE * BLOCK_LENGTH, isPadding: false }],
  });
  readonly #clock = new ManualClock();
  readonly #picker: WatchedPicker;
  readonly #downloader: Downloader;
  readonly assembly: Assembly;
  readonly peers = new WatchedPeers();
  now = 1_000;
  /** What each peer was sent, a write each. */
  readonly sent = new Map<PeerKey, Uint8Array[]>();

  constructor(budgetPieces: number, maxDownloads = Infinity) {
    const layout = this.#layout, random = new SeededRandom(1);
    const table = new PieceTable(layout);
    for (let piece = 0; piece < PIECE_COUNT; piece++) table.setWanted(piece as PieceIndex, 1);
    const availability = new Availability(PIECE_COUNT, random);
    const budgetBytes = budgetPieces * layout.pieceLength;
    const assembly = this.assembly = new Assembly({ layout, budgetBytes });
    const picker = this.#picker = new WatchedPicker({
      layout,
      table,
      availability,
      assembly,
      random,
    });
    this.#downloader = new Downloader({
      peers: this.peers,
      picker,
      assembly,
      availability,
      maxDownloads: () => maxDownloads,
      // Verified and written in no time.
      onFullPiece: (full) => {
        const outcome = { kind: "good", buffer: full.data.buffer } as const;
        this.#downloader.settle(full, outcome, this.now);
      },
      onLiar: () => {},
    });
  }

  /** A seed that takes `reqq` requests. */
  join(key: PeerKey, reqq: number): PeerConnection {
    const peer = this.joinEmpty(key);
    const payload = new TextEncoder().encode(`d4:reqqi${reqq}ee`);
    for (
      const message of [
        { kind: "have-all" },
        { kind: "unchoke" },
        { kind: "extended", id: 0, payload },
      ] as const
    ) peer.session.handleMessage(message, this.now);
    this.#drain(peer);
    return peer;
  }

  /** A peer that has nothing. */
  joinEmpty(key: PeerKey): PeerConnection {
    const flags = { fast: true, extended: true, dht: false };
    const have = new Bitfield(PIECE_COUNT);
    const remote = { host: `10.0.0.${key}`, port: 1 };
    const { now } = this;
    const session = new PeerSession({ layout: this.#layout, have, flags, host: remote.host, now });
    const peer = new PeerConnection({
      key,
      ready: readyPeer({
        remote,
        read: () => Promise.resolve(null),
        write: (bytes) => {
          this.sent.set(key, [...this.sent.get(key) ?? [], bytes.slice()]);
          return Promise.resolve();
        },
        close() {},
      }),
      session,
      maxMessageLength: 128 * 1024,
      clock: this.#clock,
      downloadLimit: new RateLimit(undefined, this.#clock),
      onRead: () => {},
      backPressure: () => undefined,
      upload: () => Promise.resolve(),
    });
    this.peers.set(key, peer);
    return peer;
  }

  leave(peer: PeerConnection): void {
    this.peers.delete(peer.key);
    this.#downloader.peerGone(peer);
  }

  fill(peer: PeerConnection): number {
    const before = peer.session.outstandingCount;
    this.#downloader.fill(peer, this.now);
    return peer.session.outstandingCount - before;
  }

  /** What peers are sent for it is in `sent` afterwards. */
  async goOn(): Promise<void> {
    this.#downloader.goOn(this.now);
    await new Promise((resolve) => setTimeout(resolve));
  }

  /** The peer answers its oldest requests of those chosen; the others wait. */
  answer(peer: PeerConnection, most: number, isChosen = (_: BlockSpan) => true): void {
    const asked = this.#picker.asked.get(peer.key)!;
    const chosen = new Set(asked.filter(isChosen).slice(0, most));
    this.#picker.asked.set(peer.key, asked.filter((span) => !chosen.has(span)));
    for (const { piece, begin, length } of chosen) {
      const block = new Uint8Array(length);
      peer.session.handleMessage({ kind: "piece", index: piece, begin, block }, this.now);
      this.#drain(peer);
    }
  }

  /** It answers everything LATENCY_MS after it was asked, until its window grows no longer. */
  speedUp(peer: PeerConnection): void {
    for (let owed = 0; owed < peer.session.outstandingCount || this.fill(peer) > owed;) {
      owed = peer.session.outstandingCount;
      this.now += LATENCY_MS;
      this.answer(peer, owed);
      this.fill(peer);
    }
  }

  #drain(peer: PeerConnection): void {
    for (const event of peer.session.drain()) this.#downloader.handle(peer, event, this.now);
  }
}

for (
  const [reqq, refill] of [
    [90, 30],
    [500, 64],
    [3_200, 200],
  ] as const
) {
  Deno.test(`fill() waits until ${refill} blocks are free when the window has ${reqq}`, () => {
    const scene = new Scene(1_000);
    const peer = scene.join(1, reqq);
    scene.speedUp(peer);
    strictEqual(peer.session.outstandingCount, reqq);
    scene.now += LATENCY_MS;
    scene.answer(peer, refill - 1);
    strictEqual(scene.fill(peer), 0);
    scene.answer(peer, 1);
    strictEqual(scene.fill(peer), refill);
  });
}

Deno.test("fill() keeps a quarter of the memory for peers that have less than their part of it", () => {
  const scene = new Scene(100);
  const peers = Array.from({ length: 10 }, (_, index) => scene.join(index + 1, 8_000));
  const blocks = scene.assembly.maxBlocks;
  for (const peer of peers.slice(0, 9)) scene.speedUp(peer);
  const last = peers[9]!;
  const owed = () => peers.reduce((sum, { session }) => sum + session.outstandingCount, 0);
  ok(owed() > blocks / 4, `${owed()} of ${blocks} blocks before the last`);
  scene.speedUp(last);
  strictEqual(last.session.outstandingCount, Math.ceil(blocks / 4 / peers.length));
});

for (
  const [memory, isScarce, window] of [
    ["plenty", false, 80],
    ["scarce", true, 13],
  ] as const
) {
  Deno.test(`fill() lets one of 20 slow peers owe ${window} blocks when memory is ${memory}`, () => {
    const scene = new Scene(16);
    const greedy = scene.join(1, 8_000);
    scene.speedUp(greedy);
    if (isScarce) scene.answer(greedy, Infinity, ({ begin }) => begin === 0);
    scene.answer(greedy, Infinity);
    strictEqual(scene.assembly.isScarce, isScarce);
    const [slow] = Array.from({ length: 19 }, (_, index) => scene.join(index + 2, 8_000));
    let most = 0;
    for (let round = 0; round < 50; round++) {
      scene.fill(slow!);
      most = Math.max(most, slow!.session.outstandingCount);
      scene.now += LATENCY_MS;
      scene.answer(slow!, SLOW_BLOCKS);
    }
    strictEqual(most, window);
  });
}

Deno.test("fill() looks at no other peer, for one however quick, when memory is plenty", () => {
  const scene = new Scene(1_000);
  const [quick] = Array.from({ length: 20 }, (_, index) => scene.join(index + 1, 500));
  scene.speedUp(quick!);
  ok(quick!.session.downloadRate(scene.now) >= 64 * 1024);
  scene.now += LATENCY_MS;
  scene.answer(quick!, 100);
  scene.peers.lookCount = 0;
  strictEqual(scene.fill(quick!), 100);
  strictEqual(scene.peers.lookCount, 0);
});

Deno.test("fill() gives a quick peer its part of the memory, though many owe what is kept for them", () => {
  const scene = new Scene(4), count = 40;
  const blocks = scene.assembly.maxBlocks, kept = Math.ceil(blocks / 4 / count);
  const quick = scene.join(0, 8_000);
  const others = Array.from({ length: count - 1 }, (_, index) => scene.join(index + 1, kept));
  for (const mute of others) strictEqual(scene.fill(mute), kept);
  scene.speedUp(quick);
  ok(quick.session.outstandingCount >= Math.floor(blocks * (1 / 4 + 1 / 2 / count)));
});

Deno.test("peerGone() forgets the turn of the peer", () => {
  const scene = new Scene(1_000, 1);
  const first = scene.join(1, 500), other = scene.join(2, 500);
  ok(scene.fill(first) > 0);
  scene.leave(first);
  ok(scene.fill(scene.join(1, 500)) > 0, "it is not the one that has had a turn");
  strictEqual(scene.fill(other), 0);
});

Deno.test("goOn() tells a peer of all pieces that came within 50 ms in one write", async () => {
  const scene = new Scene(1_000);
  const seed = scene.join(1, 500), empty = scene.joinEmpty(2);
  scene.speedUp(seed);
  const owed = () => empty.session.output.pendingBytes / HAVE_LENGTH;
  const told = () => (scene.sent.get(empty.key) ?? []).map(({ length }) => length / HAVE_LENGTH);
  const first = owed();
  ok(first > 0);
  await scene.goOn();
  deepStrictEqual(told(), [first]);
  for (const waitMs of [25, 24]) {
    scene.now += waitMs;
    scene.answer(seed, 2 * BLOCKS_PER_PIECE);
    await scene.goOn();
  }
  deepStrictEqual([told(), owed()], [[first], 4]);
  scene.now += 1;
  await scene.goOn();
  deepStrictEqual([told(), owed()], [[first, 4], 0]);
});

Deno.test("goOn() asks a peer at once that has room, though others were told a moment ago", async () => {
  const scene = new Scene(1_000);
  const seed = scene.join(1, 500);
  scene.speedUp(seed);
  await scene.goOn();
  const before = scene.sent.get(seed.key)!.length;
  scene.now += LATENCY_MS;
  scene.answer(seed, 100);
  await scene.goOn();
  strictEqual(scene.sent.get(seed.key)!.length, before + 1);
  strictEqual(seed.session.outstandingCount, 500);
});
