import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { type Random, SeededRandom } from "../../src/base/ambient.ts";
import type { Bytes } from "../../src/base/bytes.ts";
import type { InfoHash } from "../../src/base/ids.ts";
import { type MetadataEffect, MetadataFetch } from "../../src/peer/metadata_fetch.ts";
import { METADATA_PIECE_LENGTH } from "../../src/wire/metadata_message.ts";

const TICK_MS = 500;

type Kind =
  | "honest"
  | "silent"
  | "rejecting"
  | "garbage"
  | "trickling"
  | "contradicting"
  | "unfinished";

interface ModelPeer {
  readonly kind: Kind;
  /** What it claims and sends. */
  readonly metadata: Bytes;
  readonly latencyMs: number;
  lastSentAt: number;
}

interface Delivery {
  readonly at: number;
  readonly order: number;
  readonly deliver: (now: number) => void;
}

/** Peers around one fetch, in simulated time. */
class Model {
  readonly fetch: MetadataFetch;
  readonly metadata: Bytes;
  readonly liars = new Set<number>();
  found: (MetadataEffect & { kind: "found" }) | undefined;
  now = 0;
  requestCount = 0;
  mostHeldBytes = 0;
  readonly #peers: (ModelPeer | undefined)[] = [];
  #due: Delivery[] = [];
  #order = 0;

  constructor(metadata: Bytes) {
    this.metadata = metadata;
    this.fetch = new MetadataFetch(sha1(metadata));
  }

  add(kind: Kind, metadata: Bytes, latencyMs: number): number {
    const key = this.#peers.length;
    this.#peers.push({ kind, metadata, latencyMs, lastSentAt: 0 });
    this.fetch.handleSize(key, metadata.length, this.now);
    this.#act();
    return key;
  }

  leave(key: number): void {
    this.#peers[key] = undefined;
    this.fetch.handleGone(key, this.now);
    this.#act();
  }

  /** Until it is found; false when the limit came first. */
  run(limitMs: number): boolean {
    const end = this.now + limitMs;
    let tickAt = this.now + TICK_MS;
    while (this.found === undefined) {
      this.#due.sort((a, b) => a.at - b.at || a.order - b.order);
      const next = this.#due[0];
      if (Math.min(next?.at ?? Infinity, tickAt) > end) {
        this.now = end;
        break;
      }
      if (next !== undefined && next.at <= tickAt) {
        this.#due.shift();
        this.now = next.at;
        next.deliver(this.now);
      } else {
        this.now = tickAt;
        tickAt += TICK_MS;
        this.fetch.handleTimeout(this.now);
      }
      this.#act();
    }
    return this.found !== undefined;
  }

  #act(): void {
    this.mostHeldBytes = Math.max(this.mostHeldBytes, this.fetch.heldBytes);
    for (const effect of this.fetch.drain()) {
      ok(this.found === undefined, "nothing after it is found");
      switch (effect.kind) {
        case "request":
          this.#request(effect.peer, effect.piece);
          break;
        case "liar":
        case "malformed":
          ok(
            !["honest", "silent", "unfinished"].includes(this.#peers[effect.peer]?.kind ?? ""),
            effect.kind,
          );
          this.liars.add(effect.peer);
          this.#peers[effect.peer] = undefined;
          this.fetch.handleGone(effect.peer, this.now);
          break;
        case "found":
          this.found = effect;
          deepStrictEqual(effect.infoBytes, this.metadata);
      }
    }
  }

  #request(key: number, piece: number): void {
    const peer = this.#peers[key];
    ok(peer !== undefined, "nobody is asked who is gone");
    this.requestCount++;
    const { kind, metadata, latencyMs } = peer;
    const begin = piece * METADATA_PIECE_LENGTH;
    ok(begin < metadata.length);
    if (kind === "silent") return;
    if (kind === "unfinished" && begin + METADATA_PIECE_LENGTH >= metadata.length) return;
    const isTrickling = kind === "trickling";
    peer.lastSentAt = Math.max(this.now, isTrickling ? peer.lastSentAt + 9_000 : 0);
    this.#due.push({
      at: peer.lastSentAt + latencyMs,
      order: this.#order++,
      deliver: (now) => {
        if (this.#peers[key] !== peer) return;
        if (kind === "rejecting") return this.fetch.handleReject(key, piece, now);
        const totalSize = kind === "contradicting" ? metadata.length + 1 : metadata.length;
        const data = metadata.subarray(begin, begin + METADATA_PIECE_LENGTH);
        this.fetch.handleData(key, { kind: "data", piece, totalSize, data }, now);
      },
    });
  }
}

function sha1(bytes: Uint8Array): InfoHash {
  return new Uint8Array(createHash("sha1").update(bytes).digest()) as InfoHash;
}

/** Every dictionary is cut from it: to fill each anew would take longer than all else here. */
const NOISE = new Uint8Array(18_000_000);
for (let at = 0; at < NOISE.length; at++) NOISE[at] = Math.imul(at, 0x9e3779b1) >>> 13;

function makeMetadata(size: number): Bytes {
  return NOISE.slice(size, 2 * size);
}

/** As long, and different everywhere. */
function garbageFor(metadata: Bytes): Bytes {
  const garbage = metadata.slice();
  for (let at = 0; at < garbage.length; at++) garbage[at]! ^= 0xff;
  return garbage;
}

const PIECE = METADATA_PIECE_LENGTH;

Deno.test("MetadataFetch collects dictionaries of any size, multiples of a piece included", () => {
  for (const size of [1, 100, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 10 * PIECE, 10 * PIECE + 7]) {
    const model = new Model(makeMetadata(size));
    const key = model.add("honest", model.metadata, 10);
    ok(model.run(1_000), `${size} bytes`);
    deepStrictEqual(model.found!.givers, new Set([key]));
    strictEqual(model.requestCount, Math.ceil(size / PIECE));
  }
});

Deno.test("MetadataFetch asks several peers at once, each for other pieces", () => {
  const model = new Model(makeMetadata(32 * PIECE));
  for (let peer = 0; peer < 4; peer++) model.add("honest", model.metadata, 100);
  ok(model.run(10_000));
  strictEqual(model.now, 100);
  strictEqual(model.found!.givers.size, 4);
});

Deno.test("P27 MetadataFetch is not held up by peers that do not answer", () => {
  const model = new Model(makeMetadata(3 * PIECE));
  for (let peer = 0; peer < 50; peer++) model.add("silent", model.metadata, 0);
  model.add("honest", model.metadata, 100);
  ok(model.run(60_000));
  ok(model.now <= 7_000, `${model.now} ms`);
});

Deno.test("P27 MetadataFetch is not held up by peers that answer ever so slowly", () => {
  const model = new Model(makeMetadata(60 * PIECE));
  for (let peer = 0; peer < 30; peer++) model.add("trickling", model.metadata, 0);
  model.add("honest", model.metadata, 100);
  ok(model.run(120_000));
  ok(model.now <= 20_000, `${model.now} ms`);
});

Deno.test("P27 MetadataFetch is not locked by whoever lies about the size first", () => {
  const model = new Model(makeMetadata(5 * PIECE));
  for (let peer = 0; peer < 20; peer++) {
    model.add("garbage", makeMetadata((peer + 2) * PIECE + peer), 1);
    model.add("silent", new Uint8Array(8_900_000 - peer), 1);
  }
  model.add("honest", model.metadata, 50);
  ok(model.run(10_000));
  ok(model.now <= 1_000, `${model.now} ms`);
});

Deno.test("P27 MetadataFetch finds out who of one size lies, and spares the others", () => {
  const model = new Model(makeMetadata(12 * PIECE));
  const honest = model.add("honest", model.metadata, 100);
  const liars = Array.from(
    { length: 9 },
    () => model.add("garbage", garbageFor(model.metadata), 5),
  );
  ok(model.run(30_000));
  ok(model.now <= 2_000, `${model.now} ms`);
  deepStrictEqual(model.found!.givers, new Set([honest]));
  ok(liars.every((liar) => model.liars.has(liar)));
  ok(!model.liars.has(honest));
});

Deno.test("M30 MetadataFetch parts from a single peer whose dictionary is another's", () => {
  const model = new Model(makeMetadata(PIECE));
  const liar = model.add("garbage", garbageFor(model.metadata), 5);
  ok(!model.run(60_000));
  deepStrictEqual(model.liars, new Set([liar]));
  model.add("honest", model.metadata, 5);
  ok(model.run(1_000));
});

Deno.test("MetadataFetch asks a peer that refused again, after a while", () => {
  const { fetch, metadata } = new Model(makeMetadata(100));
  fetch.handleSize(1, metadata.length, 0);
  const asked: number[] = [];
  for (let now = 0; now <= 200_000; now += TICK_MS) {
    fetch.handleTimeout(now);
    for (const effect of fetch.drain()) {
      ok(effect.kind === "request");
      asked.push(now);
      fetch.handleReject(1, effect.piece, now);
    }
  }
  deepStrictEqual(asked, [0, 20_000, 60_000, 140_000]);
});

Deno.test("MetadataFetch asks a peer that did not answer again, after a while", () => {
  const { fetch, metadata } = new Model(makeMetadata(100));
  fetch.handleSize(1, metadata.length, 0);
  const asked: number[] = [];
  for (let now = 0; now <= 100_000; now += TICK_MS) {
    fetch.handleTimeout(now);
    for (const effect of fetch.drain()) if (effect.kind === "request") asked.push(now);
  }
  deepStrictEqual(asked, [0, 30_000, 80_000]);
});

Deno.test("MetadataFetch takes what comes late", () => {
  const { fetch, metadata } = new Model(makeMetadata(100));
  fetch.handleSize(1, metadata.length, 0);
  fetch.drain();
  fetch.handleTimeout(10_000);
  deepStrictEqual(fetch.drain(), []);
  const message = { kind: "data", piece: 0, totalSize: undefined, data: metadata } as const;
  fetch.handleData(1, message, 12_000);
  deepStrictEqual(fetch.drain().map(({ kind }) => kind), ["found"]);
});

Deno.test("MetadataFetch goes on with what a peer gave that is gone", () => {
  const model = new Model(makeMetadata(20 * PIECE));
  const first = model.add("honest", model.metadata, 100);
  model.run(150);
  model.leave(first);
  deepStrictEqual(model.fetch.best, { bytes: 8 * PIECE, size: 20 * PIECE });
  model.requestCount = 0;
  model.add("honest", model.metadata, 100);
  ok(model.run(1_000));
  strictEqual(model.requestCount, 12);
  strictEqual(model.found!.givers.size, 2);
});

Deno.test("P27 MetadataFetch parts from peers whose pieces make no sense", () => {
  const size = PIECE + 10;
  const CASES = [
    { piece: 0, totalSize: size, data: new Uint8Array(PIECE - 1) },
    { piece: 1, totalSize: size, data: new Uint8Array(11) },
    { piece: 1, totalSize: size, data: new Uint8Array() },
    { piece: 0, totalSize: size - 1, data: new Uint8Array(PIECE) },
  ];
  for (const message of CASES) {
    const fetch = new MetadataFetch(sha1(new Uint8Array()));
    fetch.handleSize(7, size, 0);
    fetch.drain();
    fetch.handleData(7, { kind: "data", ...message }, 0);
    deepStrictEqual(fetch.drain(), [{ kind: "malformed", peer: 7 }]);
    strictEqual(fetch.sourceCount, 0);
  }
});

Deno.test("P27 MetadataFetch ignores what it did not ask for, a hundred times", () => {
  const fetch = new MetadataFetch(sha1(new Uint8Array()));
  const message = { kind: "data", piece: 9, totalSize: 10, data: new Uint8Array(10) } as const;
  fetch.handleData(7, message, 0);
  fetch.handleSize(7, 10, 0);
  fetch.drain();
  for (let count = 0; count < 100; count++) fetch.handleData(7, message, 0);
  deepStrictEqual(fetch.drain(), []);
  fetch.handleData(7, message, 0);
  deepStrictEqual(fetch.drain(), [{ kind: "malformed", peer: 7 }]);
});

Deno.test("P26 MetadataFetch believes no size that no torrent of ours could have", () => {
  const fetch = new MetadataFetch(sha1(new Uint8Array()));
  for (const [peer, size] of [0, -1, 10_000_000, 2 ** 31, 2 ** 40].entries()) {
    fetch.handleSize(peer, size, 0);
  }
  strictEqual(fetch.sourceCount, 0);
  deepStrictEqual(fetch.drain(), []);
});

Deno.test("P27 MetadataFetch lets a peer correct its size, but not for ever", () => {
  const model = new Model(makeMetadata(100));
  const { fetch } = model;
  for (const size of [5, 5, 5, 6, 7, 100]) fetch.handleSize(1, size, 0);
  deepStrictEqual(fetch.drain().map(({ kind }) => kind), Array(4).fill("request"));
  strictEqual(fetch.sourceCount, 1);
  fetch.handleSize(1, 8, 0);
  deepStrictEqual(fetch.drain(), [{ kind: "malformed", peer: 1 }]);
});

Deno.test("P27 MetadataFetch counts what each gives alone among what it holds", () => {
  const fetch = new MetadataFetch(sha1(new Uint8Array()));
  const size = 2 * PIECE, data = new Uint8Array(PIECE);
  const message = (piece: number) => ({ kind: "data", piece, totalSize: size, data }) as const;
  for (const peer of [1, 2]) fetch.handleSize(peer, size, 0);
  fetch.handleData(1, message(0), 0);
  fetch.handleData(2, message(1), 0);
  strictEqual(fetch.heldBytes, 0, "together they gave another dictionary");
  for (const peer of [1, 2]) fetch.handleData(peer, message(0), 0);
  strictEqual(fetch.heldBytes, 2 * PIECE);
  deepStrictEqual(fetch.best, { bytes: PIECE, size });
});

Deno.test("MetadataFetch waits for a peer that gives a piece every now and then", () => {
  const { fetch, metadata } = new Model(makeMetadata(20 * PIECE));
  fetch.handleSize(1, metadata.length, 0);
  for (let piece = 0; piece < 20; piece++) {
    const now = 3_000 * piece;
    const data = metadata.subarray(piece * PIECE, (piece + 1) * PIECE);
    fetch.handleTimeout(now);
    strictEqual(fetch.sourceCount, 1, `${now} ms`);
    fetch.handleData(1, { kind: "data", piece, totalSize: undefined, data }, now);
  }
  deepStrictEqual(fetch.drain().map(({ kind }) => kind), [...Array(20).fill("request"), "found"]);
});

Deno.test("P26 MetadataFetch forgets a size that nobody claims any more", () => {
  const fetch = new MetadataFetch(sha1(new Uint8Array()));
  fetch.handleSize(1, 5, 0);
  fetch.handleSize(1, 6, 0);
  deepStrictEqual(fetch.best, { bytes: 0, size: 6 });
  fetch.handleGone(1, 0);
  strictEqual(fetch.best, undefined);
});

Deno.test("P27 MetadataFetch forgets what a peer claimed that is gone", () => {
  const fetch = new MetadataFetch(sha1(new Uint8Array()));
  for (const size of [5, 6, 7, 8]) fetch.handleSize(1, size, 0);
  fetch.handleGone(1, 0);
  fetch.drain();
  fetch.handleSize(1, 9, 0);
  deepStrictEqual(fetch.drain().map(({ kind }) => kind), ["request"]);
});

Deno.test("P27 MetadataFetch takes a late piece of what it has forgotten once, and then no more", () => {
  const fetch = new MetadataFetch(sha1(new Uint8Array()));
  const halves = [0, 1].map((piece) =>
    ({ kind: "data", piece, totalSize: 2 * PIECE, data: new Uint8Array(PIECE) }) as const
  );
  fetch.handleSize(1, 2 * PIECE, 0);
  fetch.handleTimeout(10_000);
  for (const peer of [2, 3]) fetch.handleSize(peer, 2 * PIECE, 10_000);
  fetch.handleData(2, halves[0]!, 10_000);
  fetch.handleData(3, halves[1]!, 10_000);
  strictEqual(fetch.heldBytes, 0, "together they gave another dictionary");
  fetch.drain();
  for (let count = 0; count <= 100; count++) fetch.handleData(1, halves[0]!, 10_000);
  deepStrictEqual(fetch.drain(), []);
  fetch.handleData(1, halves[0]!, 10_000);
  deepStrictEqual(fetch.drain(), [{ kind: "malformed", peer: 1 }]);
});

Deno.test("MetadataFetch wants nothing and blames nobody when the dictionary is found", () => {
  const { fetch, metadata } = new Model(makeMetadata(100));
  for (const peer of [1, 2]) fetch.handleSize(peer, 100, 0);
  for (const peer of [3, 4, 5]) fetch.handleSize(peer, 99, 0);
  fetch.drain();
  const give = (peer: number, data: Uint8Array) =>
    fetch.handleData(peer, { kind: "data", piece: 0, totalSize: data.length, data }, 0);
  give(1, metadata);
  deepStrictEqual(fetch.drain().map(({ kind }) => kind), ["found"]);
  give(2, metadata);
  give(3, new Uint8Array(99));
  give(4, new Uint8Array(98));
  for (let size = 1; size <= 10; size++) fetch.handleSize(6, size, 0);
  fetch.handleGone(3, 0);
  fetch.handleTimeout(60_000);
  deepStrictEqual(fetch.drain(), []);
});

Deno.test("MetadataFetch asks others at once for what peers were to give that are gone", () => {
  const fetch = new MetadataFetch(sha1(new Uint8Array()));
  for (const peer of [1, 2]) fetch.handleSize(peer, 100, 0);
  fetch.handleSize(3, 100, 0);
  strictEqual(fetch.drain().length, 2, "two at once are enough");
  for (const peer of [1, 2]) fetch.handleGone(peer, 0);
  deepStrictEqual(fetch.drain(), [{ kind: "request", peer: 3, piece: 0 }]);
});

Deno.test("MetadataFetch asks others at once for what a peer was to give that makes no sense", () => {
  const fetch = new MetadataFetch(sha1(new Uint8Array()));
  for (const peer of [1, 2, 3]) fetch.handleSize(peer, 100, 0);
  fetch.drain();
  fetch.handleData(1, { kind: "data", piece: 0, totalSize: 100, data: new Uint8Array(99) }, 0);
  deepStrictEqual(fetch.drain(), [
    { kind: "malformed", peer: 1 },
    { kind: "request", peer: 3, piece: 0 },
  ]);
});

Deno.test("P27 MetadataFetch holds no more than it may, and still gets there", () => {
  const size = 8_900_000;
  const model = new Model(makeMetadata(size));
  for (let peer = 1; peer < 10; peer++) model.add("unfinished", new Uint8Array(size - peer), 1);
  for (let peer = 0; peer < 10; peer++) {
    model.run(1_000);
    model.add("unfinished", model.metadata, 1);
    model.add("garbage", garbageFor(model.metadata), 1);
  }
  model.add("honest", model.metadata, 10);
  ok(model.run(60_000));
  const limit = 64 * 2 ** 20;
  ok(model.mostHeldBytes > limit - size && model.mostHeldBytes <= limit, `${model.mostHeldBytes}`);
});

Deno.test("P27 MetadataFetch finds it with one honest peer among any others, in bounded time", () => {
  const KINDS: readonly Kind[] = [
    "honest",
    "silent",
    "rejecting",
    "garbage",
    "trickling",
    "unfinished",
  ];
  const swarm = (random: Random) => {
    const size = random.below(3) === 0 ? PIECE * (1 + random.below(20)) : 1 + random.below(300_000);
    const model = new Model(makeMetadata(size));
    const add = (kind: Kind) => {
      const isOfOtherSize = random.below(2) === 0 && kind !== "honest";
      const claimed = isOfOtherSize ? makeMetadata(1 + random.below(300_000)) : model.metadata;
      const metadata = kind === "garbage" ? garbageFor(claimed) : claimed;
      const key = model.add(kind, metadata, random.below(300));
      if (random.below(4) === 0) model.run(random.below(3_000));
      if (kind !== "honest" && random.below(8) === 0 && !model.liars.has(key)) model.leave(key);
    };
    for (let count = random.below(30); count > 0; count--) {
      add(random.below(8) === 0 ? "contradicting" : KINDS[random.below(KINDS.length)]!);
    }
    add("honest");
    for (let count = random.below(10); count > 0; count--) {
      add(KINDS[1 + random.below(KINDS.length - 1)]!);
    }
    ok(model.run(30_000), "within half a minute");
  };
  fc.assert(fc.property(fc.nat(), (seed) => swarm(new SeededRandom(seed))), { numRuns: 300 });
});
