import { deepStrictEqual } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import type { BlockIndex, PieceIndex } from "../../src/base/ids.ts";
import { Layout } from "../../src/metainfo/layout.ts";
import { Assembly } from "../../src/piece/assembly.ts";
import { Availability } from "../../src/piece/availability.ts";
import { OpenPieces } from "../../src/piece/open_pieces.ts";
import { PieceChoice } from "../../src/piece/piece_choice.ts";
import { PieceLife } from "../../src/piece/piece_life.ts";
import { PieceTable } from "../../src/piece/piece_table.ts";
import { ScriptedPeer } from "./picking.ts";

const P0 = 0 as PieceIndex;
const START = { isSlow: false, now: 0 };

Deno.test("PieceLife moves a piece in the table, the assembly, the choice and the open pieces", () => {
  const { life, places } = lifeOf();
  deepStrictEqual(places(), { state: "wanted", assembled: false, startable: true, open: false });
  life.giveUp(life.start(P0, START));
  deepStrictEqual(places(), { state: "wanted", assembled: false, startable: true, open: false });
  const started = life.start(P0, START);
  deepStrictEqual(places(), { state: "partial", assembled: true, startable: false, open: true });
  life.completed(started);
  deepStrictEqual([places().state, places().open], ["verifying", false]);
  life.verified(P0);
  deepStrictEqual(places().state, "have");
  life.failed(P0);
  deepStrictEqual([places().state, places().startable], ["wanted", true]);
});

Deno.test("PieceLife keeps a piece on parole out of the choice until it is good", () => {
  const { life, places, complete } = lifeOf();
  complete();
  life.corrupt(P0, [1, 2], 0);
  deepStrictEqual([places().state, places().startable], ["wanted", false]);
  const again = life.start(P0, START);
  deepStrictEqual(again.paroled, life.parole.get(P0));
  again.own(3, 0);
  life.giveUp(again);
  deepStrictEqual([places().startable, life.parole.ownedCount], [false, 0]);
  complete(3);
  deepStrictEqual(life.parole.ownedCount, 1);
  life.failed(P0);
  deepStrictEqual(life.parole.ownedCount, 0, "it could not be written: whoever comes may go on");
  complete();
  life.verified(P0);
  life.failed(P0);
  deepStrictEqual([[...life.parole], places().startable], [[], true]);
});

function lifeOf() {
  const random = new SeededRandom(1);
  const layout = new Layout({ pieceLength: 10, files: [{ length: 10, isPadding: false }] });
  const table = new PieceTable(layout);
  table.setWanted(P0, 1);
  const availability = new Availability(1, random);
  const assembly = new Assembly({ layout, budgetBytes: 10 });
  const options = {
    pieceCount: 1,
    table,
    availability,
    random,
    isSequential: false,
    extentPieces: 1,
  };
  const choice = new PieceChoice(options);
  const open = new OpenPieces();
  const life = new PieceLife({ layout, table, assembly, choice, open });
  const places = () => ({
    state: table.state(P0),
    assembled: assembly.partial(P0) !== undefined,
    startable: choice.next(new ScriptedPeer(1, "*")) !== undefined,
    open: open.get(P0) !== undefined,
  });
  const complete = (owner?: number) => {
    const started = life.start(P0, START);
    if (owner !== undefined) started.own(owner, 0);
    const full = assembly.put(P0, 0 as BlockIndex, new Uint8Array(10), owner ?? 1);
    life.completed(started);
    if (typeof full === "object") assembly.release(full.data.buffer);
  };
  return { life, places, complete };
}
