import fc from "fast-check";
import { deepStrictEqual, ok } from "node:assert/strict";
import {
  formatCount,
  formatDuration,
  formatPercent,
  formatRate,
  formatSize,
  parseDuration,
  parseSize,
  toSeconds,
} from "../../../src/cli/output/units.ts";

Deno.test("parseSize() reads 1024-based sizes", () => {
  const cases: [string, number][] = [
    ["1", 1],
    ["500", 500],
    ["500K", 512_000],
    ["2M", 2 * 1024 ** 2],
    ["1.5G", 1.5 * 1024 ** 3],
    ["1T", 1024 ** 4],
    ["64m", 64 * 1024 ** 2],
    ["64MiB", 64 * 1024 ** 2],
    ["64MB", 64 * 1024 ** 2],
    [" 1k ", 1024],
  ];
  for (const [text, bytes] of cases) deepStrictEqual(parseSize(text), bytes, text);
});

Deno.test("parseSize() refuses nothing, zero, signs and junk", () => {
  for (const text of ["", "0", "0K", "0.4", "-1", "+1", "M", "1X", "1 M", "1e3", "0x10", "1,5M"]) {
    deepStrictEqual(parseSize(text), undefined, text);
  }
  deepStrictEqual(parseSize("9".repeat(20)), undefined);
  deepStrictEqual(parseSize("9007199254740992"), undefined);
});

Deno.test("parseDuration() reads times with a unit, and a bare zero", () => {
  const cases: [string, number][] = [
    ["90s", 90_000],
    ["10m", 600_000],
    ["2h", 7_200_000],
    ["1d", 86_400_000],
    ["1.5h", 5_400_000],
    ["250ms", 250],
    ["0", 0],
    ["0s", 0],
  ];
  for (const [text, durationMs] of cases) deepStrictEqual(parseDuration(text), durationMs, text);
  for (const text of ["", "90", "s", "-1s", "1y", "1 s", "1S", "1h30m", "9".repeat(20) + "d"]) {
    deepStrictEqual(parseDuration(text), undefined, text);
  }
});

Deno.test("formatSize() shows three digits and never rounds up a unit", () => {
  const cases: [number, string][] = [
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1 KiB"],
    [1600, "1.56 KiB"],
    [16_384, "16 KiB"],
    [1024 ** 2 - 1, "1023 KiB"],
    [12.34 * 1024 ** 2, "12.3 MiB"],
    [300.7 * 1024 ** 3, "300 GiB"],
    [2 ** 48, "256 TiB"],
    [-5, "0 B"],
  ];
  for (const [bytes, text] of cases) deepStrictEqual(formatSize(bytes), text);
  deepStrictEqual(formatRate(2048), "2 KiB/s");
});

Deno.test("formatSize() is read back by parseSize() to within its digits", () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 2 ** 50 - 1 }), (bytes) => {
    const readBack = parseSize(formatSize(bytes).replace(" ", "").replace(/^(\d+)B$/, "$1"));
    ok(readBack !== undefined && readBack <= bytes && readBack >= bytes * 0.98);
  }));
});

Deno.test("formatDuration() uses two units at most", () => {
  const cases: [number, string][] = [
    [-1, "0.0s"],
    [0, "0.0s"],
    [349, "0.3s"],
    [9_949, "9.9s"],
    [9_950, "10s"],
    [59_400, "59s"],
    [59_600, "1m 00s"],
    [187_000, "3m 07s"],
    [7_500_000, "2h 05m"],
    [4 * 86_400_000 + 3 * 3_600_000, "4d 3h"],
    [68 * 365 * 86_400_000, "> 99d"],
    [Infinity, "> 99d"],
  ];
  for (const [durationMs, text] of cases) deepStrictEqual(formatDuration(durationMs), text);
});

Deno.test("toSeconds() rounds to the millisecond", () => {
  const cases = [[0, 0], [0.4, 0], [20.349128999999997, 0.02], [1_500.5, 1.501], [3e9 + 0.1, 3e6]];
  for (const [durationMs, seconds] of cases) deepStrictEqual(toSeconds(durationMs!), seconds);
});

Deno.test("formatPercent() says 100.0% of the whole alone", () => {
  deepStrictEqual(formatPercent(0, 7), "0.0%");
  deepStrictEqual(formatPercent(999_999, 1_000_000), "99.9%");
  deepStrictEqual(formatPercent(7, 7), "100.0%");
  deepStrictEqual(formatPercent(0, 0), "100.0%");
});

Deno.test("formatCount() agrees with its noun", () => {
  deepStrictEqual([0, 1, 2].map((number) => formatCount(number, "file")), [
    "0 files",
    "1 file",
    "2 files",
  ]);
});
