import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { type Random, SeededRandom } from "../../src/base/ambient.ts";
import type { Bitfield } from "../../src/base/bitfield.ts";
import type { Bytes } from "../../src/base/bytes.ts";
import { concatBytes } from "../../src/base/bytes.ts";
import { createMetainfo } from "../../src/metainfo/create.ts";
import { type Metainfo, parseMetainfo } from "../../src/metainfo/metainfo.ts";
import type { FetchBounded } from "../../src/net/http.ts";
import type { Connection } from "../../src/net/transport.ts";
import { WebSeed } from "../../src/torrent/web_seed.ts";
import { MessageDecoder } from "../../src/wire/decoder.ts";
import { MessageWriter } from "../../src/wire/encoder.ts";
import { ManualClock } from "../sim/manual_clock.ts";
import { fullBitfield } from "../sim/lab.ts";
import { SimNetwork } from "../sim/sim_network.ts";
import { sha1 } from "../sim/sim_storage.ts";
import { SimWeb, type WebFault } from "../sim/sim_web.ts";

const ENDPOINT = { host: "web.example", port: 80 };
const BASE = "http://web.example/d/";
const PIECE_LENGTH = 16_384;
const A = `${BASE}pack/a`, B = `${BASE}pack/b`;
/** In simulated time; no answer takes longer. */
const LIMIT_MS = 70_000;

/** Two files of 20,000 and 30,000 bytes. */
function packOf(): { metainfo: Metainfo; a: Bytes; b: Bytes } {
  const random = new SeededRandom(3);
  const a = random.bytes(20_000), b = random.bytes(30_000);
  return { metainfo: metainfoOf(concatBytes(a, b), [a.length, b.length]), a, b };
}

/** Files `a`, `b` and so on, of these lengths. */
function metainfoOf(content: Bytes, lengths: readonly number[]): Metainfo {
  const hashes: Bytes[] = [];
  for (let at = 0; at < content.length; at += PIECE_LENGTH) {
    hashes.push(sha1(content.subarray(at, at + PIECE_LENGTH)) as Bytes);
  }
  return parseMetainfo(createMetainfo({
    name: "pack",
    files: lengths.map((length, index) => ({ path: [(index + 10).toString(36)], length })),
    isSingleFile: false,
    pieceLength: PIECE_LENGTH,
    pieceHashes: concatBytes(...hashes),
  }));
}

interface Scene {
  readonly clock: ManualClock;
  readonly web: SimWeb;
  readonly seed: WebSeed;
  readonly warnings: string[];
  /** Pieces that are wanted; all of them at first. */
  readonly missing: Bitfield;
  addresses: string[];
  endedCount: number;
  /** What `open` comes to: its connection, or the words of why not. */
  open(signal?: AbortSignal): Promise<Connection | string>;
  /** How the server answers for a file from now on. */
  spoil(url: string, fault: WebFault): void;
}

/** Takes the first of everything; ids differ by the seed. */
function firstOf(seed: number): Random {
  const ids = new SeededRandom(seed);
  return { next: () => 0, below: () => 0, bytes: (length) => ids.bytes(length) };
}

function createScene(
  { urls = [BASE], random = firstOf(2), metainfo = packOf().metainfo, fetch }: {
    urls?: string[];
    random?: Random;
    metainfo?: Metainfo;
    fetch?: (fetch: FetchBounded) => FetchBounded;
  } = {},
): Scene {
  const clock = new ManualClock();
  const web = new SimWeb({ clock });
  const { a, b } = packOf();
  const missing = fullBitfield(metainfo.layout.pieceCount);
  for (const url of urls) {
    web.files.set(`${url}pack/a`, a);
    web.files.set(`${url}pack/b`, b);
  }
  const network = {
    ...new SimNetwork(clock).host("10.0.0.1"),
    resolve: () => Promise.resolve(scene.addresses),
  };
  const seed = new WebSeed(ENDPOINT, urls, {
    metainfo,
    network,
    fetch: fetch?.(web.fetch) ?? web.fetch,
    clock,
    random,
    missing,
    onEvent: (event) => event.kind === "warning" && warnings.push(event.message),
    onEnded: () => scene.endedCount++,
  });
  const warnings: string[] = [];
  const scene: Scene = {
    clock,
    web,
    seed,
    warnings,
    missing,
    addresses: ["93.184.216.34"],
    endedCount: 0,
    open: async (signal = new AbortController().signal) => {
      const opening = seed.open(signal).then(
        (opened) => opened?.connection ?? "not now",
        (error) => {
          strictEqual(error.name, "WebSeedError");
          return error.message as string;
        },
      );
      return await settled(clock, opening);
    },
    spoil: (url, fault) => void web.faults.set(url, fault),
  };
  return scene;
}

async function settled<Result>(clock: ManualClock, promise: Promise<Result>): Promise<Result> {
  let isSettled = false;
  promise.finally(() => isSettled = true).catch(() => {});
  ok(await clock.run(() => isSettled, LIMIT_MS), "ends in time");
  return await promise;
}

/** The pieces it has, and then what a request for the first block of each of them comes to. */
async function ask(scene: Scene, connection: Connection, ...pieces: number[]): Promise<string[]> {
  const decoder = new MessageDecoder({ maxMessageLength: 128 * 1024 });
  const output = new MessageWriter();
  output.interested();
  for (const piece of pieces) output.request(piece, 0, piece === 3 ? 848 : PIECE_LENGTH);
  await connection.write(output.take()!);
  const heard: string[] = [];
  while (heard.length < pieces.length + 2) {
    const message = decoder.next();
    if (message !== undefined) {
      if (message.kind === "piece") heard.push(`piece ${message.index}`);
      else if (message.kind === "bitfield") heard.push(message.bytes.toHex());
      else heard.push(message.kind);
      continue;
    }
    const length = await settled(scene.clock, connection.read(decoder.space()));
    if (length === null) return [...heard, "end"];
    decoder.advance(length);
  }
  return heard;
}

/** What a new connection has and what it gives of these pieces. */
async function openAndAsk(scene: Scene, ...pieces: number[]): Promise<string[]> {
  const connection = await scene.open();
  if (typeof connection === "string") return [connection];
  const heard = await ask(scene, connection, ...pieces);
  connection.close();
  return heard;
}

function pass(scene: Scene, durationMs: number): Promise<boolean> {
  return scene.clock.run(() => false, durationMs);
}

Deno.test("WebSeed.open() asks for one byte, and plays a peer that has everything", async () => {
  const scene = createScene();
  const connection = await scene.open() as Connection;
  deepStrictEqual(scene.web.asked, [`${A} bytes=0-0`]);
  ok(scene.seed.isOpen && connection.isWebSeed);
  deepStrictEqual(await ask(scene, connection, 0, 3), [
    "have-all",
    "unchoke",
    "piece 0",
    "piece 3",
  ]);
  deepStrictEqual(scene.web.asked.slice(1), [`${A} bytes=0-16383`, `${B} bytes=29152-29999`]);
  connection.close();
  deepStrictEqual([scene.seed.isOpen, scene.endedCount, scene.warnings], [false, 1, []]);
});

Deno.test("WebSeed.open() introduces another peer id for each server, and no extensions", async () => {
  const scenes = [createScene({ random: firstOf(1) }), createScene()];
  const ids: string[] = [];
  for (const { clock, seed } of scenes) {
    const { handshake } = (await settled(clock, seed.open(new AbortController().signal)))!;
    deepStrictEqual(handshake.flags, { extended: false, fast: true, dht: false });
    strictEqual(new TextDecoder().decode(handshake.peerId.subarray(0, 8)), "-WS0000-");
    strictEqual(handshake.peerId.length, 20);
    ids.push(handshake.peerId.toHex());
  }
  ok(ids[0] !== ids[1]);
});

Deno.test("WebSeed gives up a part of a file that has not come after a minute", async () => {
  const scene = createScene();
  const connection = await scene.open() as Connection;
  const openedAt = scene.clock.now();
  scene.spoil(A, { isSilent: true });
  deepStrictEqual(await ask(scene, connection, 0), ["have-all", "unchoke", "end"]);
  strictEqual(scene.clock.now() - openedAt, 60_000);
  deepStrictEqual(scene.warnings, ["Cannot use the web seed at web.example:80: no answer in time"]);
});

Deno.test("WebSeed.open() asks for a file that is wanted, and for nothing when none is", async () => {
  const scene = createScene();
  for (const piece of [0, 1]) scene.missing.clear(piece);
  await scene.open();
  deepStrictEqual(scene.web.asked, [`${B} bytes=0-0`]);
  const last = createScene({ random: { ...firstOf(1), below: (bound) => bound - 1 } });
  for (const piece of [1, 2, 3]) last.missing.clear(piece);
  await last.open();
  deepStrictEqual(last.web.asked, [`${A} bytes=0-0`]);
  const idle = createScene();
  for (const piece of [0, 1, 2, 3]) idle.missing.clear(piece);
  strictEqual(await idle.open(), "not now");
  deepStrictEqual([idle.web.asked, idle.endedCount], [[], 0]);
});

/** How a server can fail, the words of it, and how soon it is asked again. */
const FAULTS: readonly (readonly [string, WebFault, string, "much later" | "later"])[] = [
  ["has no such file", { status: 404 }, "it has no such file", "much later"],
  [
    "gives all of it",
    { isWhole: true },
    "it gives whole files alone (it answers no Range requests)",
    "much later",
  ],
  [
    "has another length",
    { headers: { "content-range": "bytes 0-0/7" } },
    "its file has another length",
    "much later",
  ],
  [
    "does not say what it gives",
    { headers: { "content-range": "bytes 1-1/20000" } },
    "it gives other bytes than it was asked for",
    "later",
  ],
  ["packs them", { headers: { "content-encoding": "gzip" } }, "it packs what it gives", "later"],
  ["gives too few", { lacksBytes: 1 }, "it gives less than it was asked for", "later"],
  ["gives too many", { addsBytes: 1 }, "it gives more than it was asked for", "later"],
  ["refuses", { status: 403 }, "it answers with HTTP status 403", "later"],
  ["is broken", { status: 500 }, "it answers with HTTP status 500", "later"],
  ["is busy", { status: 429 }, "it answers with HTTP status 429", "later"],
  ["is not there", { isGone: true }, "it is unreachable", "later"],
  ["is silent", { isSilent: true }, "no answer in time", "later"],
  [
    "sends us to a cloud's metadata",
    { location: "http://169.254.169.254/x" },
    "it has no URL that may be asked",
    "later",
  ],
  [
    "sends us to the router's page",
    { location: "http://192.168.1.1/reboot?now" },
    "it has no URL that may be asked",
    "later",
  ],
];

for (const [name, fault, words, when] of FAULTS) {
  Deno.test(`T21 WebSeed.open() throws, and warns once, when the server ${name}`, async () => {
    const scene = createScene();
    if (fault.headers?.["content-range"]?.startsWith("bytes 1-1")) {
      scene.spoil(B, { headers: { "content-range": "bytes 1-1/30000" } });
    } else scene.spoil(B, fault);
    scene.spoil(A, fault);
    ok(typeof await scene.open() === "string");
    deepStrictEqual(scene.warnings, [`Cannot use the web seed at web.example:80: ${words}`]);
    await pass(scene, 2_000);
    ok(typeof await scene.open() === "string");
    strictEqual(scene.warnings.length, 1);
    scene.web.faults.clear();
    await pass(scene, 10_000);
    strictEqual(typeof await scene.open() === "string", when === "much later");
    await pass(scene, 290_000);
    if (when === "much later") ok(typeof await scene.open() !== "string");
  });
}

Deno.test("T21 WebSeed.open() gives up a server without answer after 20 seconds", async () => {
  const scene = createScene();
  scene.spoil(A, { isSilent: true });
  await scene.open();
  strictEqual(scene.clock.now(), 20_000);
});

Deno.test("WebSeed.open() ends at once when its signal aborts, and nobody is blamed", async () => {
  const scene = createScene();
  scene.spoil(A, { isSilent: true });
  const ending = new AbortController();
  void scene.clock.sleep(100).then(() => ending.abort());
  strictEqual(await scene.open(ending.signal), "it is not needed any more");
  deepStrictEqual([scene.clock.now(), scene.warnings], [100, []]);
});

Deno.test("T17 WebSeed.open() does not follow a public name to this machine", async () => {
  const scene = createScene();
  scene.addresses = ["93.184.216.34", "127.0.0.1"];
  strictEqual(await scene.open(), "its name leads to this machine");
  deepStrictEqual(scene.web.asked, []);
  scene.addresses = ["10.0.0.7"];
  ok(typeof await scene.open() !== "string");
});

Deno.test("T19 WebSeed.open() asks nothing with a query of a name that leads into a local network", async () => {
  for (const [address, isRefused] of [["10.0.0.7", true], ["93.184.216.34", false]] as const) {
    const scene = createScene({ urls: ["http://web.example/get?now=1"] });
    scene.addresses = [address];
    await scene.open();
    strictEqual(scene.web.asked.length === 0, isRefused);
  }
});

Deno.test("T17 WebSeed.open() looks up no name when a proxy does", async () => {
  const scene = createScene({
    fetch: (fetch) =>
      Object.assign((...args: Parameters<FetchBounded>) => fetch(...args), { isProxied: true }),
  });
  scene.addresses = ["127.0.0.1"];
  ok(typeof await scene.open() !== "string");
});

Deno.test("WebSeed goes on with other files when one is not to be had, and says what it lacks", async () => {
  for (const fault of [{ status: 404 }, { status: 403 }, { status: 500 }, { lacksBytes: 1 }]) {
    const scene = createScene();
    const connection = await scene.open() as Connection;
    scene.spoil(B, fault);
    // Pieces 1 to 3 lie in b, the first of them in both.
    deepStrictEqual(await ask(scene, connection, 0, 3), [
      "have-all",
      "unchoke",
      "piece 0",
      "choke",
    ]);
    connection.close();
    deepStrictEqual(await openAndAsk(scene, 0), ["80", "unchoke", "piece 0"], `${fault.status}`);
  }
});

Deno.test("WebSeed starts anew when too much comes, though all that was asked for is here", async () => {
  const scene = createScene();
  const connection = await scene.open() as Connection;
  scene.spoil(A, { addsBytes: 5_000 });
  deepStrictEqual(await ask(scene, connection, 0), ["have-all", "unchoke", "choke"]);
  connection.close();
  deepStrictEqual(await openAndAsk(scene, 3), ["30", "unchoke", "piece 3"]);
});

Deno.test("WebSeed counts one failure when several parts of a file fail together", async () => {
  const scene = createScene();
  for (const piece of [0, 1]) scene.missing.clear(piece);
  const connection = await scene.open() as Connection;
  scene.spoil(B, { status: 500 });
  // Parts of b that do not lie end to end.
  deepStrictEqual(await ask(scene, connection, 1, 3), ["have-all", "unchoke", "choke", "80"]);
  connection.close();
  scene.web.faults.clear();
  await pass(scene, 1_000);
  ok(typeof await scene.open() !== "string", "a second later");
});

Deno.test("WebSeed.open() asks for another file at once when the first is not to be had", async () => {
  for (const fault of [{ status: 404 }, { status: 403 }, { isWhole: true }]) {
    const scene = createScene();
    scene.spoil(A, fault);
    deepStrictEqual(await openAndAsk(scene, 3), ["30", "unchoke", "piece 3"]);
  }
});

Deno.test("WebSeed asks ever more rarely for a file that is not given, and anew once it was", async () => {
  const scene = createScene();
  for (const piece of [1, 2, 3]) scene.missing.clear(piece);
  const askedCount = async (durationMs: number) => {
    const before = scene.web.asked.length;
    const end = scene.clock.now() + durationMs;
    while (scene.clock.now() < end) {
      await scene.open();
      await pass(scene, 500);
    }
    return scene.web.asked.length - before;
  };
  scene.spoil(A, { status: 500 });
  const early = await askedCount(60_000), late = await askedCount(60 * 60_000);
  ok(early >= 5 && early <= 8, `${early} times in the first minute`);
  ok(late >= 12 && late <= 16, `${late} times in the next hour`);
  scene.web.faults.clear();
  await pass(scene, 300_000);
  (await scene.open() as Connection).close();
  scene.spoil(A, { status: 500 });
  const again = await askedCount(60_000);
  ok(again >= 5, `${again} times`);
});

Deno.test("WebSeed.open() tries twenty files at most", async () => {
  const lengths = Array<number>(60).fill(PIECE_LENGTH);
  const scene = createScene({
    metainfo: metainfoOf(new SeededRandom(1).bytes(60 * PIECE_LENGTH), lengths),
  });
  strictEqual(await scene.open(), "it gives none of the files that were tried");
  strictEqual(new Set(scene.web.asked).size, 20);
});

Deno.test("WebSeed.open() begins with any of the files", async () => {
  const asked = new Set<string>();
  for (let seed = 0; seed < 20; seed++) {
    const scene = createScene({ random: new SeededRandom(seed) });
    await scene.open();
    asked.add(scene.web.asked[0]!);
  }
  deepStrictEqual([...asked].toSorted(), [`${A} bytes=0-0`, `${B} bytes=0-0`]);
});

Deno.test("WebSeed tells ten things of a server at most", async () => {
  const scene = createScene();
  for (let status = 400; status < 430; status++) {
    for (const url of [A, B]) scene.spoil(url, { status });
    await scene.open();
    await pass(scene, 300_000);
  }
  strictEqual(scene.warnings.length, 10);
});

Deno.test("WebSeed leaves a busy server alone for as long as it says", async () => {
  const scene = createScene();
  scene.spoil(A, { status: 503, headers: { "retry-after": "120" } });
  scene.spoil(B, { status: 503 });
  strictEqual(await scene.open(), "it answers with HTTP status 503");
  scene.web.faults.clear();
  strictEqual(await scene.open(), "not now");
  const askedCount = scene.web.asked.length;
  await pass(scene, 119_000);
  strictEqual(await scene.open(), "not now");
  strictEqual(scene.web.asked.length, askedCount);
  await pass(scene, 1_000);
  ok(typeof await scene.open() !== "string");
});

Deno.test("WebSeed.open() does not ask a busy server for another file", async () => {
  const scene = createScene();
  for (const url of [A, B]) scene.spoil(url, { status: 429 });
  strictEqual(await scene.open(), "it has too much to do");
  strictEqual(scene.web.asked.length, 1);
});

Deno.test("WebSeed ends when a server wants to be left alone for a time", async () => {
  const scene = createScene();
  const connection = await scene.open() as Connection;
  scene.spoil(A, { status: 503, headers: { "retry-after": "60" } });
  deepStrictEqual(await ask(scene, connection, 0), ["have-all", "unchoke", "end"]);
  strictEqual(await scene.open(), "not now");
});

Deno.test("WebSeed goes on with its next URL when the first is of no use", async () => {
  const other = "http://web.example/mirror/";
  const faults = [{ isWhole: true }, { status: 404 }, { status: 500 }, { isGone: true }, {
    isSilent: true,
  }];
  for (const fault of faults) {
    const scene = createScene({ urls: [BASE, other] });
    scene.spoil(A, fault);
    scene.spoil(B, fault);
    let connection = await scene.open();
    if (typeof connection === "string") connection = await scene.open();
    strictEqual(scene.web.asked.at(-1)?.startsWith(`${other}pack/`), true);
    deepStrictEqual((await ask(scene, connection as Connection, 0)).at(-1), "piece 0");
    (connection as Connection).close();
    // What only failed gets its turn again.
    scene.web.faults.clear();
    scene.spoil(`${other}pack/a`, { isGone: true });
    scene.spoil(`${other}pack/b`, { isGone: true });
    await pass(scene, 10_000);
    for (let count = 0; count < 2 && typeof connection !== "string"; count++) {
      connection = await scene.open();
    }
    const isForGood = "isWhole" in fault || fault.status === 404;
    strictEqual(typeof await scene.open() === "string", isForGood);
  }
});

Deno.test("WebSeed remembers where a redirect led while its connection lasts", async () => {
  const scene = createScene();
  const mirror = "http://mirror.example/a";
  scene.web.files.set(mirror, packOf().a);
  scene.spoil(A, { location: mirror });
  const connection = await scene.open() as Connection;
  await ask(scene, connection, 0);
  deepStrictEqual(scene.web.asked, [
    `${A} bytes=0-0`,
    `${mirror} bytes=0-0`,
    `${mirror} bytes=0-16383`,
  ]);
  connection.close();
  scene.web.asked.length = 0;
  ok(typeof await scene.open() !== "string");
  strictEqual(scene.web.asked[0], `${A} bytes=0-0`);
});

Deno.test("WebSeed asks again where a redirect leads when a mirror has failed", async () => {
  const scene = createScene();
  const mirror = "http://mirror.example/a", other = "http://other.example/a";
  for (const url of [mirror, other]) scene.web.files.set(url, packOf().a);
  scene.spoil(A, { location: mirror });
  const connection = await scene.open() as Connection;
  scene.spoil(mirror, { status: 404 });
  scene.spoil(A, { location: other });
  deepStrictEqual(await ask(scene, connection, 0), ["have-all", "unchoke", "choke"]);
  const output = new MessageWriter();
  output.request(0, 0, PIECE_LENGTH);
  await connection.write(output.take()!);
  ok(await settled(scene.clock, connection.read(new Uint8Array(PIECE_LENGTH))) !== null);
  strictEqual(scene.web.asked.at(-1), `${other} bytes=0-16383`);
});

Deno.test("WebSeed takes a mistake of ours for what it is", async () => {
  const scene = createScene({ fetch: () => () => Promise.reject(new TypeError("a bug")) });
  await rejects(settled(scene.clock, scene.seed.open(new AbortController().signal)), {
    message: "a bug",
  });
});
