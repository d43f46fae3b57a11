import { deepStrictEqual, ok } from "node:assert/strict";
import { fail } from "../../src/base/assert.ts";
import { StoppedError, StorageError } from "../../src/base/errors.ts";
import { versionLine } from "../../src/cli/output/version.ts";
import { run } from "../../src/cli/run.ts";
import { FakeEngine } from "./fake_engine.ts";
import { FakeEnvironment, type FakeOptions } from "./fake_environment.ts";
import { makeTorrent } from "./torrents.ts";

async function runWith(options: FakeOptions) {
  const environment = new FakeEnvironment(options);
  const exitCode = await run(environment);
  deepStrictEqual(environment.isListeningToSignals, false);
  return { exitCode, out: environment.out, err: environment.err };
}

Deno.test("run() prints the version and help", async () => {
  deepStrictEqual(await runWith({ args: ["--version"] }), {
    exitCode: 0,
    out: `${versionLine("2.9.6")}\n`,
    err: "",
  });
  ok((await runWith({ args: ["--help"] })).out.includes("Usage: starling"));
});

Deno.test("run() exits 2 with one line for what cannot be meant", async () => {
  const { exitCode, out, err } = await runWith({ args: ["get", "--nope", "x"] });
  deepStrictEqual([exitCode, out, err.trimEnd().split("\n").length], [2, "", 1]);
  ok(err.startsWith("starling: "), err);
});

Deno.test("run() exits 1 for a bug, and shows where only when asked", async () => {
  const openEngine = () => Promise.reject(new TypeError("x is undefined"));
  const files = { x: makeTorrent() };
  const quiet = await runWith({ args: ["get", "x"], files, openEngine });
  deepStrictEqual(quiet.exitCode, 1);
  deepStrictEqual(quiet.err.trimEnd().split("\n").length, 1);
  ok(quiet.err.includes("internal error: TypeError: x is undefined; please report it"), quiet.err);
  const verbose = await runWith({ args: ["get", "-v", "x"], files, openEngine });
  ok(verbose.err.includes("run_test.ts"), verbose.err);
});

Deno.test("S12 run() survives what nobody caught, says so and exits 1", async () => {
  const environment = new FakeEnvironment({ args: ["info", "-"], stdin: "silent" });
  const running = run(environment);
  await new Promise((resolve) => setTimeout(resolve, 0));
  environment.throwUncaught(new RangeError("oops"));
  deepStrictEqual(await running, 1);
  ok(environment.err.includes("internal error: RangeError: oops"), environment.err);
});

Deno.test("S1 run() leaves a command with nothing to save at the first signal", async () => {
  const environment = new FakeEnvironment({ args: ["info", "-"], stdin: "silent" });
  const running = run(environment);
  await new Promise((resolve) => setTimeout(resolve, 0));
  environment.signal("SIGINT");
  deepStrictEqual(await running, 130);
});

/** Runs `args`, interrupted while it searches, after which the search fails with `error`. */
async function interruptSearch(args: readonly string[], error: unknown) {
  const engine = new FakeEngine();
  const openEngine = () => Promise.resolve(engine);
  const environment = new FakeEnvironment({ args, openEngine });
  const running = run(environment);
  while (engine.searches.length === 0) await new Promise((next) => setTimeout(next, 1));
  engine.searches[0]!.fail(error);
  environment.signal("SIGINT");
  return { exitCode: await running, err: environment.err };
}

Deno.test("S1 run() reports a bug when it is met after an interruption, and no other failure", async () => {
  const link = `magnet:?xt=urn:btih:${"ab".repeat(20)}&x.pe=192.0.2.1:1`;
  const broken = throws(() => fail("one of ours"));
  for (const args of [["info", link], ["plan", link], ["verify", link]]) {
    for (const error of [broken, new TypeError("x is undefined"), new RangeError("y")]) {
      const { exitCode, err } = await interruptSearch(args, error);
      deepStrictEqual(exitCode, 1, args[0]);
      ok(err.includes(`internal error: ${(error as Error).name}: `), err);
    }
    const failures = [
      new StoppedError("stopped"),
      new StorageError("io", "x", "Cannot read x: it is broken"),
      new Deno.errors.Interrupted("interrupted"),
    ];
    for (const error of failures) {
      deepStrictEqual(await interruptSearch(args, error), { exitCode: 130, err: "" }, args[0]);
    }
  }
});

/** What `run` throws. */
function throws(run: () => never): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}

Deno.test("D2 run() exits 5 when its answer did not arrive", async () => {
  const files = { x: makeTorrent() };
  const full = new Error("No space left on device (os error 28)");
  const { exitCode, err } = await runWith({ args: ["info", "x"], files, stdoutError: full });
  deepStrictEqual(exitCode, 5);
  ok(err.includes("Cannot write to standard output: No space left on device"), err);
});

Deno.test("S2 run() exits 0 when its reader has left", async () => {
  const files = { x: makeTorrent() };
  const left = new Deno.errors.BrokenPipe();
  const { exitCode, err } = await runWith({ args: ["info", "x"], files, stdoutError: left });
  deepStrictEqual([exitCode, err], [0, ""]);
});

Deno.test("run() refuses a runtime that is too old", async () => {
  const { exitCode, err } = await runWith({ args: ["--version"], runtimeVersion: "2.8.1" });
  deepStrictEqual([exitCode, err], [2, "starling: Deno 2.9 or newer is needed, this is 2.8.1\n"]);
  deepStrictEqual((await runWith({ args: ["--version"], runtimeVersion: "3.0.0" })).exitCode, 0);
});
