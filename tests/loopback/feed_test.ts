/** `feed` with real processes, from a server that changes, dies, repeats and sends nonsense. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { assertValid } from "../cli/json_schema.ts";
import { item, rss } from "../feed/feeds.ts";
import { assertExit, Checkout, type Finished, finished } from "./checkout.ts";
import { type MadeTorrent, makeTorrent, randomBytes } from "./content.ts";
import { Lab, Subprocess } from "./lab.ts";
import { ScriptedSeeder } from "./scripted_seeder.ts";

const PIECE_LENGTH = 32_768, LENGTH = 300_000;
const SLOW = 200_000, FAST = 1e9;
const SECRET = "passkey-0123456789";
const NAMES = ["a", "b", "c"];
const EXIT_LIMIT_MS = 120_000, POLL_INTERVAL_MS = 5;

type Handler = (request: Request) => Response | Promise<Response>;

/** A server of feeds and torrents, a seeder of each torrent, and a checkout to run. */
class Room implements AsyncDisposable {
  readonly checkout: Checkout;
  readonly torrents: Readonly<Record<string, MadeTorrent>>;
  readonly seeders: readonly ScriptedSeeder[];
  /** What answers instead of the feed of `offer`. */
  answer: Handler | undefined;
  /** Answers by path, before all else. */
  readonly special: Record<string, Handler> = {};
  /** What was asked for: path and status. */
  asked: string[] = [];
  #feed = rss("");
  #version = 0;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #ending = new AsyncDisposableStack();

  private constructor(lab: Lab, checkout: Checkout, uploadRate: number) {
    this.#ending.use(lab);
    this.checkout = checkout;
    this.torrents = Object.fromEntries(NAMES.map((name, index) => [
      name,
      makeTorrent(`${name}.bin`, randomBytes(LENGTH, index + 1), { pieceLength: PIECE_LENGTH }),
    ]));
    this.seeders = Object.values(this.torrents).map((torrent) =>
      this.#ending.use(new ScriptedSeeder({ ...torrent, uploadRate }))
    );
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      async (request) => {
        const response = await this.#respond(request);
        this.asked.push(`${new URL(request.url).pathname} ${response.status}`);
        return response;
      },
    );
    this.#ending.defer(() => this.#server.shutdown());
  }

  static async open({ uploadRate = FAST } = {}): Promise<Room> {
    const lab = await Lab.open();
    return new Room(lab, await Checkout.make(lab), uploadRate);
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/rss?key=${SECRET}`;
  }

  /** The feed has these from now on, and a new ETag. */
  offer(...items: string[]): void {
    this.#feed = rss(items.join(""));
    this.#version++;
  }

  #respond(request: Request): Response | Promise<Response> {
    const { pathname } = new URL(request.url);
    const special = this.special[pathname];
    if (special !== undefined) return special(request);
    if (pathname === "/rss") return this.answer?.(request) ?? this.#giveFeed(request);
    const torrent = this.torrents[/^\/(\w)\.torrent$/.exec(pathname)?.[1] ?? ""];
    if (torrent === undefined) return new Response("gone", { status: 404 });
    return new Response(torrent.bytes as Uint8Array<ArrayBuffer>);
  }

  #giveFeed(request: Request): Response {
    const etag = `"${this.#version}"`;
    const isSame = request.headers.get("if-none-match") === etag;
    return new Response(isSame ? null : this.#feed, {
      status: isSame ? 304 : 200,
      headers: { etag },
    });
  }

  start(...args: readonly string[]): Subprocess {
    const peers = this.seeders.flatMap(({ endpoint }) => ["--peer", endpoint]);
    const words = ["-o", "out", "--no-tracker", ...peers, ...args, this.url];
    const [program, ...command] = this.checkout.command("feed", ...words);
    const main = command.findIndex((word) => word.endsWith(".ts"));
    return new Subprocess(
      program,
      [...command.slice(0, main), "--allow-run=sh", ...command.slice(main)],
      { cwd: this.checkout.folder, env: { NO_COLOR: "1" } },
    );
  }

  async run(...args: readonly string[]): Promise<Finished> {
    this.asked = [];
    return await finished(this.start(...args));
  }

  /** Fails unless the files have arrived, and no others. */
  async assertArrived(...names: string[]): Promise<void> {
    const there = [...Deno.readDirSync(this.checkout.path("out"))].map((entry) => entry.name);
    const expected = [".starling", ...names.map((name) => `${name}.bin`)];
    deepStrictEqual(there.filter((name) => !name.endsWith(".part")).toSorted(), expected);
    for (const name of names) {
      const bytes = await Deno.readFile(this.checkout.path("out", `${name}.bin`));
      ok(bytes.every((byte, index) => byte === this.torrents[name]!.data[index]), name);
    }
  }

  /** The status of every item that is remembered. */
  statuses(): string[] {
    const folder = this.checkout.path("out", ".starling");
    const file = [...Deno.readDirSync(folder)].find(({ name }) => /^feed-.*\.json$/.test(name))!;
    const { body } = JSON.parse(Deno.readTextFileSync(`${folder}/${file.name}`));
    return body.items.map(({ status }: { status: string }) => status);
  }

  get servedBytes(): number[] {
    return this.seeders.map(({ servedBytes }) => servedBytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ending.disposeAsync();
  }
}

function offered(name: string): string {
  return item(`Item ${name}`, `${name}.torrent?key=${SECRET}`, `<guid>${name}</guid>`);
}

function isSilent({ stdout, stderr }: Finished): boolean {
  return stdout === "" && stderr === "";
}

async function until(condition: () => boolean, what: string, process: Subprocess): Promise<void> {
  const giveUpAt = performance.now() + EXIT_LIMIT_MS;
  while (!condition()) {
    ok(process.isRunning && performance.now() < giveUpAt, `${what}: ${process.log}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
  }
}

Deno.test("feed fetches from a feed that changes, dies and repeats, and everything once", async () => {
  await using room = await Room.open();
  room.offer(offered("a"));
  const first = await room.run("--log-dir", "logs", "-v");
  assertExit(first, 0);
  match(first.stdout, /a\.bin: complete and verified/);
  await room.assertArrived("a");
  const unchanged = await room.run();
  assertExit(unchanged, 0);
  ok(isSilent(unchanged), unchanged.stdout + unchanged.stderr);
  deepStrictEqual(room.asked, ["/rss 304"]);

  room.answer = () => new Response("out of order", { status: 500 });
  const dead = await room.run();
  assertExit(dead, 10);
  deepStrictEqual(dead.stderr.match(/\n/g)?.length, 1);
  room.answer = undefined;

  // Repeated, reordered, under other ids, and with nonsense in between.
  room.offer(
    item("no torrent", "ftp://127.0.0.1/x.torrent", "<guid>x</guid>"),
    offered("b"),
    item("gone", "gone.torrent", "<guid>y</guid>"),
    offered("a"),
    offered("b"),
    item("again", `a.torrent?other=1`, "<guid>z</guid>"),
  );
  const second = await room.run();
  assertExit(second, 3);
  deepStrictEqual(second.stdout.match(/complete/g)?.length, 1);
  deepStrictEqual(second.stderr.match(/\n/g)?.length, 2);
  await room.assertArrived("a", "b");
  deepStrictEqual(room.servedBytes, [LENGTH, LENGTH, 0]);

  const logs = [...Deno.readDirSync(room.checkout.path("logs"))]
    .map(({ name }) => Deno.readTextFileSync(room.checkout.path("logs", name)));
  ok(logs.join().includes("a.bin"));
  const runs = [first, dead, second].flatMap(({ stdout, stderr }) => [stdout, stderr]);
  for (const told of [...logs, ...runs]) ok(!told.includes(SECRET), "a passkey was told");
});

Deno.test("feed --json holds to the schema of events", async () => {
  await using room = await Room.open();
  room.offer(offered("a"), item("gone", "gone.torrent", "<guid>y</guid>"));
  const run = await room.run("--json");
  assertExit(run, 3);
  const events = run.stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  await assertValid("events", events);
  const states = run.events("feed-item").map(({ title, state }) => `${title} ${state}`);
  deepStrictEqual(states.toSorted(), [
    "Item a begun",
    "Item a fetched",
    "gone begun",
    "gone failed",
  ]);
  ok(!run.stdout.includes(SECRET));
});

Deno.test("S14 feed keeps what it remembers to itself", async () => {
  await using room = await Room.open();
  room.offer(offered("a"));
  assertExit(await room.run(), 0);
  const folder = room.checkout.path("out", ".starling");
  strictEqual(Deno.statSync(folder).mode! & 0o077, 0);
  for (const { name } of Deno.readDirSync(folder)) {
    ok(!name.includes(SECRET));
    if (!name.startsWith("feed-")) continue;
    strictEqual(Deno.statSync(`${folder}/${name}`).mode! & 0o077, 0);
    ok(!Deno.readTextFileSync(`${folder}/${name}`).includes(SECRET), "nothing waits any more");
  }
});

Deno.test("D10 feed fetches nothing twice when it is killed between download and state", async () => {
  await using room = await Room.open();
  room.offer(offered("a"));
  // The data has its final name then, and nobody has written down that it was fetched.
  const killed = await room.run("--on-done", "kill -9 $PPID");
  strictEqual(killed.code, 137, killed.stdout + killed.stderr);
  await room.assertArrived("a");
  deepStrictEqual(room.statuses(), ["waiting"]);
  room.offer(); // The feed has moved on.
  const next = await room.run();
  assertExit(next, 0);
  match(next.stdout, /already complete/);
  deepStrictEqual([room.statuses(), room.servedBytes], [["fetched"], [LENGTH, 0, 0]]);
  ok(isSilent(await room.run()));
});

Deno.test("D10 feed resumes what a kill has cut, although the feed has moved on", async () => {
  await using room = await Room.open({ uploadRate: SLOW });
  room.offer(offered("a"), offered("b"));
  const process = room.start();
  await until(() => room.servedBytes[0]! > LENGTH / 2, "half of it", process);
  process.kill("SIGKILL");
  await process.exit;
  deepStrictEqual(room.statuses(), ["waiting", "waiting"]);
  room.answer = () => new Response("gone for good", { status: 404 });
  assertExit(await room.run(), 3);
  await room.assertArrived("a", "b");
  ok(room.servedBytes[0]! < LENGTH * 1.5, `${room.servedBytes}`);
});

Deno.test("D14 two runs of feed at once: the second exits 75, or waits", async () => {
  await using room = await Room.open({ uploadRate: SLOW });
  room.offer(offered("a"));
  const first = room.start();
  await until(() => room.servedBytes[0]! > 0, "the download", first);
  first.kill("SIGSTOP"); // It would be done before the second has begun where all is slow.
  const second = await room.run();
  assertExit(second, 75);
  first.kill("SIGCONT");
  match(second.stderr, /^starling: Cannot look at .*: another run is at it; .*\n$/);
  ok(!second.stderr.includes(SECRET));
  const third = await room.run("--wait-lock", "1m");
  assertExit(third, 0);
  ok(isSilent(third), third.stdout + third.stderr);
  assertExit(await finished(first), 0);
  deepStrictEqual(room.servedBytes, [LENGTH, 0, 0]);
});

Deno.test("feed --dry-run writes nothing at all", async () => {
  await using room = await Room.open();
  room.offer(offered("a"));
  const dry = await room.run("--dry-run");
  assertExit(dry, 0);
  match(dry.stdout, /would fetch "Item a"\n$/);
  ok(!dry.stdout.includes(SECRET));
  const there = [...Deno.readDirSync(room.checkout.folder)].map(({ name }) => name);
  ok(!there.includes("out"), there.join());
});

Deno.test("T1 T3 T5 feed bounds what a server may send, and where it may lead", async () => {
  await using room = await Room.open();
  const bomb = new Uint8Array(gzipSync(new Uint8Array(64 * 1024 * 1024)));
  const redirect = (location: string) => () =>
    new Response(null, { status: 302, headers: { location } });
  const rows: readonly [Handler, number, RegExp][] = [
    [() => new Response(bomb, { headers: { "content-encoding": "gzip" } }), 3, /over 16777216/],
    [redirect("/rss"), 3, /redirects more than 5 times/],
    [redirect("file:///etc/passwd"), 3, /redirects to a URL that is neither http: nor https:/],
    [() => new Response(rss(offered("a")).slice(0, 300)), 10, /its end is missing/],
    [() => new Response("<html></html>"), 3, /it is a web page/],
  ];
  for (const [answer, code, words] of rows) {
    room.answer = answer;
    const run = await room.run();
    assertExit(run, code);
    match(run.stderr, words);
    ok(!run.stderr.includes(SECRET), run.stderr);
  }
  room.answer = undefined;
  room.special["/moved.torrent"] = redirect("/a.torrent");
  room.special["/away.torrent"] = redirect("file:///etc/passwd");
  room.offer(item("moved", "moved.torrent"), item("away", "away.torrent"));
  assertExit(await room.run(), 3);
  await room.assertArrived("a");
});
