import { deepStrictEqual } from "node:assert/strict";
import type { BlockIndex, PieceIndex } from "../../src/base/ids.ts";
import { BLOCK_LENGTH, Layout } from "../../src/metainfo/layout.ts";
import { Eviction } from "../../src/piece/eviction.ts";
import type { OpenPiece } from "../../src/piece/open_piece.ts";
import { OpenPieces } from "../../src/piece/open_pieces.ts";
import { PartialPiece } from "../../src/piece/partial_piece.ts";
import { ScriptedPeer } from "./picking.ts";

Deno.test("abandoned() gives the stalest piece that nobody has been asked for in 2 s", () => {
  const [pieces, open] = openPieces([0, 100, 200]);
  const eviction = new Eviction(BLOCK_LENGTH);
  open[0]!.touchedAt = 500;
  deepStrictEqual(eviction.abandoned(pieces.all(), 2_099), undefined);
  deepStrictEqual(eviction.abandoned(pieces.all(), 3_000)?.piece, 1);
  pieces.add(open[1]!, 0 as BlockIndex, pieces.requester(1), 100);
  deepStrictEqual(eviction.abandoned(pieces.all(), 3_000)?.piece, 2);
});

Deno.test("overdue() gives the oldest piece that the peer does not have", () => {
  const [pieces] = openPieces([0, 100, 200]);
  const eviction = new Eviction(65_536);
  const peer = new ScriptedPeer(1, "*--");
  deepStrictEqual(eviction.overdue(pieces.all(), peer, 31_099), undefined);
  deepStrictEqual(eviction.overdue(pieces.all(), peer, 31_100)?.piece, 1);
});

Deno.test("overdue() is twice as patient after each piece, until one succeeds", () => {
  const [pieces] = openPieces([0]);
  const eviction = new Eviction(65_536);
  const peer = new ScriptedPeer(1, "-");
  const isOverdue = (now: number) => eviction.overdue(pieces.all(), peer, now) !== undefined;
  deepStrictEqual([31_000, 61_999, 62_000, 62_000, 124_000].map(isOverdue), [
    true,
    false,
    true,
    false,
    true,
  ]);
  eviction.succeeded();
  deepStrictEqual(isOverdue(31_000), true);
});

function openPieces(openedAt: readonly number[]): [OpenPieces, OpenPiece[]] {
  const pieces = new OpenPieces();
  const files = [{ length: openedAt.length * BLOCK_LENGTH, isPadding: false }];
  const layout = new Layout({ pieceLength: BLOCK_LENGTH, files });
  const open = openedAt.map((now, piece) => {
    const buffer = new ArrayBuffer(BLOCK_LENGTH);
    const partial = new PartialPiece(layout, piece as PieceIndex, () => buffer);
    return pieces.open(partial, {
      rank: piece,
      isSlow: false,
      now,
      paroled: undefined,
    });
  });
  return [pieces, open];
}
