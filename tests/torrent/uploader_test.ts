import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { StorageError } from "../../src/base/errors.ts";
import type { PieceIndex } from "../../src/base/ids.ts";
import { Layout } from "../../src/metainfo/layout.ts";
import type { PeerSession } from "../../src/peer/session.ts";
import { PieceTable } from "../../src/piece/piece_table.ts";
import { RateLimit } from "../../src/torrent/rate_limit.ts";
import type { TorrentEvent } from "../../src/torrent/snapshot.ts";
import { Uploader, type UploadPeer } from "../../src/torrent/uploader.ts";
import { blockMessage, ScriptedSession } from "../peer/scripted_session.ts";
import { ManualClock } from "../sim/manual_clock.ts";
import { blocksOf } from "../storage/disk_target.ts";
import { contentOf, StoredRuns } from "./stored_runs.ts";

const BLOCK = 16_384;
const PIECES = 40;
const ALL = [...Array(PIECES).keys()];
const NEVER = new AbortController().signal;

type Place = readonly [piece: number, begin: number, length?: number];

/** A peer that asks for blocks, and takes what it is given when the test lets it. */
class Leecher implements UploadPeer {
  readonly script: ScriptedSession;
  /** What each write held. */
  readonly writes: Place[][] = [];
  /** What writes wait for. */
  gate: Promise<unknown> = Promise.resolve();
  isGone = false;

  constructor(pieceLength = 4 * BLOCK, shape: { readonly layout?: Layout } = {}) {
    this.script = new ScriptedSession({ pieceCount: PIECES, pieceLength, have: ALL, ...shape });
    this.session.unchoke(0);
  }

  get session(): PeerSession {
    return this.script.session;
  }

  ask(...places: readonly Place[]): this {
    for (const [piece, begin, length = BLOCK] of places) {
      this.script.hear(blockMessage("request", { piece, begin, length }));
    }
    return this;
  }

  async writeBlocks(messages: Uint8Array): Promise<boolean> {
    const blocks = blocksOf(messages);
    for (const { index, begin, block } of blocks) {
      deepStrictEqual(block, contentOf(index, begin, block.length));
    }
    this.writes.push(blocks.map(({ index, begin }) => [index, begin]));
    await this.gate;
    // Nothing may have been read into what is being written.
    deepStrictEqual(blocksOf(messages), blocks);
    return !this.isGone;
  }

  get taken(): Place[] {
    return this.writes.flat();
  }
}

class Desk {
  readonly clock = new ManualClock();
  readonly disk = new StoredRuns();
  readonly events: TorrentEvent[] = [];
  readonly table: PieceTable;
  readonly uploader: Uploader;

  constructor(
    { bytesPerSecond, pieceLength, layout = new Leecher(pieceLength).script.layout }: {
      bytesPerSecond?: number;
      pieceLength?: number;
      layout?: Layout;
    } = {},
  ) {
    const table = this.table = new PieceTable(layout);
    for (const piece of ALL) table.markHave(piece as PieceIndex);
    this.uploader = new Uploader({
      storage: this.disk.asStorage(),
      layout,
      table,
      clock: this.clock,
      limit: new RateLimit(bytesPerSecond, this.clock),
      onEvent: (event) => this.events.push(event),
    });
  }
}

/** All blocks of a piece. */
function wholePiece(piece: number): Place[] {
  return [0, 1, 2, 3].map((block): Place => [piece, block * BLOCK]);
}

/** So that a write may hold more than one block. */
function asFast(peer: Leecher): void {
  peer.session.noteUploaded(2 ** 24, 0);
}

Deno.test("serve() answers all requests in their order, neighbours in one write", async () => {
  const { uploader, disk } = new Desk();
  const peer = new Leecher();
  asFast(peer);
  peer.ask(...wholePiece(3), [1, BLOCK], [1, 2 * BLOCK], [1, 0], [2, 7, 100]);
  await uploader.serve(peer, NEVER);
  deepStrictEqual(peer.writes, [
    wholePiece(3),
    [[1, BLOCK], [1, 2 * BLOCK], [1, 0]],
    [[2, 7]],
  ]);
  deepStrictEqual(disk.runs.map(({ piece }) => piece), [3, 1, 2]);
  strictEqual(uploader.meter.total, 7 * BLOCK + 100);
  strictEqual(peer.session.uploadedBytes, 2 ** 24 + uploader.meter.total);
});

Deno.test("serve() gives the last block of a file of version 2 whole, and counts what is the file's", async () => {
  const files = ALL.map(() => ({ length: 100, isPadding: false }));
  const layout = new Layout({ pieceLength: 4 * BLOCK, files, isAligned: true });
  const { uploader } = new Desk({ layout });
  for (const copies of [1, 2]) {
    const peer = new Leecher(4 * BLOCK, { layout });
    asFast(peer);
    // What is asked for a second time is at hand, and gathered.
    peer.ask([0, 0, 100], [1, 0], [2, 0], [3, 100, 50], [4, BLOCK]);
    await uploader.serve(peer, NEVER);
    deepStrictEqual(peer.taken, [[0, 0], [1, 0], [2, 0], [3, 100]]);
    strictEqual(uploader.meter.total, copies * 300);
    strictEqual(peer.session.uploadedBytes, 2 ** 24 + 2 * BLOCK + 150);
  }
});

Deno.test("P25 a peer that reads nothing holds one block, and a fast one grows its writes", async () => {
  const { uploader } = new Desk();
  const peer = new Leecher().ask(...wholePiece(0), ...wholePiece(1), ...wholePiece(2));
  const opening = Promise.withResolvers<void>();
  peer.gate = opening.promise;
  const serving = uploader.serve(peer, NEVER);
  for (let turn = 0; turn < 100; turn++) await Promise.resolve();
  deepStrictEqual(peer.writes, [[[0, 0]]]);
  opening.resolve();
  await serving;
  deepStrictEqual(peer.taken, [0, 1, 2].flatMap(wholePiece));
  ok(peer.writes.at(-1)!.length > 1);
});

Deno.test("serve() sends small pieces that are at hand in one write, at most 256 KiB", async () => {
  const { uploader } = new Desk();
  const pieces = ALL.slice(0, 12);
  await uploader.serve(new Leecher().ask(...pieces.flatMap(wholePiece)), NEVER);
  // No two ask for the same at the same time, and no write ends where a piece does.
  const asked = pieces.map((first) =>
    [...pieces.slice(first), ...pieces.slice(0, first)].flatMap(wholePiece).slice(1)
  );
  const peers = asked.map((places) => new Leecher().ask(...places));
  peers.forEach(asFast);
  const opening = Promise.withResolvers<void>();
  for (const peer of peers) peer.gate = opening.promise;
  const serving = peers.map((peer) => uploader.serve(peer, NEVER));
  for (let turn = 0; turn < 100; turn++) await Promise.resolve();
  opening.resolve();
  await Promise.all(serving);
  for (const [index, { writes, taken }] of peers.entries()) {
    deepStrictEqual(taken, asked[index]);
    deepStrictEqual(writes.map(({ length }) => length), [16, 16, 15]);
  }
});

Deno.test("serve() gathers no more than a peer takes in a quarter of a second", async () => {
  const { uploader } = new Desk();
  const places: Place[] = [[0, 0], [1, 0], ...wholePiece(2)];
  await uploader.serve(new Leecher().ask(...places), NEVER);
  const peer = new Leecher().ask(...places);
  const rate = peer.session.uploadRate(0);
  peer.session.noteUploaded(3 * BLOCK, 0);
  strictEqual((peer.session.uploadRate(0) - rate) / 4, 3 * BLOCK, "which is three blocks");
  await uploader.serve(peer, NEVER);
  deepStrictEqual(peer.writes[0], places.slice(0, 3));
});

Deno.test("serve() copies nothing of runs of more than 64 KiB", async () => {
  const pieceLength = 5 * BLOCK;
  const { uploader } = new Desk({ pieceLength });
  const places: Place[] = [[0, 0], [1, 0], [2, 0]];
  await uploader.serve(new Leecher(pieceLength).ask(...places), NEVER);
  const peer = new Leecher(pieceLength).ask(...places);
  asFast(peer);
  await uploader.serve(peer, NEVER);
  deepStrictEqual(peer.writes, places.map((place) => [place]));
});

Deno.test("serve() gathers for others when peers are gone that it gathered for", async () => {
  const { uploader } = new Desk();
  const places = [0, 1, 2].flatMap(wholePiece);
  await uploader.serve(new Leecher().ask(...places), NEVER);
  for (let count = 0; count < 17; count++) {
    const peer = new Leecher().ask(...places);
    asFast(peer);
    peer.isGone = true;
    await uploader.serve(peer, NEVER);
    deepStrictEqual(peer.writes, [places]);
  }
});

Deno.test("serve() waits with no write for a piece that is not here yet", async () => {
  const { uploader, disk } = new Desk();
  await uploader.serve(new Leecher().ask(...wholePiece(0)), NEVER);
  const opening = Promise.withResolvers<void>();
  disk.gate = opening.promise;
  const peer = new Leecher().ask(...wholePiece(0), ...wholePiece(1));
  asFast(peer);
  const serving = uploader.serve(peer, NEVER);
  for (let turn = 0; turn < 100; turn++) await Promise.resolve();
  deepStrictEqual(peer.writes, [wholePiece(0)]);
  opening.resolve();
  await serving;
  deepStrictEqual(peer.writes, [wholePiece(0), wholePiece(1)]);
});

Deno.test("serve() reads a MiB of small pieces while the peer takes this one, and no more", async () => {
  const { uploader, disk } = new Desk();
  const peer = new Leecher().ask(...ALL.flatMap(wholePiece));
  const writing = Promise.withResolvers<void>(), opening = Promise.withResolvers<void>();
  peer.writeBlocks = async () => {
    writing.resolve();
    await opening.promise;
    return true;
  };
  const serving = uploader.serve(peer, NEVER);
  await writing.promise;
  deepStrictEqual(disk.runs.map(({ piece }) => piece), ALL.slice(0, 1 + 16));
  opening.resolve();
  await serving;
  deepStrictEqual(disk.runs.map(({ piece }) => piece), ALL);
});

Deno.test("serve() reads less ahead of each peer, the more of them it serves", async () => {
  const asked = [0, 1, 2, 3];
  // Of 24 MiB for all of them, each may use two pieces of 64 KiB, and half of the rest.
  for (const [peerCount, read] of [[1, asked], [64, [0, 1]], [192, [0]]] as const) {
    const { uploader, disk } = new Desk();
    const opening = Promise.withResolvers<void>();
    const ask = () => new Leecher().ask(...asked.flatMap(wholePiece));
    const peers = Array.from({ length: peerCount }, ask);
    for (const peer of peers) peer.gate = opening.promise;
    const serving = peers.map((peer) => uploader.serve(peer, NEVER));
    for (let turn = 0; turn < 100; turn++) await Promise.resolve();
    ok(peers.every(({ writes }) => writes.length === 1));
    deepStrictEqual(disk.runs.map(({ piece }) => piece), read);
    opening.resolve();
    await Promise.all(serving);
    for (const peer of peers) deepStrictEqual(peer.taken, asked.flatMap(wholePiece));
  }
});

Deno.test("serve() reads ahead once what cannot be read, and once more when it is needed", async () => {
  const { uploader, disk } = new Desk();
  disk.broken.add(5);
  const peer = new Leecher().ask(...ALL.flatMap(wholePiece));
  await uploader.serve(peer, NEVER);
  strictEqual(disk.runs.filter(({ piece }) => piece === 5).length, 2);
  deepStrictEqual(peer.taken, ALL.filter((piece) => piece !== 5).flatMap(wholePiece));
});

Deno.test("peers that ask for the same pieces share what was read", async () => {
  const { uploader, disk } = new Desk();
  const peers = Array.from({ length: 8 }, () => new Leecher().ask(...ALL.flatMap(wholePiece)));
  await Promise.all(peers.map((peer) => uploader.serve(peer, NEVER)));
  strictEqual(disk.runs.length, PIECES);
  for (const peer of peers) deepStrictEqual(peer.taken, ALL.flatMap(wholePiece));
});

Deno.test("what is cancelled, or choked, while it is read is not sent", async () => {
  const { uploader, disk } = new Desk();
  const opening = Promise.withResolvers<void>();
  disk.gate = opening.promise;
  const canceller = new Leecher().ask([0, 0], [0, BLOCK]);
  const choked = new Leecher().ask([0, 0]);
  const serving = [canceller, choked].map((peer) => uploader.serve(peer, NEVER));
  const cancelled = { piece: 0, begin: 0, length: BLOCK };
  canceller.script.hear(blockMessage("cancel", cancelled));
  choked.session.choke(0);
  opening.resolve();
  await Promise.all(serving);
  deepStrictEqual([canceller.taken, choked.taken], [[[0, BLOCK]], []]);
});

Deno.test("serve() ends when the peer is gone", async () => {
  const { uploader, disk } = new Desk();
  const leaving = new AbortController();
  const peer = new Leecher().ask(...wholePiece(0));
  const opening = Promise.withResolvers<void>();
  disk.gate = opening.promise;
  const serving = uploader.serve(peer, leaving.signal);
  leaving.abort();
  opening.resolve();
  await serving;
  deepStrictEqual([peer.taken, uploader.meter.total], [[], 0]);
});

Deno.test("D3 a piece that cannot be read is refused and no longer had, and the user told once", async () => {
  const { uploader, disk, table, events } = new Desk();
  disk.broken.add(1);
  const peers = [0, 1].map(() => new Leecher().ask(...wholePiece(1), [2, 0]));
  for (const peer of peers) peer.script.said();
  await Promise.all(peers.map((peer) => uploader.serve(peer, NEVER)));
  for (const peer of peers) {
    deepStrictEqual(peer.taken, [[2, 0]]);
    deepStrictEqual(
      peer.script.said(),
      wholePiece(1).map(([piece, begin]) =>
        blockMessage("reject", { piece, begin, length: BLOCK })
      ),
    );
  }
  ok(!table.have.has(1) && table.have.has(2));
  deepStrictEqual(events, [{
    kind: "warning",
    message: "Cannot read /x: it is broken; what cannot be read of it is not uploaded any more",
  }]);
});

Deno.test("D3 the user is told once of many pieces that cannot be read, for each file and reason", async () => {
  const { uploader, disk, table, events } = new Desk();
  const reads = disk.read.bind(disk);
  disk.read = async (run, buffer) => {
    const outcome = await reads(run, buffer);
    if (outcome.kind !== "failed") return outcome;
    const path = run.piece < 30 ? "/x" : "/y";
    const [reason, fact] = run.piece % 2 === 0
      ? ["io", "EIO"] as const
      : ["denied", "EACCES"] as const;
    return { ...outcome, error: new StorageError(reason, path, `Cannot read ${path}: ${fact}`) };
  };
  for (const piece of ALL) disk.broken.add(piece);
  const peer = new Leecher().ask(...ALL.map((piece): Place => [piece, 0]));
  await uploader.serve(peer, NEVER);
  strictEqual(table.have.count, 0);
  const said = events.map((event) => event.kind === "warning" && event.message.split(";")[0]);
  deepStrictEqual(
    said,
    ["/x: EIO", "/x: EACCES", "/y: EIO", "/y: EACCES"].map((fact) => `Cannot read ${fact}`),
  );
});

Deno.test("the upload rate is kept, and shared by peers alike", async () => {
  const rate = 64 * BLOCK;
  const { uploader, clock } = new Desk({ bytesPerSecond: rate });
  const leaving = new AbortController();
  const peers = [1, 2, 3, 4].map(() => new Leecher());
  const serving = peers.map(async (peer) => {
    while (!leaving.signal.aborted) {
      peer.ask(...ALL.flatMap(wholePiece));
      await uploader.serve(peer, leaving.signal);
    }
  });
  await clock.run(() => false, 10_000);
  leaving.abort();
  await Promise.all(serving);
  const total = uploader.meter.total;
  ok(Math.abs(total / (10 * rate) - 1) <= 0.05, `${total} bytes in 10 s`);
  for (const { session } of peers) {
    ok(Math.abs(session.uploadedBytes / total - 1 / 4) <= 0.02, `${session.uploadedBytes} bytes`);
  }
});
