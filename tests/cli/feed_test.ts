/** Whole runs of `feed`, against a feed that the test writes, and an engine that does as told. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { StorageError } from "../../src/base/errors.ts";
import { type FetchBounded, HttpError } from "../../src/net/http.ts";
import { atom, item, rss } from "../feed/feeds.ts";
import { CommandRun } from "./command_run.ts";
import { type FakeTorrent, lockedError } from "./fake_engine.ts";
import type { FakeOptions } from "./fake_environment.ts";
import { makeMetainfo, makeTorrent } from "./torrents.ts";

const SECRET = "passkey-0123456789";
const FEED = `https://feeds.example/rss?key=${SECRET}`;
const text = (bytes: string) => new TextEncoder().encode(bytes);

/** An answer of the world's server: what is not there is a 404. */
type Answer = string | Uint8Array<ArrayBuffer> | number | Error;

/** A server, and the disk that runs leave their state on. */
class World {
  readonly answers: Record<string, Answer> = {};
  etag: string | undefined;
  /** What was asked for, in order: paths, and the headers that matter. */
  asked: string[] = [];
  kept: Record<string, Uint8Array> = {};

  constructor(feed: Answer = rss("")) {
    this.feed = feed;
  }

  set feed(answer: Answer) {
    this.answers["/rss"] = answer;
  }

  get statePath(): string {
    return Object.keys(this.kept).find((path) => /feed-[0-9a-f]{16}\.json$/.test(path))!;
  }

  /** Runs `feed` to its end; torrents are complete at once unless the test says otherwise. */
  async run(
    args: readonly string[] = [],
    onOpen: (torrent: FakeTorrent) => void = (torrent) => torrent.complete(),
    options: FakeOptions = {},
  ): Promise<CommandRun & { exitCode: number }> {
    const run = this.start(args, onOpen, options);
    await run.end();
    return this.keep(run);
  }

  start(
    args: readonly string[],
    onOpen: (torrent: FakeTorrent) => void,
    options: FakeOptions = {},
  ): CommandRun {
    this.asked = [];
    const files = this.kept;
    const words = args.some((arg) => arg.includes("rss")) ? args : [...args, FEED];
    return new CommandRun(["feed", ...words], onOpen, { files, fetch: this.#fetch, ...options });
  }

  keep<Run extends CommandRun>(run: Run): Run & { exitCode: number } {
    this.kept = { ...this.kept, ...run.environment.kept };
    return run as Run & { exitCode: number };
  }

  readonly #fetch: FetchBounded = (url, { headers = {} }) => {
    const pathname = decodeURI(new URL(url).pathname);
    const sent = new Headers(headers);
    const shown = ["if-none-match", "cookie"].map((name) => sent.get(name)).filter(Boolean);
    this.asked.push([pathname, ...shown].join(" "));
    const answer = this.answers[pathname] ?? 404;
    if (answer instanceof Error) return Promise.reject(answer);
    const own = this.etag === undefined || pathname !== "/rss" ? {} : { etag: this.etag };
    const isSame = this.etag !== undefined && sent.get("if-none-match") === this.etag;
    const status = typeof answer === "number" ? answer : isSame ? 304 : 200;
    const bytes = status !== 200 || typeof answer === "number"
      ? new Uint8Array(0)
      : typeof answer === "string"
      ? text(answer)
      : answer;
    return Promise.resolve({ status, bytes, url, headers: new Headers(own) });
  };
}

/** A feed of items, whose torrents are at the server too. */
function offer(world: World, ...names: string[]): void {
  world.feed = rss(
    names.map((name) => item(name, `/${name}.torrent`, `<guid>${name}</guid>`)).join(""),
  );
  for (const name of names) world.answers[`/${name}.torrent`] = makeTorrent({ name });
}

function lines(output: string): string[] {
  return output.split("\n").filter((line) => line !== "");
}

Deno.test("feed fetches torrents of one name one after the other", async () => {
  const world = new World();
  offer(world, "a", "b", "c");
  for (const [length, link] of ["/b.torrent", "/c.torrent"].entries()) {
    world.answers[link] = makeTorrent({ name: "a", length: length + 5 });
  }
  const open: FakeTorrent[] = [];
  const run = world.start([], (torrent) => open.push(torrent));
  for (let count = 1; count <= 3; count++) {
    await run.pass(1_000);
    deepStrictEqual(open.length, count);
    open[count - 1]!.complete();
  }
  deepStrictEqual([await run.end(), run.err], [0, ""]);
  deepStrictEqual(new Set(open.map((each) => each.request.source.metainfo.infoHashHex)).size, 3);
  world.keep(run);
  deepStrictEqual((await world.run()).engine.torrents.size, 0);
});

Deno.test("feed fetches all torrents of one name in one run, however many there are", async () => {
  for (let count = 2; count <= 8; count++) {
    const world = new World();
    const names = Array.from("abcdefgh").slice(0, count);
    offer(world, ...names);
    for (const [length, name] of names.entries()) {
      world.answers[`/${name}.torrent`] = makeTorrent({ name: "a", length: length + 5 });
    }
    const { exitCode, out, err } = await world.run();
    deepStrictEqual([exitCode, lines(out).length, err], [0, count, ""]);
  }
});

Deno.test("feed gives up no torrent because another of its name takes several runs", async () => {
  const world = new World();
  offer(world, "a", "b");
  world.answers["/b.torrent"] = makeTorrent({ name: "a", length: 5 });
  const isFirst = ({ request }: FakeTorrent) => request.source.metainfo.layout.totalLength !== 5;
  const occupied = (path: string) => new StorageError("occupied", path, "Cannot download to a");
  for (let again = 0; again < 5; again++) {
    let begun = 0;
    const { exitCode, err } = await world.run([], (torrent) => {
      if (isFirst(torrent)) begun++;
      torrent.fail(isFirst(torrent) ? lockedError() : occupied("out/a.part"));
    });
    deepStrictEqual([exitCode, begun, err.includes("given up")], [6, 1, false], err);
  }
  const last = await world.run([], (torrent) => {
    if (isFirst(torrent)) torrent.complete();
    else torrent.fail(occupied("out/a"));
  });
  deepStrictEqual([last.exitCode, lines(last.out).length], [6, 1]);
  ok(last.err.includes("given up after 6 tries"), last.err);
});

Deno.test("feed gives up after three runs what the output folder has something else for", async () => {
  const world = new World();
  offer(world, "a");
  for (let again = 1; again <= 3; again++) {
    const { exitCode, err } = await world.run([], (torrent) => {
      torrent.fail(new StorageError("occupied", "a", "Cannot download to a: it is something else"));
    });
    deepStrictEqual([exitCode, err.includes("given up after 3 tries")], [6, again === 3], err);
  }
});

Deno.test("feed fetches what is new, tells of it in a line each, and never fetches it again", async () => {
  const world = new World();
  offer(world, "a", "b");
  const first = await world.run();
  deepStrictEqual([first.exitCode, first.err], [0, ""]);
  deepStrictEqual(lines(first.out).map((line) => line.split(":")[0]).toSorted(), ["a", "b"]);
  for (let again = 0; again < 2; again++) {
    const { exitCode, out, err } = await world.run();
    deepStrictEqual([exitCode, out, err, world.asked], [0, "", "", ["/rss"]]);
  }
  offer(world, "c", "a", "b");
  const second = await world.run();
  deepStrictEqual([...second.engine.torrents.keys()], ["c"]);
});

Deno.test("feed hands the options of get to every torrent, four at a time", async () => {
  const world = new World();
  offer(world, "a", "b", "c", "d", "e");
  const run = world.start(["-o", "out", "--memory", "1M", "--select", "*"], () => {});
  await run.pass(1_000);
  strictEqual(run.engine.torrents.size, 4);
  for (const { request } of run.engine.torrents.values()) {
    deepStrictEqual([request.target.outputDir, request.memoryBudgetBytes], ["out", 256 * 1024]);
    strictEqual(request.keepSeeding, false);
  }
  run.engine.torrents.get("b")!.complete();
  await run.pass(1_000);
  strictEqual(run.engine.torrents.size, 5);
  for (const torrent of run.engine.torrents.values()) torrent.complete();
  strictEqual(await run.end(), 0);
});

Deno.test("feed --match and --reject choose by title, also when nothing else has changed", async () => {
  const world = new World();
  world.etag = '"1"';
  offer(world, "Debian 13 amd64", "Debian 13 arm64", "Debian 14 rc amd64", "Ubuntu amd64");
  const first = await world.run(["--match", "debian*amd64", "--reject", " rc "]);
  deepStrictEqual([...first.engine.torrents.keys()], ["Debian 13 amd64"]);
  deepStrictEqual(world.asked[0], "/rss", "nothing to ask about");
  await world.run(["--match", "debian*amd64", "--reject", " rc "]);
  deepStrictEqual(world.asked, ['/rss "1"']);
  const wider = await world.run([
    "--match",
    "debian*amd64",
    "--match",
    "ubuntu",
    "--reject",
    " rc ",
  ]);
  deepStrictEqual([...wider.engine.torrents.keys()], ["Ubuntu amd64"]);
  deepStrictEqual(world.asked[0], "/rss", "another question");
});

Deno.test("feed --since leaves out what is older, and takes what has no date", async () => {
  const DAY_MS = 86_400_000;
  for (const since of ["2d", "now"]) {
    const world = new World();
    const probe = world.start([], () => {});
    const now = probe.environment.clock.wallTime();
    await probe.end();
    const entry = (name: string, agoMs: number | undefined) =>
      `<entry><id>${name}</id><title>${name}</title><link href="/${name}.torrent"/>` +
      (agoMs === undefined
        ? "</entry>"
        : `<updated>${new Date(now - agoMs).toISOString()}</updated></entry>`);
    offer(world, "old", "new", "undated");
    world.feed = atom(
      entry("old", 3 * DAY_MS) + entry("new", DAY_MS) + entry("undated", undefined),
    );
    const date = since === "now" ? new Date(now - 2 * DAY_MS).toISOString() : since;
    const run = await world.run(["--since", date]);
    deepStrictEqual([...run.engine.torrents.keys()], ["new", "undated"], run.err);
  }
});

Deno.test("feed --max-items leaves the rest to the next runs, and loses none of it", async () => {
  const world = new World();
  world.etag = '"1"';
  offer(world, "a", "b", "c");
  const fetched: string[] = [];
  for (let run = 0; run < 4; run++) {
    const { engine } = await world.run(["--max-items", "1"]);
    fetched.push([...engine.torrents.keys()].join());
    world.feed = rss(""); // It has moved on.
    world.etag = '"2"';
  }
  deepStrictEqual(fetched, ["a", "b", "c", ""]);
});

Deno.test("feed --dry-run says what it would fetch, and leaves nothing behind", async () => {
  const world = new World();
  offer(world, "a", "b");
  world.etag = '"1"';
  const dry = await world.run(["--dry-run", "--match", "a"]);
  deepStrictEqual([dry.exitCode, lines(dry.out), dry.err], [
    0,
    ['https://feeds.example/a.torrent: would fetch "a"'],
    "",
  ]);
  deepStrictEqual([dry.engine.torrents.size, Object.keys(world.kept)], [0, []]);
  deepStrictEqual(dry.environment.holds, []);
  await world.run();
  const again = await world.run(["--dry-run"]);
  deepStrictEqual([again.exitCode, again.out, world.asked], [0, "", ["/rss"]]);
});

Deno.test("feed goes on after items with bad links, and says of each in one line what is wrong", async () => {
  const world = new World();
  offer(world, "good");
  world.answers["/html.torrent"] = "<html>log in</html>";
  world.feed = rss(
    item("ftp", "ftp://a.example/x.torrent", "<guid>1</guid>") +
      item("missing", "/missing.torrent", "<guid>2</guid>") +
      item("html", "/html.torrent", "<guid>3</guid>") +
      item("good", "/good.torrent", "<guid>4</guid>") +
      "<item><title>page</title><link>https://a.example/</link></item>",
  );
  const run = await world.run();
  strictEqual(run.exitCode, 3);
  deepStrictEqual([...run.engine.torrents.keys()], ["good"]);
  strictEqual(lines(run.err).length, 3, run.err);
  match(run.err, /item "ftp": its link is neither http\(s\) nor a magnet/);
  match(run.err, /example\/missing\.torrent: the server says 404/);
  match(run.err, /html\.torrent/);
});

Deno.test("feed gives up what fails for good after three tries, until --retry-failed", async () => {
  const world = new World();
  offer(world, "a");
  delete world.answers["/a.torrent"];
  for (let run = 1; run <= 3; run++) {
    const { exitCode, err } = await world.run();
    deepStrictEqual([exitCode, lines(err).length], [3, 1]);
    strictEqual(/given up after 3 tries: --retry-failed/.test(err), run === 3);
  }
  const silent = await world.run();
  deepStrictEqual([silent.exitCode, silent.out, silent.err, world.asked], [0, "", "", ["/rss"]]);
  offer(world, "a");
  strictEqual((await world.run()).engine.torrents.size, 0);
  strictEqual((await world.run(["--retry-failed"])).engine.torrents.size, 1);
});

Deno.test("feed tries again in the next run what may pass, and exits with its code", async () => {
  const world = new World();
  offer(world, "a", "b");
  world.answers["/b.torrent"] = 503;
  const first = await world.run();
  deepStrictEqual([first.exitCode, lines(first.err).length], [10, 1]);
  offer(world, "a", "b");
  const second = await world.run();
  deepStrictEqual([second.exitCode, [...second.engine.torrents.keys()]], [0, ["b"]]);
});

Deno.test("feed tries the other links of an item when one fails", async () => {
  const world = new World();
  offer(world, "a");
  world.feed = rss(`<item><title>a</title><guid>1</guid><enclosure url="/gone.torrent"/>
    <link>/a.torrent</link></item>`);
  strictEqual((await world.run()).exitCode, 3);
  deepStrictEqual([(await world.run()).exitCode, world.asked], [0, ["/rss", "/a.torrent"]]);
});

Deno.test("feed resumes what was begun, although the feed has moved on or is out of reach", async () => {
  const changes: readonly [Answer, number][] = [
    [rss(""), 0],
    [503, 10],
    [new HttpError("unreachable", "Cannot fetch from feeds.example: it is unreachable"), 10],
  ];
  for (const [feed, code] of changes) {
    const world = new World();
    offer(world, "a", "b");
    const killed = world.start([], () => {});
    await killed.pass(1_000);
    world.keep(killed); // As a kill would leave it: nothing more is written.
    killed.environment.signal("SIGTERM");
    await killed.end();
    world.feed = feed;
    const next = await world.run();
    deepStrictEqual([...next.engine.torrents.keys()].toSorted(), ["a", "b"]);
    deepStrictEqual([next.exitCode, lines(next.err).length], [code, code === 0 ? 0 : 1]);
  }
});

Deno.test("feed remembers nothing as fetched before it is complete", async () => {
  const world = new World();
  offer(world, "a");
  const run = world.start([], () => {});
  await run.pass(1_000);
  const written = () => new TextDecoder().decode(world.keep(run) && world.kept[world.statePath]);
  match(written(), /"status":"waiting"/);
  run.engine.only.complete();
  strictEqual(await run.end(), 0);
  match(written(), /"status":"fetched"/);
  ok(!written().includes(SECRET));
});

Deno.test("feed says what a server or a file gives that is no feed, and exits 3 or 10", async () => {
  const rows: readonly [Answer, number, RegExp][] = [
    ["<html></html>", 3, /Cannot read the feed https:\/\/feeds\.example\/…: it is a web page/],
    ["hello", 3, /it is neither RSS nor Atom/],
    [404, 3, /the server says 404/],
    [403, 3, /the server says 403/],
    [304, 3, /the server says 304/],
    [500, 10, /the server says 500; try again later/],
    [429, 10, /the server says 429; try again later/],
    ["", 10, /it is empty; try again later/],
    [rss("").slice(0, 200), 10, /its end is missing; try again later/],
    [rss(item("a", "/a.torrent")).slice(0, -10), 10, /its end is missing; try again later/],
    [new HttpError("timeout", "Cannot fetch from feeds.example: no answer"), 10, /no answer/],
    [new HttpError("too-large", "Cannot fetch from feeds.example: over 1 bytes"), 3, /over 1/],
  ];
  for (const [answer, code, words] of rows) {
    const { exitCode, err, out } = await new World(answer).run();
    deepStrictEqual([exitCode, lines(err).length, out], [code, 1, ""], err);
    match(err, words);
    ok(!err.includes(SECRET), err);
  }
});

Deno.test("feed reads a file, without asking anybody", async () => {
  const world = new World();
  const files = {
    "rss.xml": text(rss(item("a", "https://feeds.example/a.torrent"))),
    "bad.rss": text("nothing"),
  };
  offer(world, "a");
  const run = await world.run(["rss.xml"], undefined, { files });
  deepStrictEqual([run.exitCode, world.asked], [0, ["/a.torrent"]], run.err);
  strictEqual((await world.run(["bad.rss"], undefined, { files })).exitCode, 3);
  const piped = new CommandRun(["feed", "-"], () => {}, { stdin: files["bad.rss"] });
  strictEqual(await piped.end(), 3);
  match(piped.err, /Cannot read the feed standard input: /);
  const missing = await world.run(["no.rss"], undefined, { files });
  deepStrictEqual([missing.exitCode, missing.err], [
    3,
    "starling: Cannot read no.rss: there is no such file\n",
  ]);
});

Deno.test("feed sends headers to the server of the feed, and to no other", async () => {
  const world = new World();
  world.feed = rss(item("a", "/a.torrent") + item("b", "https://other.example/b.torrent"));
  await world.run(["--header", "Cookie: id=1"]);
  deepStrictEqual(world.asked.toSorted(), ["/a.torrent id=1", "/b.torrent", "/rss id=1"]);
});

Deno.test("D14 feed exits 75 when another run is at the feed", async () => {
  const world = new World();
  const run = await world.run([], undefined, { holdError: lockedError() });
  deepStrictEqual([run.exitCode, run.err, world.asked], [
    75,
    "starling: Cannot look at https://feeds.example/…: another run is at it; " +
    "wait for it (--wait-lock), or try again later\n",
    [],
  ]);
});

Deno.test("D2 feed downloads nothing that it could not remember, and exits 5", async () => {
  const world = new World();
  offer(world, "a");
  const keepError = new StorageError("no-space", "x", "Cannot save x: the disk is full");
  const run = await world.run([], undefined, { keepError });
  deepStrictEqual([run.exitCode, run.engine.torrents.size, lines(run.err).length], [5, 0, 1]);
});

Deno.test("D12 feed begins anew when its state is damaged, says so, and keeps the old one", async () => {
  const world = new World();
  offer(world, "a");
  await world.run();
  const path = world.statePath;
  const damaged = world.kept[path]!.slice(0, -20);
  world.kept[path] = damaged;
  const run = await world.run();
  strictEqual(run.exitCode, 0);
  match(run.err, /is damaged, and is begun anew/);
  deepStrictEqual(world.kept[path.replace(".json", ".damaged")], damaged);
  deepStrictEqual((await world.run()).err, "");
});

Deno.test("feed downloads a torrent once, whatever items it has", async () => {
  const { infoHashHex } = makeMetainfo({ name: "a" });
  const world = new World();
  offer(world, "a");
  world.answers["/copy.torrent"] = makeTorrent({ name: "a", comment: "elsewhere" });
  world.feed = rss(
    item("a", "/a.torrent", "<guid>1</guid>") + item("copy", "/copy.torrent", "<guid>2</guid>"),
  );
  const both = await world.run();
  deepStrictEqual([both.exitCode, both.engine.torrents.size, both.err], [0, 1, ""]);
  deepStrictEqual([(await world.run()).out, world.asked], ["", ["/rss"]], "both are remembered");
  world.feed = rss(
    item("x", "/copy.torrent", "<guid>3</guid>") +
      `<item><guid>4</guid><link>magnet:?xt=urn:btih:${infoHashHex}</link></item>`,
  );
  const later = await world.run();
  deepStrictEqual([later.exitCode, later.engine.torrents.size, later.err], [0, 0, ""]);
});

Deno.test("feed --json tells of the feed and of each item, and quotes no secret", async () => {
  const world = new World();
  world.etag = '"1"';
  offer(world, "a");
  world.feed = rss(item("a", `/a.torrent?key=${SECRET}`, "<guid>1</guid>"), "My \u202e feed");
  const run = await world.run(["--json"]);
  const told = (name: string) =>
    run.events(name).map(({ time: _, event: __, ...fields }) => fields);
  const source = "https://feeds.example/…", link = "https://feeds.example/a.torrent";
  const { infoHashHex: infoHash } = makeMetainfo({ name: "a" });
  deepStrictEqual(told("feed"), [{
    infoHash: null,
    source,
    sourceIndex: null,
    title: "My \\u{202e} feed",
    unchanged: false,
    items: 1,
    added: 1,
    known: 0,
    skipped: 0,
    waiting: 1,
  }]);
  deepStrictEqual(told("feed-item"), [
    { infoHash: null, source: link, sourceIndex: null, title: "a", state: "begun", tries: 0 },
    { infoHash, source: link, sourceIndex: null, title: "a", state: "fetched", tries: 0 },
  ]);
  strictEqual(run.events("done").length, 1);
  ok(!run.out.includes(SECRET) && !run.err.includes(SECRET));
  const [unchanged, ...more] = (await world.run(["--json"])).environment.events;
  deepStrictEqual([unchanged?.["event"], unchanged?.["unchanged"], more], ["feed", true, []]);
});

Deno.test("feed stops when it is asked to, and exits as a signal would", async () => {
  const world = new World();
  offer(world, "a", "b", "c", "d", "e", "f");
  const run = world.start([], () => {});
  await run.pass(1_000);
  run.environment.signal("SIGINT");
  strictEqual(await run.end(), 130);
  strictEqual(run.engine.torrents.size, 4);
  strictEqual((await world.keep(run) && await world.run()).engine.torrents.size, 6);
});

Deno.test("feed prints no progress where nobody looks, whatever it takes", async () => {
  const world = new World();
  offer(world, "a");
  const run = world.start([], () => {});
  await run.pass(300_000);
  deepStrictEqual([run.out, run.err], ["", ""]);
  run.engine.only.complete();
  strictEqual(await run.end(), 0);
});

Deno.test("feed refuses what cannot be meant", async () => {
  const rows: readonly [string[], RegExp][] = [
    [["--match", "", FEED], /part of a title/],
    [["--match", "x".repeat(501), FEED], /part of a title/],
    [["--since", "soon", FEED], /2026-11-20/],
    [["--max-items", "0", FEED], /max-items/],
    [["--seed", FEED], /--seed/],
    [["--sums", "x", FEED], /--sums/],
    [[`ftp://feeds.example/rss?key=${SECRET}`], /an http\(s\) URL or a file/],
    [[], /URL\|FILE|feed/i],
  ];
  for (const [args, words] of rows) {
    const run = new CommandRun(["feed", ...args]);
    strictEqual(await run.end(), 2, args.join(" "));
    match(run.err, words);
    ok(!run.err.includes(SECRET), run.err);
  }
});
