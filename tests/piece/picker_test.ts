import { deepStrictEqual, ok } from "node:assert/strict";
import { Bitfield } from "../../src/base/bitfield.ts";
import type { BlockIndex, PieceIndex } from "../../src/base/ids.ts";
import { bitfieldOf, Picking, type ScriptedPeer } from "./picking.ts";

/** Bytes a second: any piece of these tests takes less than 2 s. */
const QUICK_RATE = 2 ** 20;

Deno.test("pick() gives the blocks of one piece in order before it starts another", () => {
  const picking = new Picking({ pieces: "....." });
  const spans = picking.picker.pick(picking.join(1, "*****"), 6, 0);
  deepStrictEqual(spans.map(({ block }) => block), [0, 1, 2, 3, 0, 1]);
  deepStrictEqual(picking.states().replaceAll(".", ""), "pp");
});

Deno.test("pick() lets peers share a piece, and gives no block twice", () => {
  const picking = new Picking({ pieces: "." });
  const first = picking.join(1, "*"), second = picking.join(2, "*");
  deepStrictEqual(picking.pick(first, 2), "0.0 0.1");
  deepStrictEqual(picking.pick(second, 1), "0.2");
  deepStrictEqual(picking.pick(first, 5), "0.3");
  deepStrictEqual(picking.pick(second, 5), "");
});

Deno.test("pick() gives nothing that is here, unwanted, or not the peer's", () => {
  const picking = new Picking({ pieces: ".-h..", blocksPerPiece: 1 });
  const peer = picking.join(1, "****-");
  deepStrictEqual(picking.pickPieces(peer, 9).split(" ").toSorted(), ["0", "3"]);
  deepStrictEqual(picking.pick(peer, 9), "");
});

Deno.test("pick() gives what a choking peer allows, and nothing else", () => {
  const picking = new Picking({ pieces: "....", blocksPerPiece: 2 });
  const peer = picking.join(1, "***-");
  peer.isPeerChoking = true;
  deepStrictEqual(picking.pick(peer, 9), "");
  peer.allowedFast.add(2 as PieceIndex).add(3 as PieceIndex);
  deepStrictEqual(picking.pick(peer, 1), "2.0");
  deepStrictEqual(picking.pick(peer, 9), "2.1");
});

Deno.test("pick() starts the rarest piece when four pieces are here", () => {
  const picking = new Picking({ pieces: "hhhh......", blocksPerPiece: 1 });
  const seed = picking.join(1, "**********");
  picking.join(2, "----*****-");
  picking.join(3, "----****-*");
  picking.join(4, "----**-*-*");
  picking.join(5, "----*--*--");
  picking.join(6, "----*-----");
  // Besides the seed, pieces 4 to 9 are with 5, 3, 2, 4, 1, 2 peers.
  deepStrictEqual(picking.pickPieces(seed, 1), "8");
  deepStrictEqual(picking.pickPieces(seed, 2).split(" ").toSorted(), ["6", "9"]);
  deepStrictEqual(picking.pickPieces(seed, 9), "5 7 4");
});

Deno.test("pick() starts any piece until four pieces are here", () => {
  const firstPieces = Array.from({ length: 40 }, (_, seed) => {
    const picking = new Picking({ pieces: "hhh.......", seed });
    const peer = picking.join(1, "**********");
    picking.join(2, "****-*****"); // by rarity it would always be piece 4
    return picking.pickPieces(peer, 1);
  });
  ok(new Set(firstPieces).size >= 5, firstPieces.join(" "));
});

Deno.test("pick() gives first what is wanted first, in order, even before started pieces", () => {
  const picking = new Picking({ pieces: "..!.!", blocksPerPiece: 2 });
  const other = picking.join(1, "*----"), peer = picking.join(2, "*****");
  deepStrictEqual(picking.pick(other, 1), "0.0");
  deepStrictEqual(picking.pick(peer, 1), "2.0");
  deepStrictEqual(picking.pick(peer, 3), "2.1 4.0 4.1");
});

Deno.test("pick() gives pieces of its own to a quick peer, while there are any", () => {
  const picking = new Picking({ pieces: "hhhh...", blocksPerPiece: 4 });
  const [a, b, c] = [1, 2, 3].map((key) => picking.join(key, "*******")) as ScriptedPeer[];
  for (const quick of [a!, b!]) quick.rate = QUICK_RATE;
  const [, started] = picking.pickPieces(a!, 6).split(" ");
  const ofB = picking.pickPieces(b!, 4);
  ok(ofB !== started && ofB.length === 1);
  deepStrictEqual(picking.pick(c!, 1), `${started}.2`, "it has given nothing yet");
  deepStrictEqual(picking.pick(b!, 4), `${started}.3`);
});

Deno.test("pick() goes on with the piece that a quick peer was asked for last", () => {
  const picking = new Picking({ pieces: "hh..", blocksPerPiece: 8 });
  const a = joinQuick(picking, 1, 2), b = joinQuick(picking, 2, 3);
  deepStrictEqual(picking.pick(a, 2), "2.0 2.1");
  deepStrictEqual(picking.pick(b, 2), "3.0 3.1");
  for (const peer of [a, b]) peer.theirHave = bitfieldOf("****");
  deepStrictEqual(picking.pick(b, 2), "3.2 3.3");
  deepStrictEqual(picking.pick(a, 2), "2.2 2.3");
  deepStrictEqual(picking.pick(a, 6), "2.4 2.5 2.6 2.7 3.4 3.5");
  deepStrictEqual(picking.pick(a, 1), "3.6");
});

Deno.test("pick() gives a quick peer what is wanted first before a piece of its own", () => {
  const picking = new Picking({ pieces: "hh.!.", blocksPerPiece: 8 });
  const slow = picking.join(1, "*****"), quick = joinQuick(picking, 2, 2);
  deepStrictEqual(picking.pick(slow, 2), "3.0 3.1");
  deepStrictEqual(picking.pick(quick, 2), "2.0 2.1");
  quick.theirHave = bitfieldOf("*****");
  deepStrictEqual(picking.pick(quick, 2), "3.2 3.3");
});

Deno.test("pick() gives a quick peer a piece that nobody goes on with before it starts another", () => {
  const picking = new Picking({ pieces: "hh...", blocksPerPiece: 8 });
  const gone = joinQuick(picking, 1, 2), quick = joinQuick(picking, 2, 3);
  picking.pick(gone, 2);
  picking.give(gone, "2.0");
  picking.leave(gone);
  picking.pick(quick, 8);
  quick.theirHave = bitfieldOf("*****");
  deepStrictEqual(picking.pick(quick, 2), "2.1 2.2");
});

Deno.test("pick() lets a quick peer wait for memory until it owes half, then help where most is left", () => {
  const picking = new Picking({ pieces: "hh....", blocksPerPiece: 8, budgetPieces: 2 });
  const [a, b, c] = [1, 2, 3].map((key) => joinQuick(picking, key, key + 1)) as ScriptedPeer[];
  picking.pick(a!, 4);
  picking.pick(b!, 2);
  picking.give(a!, "2.0");
  picking.give(b!, "3.0");
  c!.theirHave = bitfieldOf("******");
  deepStrictEqual(picking.pick(c!, 4), "3.2 3.3 3.4 3.5");
  deepStrictEqual(picking.pick(c!, 2), "3.6 3.7", "it goes on where it is");
  deepStrictEqual(picking.pick(c!, 2), "", "6 of 8 are enough");
  picking.give(c!, "3.2 3.3");
  deepStrictEqual(picking.pick(c!, 4), "2.4 2.5 2.6 2.7");
});

Deno.test("pick() asks for no piece that has no buffer while all are in use", () => {
  const picking = new Picking({ pieces: "hhhh....", blocksPerPiece: 2, budgetPieces: 1 });
  const peer = picking.join(1, "********"), other = picking.join(2, "********");
  const [first, second, ...free] = picking.pick(peer, 4).split(" ");
  picking.returned(peer, free.join(" "));
  picking.give(peer, first!);
  deepStrictEqual(picking.pick(other, 4), "");
  picking.giveGood(peer, second!);
  deepStrictEqual(picking.pick(other, 4).split(" ").length, 4);
});

Deno.test("received() frees a block that had no room", () => {
  const picking = new Picking({ pieces: "hhhh..", blocksPerPiece: 2, budgetPieces: 1 });
  const peer = picking.join(1, "******"), other = picking.join(2, "******");
  const [first, second, refused] = picking.pick(peer, 4).split(" ");
  deepStrictEqual(picking.give(peer, `${first} ${refused}`), []);
  picking.giveGood(peer, second!);
  deepStrictEqual(picking.pick(other, 1), refused);
});

Deno.test("pick() gives all pieces in order if sequential, a failed one first", () => {
  const picking = new Picking({ pieces: "..!...", blocksPerPiece: 2, sequential: true });
  const peer = picking.join(1, "*-****"), other = picking.join(2, "******");
  deepStrictEqual(picking.pick(peer, 5), "2.0 2.1 0.0 0.1 3.0");
  deepStrictEqual(picking.pick(other, 2), "1.0 1.1");
  picking.give(peer, "0.0 0.1 2.0 2.1");
  picking.picker.failed(0 as PieceIndex);
  deepStrictEqual(picking.pick(peer, 4), "0.0 0.1 3.1 4.0");
});

Deno.test("returned() frees a block for others, and gives up a piece of which nothing is here", () => {
  const picking = new Picking({ pieces: "." });
  const first = picking.join(1, "*"), second = picking.join(2, "*");
  picking.pick(first, 4);
  picking.give(first, "0.0");
  picking.returned(first, "0.2");
  deepStrictEqual(picking.pick(second, 4), "0.2");
  picking.returned(first, "0.1 0.3 0.3");
  picking.returned(second, "0.2 0.0");
  deepStrictEqual(picking.states(), "p");
  deepStrictEqual(picking.pick(second, 4), "0.1 0.2 0.3");

  const untouched = new Picking({ pieces: "." });
  const peer = untouched.join(1, "*");
  untouched.pick(peer, 4);
  untouched.returned(peer, "0.0 0.1 0.2");
  deepStrictEqual(untouched.states(), "p");
  untouched.returned(peer, "0.3");
  deepStrictEqual([untouched.states(), untouched.assembly.usedBytes], [".", 0]);
});

Deno.test("peerGone() frees all blocks of the peer", () => {
  const picking = new Picking({ pieces: "...", blocksPerPiece: 2 });
  const first = picking.join(1, "***"), second = picking.join(2, "***");
  picking.pick(first, 6);
  deepStrictEqual(picking.pick(second, 6), "");
  picking.leave(first);
  deepStrictEqual(picking.states(), "...");
  deepStrictEqual(picking.picker.pick(second, 9, picking.now).length, 6);
});

Deno.test("received() moves a full piece on, and takes a block that nobody asked for", () => {
  const picking = new Picking({ pieces: ".", blocksPerPiece: 2 });
  const first = picking.join(1, "*"), second = picking.join(2, "*");
  picking.pick(first, 1);
  deepStrictEqual(picking.give(second, "0.1"), []);
  const [full] = picking.give(first, "0.0");
  deepStrictEqual([full?.piece, full?.contributors], [0, [1, 2]]);
  deepStrictEqual(picking.states(), "v");
  deepStrictEqual(picking.give(second, "0.1"), []);
  picking.picker.verified(0 as PieceIndex);
  deepStrictEqual(picking.states(), "h");
});

Deno.test("pick() repeats requests of a peer that is late, once, and received() names the rest", () => {
  const picking = new Picking({ pieces: ".", blocksPerPiece: 2 });
  const slow = picking.join(1, "*"), quick = picking.join(2, "*"), third = picking.join(3, "*");
  picking.pick(slow, 2);
  picking.now += 299;
  deepStrictEqual(picking.pick(quick, 9), "");
  picking.now += 700; // a peer that never answered is believed to take 500 ms
  deepStrictEqual(picking.pick(quick, 1), "0.0");
  deepStrictEqual(picking.pick(quick, 9), "0.1");
  deepStrictEqual(picking.pick(quick, 9), "");
  deepStrictEqual(picking.pick(slow, 9), "");
  deepStrictEqual(picking.pick(third, 9), "", "two peers per block are enough");
  deepStrictEqual(received(picking, quick, 0), [1]);
  deepStrictEqual(received(picking, slow, 1), [2]);
});

Deno.test("pick() lets twice as many peers repeat a request every 2 s", () => {
  const picking = new Picking({ pieces: ".", blocksPerPiece: 1 });
  const peers = Array.from({ length: 40 }, (_, key) => picking.join(key, "*"));
  picking.pick(peers[0]!, 1);
  const counts: number[] = [];
  for (const ms of [1_000, 2_000, 2_000, 2_000, 20_000]) {
    picking.now += ms;
    const asked = peers.filter((peer) => picking.pick(peer, 1) !== "");
    counts.push((counts.at(-1) ?? 1) + asked.length);
  }
  deepStrictEqual(counts, [2, 4, 8, 16, 40]);
});

Deno.test("pick() lets a peer that owes nothing repeat what a silent one owes", () => {
  const picking = new Picking({ pieces: "..", blocksPerPiece: 1 });
  const [silent, busy, idle] = [1, 2, 3].map((key) => picking.join(key, "**"));
  for (const peer of [silent!, busy!, idle!]) answersAfter(picking, peer, 10);
  const owed = picking.pick(silent!, 1);
  picking.pick(busy!, 1);
  passWith(picking, busy!, 50);
  deepStrictEqual(picking.pick(idle!, 2), "");
  passWith(picking, busy!, 10);
  deepStrictEqual(picking.pick(busy!, 1), "");
  deepStrictEqual(picking.pick(idle!, 2), owed);
});

Deno.test("pick() takes nobody for silent because nobody was heard", () => {
  const picking = new Picking({ pieces: ".", blocksPerPiece: 1 });
  const [silent, idle] = [1, 2].map((key) => picking.join(key, "*"));
  for (const peer of [silent!, idle!]) answersAfter(picking, peer, 10);
  picking.pick(silent!, 1);
  picking.now += 200;
  passWith(picking, idle!, 20);
  deepStrictEqual(picking.pick(idle!, 1), "");
  passWith(picking, idle!, 20);
  deepStrictEqual(picking.pick(idle!, 1), "0.0");
});

Deno.test("pick() does not count the time in which a peer owed nothing as its silence", () => {
  const picking = new Picking({ pieces: ".", blocksPerPiece: 1 });
  const [asked, idle] = [1, 2].map((key) => picking.join(key, "*"));
  answersAfter(picking, asked!, 100);
  answersAfter(picking, idle!, 10);
  passWith(picking, idle!, 300);
  picking.pick(asked!, 1);
  passWith(picking, idle!, 200);
  deepStrictEqual(picking.pick(idle!, 1), "");
  passWith(picking, idle!, 10);
  deepStrictEqual(picking.pick(idle!, 1), "0.0");
});

Deno.test("received() takes a peer for lively that sends what it is no longer asked for", () => {
  const picking = new Picking({ pieces: ".", blocksPerPiece: 2 });
  const silent = picking.join(1, "*"), idle = picking.join(2, "*");
  for (const peer of [silent, idle]) answersAfter(picking, peer, 10);
  picking.pick(silent, 2);
  passWith(picking, idle, 60);
  deepStrictEqual(picking.pick(idle, 1), "0.0");
  picking.give(idle, "0.0");
  picking.give(silent, "0.0");
  deepStrictEqual(picking.pick(idle, 1), "");
  passWith(picking, idle, 60);
  deepStrictEqual(picking.pick(idle, 1), "0.1");
});

Deno.test("pick() does not repeat a request that will be answered as soon", () => {
  const picking = new Picking({ pieces: "...", blocksPerPiece: 1 });
  const first = picking.join(1, "***"), second = picking.join(2, "***");
  const order = picking.pick(first, 2).split(" ");
  picking.now += 800;
  picking.give(first, order[0]!); // takes 800 ms
  picking.pick(second, 1);
  deepStrictEqual(picking.pick(second, 1), "");
  picking.now += 500;
  deepStrictEqual(picking.pick(second, 1), order[1], "1300 ms is late for 800 ms");
});

Deno.test("pick() repeats the request of a snubbing peer at once", () => {
  const picking = new Picking({ pieces: ".", blocksPerPiece: 1 });
  const snubbing = picking.join(1, "*"), peer = picking.join(2, "*");
  answersAfter(picking, snubbing, 10);
  snubbing.isSnubbed = true;
  picking.pick(snubbing, 1);
  picking.now += 100;
  deepStrictEqual(picking.pick(peer, 1), "0.0");
});

Deno.test("pick() lets a quick peer repeat slow peers' requests when memory is full", () => {
  const picking = new Picking({ pieces: "........", blocksPerPiece: 2, budgetPieces: 3 });
  const quick = picking.join(9, "********");
  for (const key of [1, 2, 3]) {
    const letters = "--------".split("");
    letters[key] = "*";
    const slow = picking.join(key, letters.join(""));
    picking.pick(slow, 2);
    picking.give(slow, `${key}.0`);
  }
  deepStrictEqual(picking.states(), ".ppp....");
  deepStrictEqual(picking.pick(quick, 9), "");
  picking.now += 1_000;
  deepStrictEqual(picking.pick(quick, 9), "1.1 2.1 3.1");
});

Deno.test("pick() gives up the stalest abandoned piece when memory is full", () => {
  const picking = new Picking({ pieces: "....", blocksPerPiece: 2, budgetPieces: 2 });
  const leaver = picking.join(1, "**--"), stayer = picking.join(2, "--**");
  picking.pick(leaver, 4);
  picking.give(leaver, "0.0");
  picking.now += 10;
  picking.give(leaver, "1.0");
  picking.leave(leaver);
  deepStrictEqual([picking.pick(stayer, 9), picking.states()], ["", "pp.."]);
  picking.now += 1_999;
  const [first] = picking.pick(stayer, 2).split(" ");
  deepStrictEqual(picking.states().slice(0, 2), ".p");
  picking.give(stayer, first!);
  picking.now += 600;
  deepStrictEqual(picking.pick(stayer, 9).length, "2.0 2.1".length);
  deepStrictEqual(picking.states(), "..pp");
});

Deno.test("pick() gives up the oldest piece when its peers hold all memory for minutes", () => {
  const picking = new Picking({ pieces: "..", blocksPerPiece: 2, budgetPieces: 1 });
  const hostile = picking.join(1, "*-"), peer = picking.join(2, "-*");
  picking.pick(hostile, 2);
  picking.give(hostile, "0.0");
  picking.now += 30_000;
  deepStrictEqual(picking.pick(peer, 9), "");
  picking.now += 1_000;
  deepStrictEqual(picking.pick(peer, 9), "1.0 1.1");
  deepStrictEqual(picking.states(), ".p");
  // What it still owes is not asked for again, should the piece be started again.
  picking.giveGood(peer, "1.0 1.1");
  const third = picking.join(3, "*-");
  deepStrictEqual(picking.pick(third, 1), "0.0");
  deepStrictEqual(picking.pick(hostile, 9), "");
  picking.giveGood(third, "0.0");
  picking.giveGood(hostile, "0.1");
  deepStrictEqual(picking.states(), "hh");
});

Deno.test("verified() makes pick() as ready as at first to give up a piece", () => {
  for (const isVerified of [true, false]) {
    const picking = new Picking({ pieces: "...", blocksPerPiece: 2, budgetPieces: 1 });
    const hold = (peer: ScriptedPeer) => picking.give(peer, picking.pick(peer, 2).split(" ")[0]!);
    const [a, b] = [picking.join(1, "*--"), picking.join(2, "-**")];
    hold(a);
    picking.now += 32_000;
    const piece = picking.pick(b, 2);
    if (isVerified) picking.giveGood(b, piece);
    else picking.leave(b);
    picking.leave(a);
    hold(picking.join(3, "*--"));
    picking.now += 32_000;
    deepStrictEqual(picking.pick(picking.join(4, "-**"), 1) !== "", isVerified);
  }
});

Deno.test("pick() keeps slow peers to pieces of their own while there is room", () => {
  const picking = new Picking({ pieces: "hhhh....", blocksPerPiece: 4, budgetPieces: 4 });
  const quick = picking.join(1, "********"), slow = picking.join(2, "********");
  answersAfter(picking, quick, 100);
  answersAfter(picking, slow, 3_000);
  const piecesOf = (peer: ScriptedPeer) => picking.pickPieces(peer, 1);
  const ofQuick = piecesOf(quick), ofSlow = piecesOf(slow);
  ok(ofQuick !== ofSlow);
  deepStrictEqual([piecesOf(quick), piecesOf(slow)], [ofQuick, ofSlow]);
  picking.pick(quick, 2 + 4); // nothing left to start but one piece
  picking.pick(quick, 4);
  deepStrictEqual(picking.pickPieces(quick, 9), ofSlow);
});

Deno.test("pick() leaves slow peers half of the memory when a quick one found none", () => {
  const picking = new Picking({ pieces: "hhhh........", blocksPerPiece: 2, budgetPieces: 4 });
  const quick = picking.join(1, "************"), slow = picking.join(2, "************");
  answersAfter(picking, quick, 100);
  answersAfter(picking, slow, 3_000);
  const blocks = picking.pick(slow, 8).split(" ");
  const isFirst = (word: string) => word.endsWith(".0");
  picking.give(slow, blocks.filter(isFirst).join(" "));
  deepStrictEqual(picking.pick(quick, 1), "");
  picking.giveGood(slow, blocks.filter((word) => !isFirst(word)).join(" "));
  deepStrictEqual(picking.pickPieces(slow, 8).split(" ").length, 2);
  picking.now += 9_000;
  deepStrictEqual(picking.pick(slow, 1), "");
  picking.now += 1_000;
  deepStrictEqual(picking.pickPieces(slow, 9).split(" ").length, 2);
});

Deno.test("pick() keeps the slow out of the pieces of the quick when memory is short", () => {
  const picking = new Picking({ pieces: "hhhh..", blocksPerPiece: 4, budgetPieces: 1 });
  const quick = picking.join(1, "******"), slow = picking.join(2, "******");
  answersAfter(picking, quick, 100);
  answersAfter(picking, slow, 3_000);
  const [first, ...blocks] = picking.pick(slow, 4).split(" ");
  picking.give(slow, first!);
  deepStrictEqual(picking.pick(quick, 1), "");
  picking.giveGood(slow, blocks.join(" "));
  picking.give(quick, picking.pick(quick, 2).split(" ")[0]!);
  deepStrictEqual(picking.pick(slow, 2), "");
  picking.now += 10_000;
  deepStrictEqual(picking.pick(slow, 2).split(" ").length, 2);
});

Deno.test("what is owed of a piece that was given up may be returned, or its peer may leave", () => {
  const picking = new Picking({ pieces: "..", blocksPerPiece: 2, budgetPieces: 1 });
  const hostile = picking.join(1, "*-"), peer = picking.join(2, "-*");
  picking.pick(hostile, 2);
  picking.now += 31_000;
  picking.pick(peer, 2);
  picking.returned(hostile, "0.1");
  picking.leave(hostile);
  deepStrictEqual(picking.states(), ".p");
  picking.giveGood(peer, "1.0 1.1");
  deepStrictEqual(picking.pick(picking.join(3, "*-"), 9), "0.0 0.1");
});

Deno.test("pick() reserves a quarter of the memory for pieces on parole", () => {
  const picking = new Picking({ pieces: "...", blocksPerPiece: 2, budgetPieces: 8 });
  const peers = [1, 2, 3].map((key) => picking.join(key, "***"));
  for (const peer of peers) answersAfter(picking, peer, 50);
  for (let piece = 0; piece < 3; piece++) {
    picking.pick(peers[0]!, 1);
    picking.pick(peers[1]!, 1);
  }
  picking.give(peers[0]!, "0.0 1.0 2.0");
  picking.giveBad(peers[1]!, "0.1 1.1 2.1");
  deepStrictEqual(picking.pick(peers[2]!, 9), "0.0 0.1 1.0 1.1");
  picking.giveGood(peers[2]!, "0.0 0.1");
  deepStrictEqual(picking.pick(peers[2]!, 9), "2.0 2.1");
});

Deno.test("corrupt() has a piece fetched from one peer, best one that did not give it before", () => {
  const picking = new Picking({ pieces: "." });
  const [a, b, c] = [1, 2, 3].map((key) => picking.join(key, "*")) as [
    ScriptedPeer,
    ScriptedPeer,
    ScriptedPeer,
  ];
  answersAfter(picking, c, 50);
  picking.pick(a, 2);
  picking.pick(b, 2);
  picking.give(a, "0.0 0.1");
  picking.giveBad(b, "0.2 0.3");
  deepStrictEqual([picking.states(), picking.pick(a, 1), picking.pick(b, 1)], [".", "", ""]);
  deepStrictEqual(picking.pick(c, 1), "0.0");
  picking.now += 5_000;
  deepStrictEqual(picking.pick(a, 4), "");
  deepStrictEqual(picking.pick(c, 4), "0.1 0.2 0.3");
  // A block that the others owe from before is refused, or nobody would be to blame.
  deepStrictEqual(picking.give(a, "0.1"), []);
  const [full] = picking.give(c, "0.0 0.1 0.2 0.3");
  deepStrictEqual(full?.contributors, [3, 3, 3, 3]);
});

Deno.test("corrupt() lets a suspect fetch the piece alone when nobody else does", () => {
  const picking = new Picking({ pieces: "." });
  const { a, b } = failedByTwo(picking);
  picking.now += 1_000;
  deepStrictEqual(picking.pick(b, 9), "0.0 0.1 0.2 0.3");
  deepStrictEqual(picking.pick(a, 9), "");
  picking.giveBad(b, "0.0 0.1 0.2 0.3");
  picking.now += 1_000;
  deepStrictEqual(picking.pick(a, 9), "0.0 0.1 0.2 0.3", "the former owner would wait longer");
});

Deno.test("a piece on parole goes on with another peer when its owner chokes or leaves", () => {
  const picking = new Picking({ pieces: "." });
  const c = picking.join(3, "*");
  answersAfter(picking, c, 50);
  const { a, b } = failedByTwo(picking);
  picking.pick(c, 4);
  picking.give(c, "0.0");
  picking.returned(c, "0.1 0.2 0.3");
  deepStrictEqual(picking.pick(a, 4), "");
  picking.now += 1_000;
  deepStrictEqual(picking.pick(a, 4), "0.1 0.2 0.3");
  picking.leave(a);
  picking.now += 1_000;
  deepStrictEqual(picking.pick(b, 2), "0.1 0.2");
  picking.give(b, "0.1 0.2");
  picking.leave(b);
  deepStrictEqual(picking.pick(c, 4), "0.3", "also when it owed nothing");
});

Deno.test("a peer that flaps does not keep a piece on parole from others", () => {
  const picking = new Picking({ pieces: "." });
  const flapping = picking.join(3, "*");
  answersAfter(picking, flapping, 50);
  const { a } = failedByTwo(picking);
  for (let flap = 0; flap < 10; flap++) {
    deepStrictEqual(picking.pick(flapping, 1), flap === 0 || picking.now >= 2_000 ? "0.0" : "");
    picking.returned(flapping, "0.0");
    picking.now += 150;
  }
  deepStrictEqual(picking.pick(a, 1), "0.0", "one second after the failure");
});

Deno.test("a piece on parole gets help from idle peers when its owner is slow", () => {
  const picking = new Picking({ pieces: "." });
  const owner = picking.join(3, "*"), idle = picking.join(4, "*");
  answersAfter(picking, owner, 50);
  const { a } = failedByTwo(picking);
  picking.pick(owner, 2);
  picking.now += 5_000;
  deepStrictEqual(picking.pick(idle, 9), "");
  picking.now += 300;
  deepStrictEqual(picking.pick(a, 9), "", "suspects help last");
  deepStrictEqual(picking.pick(idle, 9), "0.2 0.3 0.0 0.1");
  picking.give(idle, "0.0 0.1 0.2");
  picking.now += 6_000;
  deepStrictEqual(picking.pick(a, 9), "0.3");
  deepStrictEqual(picking.give(a, "0.3").length, 1);
});

Deno.test("corrupt() does not put a piece on parole that one peer gave", () => {
  const picking = new Picking({ pieces: "." });
  const liar = picking.join(1, "*"), [b, c] = [picking.join(2, "*"), picking.join(3, "*")];
  picking.pick(liar, 4);
  picking.giveBad(liar, "0.0 0.1 0.2 0.3");
  deepStrictEqual([picking.pick(b, 2), picking.pick(c, 2)], ["0.0 0.1", "0.2 0.3"]);
});

Deno.test("isInteresting() follows what is missing and what the peer has", () => {
  const picking = new Picking({ pieces: "-h..", blocksPerPiece: 1 });
  const bore = picking.join(1, "**--"), peer = picking.join(2, "**-*");
  deepStrictEqual(picking.picker.isInteresting(bore), false);
  deepStrictEqual(picking.picker.isInteresting(bore), false);
  bore.theirHave.set(2);
  deepStrictEqual(picking.picker.isInteresting(bore), true);
  picking.pick(peer, 9);
  deepStrictEqual(picking.picker.isInteresting(peer), true, "not until it is verified");
  picking.giveGood(peer, "3.0");
  deepStrictEqual(picking.picker.isInteresting(peer), false);
  picking.picker.failed(3 as PieceIndex);
  deepStrictEqual(picking.picker.isInteresting(peer), true);
  picking.giveGood(peer, picking.pick(peer, 9));
  deepStrictEqual(picking.picker.isInteresting(peer), false);
  peer.theirHave.set(2);
  deepStrictEqual(picking.picker.isInteresting(peer), true, "a piece before the last");
  peer.theirHave = new Bitfield(4);
  deepStrictEqual(picking.picker.isInteresting(peer), false);
});

function received(picking: Picking, peer: ScriptedPeer, block: number): readonly number[] {
  picking.assembly.put(0 as PieceIndex, block as BlockIndex, new Uint8Array(16_384), peer.key);
  return picking.picker.received(peer.key, 0 as PieceIndex, block as BlockIndex, picking.now);
}

/** Makes the picker believe that the peer answers so soon, and leaves everything else as it was. */
function answersAfter(picking: Picking, peer: ScriptedPeer, durationMs: number): void {
  const [span] = picking.picker.pick(peer, 1, picking.now - durationMs);
  // A block that was refused by the assembly is answered, and free.
  picking.picker.received(peer.key, span!.piece, span!.block, picking.now);
}

/** A quick peer joins that has one piece alone. */
function joinQuick(picking: Picking, key: number, piece: number): ScriptedPeer {
  const have = Array.from({ length: picking.layout.pieceCount }, (_, at) => at === piece);
  const peer = picking.join(key, have.map((has) => has ? "*" : "-").join(""));
  peer.rate = QUICK_RATE;
  return peer;
}

/** Time passes in which the peer sends blocks that nobody asked it for. */
function passWith(picking: Picking, peer: ScriptedPeer, durationMs: number): void {
  const until = picking.now + durationMs;
  while (picking.now < until) {
    picking.now += 10;
    const unasked = picking.layout.blockCount(0 as PieceIndex) as BlockIndex;
    picking.picker.received(peer.key, 0 as PieceIndex, unasked, picking.now);
  }
}

/** Piece 0 was given by two peers and was wrong. */
function failedByTwo(picking: Picking): { a: ScriptedPeer; b: ScriptedPeer } {
  const a = picking.join(1, "*"), b = picking.join(2, "*");
  for (const peer of [a, b]) answersAfter(picking, peer, 50);
  picking.pick(a, 2);
  picking.pick(b, 2);
  picking.give(a, "0.0 0.1");
  picking.giveBad(b, "0.2 0.3");
  return { a, b };
}
