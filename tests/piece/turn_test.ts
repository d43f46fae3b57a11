import { deepStrictEqual } from "node:assert/strict";
import type { BlockIndex, PieceIndex } from "../../src/base/ids.ts";
import type { BlockSpan } from "../../src/metainfo/layout.ts";
import { OpenPiece } from "../../src/piece/open_piece.ts";
import { OpenPieces } from "../../src/piece/open_pieces.ts";
import { Requester } from "../../src/piece/requester.ts";
import { Turn } from "../../src/piece/turn.ts";
import { Picking, type ScriptedPeer } from "./picking.ts";

const SPAN = {} as BlockSpan;

Deno.test("isFull holds when as many blocks were asked for as there was room for", () => {
  const turn = turnOf(new Requester(1), 2);
  turn.spans.push(SPAN);
  deepStrictEqual(turn.isFull, false);
  turn.spans.push(SPAN);
  deepStrictEqual(turn.isFull, true);
});

Deno.test("isDry holds while the peer owes no more than half of what it should", () => {
  for (const [owed, room, expected] of [[0, 8, true], [4, 4, true], [5, 3, false]] as const) {
    const requester = new Requester(1);
    owe(requester, owed);
    deepStrictEqual(turnOf(requester, room).isDry, expected, `${owed} owed, room for ${room}`);
  }
});

Deno.test("isDry counts what the peer is asked for in this turn", () => {
  const requester = new Requester(1);
  const turn = turnOf(requester, 4);
  owe(requester, 3);
  deepStrictEqual(turn.isDry, false);
});

Deno.test("isQuickFor() holds of a peer that gives so much in 2 s", () => {
  const turn = turnOf(new Requester(1), 4);
  deepStrictEqual(turn.isQuickFor(1), false);
  turn.peer.rate = 1_000;
  deepStrictEqual([turn.isQuickFor(2_000), turn.isQuickFor(2_001)], [true, false]);
});

Deno.test("ownPiece is the piece of before the turn, whatever is asked for in it", () => {
  const requester = new Requester(1);
  requester.latestPiece = 3 as PieceIndex;
  const turn = turnOf(requester, 4);
  requester.latestPiece = 4 as PieceIndex;
  deepStrictEqual(turn.ownPiece, 3);
});

Deno.test("isSlow holds of a peer that snubs us, and of one that answers late", () => {
  const late = new Requester(1);
  late.answeredAfter(3_000);
  deepStrictEqual(turnOf(late, 1).isSlow, true);
  deepStrictEqual(turnOf(new Requester(1), 1).isSlow, false);
  deepStrictEqual(turnOf(new Requester(1), 1, true).isSlow, true);
});

function turnOf(
  requester: Requester,
  count: number,
  isSnubbed = false,
): Turn & { readonly peer: ScriptedPeer } {
  const peer = new Picking({ pieces: "." }).join(requester.key, "*");
  peer.isSnubbed = isSnubbed;
  return Object.assign(new Turn(peer, requester, count, 0), { peer });
}

/** The peer is asked for so many blocks. */
function owe(requester: Requester, blockCount: number): void {
  const picking = new Picking({ pieces: ".", blocksPerPiece: blockCount + 1 });
  const partial = picking.assembly.open(0 as PieceIndex);
  const open = new OpenPiece(partial, { rank: 0, isSlow: false, now: 0, paroled: undefined });
  const pieces = new OpenPieces();
  for (let block = 0; block < blockCount; block++) {
    pieces.add(open, block as BlockIndex, requester, 0);
  }
}
