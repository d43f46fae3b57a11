/** `get` and `plan` with real web servers that have the files of a torrent (BEP 19). */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { assertExit, Checkout, type Finished } from "./checkout.ts";
import { describeTree, makeTorrent, randomBytes } from "./content.ts";
import { freePort, Lab } from "./lab.ts";
import { startHttpProxy } from "./proxies.ts";
import { GIVE_UP, inParallel } from "./verdict_room.ts";

const PIECE_LENGTH = 32_768;
const FILES: Readonly<Record<string, Uint8Array<ArrayBuffer>>> = {
  "a file.bin": randomBytes(300_000, 1),
  "sub/ü.bin": randomBytes(50_000, 2),
  "sub/small": randomBytes(10, 3),
};
/** Processes at once: each mostly waits. */
const AT_ONCE = 6;

type Handler = (request: Request, file: Uint8Array<ArrayBuffer>) => Response | Promise<Response>;

/** What a good server does. */
function serveRange(request: Request, file: Uint8Array<ArrayBuffer>): Response {
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get("range") ?? "");
  if (range === null) return new Response(file);
  const begin = Number(range[1]), last = Math.min(Number(range[2]), file.length - 1);
  const headers = { "content-range": `bytes ${begin}-${last}/${file.length}` };
  return new Response(file.slice(begin, last + 1), { status: 206, headers });
}

/** A checkout with `x.torrent`, whose only source is a server that answers by `handler`. */
class Room implements AsyncDisposable {
  readonly lab: Lab;
  readonly checkout: Checkout;
  readonly paths: string[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  private constructor(lab: Lab, checkout: Checkout, handler: Handler) {
    this.lab = lab;
    this.checkout = checkout;
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
      const path = decodeURIComponent(new URL(request.url).pathname);
      this.paths.push(path);
      const file = FILES[path.replace("/files/pack/", "")];
      return file === undefined
        ? new Response("no such file", { status: 404 })
        : handler(request, file);
    });
  }

  static async open(handler: Handler = serveRange): Promise<Room> {
    const lab = await Lab.open();
    const room = new Room(lab, await Checkout.make(lab), handler);
    await room.write(`http://127.0.0.1:${room.#server.addr.port}/files`);
    return room;
  }

  /** Another `x.torrent`, with these web seeds. */
  async write(...webSeeds: string[]): Promise<void> {
    const { bytes } = makeTorrent("pack", FILES, { pieceLength: PIECE_LENGTH, webSeeds });
    await Deno.writeFile(this.checkout.path("x.torrent"), bytes);
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  run(command: string, ...args: string[]): Promise<Finished> {
    return this.checkout.run(command, "-o", "out", ...args, "x.torrent");
  }

  async assertComplete(): Promise<void> {
    for (const [path, bytes] of Object.entries(FILES)) {
      deepStrictEqual(await Deno.readFile(this.checkout.path("out", "pack", path)), bytes);
    }
    strictEqual((await describeTree(this.checkout.path("out", "pack"))).length, 3);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
    await this.lab[Symbol.asyncDispose]();
  }
}

Deno.test("get completes from a web seed alone, and the receipt counts it", async () => {
  await using room = await Room.open();
  const run = await room.run("get", "--json");
  assertExit(run, 0);
  await room.assertComplete();
  deepStrictEqual(run.events("warning"), []);
  const again = await room.run("get");
  assertExit(again, 0);
});

Deno.test("get asks a web seed only for what was selected, and for nothing with --no-web-seed", async () => {
  await using room = await Room.open();
  const none = await room.run("get", "--no-web-seed", "--stall", "1s");
  assertExit(none, 12);
  match(none.stderr, /no tracker may be asked/);
  deepStrictEqual(room.paths, []);
  assertExit(await room.run("get", "--select", "sub/small"), 0);
  // The only piece of the small file begins in its neighbour; the first question is for any file.
  deepStrictEqual(
    new Set(room.paths.slice(1)),
    new Set(["/files/pack/sub/ü.bin", "/files/pack/sub/small"]),
  );
});

Deno.test("get follows a redirect of a web seed, goes through a proxy, and takes the next URL", async () => {
  await using room = await Room.open((request, file) => {
    const { pathname, searchParams } = new URL(request.url);
    if (searchParams.has("moved")) return serveRange(request, file);
    return Response.redirect(new URL(`${pathname}?moved`, request.url));
  });
  // A query in a local network is refused, also where a redirect leads there.
  assertExit(await room.run("get", ...GIVE_UP), 13);
  await using good = await Room.open();
  await good.write(
    `http://127.0.0.1:${freePort()}/`,
    `${good.url}/wrong`,
    `${good.url}/files`,
  );
  await using proxy = startHttpProxy({});
  const run = await good.run("get", "--proxy", `http://127.0.0.1:${proxy.proxy.endpoint.port}`);
  assertExit(run, 0);
  await good.assertComplete();
  match(run.stderr, /Cannot use the web seed at 127\.0\.0\.1:\d+: it has no such file/);
});

Deno.test("get and plan take a web seed that the user names", async () => {
  await using room = await Room.open();
  await room.write();
  const named = ["--web-seed", `${room.url}/files`, "--no-web-seed"];
  match((await room.run("plan", ...named)).stdout, /1 seed/);
  assertExit(await room.run("get", ...named), 0);
  await room.assertComplete();
});

Deno.test("get follows a redirect to another server", async () => {
  await using files = await Room.open();
  await using room = await Room.open((request) =>
    Response.redirect(`${files.url}${new URL(request.url).pathname}`)
  );
  assertExit(await room.run("get"), 0);
  await room.assertComplete();
});

Deno.test("plan counts a web seed as a seed, and says No when it is of no use", async () => {
  await using room = await Room.open();
  const plan = await room.run("plan");
  assertExit(plan, 0);
  match(plan.stdout, /1 seed/);
  await room.write(`http://127.0.0.1:${freePort()}/`);
  const bad = await room.run("plan");
  assertExit(bad, 13);
  match(bad.stdout, /1 × a web seed of no use/);
  match(bad.stdout, /Web Seed +Cannot use the web seed at 127\.0\.0\.1:\d+: it is unreachable/);
  const none = await room.run("plan", "--no-web-seed");
  assertExit(none, 12);
});

const CASES: readonly (readonly [string, number, RegExp, Handler])[] = [
  [
    "ignores ranges",
    13,
    /it gives whole files alone \(it answers no Range requests\)/,
    (_, file) => new Response(file),
  ],
  [
    "gives other bytes than it says",
    16,
    /banned 127\.0\.0\.1:\d+: sent bad data/,
    (request, file) => serveRange(request, file.map((byte) => byte ^ 1)),
  ],
  [
    "packs what it gives",
    13,
    /it (packs what it gives|gives less than it was asked for)|its answer is broken|over \d+ bytes/,
    (request, file) => {
      const { headers, status } = serveRange(request, file);
      headers.set("content-encoding", "gzip");
      return new Response(new Uint8Array(gzipSync(file.subarray(0, 1))), { status, headers });
    },
  ],
  [
    "breaks off after its head",
    13,
    /it gives less than it was asked for|its answer is broken/,
    (request, file) => {
      const { headers, status } = serveRange(request, file);
      const broken = new ReadableStream({ pull: (controller) => controller.close() });
      return new Response(broken, { status, headers });
    },
  ],
  [
    "has a longer file",
    13,
    /its file has another length/,
    (request, file) => serveRange(request, new Uint8Array(file.length + 1)),
  ],
  ["wants a login", 13, /HTTP status 401/, () => new Response("who?", { status: 401 })],
];

Deno.test("T21 get says why its only web seed is of no use", async (t) => {
  const runs = await inParallel(
    CASES.map(([, , , handler]) => async () => {
      await using room = await Room.open(handler);
      return await room.run("get", ...GIVE_UP);
    }),
    AT_ONCE,
  );
  for (const [index, [name, code, words]] of CASES.entries()) {
    await t.step(`${code} when it ${name}`, () => {
      assertExit(runs[index]!, code);
      match(runs[index]!.stderr, words);
    });
  }
});
