import { strictEqual } from "node:assert/strict";
import { QueueingDelay } from "../../src/utp/queueing_delay.ts";

const MINUTE_MS = 60_000;

/** Four samples, in milliseconds, of a peer whose clock is ahead by `offset` microseconds. */
function sample(delay: QueueingDelay, ms: number, now: number, offset = 0): void {
  for (let count = 0; count < 4; count++) delay.sample((ms * 1_000 + offset) >>> 0, now);
}

Deno.test("currentMs is what packets take beyond the least, whatever the clocks say", () => {
  for (const offset of [0, 12_345_678, 2 ** 31, 2 ** 32 - 20_000]) {
    const delay = new QueueingDelay();
    strictEqual(delay.currentMs, 0);
    sample(delay, 30, 0, offset);
    strictEqual(delay.currentMs, 0);
    sample(delay, 80, 0, offset);
    strictEqual(delay.currentMs, 50, `${offset}`);
    sample(delay, 10, 0, offset);
    strictEqual(delay.currentMs, 0);
    sample(delay, 80, 0, offset);
    strictEqual(delay.currentMs, 70);
  }
});

Deno.test("currentMs does not rise for single packets", () => {
  const delay = new QueueingDelay();
  sample(delay, 30, 0);
  for (const ms of [200, 300, 400]) delay.sample(ms * 1_000, 0);
  strictEqual(delay.currentMs, 0);
  delay.sample(200_000, 0);
  strictEqual(delay.currentMs, 170);
});

Deno.test("what was best is forgotten after ten minutes", () => {
  const delay = new QueueingDelay();
  sample(delay, 30, 0);
  for (let minute = 1; minute <= 9; minute++) sample(delay, 80, minute * MINUTE_MS);
  strictEqual(delay.currentMs, 50);
  sample(delay, 80, 10 * MINUTE_MS);
  strictEqual(delay.currentMs, 0);
});

Deno.test("limitTo() believes no queue that is longer than the way", () => {
  const delay = new QueueingDelay();
  sample(delay, 30, 0);
  sample(delay, 90, 0);
  delay.limitTo(100);
  strictEqual(delay.currentMs, 60);
  delay.limitTo(20);
  strictEqual(delay.currentMs, 20);
});
