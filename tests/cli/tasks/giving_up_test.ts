import { deepStrictEqual, ok } from "node:assert/strict";
import {
  failureAtLimit,
  failureOfInterruption,
  WAITING_FOR_LOCK,
} from "../../../src/cli/tasks/giving_up.ts";
import { FakeTorrent } from "../fake_engine.ts";
import { makeSnapshot } from "../snapshots.ts";

const AT_DEADLINE = {
  limit: "deadline",
  waitedMs: 60_000,
  stallMs: undefined,
  noResume: false,
} as const;

Deno.test("failureAtLimit() blames what was waited for before there was a torrent", () => {
  const reading = { ...AT_DEADLINE, torrent: undefined, status: "reading the torrent" };
  const { verdict, exitCode, detail } = failureAtLimit(reading);
  deepStrictEqual([verdict, exitCode], ["deadline", 17]);
  deepStrictEqual(
    detail,
    "the deadline came after 1m 00s, before the download began (reading the torrent); " +
      "run it again with more time",
  );
  const locked = failureAtLimit({ ...reading, status: WAITING_FOR_LOCK });
  deepStrictEqual([locked.verdict, locked.exitCode, locked.retryable], ["locked", 75, true]);
  ok(locked.detail.endsWith("; try again later"), locked.detail);
});

Deno.test("failureAtLimit() gives the verdict of the torrent, and the limit", () => {
  const torrent = new FakeTorrent({} as ConstructorParameters<typeof FakeTorrent>[0]);
  const { cause, detail } = torrent.answer;
  const asked: (number | undefined)[] = [];
  torrent.verdict = (stallMs?: number) => {
    asked.push(stallMs);
    return torrent.answer;
  };
  const late = failureAtLimit({ ...AT_DEADLINE, torrent, status: "" });
  deepStrictEqual([late.verdict, late.evidence["limit"]], [cause, "deadline"]);
  deepStrictEqual(late.detail, `gave up at the deadline, after 1m 00s: ${detail}`);
  const stalled = failureAtLimit({
    limit: "stall",
    waitedMs: 9,
    stallMs: 5_000,
    noResume: false,
    torrent,
    status: "",
  });
  deepStrictEqual(stalled.detail, `gave up after 5.0s without a new verified piece: ${detail}`);
  deepStrictEqual(asked, [undefined, 5_000], "at the deadline no stall is what ended it");
  torrent.snapshotChanges = { state: "checking" };
  const checking = failureAtLimit({ ...AT_DEADLINE, torrent, status: "" });
  deepStrictEqual(checking.verdict, "deadline");
  ok(checking.detail.endsWith("; run it again, and the check goes on"), checking.detail);
  const anew = failureAtLimit({ ...AT_DEADLINE, noResume: true, torrent, status: "" });
  ok(anew.detail.endsWith("; run it again with more time"), anew.detail);
});

Deno.test("failureOfInterruption() says how far it came and what the next run does", () => {
  const detail = (...args: Parameters<typeof failureOfInterruption>) =>
    failureOfInterruption(...args).detail;
  deepStrictEqual(
    detail(130, undefined, false),
    "interrupted before the download began; run the same command to go on",
  );
  deepStrictEqual(
    detail(130, makeSnapshot({ state: "checking", bytes: 0, size: 100 }), false),
    "interrupted before the download began; run the same command to go on",
  );
  deepStrictEqual(
    detail(130, makeSnapshot({ bytes: 50, size: 100 }), false),
    "interrupted at 50.0%; what is here is saved; run the same command to go on",
  );
  deepStrictEqual(
    detail(143, undefined, true),
    "interrupted while the command of --on-done ran; the data is complete; " +
      "the next run runs the command again",
  );
  deepStrictEqual(failureOfInterruption(143, undefined, true).exitCode, 143);
});
