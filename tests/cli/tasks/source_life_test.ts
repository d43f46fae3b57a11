import { deepStrictEqual, ok } from "node:assert/strict";
import { Interruption } from "../../../src/cli/environment/interruption.ts";
import { CommandError, failureBy } from "../../../src/cli/output/failure.ts";
import { type Notice, subjectNamed } from "../../../src/cli/output/notice.ts";
import { claimOnce, SourceLife } from "../../../src/cli/tasks/source_life.ts";
import { FakeTorrent } from "../fake_engine.ts";
import { FakeEnvironment } from "../fake_environment.ts";
import { makePeer } from "../snapshots.ts";
import { makeMetainfo } from "../torrents.ts";

const STOPPED = failureBy("interrupted", "stopped in this test");
const whyStopped = () => STOPPED;

function open({ isClaimed = true } = {}) {
  const environment = new FakeEnvironment({});
  const interruption = new Interruption(environment);
  const notices: Notice[] = [];
  const life = new SourceLife(subjectNamed("x.torrent"), {
    environment,
    interruption,
    claim: () => isClaimed,
    tell: (_subject, notice) => notices.push(notice),
  }, { status: "a twin", warning: "it was named twice" });
  const torrent = new FakeTorrent({} as ConstructorParameters<typeof FakeTorrent>[0]);
  return { life, torrent, environment, interruption, notices };
}

Deno.test("identify() names the subject, and says so when another source has the torrent", () => {
  const { life, notices } = open();
  deepStrictEqual(life.view().subject, subjectNamed("x.torrent"));
  deepStrictEqual(life.identify("alpha\x1b[2J", "ab"), true);
  deepStrictEqual(life.view().subject, {
    source: "x.torrent",
    sourceIndex: null,
    name: "alpha\\x1b[2J",
    infoHash: "ab",
  });
  deepStrictEqual(notices, []);
  life.rename("", "ab");
  deepStrictEqual(life.view().subject.name, "ab");

  const twin = open({ isClaimed: false });
  deepStrictEqual(twin.life.identify("alpha", "ab"), false);
  deepStrictEqual(twin.life.view().status, "a twin");
  deepStrictEqual(twin.notices, [{ kind: "warning", message: "it was named twice" }]);
});

Deno.test("claimOnce() gives each torrent to whoever claims it first", () => {
  const claim = claimOnce();
  deepStrictEqual([claim("a"), claim("b"), claim("a")], [true, true, false]);
});

Deno.test("introduce() tells of the torrent, then of its oddities", () => {
  const { life, notices } = open();
  life.introduce({ ...makeMetainfo(), warnings: ["odd"] }, { size: 1, fileCount: 1 });
  deepStrictEqual(notices.map(({ kind }) => kind), ["added", "warning"]);
});

Deno.test("an interruption stops what runs between begin() and end()", async () => {
  const first = open();
  const { life, torrent, environment } = first;
  life.begin();
  life.torrent = torrent;
  environment.signal("SIGTERM");
  deepStrictEqual([life.signal.aborted, torrent.calls], [true, ["stop"]]);
  deepStrictEqual(await life.fail(new Error("stopped"), whyStopped), STOPPED);
  await life.end();
  deepStrictEqual(torrent.calls, ["stop", "stop", "close"]);

  const late = open();
  late.environment.signal("SIGTERM");
  late.life.begin();
  ok(late.life.signal.aborted);
  await late.life.end();

  const ended = open();
  ended.life.begin();
  await ended.life.end();
  ended.environment.signal("SIGTERM");
  deepStrictEqual(ended.life.signal.aborted, false);
  for (const { interruption } of [first, late, ended]) interruption.close();
});

Deno.test("fail() tells what the command line found, even when it was stopped", async () => {
  const { life, notices } = open();
  await life.stop();
  const { verdict } = await life.fail(new CommandError("occupied", "in the way"), whyStopped);
  deepStrictEqual(verdict, "occupied");
  deepStrictEqual(notices.map(({ kind }) => kind), ["failed"]);
  deepStrictEqual(life.view().status, "failed: in the way");
});

Deno.test("fail() reports a bug that is met while it stops", async () => {
  const { life, notices } = open();
  await life.stop();
  const { verdict, exitCode } = await life.fail(new TypeError("no such thing"), whyStopped);
  deepStrictEqual([verdict, exitCode], ["bug", 1]);
  deepStrictEqual(notices.at(-1)!.kind, "failed");
});

Deno.test("view() shows the torrent while it runs, then what is left of it", async () => {
  const { life, torrent } = open();
  deepStrictEqual(life.view("looking for peers").status, "looking for peers");
  deepStrictEqual(life.standing("looking for peers").detail, "looking for peers");
  deepStrictEqual([life.view().torrent, life.peers()], [undefined, []]);
  life.torrent = torrent;
  torrent.peers = [makePeer()];
  deepStrictEqual([life.view().torrent?.state, life.peers().length], ["downloading", 1]);
  deepStrictEqual(life.standing().state, "downloading");
  await life.end();
  deepStrictEqual([life.view().torrent, life.peers()], [undefined, []]);
  deepStrictEqual([life.standing().state, life.hasEnded], ["ended", true]);
  life.last = torrent.snapshot();
  deepStrictEqual(life.view().torrent?.state, "downloading");
});

Deno.test("share() ends at its goal, and tells so", async () => {
  const { life, torrent, environment, notices } = open();
  const sharing = life.share(torrent, { ratio: undefined, durationMs: 1_000 });
  life.supervise(environment.clock.now() + 1_000);
  deepStrictEqual(await sharing, undefined);
  deepStrictEqual(notices.map(({ kind }) => kind), ["seeded"]);
  ok(life.last !== undefined);
});
