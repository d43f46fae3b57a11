/** Whole runs of `feed`, against a feed that the test writes, and an engine that does as told. */
import { deepStrictEqual } from "node:assert/strict";
import type { FetchBounded } from "../../src/net/http.ts";
import { item, rss } from "../feed/feeds.ts";
import { CommandRun } from "./command_run.ts";
import type { FakeTorrent } from "./fake_engine.ts";
import type { FakeOptions } from "./fake_environment.ts";
import { makeTorrent } from "./torrents.ts";

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
    const { pathname } = new URL(url);
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
