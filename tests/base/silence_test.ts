import { strictEqual } from "node:assert/strict";
import { longSilenceMs } from "../../src/base/silence.ts";

for (
  const [usualAnswerMs, silenceMs] of [
    [0, 50],
    [25, 50],
    [26, 52],
    [4_000, 8_000],
    [Infinity, Infinity],
  ] as const
) {
  Deno.test(`longSilenceMs() is ${silenceMs} when an answer takes ${usualAnswerMs} ms`, () => {
    strictEqual(longSilenceMs(usualAnswerMs), silenceMs);
  });
}
