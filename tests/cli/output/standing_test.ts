import { deepStrictEqual, match } from "node:assert/strict";
import { standingOf } from "../../../src/cli/output/standing.ts";
import type { TorrentSnapshot } from "../../../src/torrent/snapshot.ts";
import { judge } from "../../../src/torrent/verdict.ts";
import { makeEvidence } from "../../torrent/evidence.ts";
import { CommandRun } from "../command_run.ts";
import { makeView } from "../snapshots.ts";
import { makeTorrent } from "../torrents.ts";

const CHOKED = judge(makeEvidence({
  peersKnown: 3,
  peersConnected: 2,
  peersChoking: 2,
  piecesMissing: 7,
  sinceProgressMs: 90_000,
}));

function detailOf(changes: Partial<TorrentSnapshot>): string {
  return standingOf(makeView(changes), { verdict: CHOKED, hasEnded: false }).detail;
}

Deno.test("standingOf() says in every state what is done, and what it waits for", () => {
  const cases: [Partial<TorrentSnapshot>, RegExp][] = [
    [
      { state: "checking", checked: { bytes: 512, total: 1024 } },
      /^checking .* 50\.0% of 1 KiB$/,
    ],
    [
      { state: "downloading" },
      /^downloading, 50\.0% of .*, down .*: 2 peers .* verified 1m 30s ago$/,
    ],
    [{ state: "finishing" }, /flushing to disk/],
    [{ state: "seeding", uploaded: 1024 }, /^seeding: 12 peers connected of 52 known, up /],
    [{ state: "complete" }, /^complete and verified$/],
    [{ state: "stopped" }, /^stopping$/],
  ];
  for (const [changes, words] of cases) match(detailOf(changes), words);
});

Deno.test("standingOf() judges nothing before the disk was checked", () => {
  for (const state of ["checking", "stopped"] as const) {
    const standing = standingOf(makeView({ state }), { verdict: CHOKED, hasEnded: false });
    deepStrictEqual([standing.state, standing.verdict], [state, undefined]);
  }
});

Deno.test("standingOf() says what is waited for before there is a torrent, and how it ended", () => {
  const view = { ...makeView(), torrent: undefined, status: "looking for the metadata" };
  deepStrictEqual(standingOf(view, { verdict: undefined, hasEnded: false }), {
    state: "preparing",
    verdict: undefined,
    detail: "looking for the metadata",
  });
  const ended = standingOf({ ...makeView(), status: "complete" }, {
    verdict: undefined,
    hasEnded: true,
  });
  deepStrictEqual([ended.state, ended.detail], ["ended", "complete"]);
});

const FILES = { files: { "x.torrent": makeTorrent() } };

Deno.test("get answers SIGUSR1 in one line a torrent on standard error, and goes on", async () => {
  const run = new CommandRun(["get", "-q", "x.torrent"], undefined, FILES);
  await run.pass(1_000);
  run.environment.inquire();
  await run.pass(1_000);
  match(run.err, /^starling: starling: downloading, .*: 12 peers .*\n$/);
  run.engine.only.complete();
  deepStrictEqual([await run.end(), run.out], [0, ""]);
  deepStrictEqual(run.environment.isListeningToSignals, false);
});

Deno.test("get --json answers SIGUSR1 as an event too", async () => {
  const run = new CommandRun(["get", "--json", "x.torrent"], undefined, FILES);
  await run.pass(1_000);
  run.environment.inquire();
  run.engine.only.complete();
  deepStrictEqual(await run.end(), 0);
  const [event] = run.events("verdict");
  deepStrictEqual(
    [event!["state"], event!["verdict"], event!["exitCode"], event!["retryable"]],
    ["downloading", "all-choked", 14, true],
  );
  match(run.err, /^starling: starling: downloading, /);
});

Deno.test("get -v says every 30 s why it is not done", async () => {
  const run = new CommandRun(["get", "-v", "x.torrent"], undefined, FILES);
  await run.pass(70_000);
  run.engine.only.complete();
  deepStrictEqual(await run.end(), 0);
  deepStrictEqual(run.err.split("\n").filter((line) => / downloading, /.test(line)).length, 2);
});

Deno.test("get says nothing of it when nobody asks", async () => {
  const run = new CommandRun(["get", "x.torrent"], undefined, FILES);
  await run.pass(70_000);
  run.engine.only.complete();
  deepStrictEqual([await run.end(), run.err], [0, ""]);
});
