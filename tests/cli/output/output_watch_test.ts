import { deepStrictEqual } from "node:assert/strict";
import { OutputWatch } from "../../../src/cli/output/output_watch.ts";
import { CommandRun } from "../command_run.ts";
import { makeTorrent } from "../torrents.ts";

const FULL = new Error("No space left on device (os error 28)");
const FILES = { "x.torrent": makeTorrent() };

function watch(failure: unknown, quiet = false) {
  const said: string[] = [];
  const output = { isClosed: false, failure: undefined as unknown, flush: () => Promise.resolve() };
  const say = (message: string) => said.push(message);
  const watching = new OutputWatch([{ output, name: "the log", say }], { quiet });
  const close = () => Object.assign(output, { isClosed: true, failure });
  return { watching, close, said };
}

Deno.test("D2 OutputWatch says once that an output is lost", async () => {
  const { watching, close, said } = watch(FULL);
  watching.show();
  close();
  for (let turn = 0; turn < 3; turn++) watching.show();
  await watching.close();
  deepStrictEqual(said, [
    "Cannot write to the log: No space left on device (os error 28); the rest of it is lost, " +
    "all else goes on",
  ]);
});

Deno.test("D2 OutputWatch says at the end that what was written last is lost", async () => {
  const { watching, close, said } = watch(FULL, true);
  close();
  await watching.close();
  deepStrictEqual(said.length, 1);
});

Deno.test("S2 OutputWatch says that a reader has left while there was more to come", async () => {
  for (const [quiet, count] of [[false, 1], [true, 0]] as const) {
    const { watching, close, said } = watch(undefined, quiet);
    close();
    watching.show();
    await watching.close();
    deepStrictEqual(said.length, count);
  }
  const { watching, close, said } = watch(undefined);
  close();
  await watching.close();
  deepStrictEqual(said, []);
});

Deno.test("D2 get goes on when its log cannot be written, and says so once", async () => {
  for (const loudness of [[], ["-q"], ["--json"]]) {
    const args = ["get", ...loudness, "--log-dir", "logs", "x.torrent"];
    const run = new CommandRun(args, undefined, { files: FILES, logError: FULL });
    await run.pass(2_000);
    run.engine.only.complete();
    deepStrictEqual(await run.end(), 0);
    const said = run.err.trimEnd().split("\n");
    deepStrictEqual(said.length, 1, run.err);
    deepStrictEqual(
      said[0]!.startsWith("starling: Cannot write to the log in logs: No space"),
      true,
    );
    if (loudness[0] === "--json") deepStrictEqual(run.events("warning").length, 1);
  }
});

Deno.test("D2 get goes on when standard output cannot be written, and says so once", async () => {
  for (const loudness of [[], ["--json"]]) {
    const args = ["get", ...loudness, "x.torrent"];
    const run = new CommandRun(args, undefined, { files: FILES, stdoutError: FULL });
    await run.pass(32_000);
    run.engine.only.complete();
    deepStrictEqual(await run.end(), 0);
    deepStrictEqual(run.err.trimEnd().split("\n").length, 1, run.err);
  }
});
