import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { Bitfield } from "../../../src/base/bitfield.ts";
import { StorageError } from "../../../src/base/errors.ts";
import type { PieceIndex } from "../../../src/base/ids.ts";
import { VerifiedReader } from "../../../src/cli/cat/verified_reader.ts";
import type { ReadableTorrent } from "../../../src/cli/tasks/outlet.ts";
import type { ReadOutcome } from "../../../src/storage/storage.ts";
import { readFrom } from "../fake_engine.ts";
import { makeSnapshot } from "../snapshots.ts";

const SPAN = { piece: 3 as PieceIndex, begin: 5, length: 40_000 };

/** A torrent of four pieces, each full of its number plus one. */
class FourPieces implements ReadableTorrent {
  readonly have = new Bitfield(4);
  readonly buffers: (ArrayBuffer | undefined)[] = [];
  error: StorageError | undefined;
  /** The one piece that cannot be read: that takes no time. */
  failingPiece: number | undefined;
  /** Reads, now and when there were most. */
  underWay = 0;
  mostAtOnce = 0;

  snapshot() {
    return makeSnapshot({ havePieces: this.have });
  }

  async read(...[run, buffer]: Parameters<ReadableTorrent["read"]>): Promise<ReadOutcome> {
    this.buffers.push(buffer);
    const { error } = this;
    if (error !== undefined) return { kind: "failed", error, lost: [] };
    if (run.piece === this.failingPiece) {
      return { kind: "failed", error: new StorageError("io", "x", "cannot be read"), lost: [] };
    }
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.underWay);
    await turns();
    this.underWay--;
    return readFrom(run, buffer, (blocks) => blocks.fill(run.piece + 1));
  }
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

Deno.test("read() gives the bytes of a piece that is here, and uses its buffer again", async () => {
  const torrent = new FourPieces();
  torrent.have.set(3);
  const reader = new VerifiedReader(torrent, new AbortController().signal);
  for (let time = 0; time < 3; time++) {
    deepStrictEqual(await reader.read([SPAN]), new Uint8Array(40_000).fill(4));
  }
  const [first, second, third] = torrent.buffers;
  strictEqual(first, undefined);
  strictEqual(second, third);
  strictEqual(second!.byteLength, 40_000 + 3 * 13);
});

Deno.test("read() waits for its piece, whichever others come before", async () => {
  const torrent = new FourPieces();
  const reader = new VerifiedReader(torrent, new AbortController().signal);
  const reading = reader.read([SPAN]);
  for (const piece of [0, 2, 3]) {
    await turns();
    deepStrictEqual(torrent.buffers, [], `before piece ${piece}`);
    // It is told just before it is counted among those that are here.
    reader.hear({ kind: "piece", piece });
    torrent.have.set(piece);
  }
  strictEqual((await reading).length, 40_000);
});

Deno.test("read() reads on when its piece was on disk already", async () => {
  const torrent = new FourPieces();
  const reader = new VerifiedReader(torrent, new AbortController().signal);
  const reading = reader.read([SPAN]);
  torrent.have.set(3);
  reader.hear({ kind: "warning", message: "says nothing about pieces" });
  await turns();
  deepStrictEqual(torrent.buffers, []);
  reader.hear({ kind: "checked", have: 1, pieces: 4 });
  strictEqual((await reading).length, 40_000);
});

Deno.test("read() throws what the storage fails with, and reads no more once it is to end", async () => {
  const torrent = new FourPieces();
  torrent.have.set(3);
  torrent.error = new StorageError("changed", "x", "it was changed by another program");
  const ending = new AbortController();
  const reader = new VerifiedReader(torrent, ending.signal);
  await rejects(reader.read([SPAN]), /changed by another program/);
  const waiting = reader.read([{ ...SPAN, piece: 1 as PieceIndex }]);
  ending.abort(new Error("it is over"));
  await rejects(waiting, /it is over/);
  await rejects(reader.read([SPAN]), /it is over/);
  strictEqual(torrent.buffers.length, 1);
});

Deno.test("read() puts several parts into a row, and asks for all of them at once", async () => {
  const torrent = new FourPieces();
  torrent.have.set(3);
  const reader = new VerifiedReader(torrent, new AbortController().signal);
  await reader.read([SPAN]);
  const small = { piece: 0 as PieceIndex, begin: 0, length: 3 };
  const header = new Uint8Array(2).fill(9);
  const reading = reader.read([header, { ...SPAN, length: 2 }, small, header, small]);
  await turns();
  deepStrictEqual(torrent.buffers.length, 1, "none before all are here");
  torrent.have.set(0);
  reader.hear({ kind: "piece", piece: 0 });
  deepStrictEqual([...await reading], [9, 9, 4, 4, 1, 1, 1, 9, 9, 1, 1, 1]);
  deepStrictEqual(torrent.buffers.slice(1), [undefined, undefined, undefined]);
  strictEqual(torrent.mostAtOnce, 3);
});

Deno.test("read() has ended with all parts when one of them fails", async () => {
  const torrent = new FourPieces();
  torrent.have.set(0);
  torrent.have.set(3);
  torrent.failingPiece = 0;
  const reader = new VerifiedReader(torrent, new AbortController().signal);
  await rejects(reader.read([{ ...SPAN, piece: 0 as PieceIndex }, SPAN]), /cannot be read/);
  strictEqual(torrent.underWay, 0);
  deepStrictEqual(await reader.read([SPAN]), new Uint8Array(40_000).fill(4));
});
