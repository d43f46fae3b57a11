import { strictEqual } from "node:assert/strict";
import { nearestMicroseconds, nearestSequence, wireMicroseconds } from "../../src/utp/wrapping.ts";

Deno.test("nearestSequence() goes on counting where 16 bits wrap", () => {
  const rows: [wire: number, expected: number, nearest: number][] = [
    [5, 5, 5],
    [0, 65_535, 65_536],
    [65_535, 65_536, 65_535],
    [65_535, 0, -1],
    [3, 65_536 * 7 - 2, 65_536 * 7 + 3],
    [0x7fff, 0, 0x7fff],
    [0x8000, 0, -0x8000],
    [10, -3, 10],
  ];
  for (const [wire, expected, nearest] of rows) {
    strictEqual(nearestSequence(wire, expected), nearest, `${wire} near ${expected}`);
  }
});

Deno.test("nearestMicroseconds() goes on counting where 32 bits wrap", () => {
  const rows: [wire: number, expected: number, nearest: number][] = [
    [0, 2 ** 32 - 1, 2 ** 32],
    [2 ** 32 - 1, 0, -1],
    [7, 2 ** 33 - 1, 2 ** 33 + 7],
    [2 ** 31 - 1, 0, 2 ** 31 - 1],
  ];
  for (const [wire, expected, nearest] of rows) {
    strictEqual(nearestMicroseconds(wire, expected), nearest, `${wire} near ${expected}`);
  }
});

Deno.test("wireMicroseconds() tells 32 bits of the time", () => {
  strictEqual(wireMicroseconds(1.5), 1_500);
  strictEqual(wireMicroseconds(2 ** 32 / 1_000), 0);
  strictEqual(wireMicroseconds((2 ** 32 + 2 ** 31) / 1_000), 2 ** 31);
});
