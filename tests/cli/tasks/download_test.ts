import { deepStrictEqual, match, ok } from "node:assert/strict";
import { Interruption } from "../../../src/cli/environment/interruption.ts";
import { parseArguments } from "../../../src/cli/options/explained_arguments.ts";
import { type Notice, subjectNamed } from "../../../src/cli/output/notice.ts";
import { Download } from "../../../src/cli/tasks/download.ts";
import { TargetNames } from "../../../src/cli/tasks/target_names.ts";
import { Turns } from "../../../src/storage/turns.ts";
import { FakeEngine } from "../fake_engine.ts";
import { FakeEnvironment } from "../fake_environment.ts";
import { makePeer } from "../snapshots.ts";
import { makeTorrent } from "../torrents.ts";

const noSums = () => Promise.reject(new Error("no sums here"));

function open(args: readonly string[] = [], { isClaimed = true, readSums = noSums } = {}) {
  const options = parseArguments(["get", ...args, "x"], { print: () => {}, columns: 80 });
  ok(options?.command === "get");
  const environment = new FakeEnvironment({ files: { x: makeTorrent({ name: "alpha\x1b[2J" }) } });
  const engine = new FakeEngine();
  const interruption = new Interruption(environment);
  const notices: Notice[] = [];
  const download = new Download("x", subjectNamed("x"), {
    options,
    environment,
    openEngine: () => Promise.resolve(engine),
    interruption,
    memoryBudgetBytes: 1,
    readSums,
    hooks: new Turns(),
    names: new TargetNames(),
    claim: () => isClaimed,
    tell: (_subject, notice) => notices.push(notice),
  });
  /** Lets everything happen that can. */
  const settle = () => environment.clock.run(() => false, 0);
  return { download, environment, engine, interruption, notices, settle };
}

Deno.test("view() follows a source from its text to its torrent and its end", async () => {
  const { download, engine, settle } = open();
  deepStrictEqual(download.view(), {
    subject: subjectNamed("x"),
    status: "reading the torrent",
    torrent: undefined,
  });
  const running = download.run();
  await settle();
  const { subject, torrent } = download.view();
  deepStrictEqual(subject.name, "alpha\\x1b[2J");
  ok(/^[0-9a-f]{40}$/.test(subject.infoHash!));
  deepStrictEqual(torrent?.state, "downloading");
  engine.only.peers = [makePeer()];
  deepStrictEqual(download.peers().length, 1);

  engine.only.complete();
  deepStrictEqual(await running, undefined);
  deepStrictEqual(download.view().torrent?.state, "complete");
  deepStrictEqual([download.view().status, download.peers().length], ["complete", 0]);
});

Deno.test("view() says that another run is waited for only when one may be", async () => {
  const cases = [[["--wait-lock", "1h"], /^waiting for another run/], [
    [],
    /^getting ready$/,
  ]] as const;
  for (const [args, words] of cases) {
    const { download, engine, settle, interruption } = open(args);
    const opening = Promise.withResolvers<never>();
    engine.open = () => opening.promise;
    const running = download.run();
    await settle();
    match(download.view().status, words);
    interruption.stop(1);
    opening.reject(new Error("stopped"));
    await running;
  }
});

Deno.test("supervise() ends the wait for a list of sums when the deadline is over", async () => {
  const { download, environment, settle } = open(
    ["--sums", "http://a.example/s", "--deadline=1s"],
    {
      readSums: () => Promise.withResolvers<never>().promise,
    },
  );
  const running = download.run();
  await settle();
  download.supervise(environment.clock.now() + 1_000);
  deepStrictEqual((await running)?.exitCode, 17);
});

Deno.test("view() shows why a source failed, and no bar", async () => {
  const { download, engine, settle } = open();
  const running = download.run();
  await settle();
  engine.only.fail(new TypeError("oops"));
  const failure = await running;
  deepStrictEqual(failure?.exitCode, 1);
  deepStrictEqual(download.view().torrent, undefined);
  ok(download.view().status.startsWith("failed: internal error"));
});

Deno.test("run() tells where a bug is, for those who ask", async () => {
  const { download, engine, notices, settle } = open();
  const running = download.run();
  await settle();
  engine.only.fail(new TypeError("oops"));
  await running;
  const stack = notices.flatMap((notice) => notice.kind === "debug" ? [notice.message] : []);
  ok(stack.length > 1 && stack[1]!.includes("download_test.ts"), stack.join("\n"));
});

Deno.test("run() leaves a torrent to the source that claimed it first", async () => {
  const { download, engine, notices } = open([], { isClaimed: false });
  deepStrictEqual(await download.run(), undefined);
  deepStrictEqual(engine.torrents.size, 0);
  deepStrictEqual(notices.map(({ kind }) => kind), ["warning"]);
});

Deno.test("run() ends at once when it was interrupted before it began", async () => {
  const { download, environment, engine, interruption } = open();
  environment.signal("SIGTERM");
  const failure = await download.run();
  deepStrictEqual([failure?.verdict, failure?.exitCode], ["interrupted", 143]);
  ok([...engine.torrents.values()].every(({ calls }) => !calls.includes("download")));
  interruption.close();
});

Deno.test("supervise() gives up once, and only while something runs", async () => {
  const { download, environment, engine, settle } = open(["--stall", "10s"]);
  const running = download.run();
  await settle();
  for (let second = 0; second <= 30; second++) download.supervise(second * 1000);
  const failure = await running;
  deepStrictEqual(failure?.exitCode, 14);
  deepStrictEqual(engine.only.calls.filter((call) => call === "stop").length, 2);
  download.supervise(environment.clock.now() + 60_000);
  deepStrictEqual(engine.only.calls.at(-1), "close");
});
