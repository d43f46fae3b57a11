import { deepStrictEqual, ok } from "node:assert/strict";
import { BugError } from "../../../src/base/assert.ts";
import { MetainfoError, StorageError, type StorageReason } from "../../../src/base/errors.ts";
import {
  combinedExitCode,
  CommandError,
  type Failure,
  failureOf,
  fileError,
  invalidSource,
  isMistake,
  permissionError,
  usageError,
} from "../../../src/cli/output/failure.ts";
import { ConnectError } from "../../../src/net/transport.ts";

Deno.test("failureOf() gives every error its exit code", () => {
  const storage = (reason: StorageReason) => new StorageError(reason, "x", "Cannot write x: …");
  const cases: [unknown, number, boolean][] = [
    [usageError("no"), 2, false],
    [invalidSource("no"), 3, false],
    [new MetainfoError("not-bencode", "Cannot read the torrent: …"), 3, false],
    [storage("permission"), 4, false],
    [storage("no-space"), 5, true],
    [storage("read-only"), 5, true],
    [storage("denied"), 5, true],
    [storage("io"), 5, true],
    [storage("symlink"), 5, true],
    [storage("not-regular"), 5, true],
    [storage("missing"), 5, true],
    [storage("name-too-long"), 5, true],
    [storage("occupied"), 6, false],
    [storage("locked"), 75, true],
    [new ConnectError("limit", "Cannot listen on 192.0.2.1: …"), 2, false],
    [new ConnectError("exhausted", "Cannot listen on ::: too many files are open"), 5, true],
    [new ConnectError("unreachable", "Cannot listen: forbidden without --allow-net"), 4, false],
    [new TypeError("oops"), 1, false],
    ["a string", 1, false],
  ];
  for (const [error, exitCode, retryable] of cases) {
    const failure = failureOf(error);
    deepStrictEqual([failure.exitCode, failure.retryable], [exitCode, retryable], String(error));
  }
});

Deno.test("failureOf() advises of a path what any command can do: who named it is not known", () => {
  for (const reason of ["read-only", "denied", "symlink", "not-regular", "occupied"] as const) {
    const { detail } = failureOf(new StorageError(reason, "x", "Cannot use x: …"));
    ok(detail.endsWith("choose another folder"), detail);
  }
  for (const reason of ["missing", "name-too-long", "io", "no-space"] as const) {
    const { detail } = failureOf(new StorageError(reason, "x", "Cannot use x: …"));
    ok(/^Cannot use x: …; [^-]*$/.test(detail), detail);
  }
});

Deno.test("failureOf() asks to report what nobody expected", () => {
  const { detail } = failureOf(new TypeError("x is undefined"));
  ok(detail.includes("TypeError: x is undefined"), detail);
  ok(detail.includes("please report it"), detail);
});

Deno.test("failureOf() keeps a sentence and its evidence", () => {
  deepStrictEqual(failureOf(new CommandError("too-large", "much", { size: 5 })), {
    verdict: "too-large",
    exitCode: 3,
    retryable: false,
    detail: "much",
    evidence: { size: 5 },
  });
  deepStrictEqual(failureOf(new StorageError("no-space", "a/b", "full")).evidence, {
    reason: "no-space",
    path: "a/b",
  });
});

Deno.test("S4 failureOf() names the exact flag of a missing permission", () => {
  const refusal = new Deno.errors.NotCapable(
    'Requires read access to "/data/x", run again with the --allow-read flag',
  );
  const failure = failureOf(refusal);
  deepStrictEqual([failure.exitCode, failure.evidence], [4, { flag: "--allow-read=/data/x" }]);
  ok(failure.detail.includes("run again with --allow-read=/data/x"), failure.detail);
  const missing = { access: "net", target: "", flag: "--allow-net" };
  const { detail } = permissionError("Cannot dial", missing).failure;
  ok(detail.startsWith("Cannot dial: Deno's permission for net access is missing"), detail);
});

Deno.test("fileError() tells Deno's refusal from the system's, and names what failed", () => {
  const refusal = new Deno.errors.NotCapable(
    'Requires write access to "logs", run again with the --allow-write flag',
  );
  const forbidden = failureOf(fileError("Cannot write a log to logs", refusal));
  deepStrictEqual([forbidden.exitCode, forbidden.evidence], [4, { flag: "--allow-write=logs" }]);
  ok(forbidden.detail.startsWith("Cannot write a log to logs: "), forbidden.detail);
  const full = failureOf(fileError("Cannot write x", new Error("No space left on device")));
  deepStrictEqual([full.exitCode, full.detail], [5, "Cannot write x: No space left on device"]);
  const usage = usageError("no");
  deepStrictEqual(fileError("Cannot write x", usage), usage);
});

Deno.test("combinedExitCode() puts what is no use to retry first, then a signal, then the order given", () => {
  const failure = (exitCode: number, retryable: boolean): Failure => ({
    verdict: exitCode > 128 ? "interrupted" : "no-peers",
    exitCode,
    retryable,
    detail: "",
    evidence: {},
  });
  deepStrictEqual(combinedExitCode([]), 0);
  deepStrictEqual(combinedExitCode([failure(12, true), failure(5, true)]), 12);
  deepStrictEqual(combinedExitCode([failure(12, true), failure(3, false)]), 3);
  deepStrictEqual(combinedExitCode([failure(6, false), failure(12, true), failure(3, false)]), 6);
  deepStrictEqual(combinedExitCode([failure(10, true), failure(129, true)]), 129);
  deepStrictEqual(combinedExitCode([failure(130, true), failure(10, true)]), 130);
  deepStrictEqual(combinedExitCode([failure(143, true), failure(3, false)]), 3);
});

Deno.test("isMistake() knows what is ours from what the world, or an interruption, does", () => {
  const aborting = new AbortController();
  aborting.abort();
  for (
    const error of [aborting.signal.reason, new StorageError("io", "x", "Cannot"), new Error()]
  ) {
    deepStrictEqual(isMistake(error), false, String(error));
  }
  for (const error of [new BugError("x"), new TypeError("x"), new RangeError("x")]) {
    deepStrictEqual(isMistake(error), true, String(error));
  }
});
