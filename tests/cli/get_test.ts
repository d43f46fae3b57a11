import { deepStrictEqual, ok } from "node:assert/strict";
import { StorageError } from "../../src/base/errors.ts";
import { run } from "../../src/cli/run.ts";
import { HttpError } from "../../src/net/http.ts";
import { CommandRun } from "./command_run.ts";
import { type FakeTorrent, lockedError } from "./fake_engine.ts";
import { FakeEnvironment, type FakeOptions } from "./fake_environment.ts";
import { makePeer } from "./snapshots.ts";
import { Terminal } from "./terminal.ts";
import { makeTorrent } from "./torrents.ts";

const FILES = {
  "a.torrent": makeTorrent({ name: "alpha" }),
  "again.torrent": makeTorrent({ name: "alpha" }),
  "b.torrent": makeTorrent({ name: "beta" }),
  "pack.torrent": makeTorrent({
    name: "pack",
    files: [{ path: "one.bin", length: 1000 }, { path: "two.txt", length: 500 }],
    trackers: [["http://t.example/secretpasskey/announce"]],
  }),
  "bad.torrent": new Uint8Array(5),
};

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

/** A `get` under way. */
class GetRun extends CommandRun {
  constructor(
    args: readonly string[],
    onOpen: (torrent: FakeTorrent) => void = () => {},
    options: FakeOptions = {},
  ) {
    super(["get", ...args], onOpen, { files: FILES, ...options });
  }
}

function completesAtOnce(torrent: FakeTorrent): void {
  torrent.complete();
}

Deno.test("get exits 0 with a summary once a source is complete", async () => {
  const get = new GetRun(["-o", "out/", "a.torrent"]);
  await get.pass(10_000);
  get.engine.only.complete();
  deepStrictEqual(await get.end(), 0);
  deepStrictEqual(get.err, "");
  deepStrictEqual(
    get.out,
    "alpha: complete and verified: 1 file, 97.6 KiB in out/alpha, 10s at 5 MiB/s, " +
      "from 7 peers, ratio 0.10\n",
  );
});

Deno.test("get says so when a source was complete already", async () => {
  const get = new GetRun(["a.torrent"], (torrent) => torrent.complete({ downloaded: 0 }));
  deepStrictEqual(await get.end(), 0);
  deepStrictEqual(get.out, "alpha: already complete: 1 file, 97.6 KiB in alpha\n");
});

Deno.test("get hands the options of a torrent to the engine", async () => {
  const get = new GetRun(
    ["--select", "2", "--range", "two.txt:0-100", "--memory", "1M", "pack.torrent"],
    completesAtOnce,
  );
  deepStrictEqual(await get.end(), 0);
  const { selected, ranges, memoryBudgetBytes } = get.engine.only.request;
  deepStrictEqual([...selected], [1]);
  deepStrictEqual(ranges, [{ file: 1, start: 0, end: 100 }]);
  deepStrictEqual(memoryBudgetBytes, MIB);
});

Deno.test("get says when it begins that the disk is too small for what is missing, and goes on", async () => {
  const cases: [freeBytes: number | undefined, bytes: number, words: string | undefined][] = [
    [10 * GIB, 0, "100 GiB are to be fetched, and 10 GiB are free where they go"],
    [10 * GIB, 50 * GIB, "50 GiB are to be fetched, and 10 GiB are free where they go"],
    [0, 99 * GIB, "1 GiB are to be fetched, and 0 B are free where they go"],
    [0, 99 * GIB + 1, undefined],
    [100 * GIB, 0, undefined],
    [undefined, 0, undefined],
  ];
  for (const [freeBytes, bytes, words] of cases) {
    const get = new GetRun(["a.torrent"], (torrent) => {
      torrent.snapshotChanges = { size: 100 * GIB, bytes };
    }, freeBytes === undefined ? {} : { freeBytes });
    await get.pass(1_000);
    get.engine.only.request.onEvent({ kind: "checked", have: 0, pieces: 1 });
    await get.pass(1_000);
    get.engine.only.complete();
    deepStrictEqual(await get.end(), 0);
    if (words === undefined) deepStrictEqual(get.err, "");
    else ok(get.err.includes(`not enough space: ${words}; make room meanwhile`), get.err);
  }
});

Deno.test("S9 get shares --memory among its sources", async () => {
  const get = new GetRun(["--memory", "1M", "a.torrent", "b.torrent"], completesAtOnce);
  deepStrictEqual(await get.end(), 0);
  for (const { request } of get.engine.torrents.values()) {
    deepStrictEqual(request.memoryBudgetBytes, MIB / 2);
  }
});

Deno.test("get --json reports in the lines of cli.md, and nothing else on standard output", async () => {
  const get = new GetRun(["--json", "--select", "two.txt", "pack.torrent"]);
  await get.pass(2_600);
  const { onEvent } = get.engine.only.request;
  onEvent({ kind: "tracker", url: "http://t.example/…", ok: true, peers: 3 });
  onEvent({ kind: "tracker", url: "http://t.example/…", ok: false, failure: "go away" });
  onEvent({ kind: "peer-banned", endpoint: { host: "::1", port: 9 }, reason: "sent corrupt data" });
  onEvent({ kind: "file", path: "pack/two.txt", size: 500 });
  onEvent({ kind: "debug", message: "not for programs" });
  get.engine.only.complete();
  deepStrictEqual(await get.end(), 0);
  deepStrictEqual(get.err, "");
  const infoHash = get.engine.only.request.source.metainfo.infoHashHex;
  for (const event of get.environment.events) {
    deepStrictEqual(event["infoHash"], infoHash);
    ok(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(String(event["time"])));
  }
  const without = (name: string) =>
    get.events(name).map((
      {
        time: _time,
        infoHash: _hash,
        event: _event,
        source: _source,
        sourceIndex: _index,
        ...rest
      },
    ) => rest);
  deepStrictEqual(without("added"), [{
    name: "pack",
    size: 500,
    files: 1,
    pieces: 1,
    pieceLength: 32_768,
    private: false,
    trackers: [["http://t.example/…/announce"]],
  }]);
  deepStrictEqual(get.events("progress").length, 3);
  deepStrictEqual(without("progress")[0], {
    state: "downloading",
    have: 50,
    pieces: 100,
    bytes: 50 * MIB,
    size: 100 * MIB,
    downRate: 12_939_428,
    upRate: 1024,
    peers: { connected: 12, known: 52, choking: 3 },
    eta: 4,
  });
  deepStrictEqual(without("tracker"), [
    { url: "http://t.example/…", ok: true, peers: 3 },
    { url: "http://t.example/…", ok: false, failure: "go away" },
  ]);
  deepStrictEqual(without("peer-banned"), [{ endpoint: "[::1]:9", reason: "sent corrupt data" }]);
  deepStrictEqual(without("file"), [{ path: "pack/two.txt", size: 500 }]);
  deepStrictEqual(without("done"), [{
    bytes: 500,
    seconds: 2.6,
    meanRate: 20_164_923,
    uploaded: 5 * MIB,
    path: "pack",
    downloaded: 50 * MIB,
    peers: 7,
  }]);
});

Deno.test("get --json reports a failure with its verdict, and a person reads it too", async () => {
  const get = new GetRun(["--json", "--stall", "10s", "a.torrent"]);
  deepStrictEqual(await get.end(), 14);
  const [failed] = get.events("failed");
  deepStrictEqual(
    [failed?.["verdict"], failed?.["exitCode"], failed?.["retryable"]],
    ["all-choked", 14, true],
  );
  const detail = "gave up after 10s without a new verified piece: " +
    "12 peers connected, and nobody sends anything: 12 choke us; peers make room in turn: " +
    "try again with more time";
  deepStrictEqual(failed?.["detail"], detail);
  deepStrictEqual((failed?.["evidence"] as Record<string, unknown>)["peersChoking"], 12);
  deepStrictEqual(get.err, `starling: alpha: ${detail}\n`);
});

Deno.test("get gives up at --deadline with the verdict of the torrent", async () => {
  const get = new GetRun(["--deadline", "1m", "a.torrent"]);
  await get.pass(59_000);
  deepStrictEqual(get.exitCode, undefined);
  deepStrictEqual(await get.end(), 14);
  ok(get.err.includes("gave up at the deadline, after 1m 00s: "), get.err);
  deepStrictEqual(get.engine.only.calls, ["download", "stop", "stop", "close"]);
});

Deno.test("get counts --stall from the last verified piece, and leaves a check its time", async () => {
  const get = new GetRun(["--stall", "10s", "a.torrent"], (torrent) => {
    torrent.snapshotChanges = { state: "checking", checked: { bytes: 0, total: 100 } };
  });
  for (let bytes = 1; bytes <= 3; bytes++) {
    await get.pass(9_000);
    get.engine.only.snapshotChanges = { state: "checking", checked: { bytes, total: 100 } };
  }
  for (let have = 0; have < 3; have++) {
    await get.pass(9_000);
    get.engine.only.snapshotChanges = { have };
  }
  await get.pass(9_000);
  deepStrictEqual(get.exitCode, undefined);
  await get.pass(2_000);
  deepStrictEqual(get.exitCode, 14);
});

Deno.test("get does not give up a torrent that is flushed to disk", async () => {
  const get = new GetRun(["--deadline", "10s", "--stall", "5s", "a.torrent"], (torrent) => {
    torrent.snapshotChanges = { state: "finishing" };
  });
  await get.pass(60_000);
  get.engine.only.complete();
  deepStrictEqual(await get.end(), 0);
});

Deno.test("get exits 17 when the deadline comes before the download began", async () => {
  const silent = new GetRun(["--deadline", "5s", "-"], undefined, { stdin: "silent" });
  deepStrictEqual(await silent.end(), 17);
  ok(silent.err.includes("the deadline came after 5.0s, before the download began"), silent.err);
  const checking = new GetRun(["--deadline", "5s", "a.torrent"], (torrent) => {
    torrent.snapshotChanges = { state: "checking" };
  });
  deepStrictEqual(await checking.end(), 17);
  ok(checking.err.includes("checking what is on disk"), checking.err);
});

Deno.test("S1 get stops, saves and exits 128 + n at a signal", async () => {
  for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const) {
    const get = new GetRun(["--json", "a.torrent"]);
    await get.pass(1_000);
    get.environment.signal(signal);
    deepStrictEqual(await get.end(), code);
    ok(get.engine.only.calls.includes("stop"));
    const [failed] = get.events("failed");
    deepStrictEqual(
      [failed?.["verdict"], failed?.["exitCode"], failed?.["retryable"]],
      ["interrupted", code, true],
    );
    ok(get.err.includes("interrupted at 50.0%; what is here is saved"), get.err);
  }
});

Deno.test("get of several sources exits as a signal would, whichever of them had failed before", async () => {
  const full = new StorageError("no-space", "out/x.part", "Cannot write out/x.part: it is full");
  for (const sources of [["a.torrent", "b.torrent"], ["b.torrent", "a.torrent"]]) {
    const get = new GetRun(sources, (torrent) => {
      if (torrent.request.source.metainfo.name === "alpha") torrent.fail(full);
    });
    await get.pass(1_000);
    get.environment.signal("SIGHUP");
    deepStrictEqual(await get.end(), 129);
    ok(get.err.includes("it is full"), get.err);
  }
});

Deno.test("S1 get can be interrupted while it checks what is on disk", async () => {
  const get = new GetRun(["a.torrent"], (torrent) => {
    torrent.snapshotChanges = { state: "checking", bytes: 0, size: 0 };
  });
  await get.pass(1_000);
  get.environment.signal("SIGTERM");
  deepStrictEqual(await get.end(), 143);
  ok(get.err.includes("alpha: interrupted before the download began"), get.err);
});

Deno.test("S1 get can be interrupted while it waits for standard input", async () => {
  const get = new GetRun(["-"], undefined, { stdin: "silent" });
  await get.pass(1_000);
  get.environment.signal("SIGINT");
  deepStrictEqual(await get.end(), 130);
  ok(get.err.includes("standard input: interrupted before the download began"), get.err);
});

Deno.test("get gives each failure of a source its exit code", async () => {
  const failing = (error: unknown) => (torrent: FakeTorrent) => torrent.fail(error);
  const throwing = (error: unknown) => () => {
    throw error;
  };
  const full = new StorageError(
    "no-space",
    "out/x.part",
    "Cannot write out/x.part: the disk is full",
  );
  const other = new StorageError("occupied", "x", "Cannot use x: it holds something else");
  const cases: [string[], ((torrent: FakeTorrent) => void) | undefined, number, string][] = [
    [["a.torrent"], failing(full), 5, "alpha: Cannot write out/x.part: the disk is full"],
    [["a.torrent"], failing(other), 6, "alpha: Cannot use x: it holds something else"],
    [["a.torrent"], throwing(lockedError()), 75, "alpha: Cannot use x: another run holds x.lock"],
    [["a.torrent"], failing(new TypeError("oops")), 1, "alpha: internal error: TypeError: oops"],
    [["bad.torrent"], undefined, 3, "Cannot read bad.torrent: it is not bencoded"],
    [["nope.torrent"], undefined, 3, "Cannot read nope.torrent: there is no such file\n"],
    [["a/nope"], undefined, 3, "Cannot read a/nope: there is no such file\n"],
    [["help"], undefined, 3, "Cannot read help: there is no such file; starling --help lists the"],
    [["-", "--sums", "-"], undefined, 2, "standard input can be only one of the sources, or"],
    [["--max-bytes", "1K", "a.torrent"], undefined, 3, "97.6 KiB are selected, more than"],
    [["--select", "*.iso", "a.torrent"], undefined, 2, "no file matches *.iso"],
    [["--range", "a.iso:0-1", "a.torrent"], undefined, 2, "no file matches a.iso"],
  ];
  for (const [args, onOpen, code, words] of cases) {
    const get = new GetRun(args, onOpen);
    deepStrictEqual(await get.end(), code, words);
    ok(get.err.startsWith("starling: ") && get.err.includes(words), get.err);
    deepStrictEqual(get.err.trimEnd().split("\n").length, 1, get.err);
    deepStrictEqual(get.out, "");
  }
});

Deno.test("get takes the size of what is selected for --max-bytes", async () => {
  const get = new GetRun(["--max-bytes", "600", "--select", "2", "pack.torrent"], completesAtOnce);
  deepStrictEqual(await get.end(), 0);
});

Deno.test("get downloads several sources at once and exits with the decisive failure", async () => {
  const get = new GetRun(["--deadline", "1m", "a.torrent", "bad.torrent", "b.torrent"]);
  await get.pass(1_000);
  deepStrictEqual([...get.engine.torrents.keys()], ["alpha", "beta"]);
  get.engine.torrents.get("beta")!.complete();
  deepStrictEqual(await get.end(), 3);
  ok(get.out.includes("beta: complete and verified"));
  ok(get.err.includes("alpha: gave up at the deadline"));
});

Deno.test("get downloads a torrent once that is named twice", async () => {
  const get = new GetRun(["a.torrent", "again.torrent"], completesAtOnce);
  deepStrictEqual(await get.end(), 0);
  deepStrictEqual(get.engine.torrents.size, 1);
  ok(get.err.includes("named twice"), get.err);
});

Deno.test("get waits for no other run when two of its sources have one name", async () => {
  const files = { ...FILES, "other.torrent": makeTorrent({ name: "alpha", length: 5 }) };
  const args = ["--wait-lock", "1h", "--json", "a.torrent", "b.torrent", "other.torrent"];
  const get = new GetRun(args, undefined, { files });
  await get.pass(1_000);
  deepStrictEqual([...get.engine.torrents.keys()], ["alpha", "beta"]);
  const failed = get.out.split("\n").filter((line) => line.includes('"failed"'));
  deepStrictEqual(failed.length, 1, get.out);
  const { source, verdict, exitCode, retryable, evidence } = JSON.parse(failed[0]!);
  deepStrictEqual(
    [source, verdict, exitCode, retryable, evidence],
    ["other.torrent", "occupied", 6, false, { name: "alpha" }],
  );
  for (const torrent of get.engine.torrents.values()) torrent.complete();
  deepStrictEqual(await get.end(), 6);
});

Deno.test("get refuses options that exclude each other", async () => {
  for (const args of [["-q", "-v", "a.torrent"], ["-", "-"]]) {
    const environment = new FakeEnvironment({ args });
    deepStrictEqual(await run(environment), 2, environment.err);
  }
  const sources = Array.from({ length: 1001 }, (_, index) => `${index}.torrent`);
  deepStrictEqual(await run(new FakeEnvironment({ args: sources })), 2);
});

Deno.test("S3 get prints a plain line at most every 30 s where there is no terminal", async () => {
  const get = new GetRun(["a.torrent"]);
  await get.pass(100_000);
  const lines = get.out.trimEnd().split("\n");
  deepStrictEqual(lines.length, 3);
  for (const line of lines) ok(line.startsWith("alpha: downloading, 50.0%"), line);
  ok(!get.out.includes("\x1b"));
  get.engine.only.complete();
  await get.end();
});

Deno.test("get -q says nothing but errors", async () => {
  const get = new GetRun(["-q", "a.torrent"]);
  await get.pass(100_000);
  get.engine.only.request.onEvent({ kind: "warning", message: "mind the gap" });
  get.engine.only.complete();
  deepStrictEqual([await get.end(), get.out, get.err], [0, "", ""]);
  const failing = new GetRun(["-q", "bad.torrent"]);
  deepStrictEqual(await failing.end(), 3);
  ok(failing.err.includes("bad.torrent"));
});

Deno.test("get -v writes a debug log to standard error", async () => {
  const get = new GetRun(["-v", "a.torrent"]);
  await get.pass(1_000);
  get.engine.only.request.onEvent({ kind: "debug", message: "dialled 192.0.2.1:6881" });
  get.engine.only.complete();
  deepStrictEqual(await get.end(), 0);
  ok(get.err.includes("starling: alpha: dialled 192.0.2.1:6881\n"), get.err);
  ok(!get.out.includes("dialled"));
});

Deno.test("get draws a live view on a terminal, and leaves the summary and the cursor", async () => {
  const size = { columns: 80, rows: 24 };
  const get = new GetRun(["-v", "a.torrent"], undefined, { terminal: size });
  await get.pass(1_000);
  get.engine.only.peers = [makePeer()];
  get.engine.only.request.onEvent({ kind: "warning", message: "mind the gap" });
  await get.pass(1_000);
  const terminal = new Terminal();
  terminal.write(get.out);
  deepStrictEqual(terminal.isCursorShown, false);
  deepStrictEqual(terminal.lines.slice(1), [
    "starling: alpha: mind the gap",
    "alpha",
    `[${"=".repeat(35)}${" ".repeat(7)}-${" ".repeat(27)}]  50.0%`,
    "down 12.3 MiB/s  ETA 4.0s  50 MiB of 100 MiB  up 1 KiB/s",
    "peers 12 connected, 52 known, 3 choking us",
    "PEER            DOWN     UP     HAS     CLIENT",
    "192.0.2.1:6881  5 MiB/s  0 B/s  100.0%  libtorrent/2.0",
  ]);
  get.engine.only.complete();
  deepStrictEqual(await get.end(), 0);
  const after = new Terminal();
  after.write(get.out);
  ok(after.isCursorShown);
  ok(after.lines.at(-2)!.startsWith("alpha: complete and verified"), after.lines.join("\n"));
  deepStrictEqual(after.lines.length, 4, "the view is gone");
});

Deno.test("get writes everything to a log file with --log-dir", async () => {
  const get = new GetRun(["-q", "--log-dir", "logs", "a.torrent"]);
  await get.pass(1_000);
  get.engine.only.request.onEvent({ kind: "debug", message: "dialled 192.0.2.1:6881" });
  get.engine.only.complete();
  deepStrictEqual(await get.end(), 0);
  const [[path, text] = []] = Object.entries(get.environment.logs);
  ok(/^logs\/starling-\d{8}T\d{6}Z-[0-9a-f]{4}-000000\.log$/.test(path!), path);
  ok(/^\d{4}-.*Z debug alpha: dialled 192\.0\.2\.1:6881$/m.test(text!), text);
  ok(/^\d{4}-.*Z info alpha: complete and verified/m.test(text!), text);
});

Deno.test("S4 get --on-done without permission exits 4 before anything is downloaded", async () => {
  const missing = { access: "run", target: "sh", flag: "--allow-run=sh" };
  const environment = new FakeEnvironment({ args: ["--on-done", "x", "a.torrent"], missing });
  deepStrictEqual(await run(environment), 4);
  deepStrictEqual(
    environment.err,
    "starling: Cannot use --on-done: Deno's permission for run access to sh is missing; " +
      "run again with --allow-run=sh\n",
  );
});

Deno.test("S2 get goes on when the reader of its output has left", async () => {
  const get = new GetRun(["a.torrent"], undefined, { stdoutError: new Deno.errors.BrokenPipe() });
  await get.pass(60_000);
  get.engine.only.complete();
  deepStrictEqual(await get.end(), 0);
  deepStrictEqual(
    get.err,
    "starling: nobody reads standard output any more; starling goes on without it\n",
  );
});

Deno.test("D2 get goes on when the disk of its output is full", async () => {
  const full = new Error("No space left on device (os error 28)");
  const get = new GetRun(["a.torrent"], undefined, { stdoutError: full });
  await get.pass(60_000);
  get.engine.only.complete();
  deepStrictEqual(await get.end(), 0);
  deepStrictEqual(get.err.split("Cannot write to standard output").length, 2);
});

Deno.test("T20 get shows no passkey of a tracker or a source", async () => {
  const bytes = FILES["pack.torrent"];
  const get = new GetRun(
    ["-v", "--log-dir", "l", "https://t.example/secretpasskey?k=secretpasskey"],
    completesAtOnce,
    {
      fetch: (url) => Promise.resolve({ status: 200, bytes, url }),
    },
  );
  deepStrictEqual(await get.end(), 0);
  const said = get.out + get.err + Object.values(get.environment.logs).join("");
  ok(!said.includes("secretpasskey"), said);
});

const COPY = 100_000;

Deno.test("get --seed-ratio tells that it is done, runs --on-done, then shares to the ratio", async () => {
  const get = new GetRun(["--seed-ratio", "2", "--on-done", "echo", "--json", "a.torrent"]);
  await get.pass(1_000);
  const torrent = get.engine.only;
  ok(torrent.request.keepSeeding);
  torrent.seedOn({ size: COPY, uploaded: COPY });
  await get.pass(10_000);
  deepStrictEqual(get.exitCode, undefined);
  deepStrictEqual(get.events("done").length, 1);
  deepStrictEqual(get.environment.shellLines.length, 1);
  deepStrictEqual(get.events("progress").at(-1)?.["state"], "seeding");
  torrent.snapshotChanges = { ...torrent.snapshotChanges, uploaded: 2 * COPY };
  deepStrictEqual(await get.end(), 0);
  deepStrictEqual(torrent.calls, ["download", "seed", "stop", "close"]);
  const [{ reason, ratio, uploaded } = {}] = get.events("seeded");
  deepStrictEqual([reason, ratio, uploaded], ["ratio", 2, 2 * COPY]);
});

Deno.test("get --seed shares until it is stopped, whatever --deadline says", async () => {
  const get = new GetRun(["--seed", "--deadline", "1m", "a.torrent"]);
  await get.pass(1_000);
  get.engine.only.seedOn();
  await get.pass(3_600_000);
  deepStrictEqual(get.exitCode, undefined);
  get.environment.signal("SIGINT");
  deepStrictEqual(await get.end(), 130);
  ok(get.out.endsWith("ratio 0.05: stopped\n"), get.out);
  deepStrictEqual(get.err, "");
});

Deno.test("get without --seed leaves the swarm", async () => {
  const get = new GetRun(["a.torrent"], completesAtOnce);
  deepStrictEqual(await get.end(), 0);
  ok(!get.engine.only.request.keepSeeding);
});

Deno.test("get says which source failed when two look the same without their secrets", async () => {
  const sources = ["http://h/404?id=1", "missing.torrent", "http://h/404?id=2"];
  const fetch = () => Promise.reject(new HttpError("unreachable", "Cannot fetch http://h/…: gone"));
  for (const json of [false, true]) {
    const get = new CommandRun(["get", ...json ? ["--json"] : [], ...sources], undefined, {
      fetch,
    });
    deepStrictEqual(await get.end(), 3);
    if (json) {
      const failed = get.events("failed").map(({ source, sourceIndex }) => [source, sourceIndex]);
      deepStrictEqual(failed.toSorted((a, b) => Number(a[1]) - Number(b[1])), [
        ["http://h/…", 1],
        ["missing.torrent", 2],
        ["http://h/…", 3],
      ]);
    }
    for (const at of [1, 3]) {
      ok(get.err.includes(`starling: source ${at}: Cannot fetch http://h/…`));
    }
    ok(get.err.includes("starling: Cannot read missing.torrent"), get.err);
  }
});

Deno.test("get, cat, feed and plan take -o - for no folder, and name what writes data there", async () => {
  const files = { "x.torrent": makeTorrent() };
  for (const command of ["get", "cat", "feed", "plan"]) {
    const environment = new FakeEnvironment({ args: [command, "-o", "-", "x.torrent"], files });
    deepStrictEqual(await run(environment), 2);
    ok(environment.err.includes('"starling cat"'), environment.err);
    ok(environment.err.includes("./-"), environment.err);
  }
  const named = new CommandRun(["get", "-o", "./-", "x.torrent"], (torrent) => torrent.complete(), {
    files,
  });
  deepStrictEqual(await named.end(), 0);
});
