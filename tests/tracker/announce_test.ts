import { deepStrictEqual, equal, ok } from "node:assert/strict";
import {
  intervalMsFrom,
  isFarewell,
  minIntervalMsFrom,
  trackerText,
} from "../../src/tracker/announce.ts";
import { ascii } from "./announce_samples.ts";

Deno.test("T9 intervalMsFrom() takes half an hour when there is none, and keeps to its bounds", () => {
  const cases: readonly (readonly [number | undefined, number])[] = [
    [undefined, 1_800_000],
    [0, 300_000],
    [-1, 300_000],
    [Number.MIN_SAFE_INTEGER, 300_000],
    [299, 300_000],
    [1_800, 1_800_000],
    [7_200, 7_200_000],
    [2 ** 31, 86_400_000],
    [Number.MAX_SAFE_INTEGER, 86_400_000],
  ];
  deepStrictEqual(cases.map(([seconds]) => intervalMsFrom(seconds)), cases.map(([, ms]) => ms));
});

Deno.test("T9 minIntervalMsFrom() respects what makes sense and no more", () => {
  const cases: readonly (readonly [number | undefined, number | undefined])[] = [
    [undefined, undefined],
    [0, undefined],
    [-5, undefined],
    [1, 10_000],
    [60, 60_000],
    [900, 900_000],
    [2 ** 31, 3_600_000],
  ];
  deepStrictEqual(cases.map(([seconds]) => minIntervalMsFrom(seconds)), cases.map(([, ms]) => ms));
});

Deno.test("T8 trackerText() is one printable line of at most 200 characters", () => {
  equal(trackerText(ascii("not registered")), "not registered");
  equal(trackerText(ascii("\x1b[2Jred\r\nline")), "\\x1b[2Jred\\x0d\\x0aline");
  equal(trackerText(Uint8Array.of(0xff, 0x41)), "\ufffdA");
  const huge = trackerText(new Uint8Array(1_000_000).fill(0x61));
  ok(huge.length <= 200 && huge.startsWith("aaa"));
});

Deno.test("isFarewell() is true of the last announce alone", () => {
  equal(isFarewell({ event: "stopped" }), true);
  equal(isFarewell({ event: "stopped", onlyAsks: true }), false);
  for (const event of ["started", "completed", "paused", undefined] as const) {
    equal(isFarewell({ event }), false);
  }
});
