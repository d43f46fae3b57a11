import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { type Random, SeededRandom } from "../../src/base/ambient.ts";
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
  const content = concatBytes(a, b);
  const hashes: Bytes[] = [];
  for (let at = 0; at < content.length; at += PIECE_LENGTH) {
    hashes.push(sha1(content.subarray(at, at + PIECE_LENGTH)) as Bytes);
  }
  const metainfo = parseMetainfo(createMetainfo({
    name: "pack",
    files: [{ path: ["a"], length: a.length }, { path: ["b"], length: b.length }],
    isSingleFile: false,
    pieceLength: PIECE_LENGTH,
    pieceHashes: concatBytes(...hashes),
  }));
  return { metainfo, a, b };
}

interface Scene {
  readonly clock: ManualClock;
  readonly web: SimWeb;
  readonly seed: WebSeed;
  readonly warnings: string[];
  addresses: string[];
  endedCount: number;
  /** What `open` comes to: its connection, or the words of why not. */
  open(signal?: AbortSignal): Promise<Connection | string>;
  /** How the server answers for a file from now on. */
  spoil(url: string, fault: WebFault): void;
}

function createScene(
  { urls = [BASE], random = new SeededRandom(2), fetch }: {
    urls?: string[];
    random?: Random;
    fetch?: (fetch: FetchBounded) => FetchBounded;
  } = {},
): Scene {
  const clock = new ManualClock();
  const web = new SimWeb({ clock });
  const { metainfo, a, b } = packOf();
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
    onEvent: (event) => event.kind === "warning" && warnings.push(event.message),
    onEnded: () => scene.endedCount++,
  });
  const warnings: string[] = [];
  const scene: Scene = {
    clock,
    web,
    seed,
    warnings,
    addresses: ["93.184.216.34"],
    endedCount: 0,
    open: async (signal = new AbortController().signal) => {
      const opening = seed.open(signal).then(({ connection }) => connection, (error) => {
        strictEqual(error.name, "WebSeedError");
        return error.message as string;
      });
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
  const scenes = [createScene({ random: new SeededRandom(1) }), createScene()];
  const ids: string[] = [];
  for (const { clock, seed } of scenes) {
    const { handshake } = await settled(clock, seed.open(new AbortController().signal));
    deepStrictEqual(handshake.flags, { extended: false, fast: true, dht: false });
    strictEqual(new TextDecoder().decode(handshake.peerId.subarray(0, 8)), "-WS0000-");
    strictEqual(handshake.peerId.length, 20);
    ids.push(handshake.peerId.toHex());
  }
  ok(ids[0] !== ids[1]);
});

const FAULTS: readonly (readonly [string, WebFault, string])[] = [
  ["has no such file", { status: 404 }, "it has no such file"],
  ["gives all of it", { isWhole: true }, "it gives whole files alone"],
  [
    "has another length",
    { headers: { "content-range": "bytes 0-0/19999" } },
    "its file has another length",
  ],
  [
    "gives other bytes",
    { headers: { "content-range": "bytes 1-1/20000" } },
    "it gives other bytes than it was asked for",
  ],
  ["packs them", { headers: { "content-encoding": "gzip" } }, "it packs what it gives"],
  ["gives too few", { lacksBytes: 1 }, "it gives less than it was asked for"],
  ["refuses", { status: 403 }, "it answers with HTTP status 403"],
  ["is not there", { isGone: true }, "it is unreachable"],
  ["is silent", { isSilent: true }, "no answer in time"],
  ["sends us to a cloud's metadata", { location: "http://169.254.169.254/x" }, "refused"],
  ["sends us to the router's page", { location: "http://192.168.1.1/reboot?now" }, "refused"],
];

for (const [name, fault, words] of FAULTS) {
  Deno.test(`T21 WebSeed.open() throws, and warns once, when the server ${name}`, async () => {
    const scene = createScene();
    scene.spoil(A, fault);
    scene.spoil(B, fault);
    for (let count = 0; count < 2; count++) ok(typeof await scene.open() === "string");
    deepStrictEqual(scene.warnings, [`Cannot use the web seed at web.example: ${words}`]);
    strictEqual(scene.endedCount, 2);
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

Deno.test("T17 WebSeed.open() looks up no name when a proxy does", async () => {
  const scene = createScene({
    fetch: (fetch) =>
      Object.assign((...args: Parameters<FetchBounded>) => fetch(...args), {
        isProxied: true,
      }),
  });
  scene.addresses = ["127.0.0.1"];
  ok(typeof await scene.open() !== "string");
});

Deno.test("WebSeed says that it lacks a file that was not there, and is asked for the others", async () => {
  const scene = createScene();
  const first = await scene.open() as Connection;
  scene.spoil(B, { status: 404 });
  deepStrictEqual(await ask(scene, first, 0, 3), ["have-all", "unchoke", "piece 0", "end"]);
  const second = await scene.open() as Connection;
  // Pieces 1 to 3 lie in b, the first of them in both.
  deepStrictEqual(await ask(scene, second, 0), ["80", "unchoke", "piece 0"]);
  second.close();
  scene.spoil(A, { status: 404 });
  strictEqual(await scene.open(), "it was of no use");
  const askedCount = scene.web.asked.length;
  strictEqual(await scene.open(), "it was of no use");
  strictEqual(scene.web.asked.length, askedCount);
});

Deno.test("WebSeed leaves a busy server alone for as long as it says", async () => {
  const scene = createScene();
  scene.spoil(A, { status: 503, headers: { "retry-after": "120" } });
  strictEqual(await scene.open(), "it answers with HTTP status 503");
  scene.web.faults.clear();
  strictEqual(await scene.open(), "it wants to be left alone");
  await scene.clock.run(() => false, 119_000);
  strictEqual(await scene.open(), "it wants to be left alone");
  await scene.clock.run(() => false, 1_000);
  ok(typeof await scene.open() !== "string");
});

Deno.test("WebSeed.open() asks for another file at once when the first is not there", async () => {
  for (const fault of [{ status: 404 }, { headers: { "content-range": "bytes 0-0/7" } }]) {
    const scene = createScene();
    scene.spoil(A, fault);
    const connection = await scene.open() as Connection;
    deepStrictEqual(await ask(scene, connection, 3), ["30", "unchoke", "piece 3"]);
  }
});

Deno.test("WebSeed goes on with its next URL when the first is of no use", async () => {
  const other = "http://web.example/mirror/";
  const faults = [{ isWhole: true }, { status: 500 }, { isGone: true }];
  for (const fault of faults) {
    const scene = createScene({ urls: [BASE, other] });
    scene.spoil(A, fault);
    ok(typeof await scene.open() === "string");
    const connection = await scene.open() as Connection;
    strictEqual(scene.web.asked.at(-1), `${other}pack/a bytes=0-0`);
    deepStrictEqual((await ask(scene, connection, 0)).at(-1), "piece 0");
    connection.close();
    // What only failed gets its turn again.
    scene.spoil(`${other}pack/a`, fault);
    ok(typeof await scene.open() === "string");
    scene.web.faults.clear();
    strictEqual(typeof await scene.open() === "string", "isWhole" in fault);
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

Deno.test("WebSeed does not give up a URL for what a mirror did later", async () => {
  const scene = createScene();
  const mirror = "http://mirror.example/a";
  scene.web.files.set(mirror, packOf().a);
  scene.spoil(A, { location: mirror });
  const connection = await scene.open() as Connection;
  scene.spoil(mirror, { status: 404 });
  deepStrictEqual((await ask(scene, connection, 0)).at(-1), "end");
  scene.web.faults.clear();
  const again = await scene.open() as Connection;
  deepStrictEqual(await ask(scene, again, 0), ["have-all", "unchoke", "piece 0"]);
});

Deno.test("WebSeed takes a mistake of ours for what it is", async () => {
  const scene = createScene({ fetch: () => () => Promise.reject(new TypeError("a bug")) });
  await rejects(settled(scene.clock, scene.seed.open(new AbortController().signal)), {
    message: "a bug",
  });
});
