import { deepStrictEqual, ok } from "node:assert/strict";
import { join } from "node:path";
import { run } from "../../src/cli/run.ts";
import { HttpError } from "../../src/net/http.ts";
import { makeTorrent, randomBytes } from "../loopback/content.ts";
import { FakeEngine } from "./fake_engine.ts";
import { FakeEnvironment, type FakeOptions } from "./fake_environment.ts";
import * as bencoded from "./torrents.ts";

const PIECE_LENGTH = 32_768;
const CONTENT = {
  "one.bin": randomBytes(100_000, 1),
  "sub/two.bin": randomBytes(50_000, 2),
  "sub/empty": new Uint8Array(0),
};
const TREE = makeTorrent("tree", CONTENT, {
  pieceLength: PIECE_LENGTH,
  tracker: "http://a.example/SECRETSECRETSECRETSECRETSECRET12/announce",
});

/** A folder with a torrent in it, as the test makes it. */
class Room implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "starling_test_" });
  readonly engine = new FakeEngine();

  constructor(torrent: Uint8Array = TREE.bytes) {
    Deno.writeFileSync(this.at("x.torrent"), torrent);
  }

  at(...names: string[]): string {
    return join(this.folder, ...names);
  }

  put(path: string, bytes: Uint8Array): void {
    const file = this.at("out", path);
    Deno.mkdirSync(file.slice(0, file.lastIndexOf("/")), { recursive: true });
    Deno.writeFileSync(file, bytes);
  }

  /** `plan ARGS` for the torrent, into `out`. */
  async plan(args: readonly string[] = [], options: FakeOptions = {}) {
    const environment = new FakeEnvironment({
      args: ["plan", "-o", this.at("out"), ...args, this.at("x.torrent")],
      usesDisk: true,
      openEngine: () => Promise.resolve(this.engine),
      ...options,
    });
    const before = this.#listing();
    const exitCode = await run(environment);
    deepStrictEqual(this.#listing(), before, "something was written");
    return { exitCode, out: environment.out, err: environment.err, lines: linesOf(environment) };
  }

  async json(args: readonly string[] = []) {
    const { out, exitCode } = await this.plan(["--json", ...args]);
    const [plan, ...rest] = out.trim().split("\n").map((line) => JSON.parse(line));
    deepStrictEqual([rest, plan.exitCode], [[], exitCode]);
    return plan;
  }

  #listing(folder = this.folder): string[] {
    return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
      const path = join(folder, name);
      const { size, mtime, ino } = Deno.lstatSync(path);
      const line = `${path} ${size} ${mtime?.getTime()} ${ino}`;
      return isDirectory ? [line, ...this.#listing(path)] : [line];
    }).toSorted();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

function linesOf({ out }: FakeEnvironment): string[] {
  return out.split("\n").map((line) => line.trim());
}

Deno.test("plan gives the server of a .torrent no more time than --timeout", async () => {
  const given: number[] = [];
  for (const timeout of ["1s", "50s"]) {
    const environment = new FakeEnvironment({
      args: ["plan", "--timeout", timeout, "-o", "/nowhere", "http://a.example/x.torrent"],
      fetch: (_, { timeoutMs }) => {
        given.push(timeoutMs);
        return Promise.reject(new HttpError("timeout", "no answer"));
      },
    });
    deepStrictEqual(await run(environment), 10);
  }
  deepStrictEqual(given, [1_000, 30_000]);
});

Deno.test("plan shows names, bytes, the swarm and that get would go, exit 0", async () => {
  await using room = new Room();
  room.engine.surveyChanges = {
    trackers: [{
      url: "http://a.example/…/announce",
      state: "working",
      hasAnswered: true,
      seeders: 3,
      leechers: 1,
      lastPeers: 4,
    }],
    dht: { asked: 12, answered: 9 },
    peersKnown: 5,
    peersReached: 3,
    seeds: 2,
    failures: { refused: 1, timeout: 1 },
    pieces: { wanted: 5, atNobody: 0, copies: 2.4 },
  };
  const { exitCode, err, lines, out } = await room.plan();
  deepStrictEqual([exitCode, err], [0, ""]);
  for (
    const line of [
      "Content  146 KiB in 3 files",
      `Folder  ${room.at("out")} (to be made)`,
      "Here  0 B (0.0%)",
      "To Fetch  146 KiB in 5 of 5 pieces of 32 KiB",
      "Tracker  http://a.example/…/announce: 3 seeders, 1 leecher, 4 peers named",
      "DHT  9 of 12 nodes answered",
      "Peers  3 of 5 known reached, 2 seeds among them (1 × refused, 1 × no answer)",
      "Available  2.40 copies",
      "1   97.6 KiB  new         tree/one.bin",
      "3        0 B  new         tree/sub/empty",
      "Go",
    ]
  ) ok(lines.includes(line), `${line}\n${out}`);
  deepStrictEqual(room.engine.surveys[0]!.limitMs, 10_000);
  ok(room.engine.isClosed);
  ok(!out.includes("\x1b"));
});

Deno.test("plan --json is one object with all of it", async () => {
  await using room = new Room();
  room.put("tree/one.bin", CONTENT["one.bin"]);
  const { freeSpace, freeSpaceFlag, accessFlag, files, infoHash, ...plan } = await room.json();
  deepStrictEqual(accessFlag, null);
  ok(freeSpace === null || freeSpace > 0);
  ok(freeSpaceFlag === null || freeSpaceFlag.startsWith("--allow-sys"));
  deepStrictEqual(infoHash, TREE.infoHash.toHex());
  deepStrictEqual(
    files.map(({ path, state, here }: Record<string, unknown>) => [path, state, here]),
    [
      ["tree/one.bin", "partial", 98_304],
      ["tree/sub/two.bin", "new", 0],
      ["tree/sub/empty", "new", 0],
    ],
  );
  deepStrictEqual(plan, {
    source: room.at("x.torrent"),
    go: true,
    verdict: null,
    exitCode: 0,
    retryable: false,
    detail: null,
    evidence: null,
    name: "tree",
    private: false,
    path: "tree",
    pathChanges: [],
    folder: room.at("out"),
    folderExists: true,
    size: 150_000,
    fileCount: 3,
    filesInTorrent: 3,
    changedNames: 0,
    complete: false,
    bytes: { wanted: 150_000, here: 98_304, unchecked: 0, toFetch: 51_696 },
    pieces: { length: PIECE_LENGTH, wanted: 5, here: 3, unchecked: 0, toFetch: 2 },
    ranges: 0,
    heldByAnotherRun: false,
    inTheWay: [],
    trackers: [],
    dht: null,
    peers: { known: 1, reached: 1, seeds: 1, useful: 1, unanswered: 0, failures: {} },
    availability: { copies: 1, atNobody: 0 },
    surveySeconds: 0.5,
  });
  deepStrictEqual([...room.engine.surveys[0]!.wanted.ones()], [3, 4]);
});

Deno.test("plan selects as get does, and asks for these pieces alone", async () => {
  await using room = new Room();
  const plan = await room.json(["--select", "*.bin", "--range", "two.bin:-10", "--select", "3"]);
  deepStrictEqual([plan.fileCount, plan.ranges], [3, 1]);
  const one = await room.json(["--select", "sub"]);
  deepStrictEqual([one.fileCount, one.filesInTorrent, one.size], [2, 3, 50_000]);
  deepStrictEqual([...room.engine.surveys[1]!.wanted.ones()], [3, 4]);
  const { exitCode, err } = await room.plan(["--select", "nothing"]);
  deepStrictEqual(exitCode, 2);
  ok(err.includes("no file matches nothing"), err);
});

Deno.test("plan --max-bytes says what it is, and no go: exit 3", async () => {
  await using room = new Room();
  const { exitCode, err, lines } = await room.plan(["--max-bytes", "100K"]);
  deepStrictEqual(exitCode, 3);
  ok(lines.includes("No go: too-large, exit 3"));
  ok(err.includes("146 KiB are selected, more than --max-bytes allows (100 KiB)"), err);
  deepStrictEqual((await room.json(["--max-bytes", "100K", "--select", "2"])).go, true);
});

Deno.test("plan of what is here asks nobody, exit 0", async () => {
  await using room = new Room();
  for (const [path, bytes] of Object.entries(CONTENT)) room.put(`tree/${path}`, bytes);
  const { exitCode, lines } = await room.plan();
  deepStrictEqual([exitCode, room.engine.surveys], [0, []]);
  ok(lines.includes("Go: all is here, get would do nothing"));
  ok(lines.includes("Swarm  not asked: nothing is missing"));
});

Deno.test("plan --offline asks nobody, and says so", async () => {
  await using room = new Room();
  const options = { openEngine: () => Promise.reject(new Error("nobody is to be asked")) };
  const { exitCode, lines } = await room.plan(["--offline"], options);
  deepStrictEqual(exitCode, 0);
  ok(lines.includes("Go, as far as this machine knows: nobody was asked"));
  const magnet = `magnet:?xt=urn:btih:${TREE.infoHash.toHex()}&x.pe=10.0.0.1:1&tr=http%3A%2F%2Fa`;
  for (const [source, code] of [[magnet, 10], ["http://a.example/x.torrent", 2]] as const) {
    const environment = new FakeEnvironment({ args: ["plan", "--offline", source], ...options });
    deepStrictEqual(await run(environment), code, environment.err);
  }
});

Deno.test("plan names what stands in the way, exit 6, unless it may be replaced", async () => {
  await using room = new Room();
  room.put("tree/one.bin", new TextEncoder().encode("my own notes"));
  const { exitCode, err, lines } = await room.plan();
  deepStrictEqual(exitCode, 6);
  ok(err.includes("the file there is something else; use --overwrite"), err);
  ok(lines.includes("1   97.6 KiB  IN THE WAY  tree/one.bin"));
  deepStrictEqual((await room.json(["--overwrite"])).go, true);
});

Deno.test("plan gives verdicts of the swarm with evidence and their exit codes", async () => {
  await using room = new Room();
  room.engine.surveyChanges = { seeds: 0, pieces: { wanted: 5, atNobody: 2, copies: 0.6 } };
  const { exitCode, err, lines } = await room.plan();
  deepStrictEqual(exitCode, 15);
  ok(err.includes("2 pieces of 5 missing are at no peer"), err);
  ok(lines.includes("Available  0.60 copies, 2 pieces of 5 at nobody"));
  const { verdict, retryable, evidence } = await room.json();
  deepStrictEqual([verdict, retryable, evidence.piecesUnavailable], ["swarm-incomplete", true, 2]);
});

Deno.test("plan of several sources goes on after a failure; its exit code is that of get", async () => {
  await using room = new Room();
  await Deno.writeTextFile(room.at("bad.torrent"), "<html>");
  const { exitCode, out, err } = await room.plan(["--json", room.at("bad.torrent")]);
  deepStrictEqual(exitCode, 3);
  const plans = out.trim().split("\n").map((line) => JSON.parse(line));
  deepStrictEqual(plans.map(({ go, verdict }) => [go, verdict]), [
    [false, "invalid-torrent"],
    [true, null],
  ]);
  ok(/^starling: Cannot read .*bad\.torrent/.test(err), err);
});

Deno.test("M15 M16 M17 M18 M19 M20 plan shows hostile names as they would be, and why", async () => {
  const longName = `${"n".repeat(300)}.bin`;
  const torrent = bencoded.makeTorrent({
    name: "../evil\x1b[31m",
    files: [
      { path: "..", length: 10 },
      { path: "a\x00b\x1b]0;x\x07", length: 10 },
      { path: "Same", length: 10 },
      { path: "same", length: 10 },
      { path: "rtl\u202etxt.exe", length: 10 },
      { path: longName, length: 10 },
      { path: "fine", length: 10 },
    ],
  });
  await using room = new Room(torrent);
  const { out, exitCode } = await room.plan();
  deepStrictEqual(exitCode, 0);
  // deno-lint-ignore no-control-regex
  ok(!/[\x00-\x09\x0b-\x1f\x7f\u202e]/.test(out), "nothing steers the terminal");
  for (
    const words of [
      "..evil_[31m (a separator in a name, control characters)",
      "..evil_[31m/_\n",
      "instead of .. (nothing but dots)",
      "..evil_[31m/a_b_]0;x_\n",
      "..evil_[31m/same.1\n",
      "instead of same (taken by another of its files)",
      "..evil_[31m/rtltxt.exe\n",
      "(invisible characters)",
      "(too long)",
      "Names  6 not as in the torrent",
    ]
  ) ok(out.includes(words), `${words}\n${out}`);
  const plan = await room.json();
  deepStrictEqual(plan.pathChanges, ["separator", "control"]);
  deepStrictEqual(plan.files[3], {
    number: 4,
    path: "..evil_[31m/same.1",
    size: 10,
    state: "new",
    here: 0,
    unchecked: 0,
    pathInTorrent: "same",
    changes: ["duplicate"],
  });
});

Deno.test("M21 M20 plan refuses what get refuses: exit 3", async () => {
  const deep = bencoded.makeTorrent({ files: [{ path: `${"d/".repeat(101)}x`, length: 1 }] });
  const many = bencoded.makeTorrent({
    files: Array.from({ length: 700 }, () => ({ path: "same", length: 1 })),
  });
  for (const torrent of [deep, many]) {
    await using room = new Room(torrent);
    const { exitCode, out } = await room.plan();
    deepStrictEqual([exitCode, out], [3, ""]);
  }
});

Deno.test("plan is interrupted at once, and lets go of its engine", async () => {
  await using room = new Room();
  const engine = new FakeEngine();
  const asked = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<never>();
  engine.survey = () => ({
    run: () => {
      asked.resolve();
      return ended.promise;
    },
    stop: () => {
      ended.reject(new Error("stopped"));
      return Promise.resolve();
    },
  });
  const environment = new FakeEnvironment({
    args: ["plan", "-o", room.at("out"), room.at("x.torrent")],
    usesDisk: true,
    openEngine: () => Promise.resolve(engine),
  });
  const running = run(environment);
  await asked.promise;
  environment.signal("SIGINT");
  deepStrictEqual(await running, 130);
  ok(engine.isClosed);
});
