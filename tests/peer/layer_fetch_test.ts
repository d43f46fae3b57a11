import { deepStrictEqual, equal, ok } from "node:assert/strict";
import { LayerTrees } from "../../src/metainfo/layer_trees.ts";
import { type Metainfo, parseMetainfo } from "../../src/metainfo/metainfo.ts";
import { neededLayersOf, pieceLayersOf } from "../../src/metainfo/piece_layers.ts";
import { type LayerEffect, LayerFetch } from "../../src/peer/layer_fetch.ts";
import type { HashesMessage, HashRequestMessage } from "../../src/wire/message.ts";
import { dataOf, version2Torrent } from "../metainfo/version_2_torrent.ts";

const KIB = 1024;
const PIECE_LENGTH = 16 * KIB;
/** Layers of 2100 pieces (five runs), of 2 and of 5, and none. */
const METAINFO = metainfoOf({
  a: dataOf(2_100 * PIECE_LENGTH - 1),
  b: dataOf(2 * PIECE_LENGTH, 2),
  c: dataOf(5 * PIECE_LENGTH, 3),
  d: dataOf(9, 4),
});
const RUN_COUNT = 7;

type Request = LayerEffect & { kind: "request" };

function metainfoOf(files: Readonly<Record<string, Uint8Array>>): Metainfo {
  return parseMetainfo(version2Torrent(files, { pieceLength: PIECE_LENGTH }));
}

class Scene {
  readonly #metainfo: Metainfo;
  readonly #trees: LayerTrees;
  readonly fetch: LayerFetch;
  now = 1_000;
  readonly asked: Request[] = [];
  /** Peers to part from, with the reason. */
  readonly parted: string[] = [];
  found: ReadonlyMap<Uint8Array, Uint8Array> | undefined;

  constructor(metainfo = METAINFO) {
    this.#metainfo = metainfo;
    this.#trees = new LayerTrees(metainfo);
    this.fetch = new LayerFetch(neededLayersOf(metainfo));
  }

  act(): void {
    for (const effect of this.fetch.drain()) {
      ok(this.found === undefined, "nothing comes after the last effect");
      if (effect.kind === "request") this.asked.push(effect);
      else if (effect.kind === "found") this.found = effect.layers;
      else this.parted.push(`${effect.kind} ${effect.peer}`);
    }
  }

  join(...peers: number[]): void {
    for (const peer of peers) this.fetch.handlePeer(peer, this.now);
    this.act();
  }

  pass(ms: number): void {
    this.now += ms;
    this.fetch.handleTimeout(this.now);
    this.act();
  }

  /** What a peer was asked for and has not answered here; it is forgotten then. */
  take(peer: number): Request[] {
    const taken = this.asked.filter((request) => request.peer === peer);
    for (const request of taken) this.asked.splice(this.asked.indexOf(request), 1);
    return taken;
  }

  answer(request: Request, change: (hashes: Uint8Array) => Uint8Array = (same) => same): boolean {
    const hashes = change(this.#trees.hashesFor(request.root, request.range)!);
    const message: HashesMessage = { ...request, kind: "hashes", hashes };
    const isNew = this.fetch.handleHashes(request.peer, message, this.now);
    this.act();
    return isNew;
  }

  refuse(request: Request): void {
    const message: HashRequestMessage = { ...request, kind: "hash-reject" };
    this.fetch.handleReject(request.peer, message, this.now);
    this.act();
  }

  /** This peer answers all that it is asked for. */
  serve(peer: number): void {
    for (let taken = this.take(peer); taken.length > 0; taken = this.take(peer)) {
      for (const request of taken) this.answer(request);
    }
  }

  assertFound(): void {
    deepStrictEqual([...this.found!], [...pieceLayersOf(this.#metainfo)]);
    deepStrictEqual(this.parted, []);
  }
}

function flipped(hashes: Uint8Array): Uint8Array {
  hashes[40]! ^= 1;
  return hashes;
}

Deno.test("LayerFetch collects all layers from one peer, 64 KiB at once", () => {
  const scene = new Scene();
  scene.join(1);
  equal(scene.asked.length, 4);
  deepStrictEqual(scene.asked[0]!.range, { baseLayer: 0, index: 0, length: 512, proofLayers: 11 });
  deepStrictEqual(scene.fetch.progress, { here: 0, needed: 2_107 });
  scene.answer(scene.asked.shift()!);
  deepStrictEqual(scene.fetch.progress, { here: 512, needed: 2_107 });
  scene.serve(1);
  scene.assertFound();
});

Deno.test("LayerFetch asks one peer for the layers of 200 short files at once, and no more", () => {
  const files: Record<string, Uint8Array> = {};
  for (let index = 0; index < 250; index++) {
    files[index] = new Uint8Array(2 * PIECE_LENGTH).fill(index);
  }
  const scene = new Scene(metainfoOf(files));
  scene.join(1);
  equal(scene.asked.length, 200);
  // Each one that comes makes room for the next.
  scene.answer(scene.asked.shift()!);
  equal(scene.asked.length, 200);
  scene.serve(1);
  scene.assertFound();
});

Deno.test("LayerFetch shares the runs among peers, each asked of one", () => {
  const scene = new Scene();
  scene.join(1, 2);
  const keys = scene.asked.map(({ root, range }) => `${root.toHex()} ${range.index}`);
  equal(new Set(keys).size, RUN_COUNT);
  scene.serve(2);
  scene.serve(1);
  scene.assertFound();
});

Deno.test("LayerFetch parts from a liar, and asks others for what it owed", () => {
  const scene = new Scene();
  scene.join(1);
  ok(!scene.answer(scene.take(1)[0]!, flipped));
  deepStrictEqual(scene.parted, ["liar 1"]);
  scene.parted.length = 0;
  scene.join(2);
  scene.serve(2);
  scene.assertFound();
});

Deno.test("LayerFetch asks others at once for what a liar owed", () => {
  const scene = new Scene();
  scene.join(1, 2);
  const owed = scene.take(1);
  scene.take(2);
  ok(!scene.answer(owed[0]!, flipped));
  const [again] = scene.take(2);
  ok(owed.some(({ root, range }) => root === again?.root && range.index === again.range.index));
});

Deno.test("LayerFetch takes only answers to the very question for what it has asked", () => {
  const scene = new Scene();
  scene.join(1);
  const [asked] = scene.take(1);
  for (const change of [{ baseLayer: 1 }, { index: 1 }, { length: 1 }, { proofLayers: 1 }]) {
    const range = { ...asked!.range, ...change };
    const message: HashesMessage = { ...asked!, kind: "hashes", range, hashes: new Uint8Array(32) };
    ok(!scene.fetch.handleHashes(1, message, scene.now));
    scene.refuse({ ...asked!, range });
  }
  deepStrictEqual(scene.parted, []);
  scene.join(2);
  scene.refuse({ ...scene.take(2)[0]!, peer: 1 });
  equal(scene.fetch.sourceCount, 2, "it has refused nothing that it owes");
  ok(scene.answer(asked!));
});

Deno.test("LayerFetch parts from a peer whose answer has a wrong length", () => {
  const changes = [
    (hashes: Uint8Array) => hashes.subarray(32),
    (hashes: Uint8Array) => new Uint8Array(hashes.length + 32),
  ];
  for (const change of changes) {
    const scene = new Scene();
    scene.join(1);
    scene.answer(scene.take(1)[0]!, change);
    deepStrictEqual(scene.parted, ["malformed 1"]);
    scene.parted.length = 0;
    scene.join(2);
    scene.serve(2);
    scene.assertFound();
  }
});

Deno.test("LayerFetch asks others when a peer is silent or refuses, and it again much later", () => {
  const scene = new Scene();
  scene.join(1);
  const owed = scene.take(1);
  scene.pass(9_000);
  equal(scene.asked.length, 0);
  scene.pass(1_000);
  equal(scene.fetch.sourceCount, 0);
  scene.join(2);
  scene.refuse(scene.take(2)[0]!);
  equal(scene.fetch.sourceCount, 0);
  scene.pass(19_000);
  equal(scene.asked.length, 0);
  // What comes late is welcome.
  ok(scene.answer(owed[0]!));
  equal(scene.fetch.sourceCount, 1);
  scene.serve(1);
  scene.assertFound();
});

Deno.test("LayerFetch asks a second peer for what the first has not sent in a second", () => {
  const scene = new Scene();
  scene.join(1, 2);
  scene.serve(2);
  equal(scene.found, undefined);
  scene.pass(500);
  equal(scene.take(2).length, 0);
  scene.pass(500);
  scene.serve(2);
  scene.assertFound();
  // The first is no worse for it.
  for (const request of scene.take(1)) ok(!scene.answer(request));
  deepStrictEqual(scene.parted, []);
});

Deno.test("LayerFetch asks a third peer a second after it has asked the second", () => {
  const scene = new Scene(metainfoOf({ b: dataOf(2 * PIECE_LENGTH, 2) }));
  scene.join(1, 2, 3);
  scene.pass(1_000);
  equal(scene.take(2).length, 1);
  scene.pass(500);
  equal(scene.take(3).length, 0);
  scene.pass(500);
  equal(scene.take(3).length, 1);
});

Deno.test("LayerFetch asks a third peer for the rest of what is late", () => {
  const scene = new Scene();
  scene.join(1);
  scene.pass(500);
  scene.join(2);
  scene.take(2);
  scene.pass(500);
  const again = scene.take(2).map(({ range }) => range.index);
  deepStrictEqual(again, [0, 512, 1_024]);
  scene.join(3);
  deepStrictEqual(scene.take(3).map(({ range }) => range.index), [1_536]);
});

Deno.test("LayerFetch waits for whoever still owes a run when another leaves it behind", () => {
  const scene = new Scene(metainfoOf({ b: dataOf(2 * PIECE_LENGTH, 2) }));
  scene.join(1, 2);
  scene.pass(1_000);
  equal(scene.take(2).length, 1);
  scene.fetch.handleGone(2, scene.now);
  scene.join(3);
  equal(scene.take(1).length, 1, "it is not asked twice");
  equal(scene.take(3).length, 0);
  scene.pass(1_000);
  equal(scene.take(3).length, 1);
});

Deno.test("LayerFetch blames nobody when all layers are found", () => {
  const scene = new Scene(metainfoOf({ b: dataOf(2 * PIECE_LENGTH, 2) }));
  scene.join(1, 2);
  scene.pass(1_000);
  const [late] = scene.take(2);
  scene.serve(1);
  for (let count = 0; count <= 101; count++) ok(!scene.answer(late!, flipped));
  scene.assertFound();
});

Deno.test("LayerFetch parts from a peer that lies about what another has given", () => {
  const scene = new Scene();
  scene.join(1);
  const [first] = scene.take(1);
  scene.pass(1_000);
  scene.join(2);
  const same = scene.take(2).find(({ root, range }) =>
    root === first!.root && range.index === first!.range.index
  );
  ok(scene.answer(first!));
  ok(!scene.answer(same!, flipped));
  deepStrictEqual(scene.parted, ["liar 2"]);
});

Deno.test("LayerFetch waits ten seconds from when a peer is asked, not from when it came", () => {
  const scene = new Scene(metainfoOf({ b: dataOf(2 * PIECE_LENGTH, 2) }));
  scene.join(1, 2);
  equal(scene.take(2).length, 0);
  scene.pass(1_000);
  equal(scene.take(2).length, 1);
  scene.pass(9_000);
  equal(scene.fetch.sourceCount, 1);
  scene.pass(1_000);
  equal(scene.fetch.sourceCount, 0);
});

Deno.test("LayerFetch gives the runs of a peer that is gone to others", () => {
  const scene = new Scene();
  scene.join(1);
  scene.fetch.handleGone(1, scene.now);
  scene.fetch.handleGone(7, scene.now);
  scene.join(2);
  scene.serve(2);
  scene.assertFound();
});

Deno.test("LayerFetch takes what it asked for once, however late, and then no more", () => {
  for (const waitMs of [0, 10_000]) {
    const scene = new Scene();
    scene.join(1);
    const [asked] = scene.take(1);
    scene.pass(waitMs);
    for (let count = 0; count <= 100; count++) scene.answer(asked!);
    deepStrictEqual(scene.parted, []);
    scene.answer(asked!);
    deepStrictEqual(scene.parted, ["malformed 1"]);
  }
});

Deno.test("LayerFetch bears a hundred answers that nobody asked for, and no more", () => {
  const scene = new Scene();
  scene.join(1);
  const stray: Request = { ...scene.asked[0]!, root: new Uint8Array(32) };
  const message: HashesMessage = { ...stray, kind: "hashes", hashes: new Uint8Array(32) };
  for (let count = 0; count < 100; count++) {
    ok(!scene.fetch.handleHashes(1, message, scene.now));
    scene.refuse(stray);
  }
  deepStrictEqual(scene.parted, []);
  scene.fetch.handleHashes(1, message, scene.now);
  scene.act();
  deepStrictEqual(scene.parted, ["malformed 1"]);
  ok(!scene.fetch.handleHashes(9, message, scene.now), "a peer that is not known is no matter");
});
