import { deepStrictEqual, throws } from "node:assert/strict";
import type { BlockIndex, PieceIndex } from "../../src/base/ids.ts";
import { BLOCK_LENGTH, Layout } from "../../src/metainfo/layout.ts";
import type { BlockRequest } from "../../src/piece/block_request.ts";
import { OpenPiece } from "../../src/piece/open_piece.ts";
import { NO_PEER, PartialPiece } from "../../src/piece/partial_piece.ts";
import { ParoledPiece } from "../../src/piece/paroled_piece.ts";
import { Requester } from "../../src/piece/requester.ts";

const [B0, B1, B2] = [0, 1, 2] as BlockIndex[] as [BlockIndex, BlockIndex, BlockIndex];

Deno.test("nextFree() skips what is asked for, what is here, and padding", () => {
  const open = openPiece({ padding: 1 });
  deepStrictEqual([open.freeCount, open.nextFree()], [2, B0]);
  const request = attach(open, B0, 1);
  deepStrictEqual([open.freeCount, open.nextFree()], [1, B1]);
  open.settle(B1, 5);
  deepStrictEqual([open.freeCount, open.nextFree(), open.isUntouched], [0, undefined, false]);
  open.detach(request);
  deepStrictEqual([open.freeCount, open.nextFree(), open.touchedAt], [1, B0, 5]);
});

Deno.test("requests for one block are found by peer and leave in any order", () => {
  for (const order of [[0, 1, 2], [1, 0, 2], [2, 1, 0], [1, 2, 0]]) {
    const open = openPiece({});
    const requests = [1, 2, 3].map((peer) => attach(open, B2, peer));
    deepStrictEqual(open.requestBy(2, B2), requests[1]);
    deepStrictEqual([open.requestedCount, open.freeCount], [1, 2]);
    for (const index of order) open.detach(requests[index]!);
    deepStrictEqual([open.requestedCount, open.freeCount, open.isUntouched], [0, 3, true]);
    throws(() => open.detach(requests[0]!), /not asked for/);
  }
});

Deno.test("settle() hands back the requests, once, and none is taken afterwards", () => {
  const open = openPiece({});
  const first = attach(open, B1, 1), second = attach(open, B1, 2);
  deepStrictEqual([...open.requests()], [second, first]);
  deepStrictEqual(open.settle(B1, 9), second);
  deepStrictEqual([open.settle(B1, 9), open.requestedCount, open.freeCount], [undefined, 0, 2]);
  throws(() => attach(open, B1, 3), /is here/);
});

Deno.test("own(), disown() and share() say whose blocks are taken", () => {
  const open = openPiece({ paroled: new ParoledPiece(100) });
  open.own(4, 10);
  deepStrictEqual([open.paroled?.owner, open.partial.onlyFrom], [4, 4]);
  open.share();
  deepStrictEqual([open.paroled?.owner, open.partial.onlyFrom], [4, undefined]);
  open.disown();
  deepStrictEqual([open.paroled?.owner, open.partial.onlyFrom], [NO_PEER, NO_PEER]);
});

function openPiece(
  { padding = 0, paroled }: { readonly padding?: number; readonly paroled?: ParoledPiece },
): OpenPiece {
  const layout = new Layout({
    pieceLength: 3 * BLOCK_LENGTH,
    files: [
      { length: (3 - padding) * BLOCK_LENGTH, isPadding: false },
      { length: padding * BLOCK_LENGTH, isPadding: true },
    ],
  });
  const partial = new PartialPiece(
    layout,
    0 as PieceIndex,
    () => new ArrayBuffer(3 * BLOCK_LENGTH),
  );
  return new OpenPiece(partial, {
    rank: 0,
    isSlow: false,
    now: 0,
    paroled,
  });
}

function attach(open: OpenPiece, block: BlockIndex, peer: number): BlockRequest {
  const request: BlockRequest = {
    open,
    block,
    requester: new Requester(peer),
    isDoubted: false,
    at: 0,
    slot: 0,
    another: undefined,
    previous: undefined,
    next: undefined,
  };
  open.attach(request);
  return request;
}
