import { equal, ok } from "node:assert/strict";
import {
  MetainfoError,
  ProtocolError,
  StorageError,
  TrackerError,
  type TrackerReason,
} from "../../src/base/errors.ts";

Deno.test("each error of the world keeps its name, reason and sentence", () => {
  const errors = [
    [new MetainfoError("too-large", "Cannot read"), "MetainfoError", "too-large"],
    [new ProtocolError("silent", "Cannot read"), "ProtocolError", "silent"],
    [new TrackerError("gone", "Cannot read"), "TrackerError", "gone"],
    [new StorageError("no-space", "a/b", "Cannot read"), "StorageError", "no-space"],
  ] as const;
  for (const [error, name, reason] of errors) {
    ok(error instanceof Error);
    equal(error.name, name);
    equal(error.reason, reason);
    equal(error.message, "Cannot read");
  }
  equal(new StorageError("io", "a/b", "").path, "a/b");
});

Deno.test("isSilence is true of a tracker that was not heard at all", () => {
  const isSilence: Record<TrackerReason, boolean> = {
    "timeout": true,
    "unreachable": true,
    "failure-reason": false,
    "malformed": false,
    "http-status": false,
    "gone": false,
    "too-large": false,
    "redirects": false,
    "unsupported-url": false,
  };
  for (const [reason, expected] of Object.entries(isSilence)) {
    equal(new TrackerError(reason as TrackerReason, "").isSilence, expected);
  }
});
