import { deepStrictEqual, ok, throws } from "node:assert/strict";
import type { BlockIndex, PieceIndex } from "../../src/base/ids.ts";
import { Layout } from "../../src/metainfo/layout.ts";
import { Fetching } from "../../src/peer/fetching.ts";
import { SessionEvents } from "../../src/peer/session_event.ts";
import { MessageWriter } from "../../src/wire/encoder.ts";

const KIB = 1024;
const LAYOUT = new Layout({
  pieceLength: 32 * KIB,
  files: [{ length: 90 * KIB, isPadding: false }],
});

function newFetching() {
  const events = new SessionEvents(), output = new MessageWriter();
  const fetching = new Fetching({ layout: LAYOUT, output, events });
  const ask = (piece: number, block: number) =>
    fetching.request(LAYOUT.blockRequest(piece as PieceIndex, block as BlockIndex), 0);
  return { fetching, events, output, ask };
}

Deno.test("offers() holds for what they have, while they let us ask", () => {
  const { fetching } = newFetching();
  const offered = () => [0, 1, 2].filter((piece) => fetching.offers(piece as PieceIndex));
  fetching.handleHave(0);
  fetching.handleHave(2);
  deepStrictEqual(offered(), []);
  fetching.handleAllowedFast(1);
  fetching.handleAllowedFast(2);
  deepStrictEqual(offered(), [2]);
  fetching.handleUnchoke();
  deepStrictEqual(offered(), [0, 2]);
  fetching.handleChoke(0);
  deepStrictEqual(offered(), [2]);
});

Deno.test("room() is 0 while nothing may be asked for", () => {
  const { fetching } = newFetching();
  deepStrictEqual(fetching.room(0), 0);
  fetching.handleAllowedFast(1);
  deepStrictEqual(fetching.room(0), 4);
});

Deno.test("request() is a mistake of ours for what they do not offer or owe already", () => {
  const { fetching, ask } = newFetching();
  throws(() => ask(0, 0));
  fetching.handleTotal(true);
  throws(() => ask(0, 0));
  fetching.handleUnchoke();
  ask(0, 0);
  throws(() => ask(0, 0));
});

Deno.test("bytes and rate() count blocks that came late as well", () => {
  const { fetching, ask, events } = newFetching();
  fetching.handleTotal(true);
  fetching.handleUnchoke();
  ask(2, 0);
  ask(2, 1);
  fetching.cancel(2 as PieceIndex, 1 as BlockIndex, 0);
  events.drain();
  fetching.handlePiece({ kind: "piece", index: 2, begin: 0, block: new Uint8Array(16 * KIB) }, 1);
  const rest = new Uint8Array(10 * KIB);
  fetching.handlePiece({ kind: "piece", index: 2, begin: 16 * KIB, block: rest }, 5);
  deepStrictEqual(events.drain().map(({ kind }) => kind), ["block", "block"]);
  deepStrictEqual([fetching.bytes, fetching.lastBlockAt], [26 * KIB, 5]);
  ok(fetching.rate(1_000) > 0);
});
