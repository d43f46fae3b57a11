/** `--on-done` in whole commands, on a fake engine. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { StorageError } from "../../../src/base/errors.ts";
import type { TargetToRecall } from "../../../src/storage/finished_target.ts";
import { parseReceipt, type Receipt } from "../../../src/storage/receipt_codec.ts";
import { CommandRun } from "../command_run.ts";
import type { FakeTorrent } from "../fake_engine.ts";
import type { FakeOptions } from "../fake_environment.ts";
import { makeMetainfo, makeTorrent } from "../torrents.ts";

const FILES = {
  "a.torrent": makeTorrent({ name: "alpha" }),
  "b.torrent": makeTorrent({ name: "beta" }),
  "pack.torrent": makeTorrent({
    name: "pack",
    files: [{ path: "one.bin", length: 1000 }, { path: "two.txt", length: 500 }],
  }),
};
const ALPHA = makeMetainfo({ name: "alpha" }).infoHashHex;

function start(
  args: readonly string[],
  { files = FILES, ...options }: FakeOptions = {},
  onOpen = (torrent: FakeTorrent) => torrent.complete(),
): CommandRun {
  return new CommandRun(["get", "-o", "out", ...args], onOpen, { files, ...options });
}

function receiptOf({ environment }: CommandRun, infoHash: string): Receipt {
  return parseReceipt(environment.kept[`out/.starling/${infoHash}.receipt`]!, infoHash)!;
}

/** As an earlier run has left it: all files are as they were. */
function recalled(onDone: boolean) {
  return ({ infoHashHex, files }: TargetToRecall) => {
    const recorded = files.map(({ path, size }, index) => ({
      path,
      size,
      modifiedMs: index,
      sha256: null,
      onDone,
    }));
    const receipt: Receipt = {
      infoHash: infoHashHex,
      name: "alpha",
      completed: "2026-11-20T21:00:00.000Z",
      starling: "0.0.9",
      peers: 5,
      downloaded: 7,
      files: recorded,
    };
    const intact = new Map(recorded.map((file) => [file.path, file]));
    return { receipt, folders: { outputDir: "/real/out", stateDir: "/real/state" }, intact };
  };
}

Deno.test("get --on-done runs its command with STARLING_ variables, once all is verified", async () => {
  const get = start(["--select", "two.txt", "--on-done", "notify", "pack.torrent"]);
  deepStrictEqual(await get.end(), 0);
  const { environment } = get;
  const infoHash = get.engine.only.request.source.metainfo.infoHashHex;
  const list = `out/.starling/${infoHash}.files`;
  deepStrictEqual(environment.shellLines, [{
    line: "notify",
    variables: {
      STARLING_NAME: "pack",
      STARLING_INFO_HASH: infoHash,
      STARLING_PATH: "/out/pack",
      STARLING_SIZE: "500",
      STARLING_FILES: list,
    },
  }]);
  deepStrictEqual(new TextDecoder().decode(environment.kept[list]), "/out/pack/two.txt\n");
  deepStrictEqual(environment.dropped, [list]);
  deepStrictEqual(receiptOf(get, infoHash).files.map(({ path, onDone }) => [path, onDone]), [
    ["pack/two.txt", true],
  ]);
});

Deno.test("get --on-done exits 7 when its command fails, and runs it again the next time", async () => {
  const get = start(["--json", "--on-done", "false", "a.torrent"], { shellExitCode: 3 });
  deepStrictEqual(await get.end(), 7);
  deepStrictEqual(get.environment.events.map(({ event }) => event), ["added", "done", "failed"]);
  const [{ verdict, retryable, evidence } = {}] = get.events("failed");
  deepStrictEqual([verdict, retryable, evidence], ["on-done-failed", false, {
    commandExitCode: 3,
  }]);
  deepStrictEqual(receiptOf(get, ALPHA).files[0]!.onDone, false);
  deepStrictEqual(get.environment.dropped.length, 1);

  const again = start(["--on-done", "true", "a.torrent"], { recall: recalled(false) });
  deepStrictEqual(await again.end(), 0);
  deepStrictEqual(again.engine.torrents.size, 0);
  deepStrictEqual(again.environment.holds, ["alpha", "not alpha"]);
  deepStrictEqual(again.environment.shellLines[0]!.variables["STARLING_PATH"], "/real/out/alpha");
  const { completed, starling, peers, files } = receiptOf(again, ALPHA);
  deepStrictEqual([completed, starling, peers], ["2026-11-20T21:00:00.000Z", "0.0.9", 5]);
  deepStrictEqual(files.map(({ onDone }) => onDone), [true]);
});

Deno.test("get leaves a finished target alone whose command has run: no engine, no lock, no word", async () => {
  for (const args of [[], ["--on-done", "notify"], ["--select", "1"], ["--deadline", "1s"]]) {
    const get = start([...args, "a.torrent"], { recall: recalled(true) });
    deepStrictEqual(await get.end(), 0);
    deepStrictEqual(get.out, "alpha: already complete: 1 file, 97.6 KiB in out/alpha\n");
    const { shellLines, holds, kept } = get.environment;
    deepStrictEqual([get.engine.torrents.size, shellLines, holds, kept], [0, [], [], {}]);
  }
});

Deno.test("get goes to a finished target all the same to share it, or when it is told to", async () => {
  for (const args of [["--seed-time", "1s"], ["--no-resume"], ["--sha256"]]) {
    const get = start([...args, "--on-done", "notify", "a.torrent"], {
      recall: recalled(true),
    }, (torrent) => torrent.seedOn({ downloaded: 0 }));
    deepStrictEqual(await get.end(), 0);
    deepStrictEqual([get.engine.torrents.size, get.environment.shellLines], [1, []], `${args}`);
  }
});

Deno.test("get says that another run holds a finished target whose command has not run", async () => {
  const holdError = new StorageError("locked", "x.lock", "Cannot use x: another run holds x.lock");
  const recall = recalled(false);
  const get = start(["--on-done", "notify", "a.torrent"], { recall, holdError });
  deepStrictEqual(await get.end(), 75);
  deepStrictEqual(get.environment.shellLines, []);
  const without = start(["a.torrent"], { recall, holdError });
  deepStrictEqual(await without.end(), 0);
});

Deno.test("get asks once more when it holds the target: another run may have run the command", async () => {
  let runs = 0;
  const recall = (target: TargetToRecall) => recalled(runs++ > 0)(target);
  const get = start(["--on-done", "notify", "a.torrent"], { recall });
  deepStrictEqual(await get.end(), 0);
  deepStrictEqual([get.environment.shellLines, get.environment.holds.length], [[], 2]);
  deepStrictEqual(get.out, "alpha: already complete: 1 file, 97.6 KiB in out/alpha\n");
});

Deno.test("get --on-done runs one command at a time, and each for its own source", async () => {
  let running = 0, most = 0;
  const shell = async () => {
    most = Math.max(most, ++running);
    for (let turn = 0; turn < 9; turn++) await Promise.resolve();
    running--;
  };
  const get = start(["--on-done", "notify", "a.torrent", "b.torrent", "pack.torrent"], { shell });
  deepStrictEqual(await get.end(), 0);
  const names = get.environment.shellLines.map(({ variables }) => variables["STARLING_NAME"]);
  deepStrictEqual([names.toSorted(), most], [["alpha", "beta", "pack"], 1]);
});

Deno.test("get --seed runs the command while it shares, and stops sharing when it fails", async () => {
  const get = start(["--seed", "--on-done", "false", "a.torrent"], {
    shellExitCode: 1,
  }, (torrent) => torrent.seedOn());
  deepStrictEqual(await get.end(), 7);
  deepStrictEqual(get.engine.only.calls, ["download", "stop", "close"]);
});

Deno.test("S1 a signal ends get in time, and is told, when the command of --on-done ignores it", async () => {
  const shell = () => new Promise<void>(() => {});
  const get = start(["--json", "--on-done", "stay", "a.torrent"], { shell });
  await get.pass(1000);
  deepStrictEqual(get.environment.shellLines.length, 1);
  get.environment.signal("SIGTERM");
  const { clock } = get.environment;
  const signalledAt = clock.now();
  deepStrictEqual(await get.end(), 143);
  const tookMs = clock.now() - signalledAt;
  ok(tookMs >= 3_000 && tookMs < 4_800, `${tookMs} ms`);
  const [{ verdict, detail } = {}] = get.events("failed");
  ok(verdict === "interrupted" && String(detail).includes("while the command of --on-done ran"));
});

Deno.test("S1 a signal ends the command of --on-done, and the next run runs it again", async () => {
  const shell = (signal: AbortSignal) =>
    new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
  const get = start(["--json", "--on-done", "sleep", "a.torrent"], { shell, shellExitCode: 143 });
  await get.pass(60_000);
  deepStrictEqual([get.exitCode, get.environment.shellLines.length], [undefined, 1]);
  get.environment.signal("SIGTERM");
  deepStrictEqual(await get.end(), 143);
  const [{ verdict, detail } = {}] = get.events("failed");
  ok(verdict === "interrupted" && String(detail).includes("while the command of --on-done ran"));
  deepStrictEqual(receiptOf(get, ALPHA).files[0]!.onDone, false);
  deepStrictEqual(get.environment.dropped.length, 1);
});

Deno.test("S1 a signal lets no further command of --on-done begin", async () => {
  const shell = (signal: AbortSignal) =>
    new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
  const get = start(["--on-done", "notify", "a.torrent", "b.torrent"], { shell });
  await get.pass(1_000);
  get.environment.signal("SIGINT");
  deepStrictEqual(await get.end(), 130);
  deepStrictEqual(get.environment.shellLines.length, 1);
});

Deno.test("get holds a finished target for one source alone: another of its name fails", async () => {
  const done = Promise.withResolvers<void>();
  const files = {
    ...FILES,
    "same.torrent": makeTorrent({ name: "alpha", comment: "", length: 5 }),
  };
  const get = start([
    "--json",
    "--wait-lock",
    "1h",
    "--on-done",
    "slow",
    "a.torrent",
    "same.torrent",
  ], {
    files,
    recall: recalled(false),
    shell: () => done.promise,
  });
  await get.pass(1_000);
  deepStrictEqual(get.events("failed").map(({ verdict }) => verdict), ["occupied"]);
  done.resolve();
  deepStrictEqual(await get.end(), 6);
  deepStrictEqual(get.environment.shellLines.length, 1);
});

Deno.test("get has no deadline for the command of --on-done", async () => {
  for (const recall of [undefined, recalled(false)]) {
    const done = Promise.withResolvers<void>();
    const args = ["--deadline", "5s", "--stall", "5s", "--on-done", "slow", "a.torrent"];
    const get = start(args, { shell: () => done.promise, ...(recall && { recall }) });
    await get.pass(60_000);
    deepStrictEqual(get.exitCode, undefined);
    done.resolve();
    deepStrictEqual(await get.end(), 0);
  }
});
