import { strictEqual } from "node:assert/strict";
import { windowFor } from "../../src/utp/nearby.ts";

Deno.test("windowFor() is what a socket holds, and what is on the way", () => {
  const rows: [roundTripMs: number, bytes: number][] = [
    [0, 98_304],
    [1, 131_072],
    [100, 98_304 + 3_276_800],
    [Infinity, Infinity],
  ];
  for (const [roundTripMs, bytes] of rows) strictEqual(windowFor(roundTripMs), bytes);
});
