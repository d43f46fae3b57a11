import { ok, strictEqual } from "node:assert/strict";
import { CongestionWindow } from "../../src/utp/congestion.ts";

const PACKET_BYTES = 1_000;
const FIRST_BYTES = 10 * PACKET_BYTES;

function open(maxBytes = 1_000_000): CongestionWindow {
  return new CongestionWindow({ packetBytes: PACKET_BYTES, maxBytes });
}

/** A round trip in which everything arrives, with so much delay. */
function roundTrip(window: CongestionWindow, delayMs = 0, wasFull = true): void {
  for (let count = 0; count < 4; count++) window.sampleDelay(1_000 + delayMs * 1_000, 0);
  const { bytes } = window;
  for (let acked = 0; acked < bytes; acked += PACKET_BYTES) window.handleAck(PACKET_BYTES, wasFull);
}

Deno.test("it doubles in each round trip at first, up to its limit", () => {
  const window = open(35_000);
  strictEqual(window.bytes, FIRST_BYTES);
  roundTrip(window);
  strictEqual(window.bytes, 2 * FIRST_BYTES);
  roundTrip(window);
  strictEqual(window.bytes, 35_000);
});

Deno.test("it does not grow while less is under way than may be", () => {
  const window = open();
  roundTrip(window, 0, false);
  strictEqual(window.bytes, FIRST_BYTES);
  window.handleLoss();
  roundTrip(window, 0, false);
  strictEqual(window.bytes, FIRST_BYTES / 2);
});

Deno.test("a queue ends the doubling; then it grows, stays or shrinks by the delay", () => {
  const rows: [delayMs: number, change: number][] = [
    [0, 3_000],
    [50, 1_500],
    [100, 0],
    [150, -1_500],
    [200, -3_000],
  ];
  for (const [delayMs, change] of rows) {
    const window = open();
    roundTrip(window);
    roundTrip(window, 80); // From now on it is careful.
    const before = window.bytes;
    roundTrip(window, delayMs);
    const by = window.bytes - before;
    ok(Math.abs(by - change) <= 0.2 * Math.abs(change) + 1, `${delayMs} ms: ${by}`);
  }
});

Deno.test("it shrinks for a queue that others fill, down to two packets", () => {
  const window = open();
  roundTrip(window);
  for (let count = 0; count < 100; count++) roundTrip(window, 400, false);
  strictEqual(window.bytes, 2 * PACKET_BYTES);
});

Deno.test("handleLoss() halves it, and ends the doubling", () => {
  const window = open();
  window.handleLoss();
  strictEqual(window.bytes, FIRST_BYTES / 2);
  roundTrip(window);
  ok(window.bytes < FIRST_BYTES, "it grows by 3,000 bytes in a round trip");
  for (let count = 0; count < 10; count++) window.handleLoss();
  strictEqual(window.bytes, 2 * PACKET_BYTES);
});

Deno.test("handleTimeout() leaves one packet, which doubles up to half of what was", () => {
  const window = open();
  roundTrip(window);
  window.handleTimeout();
  strictEqual(window.bytes, PACKET_BYTES);
  for (let count = 0; count < 3; count++) roundTrip(window);
  strictEqual(window.bytes, 8 * PACKET_BYTES);
  roundTrip(window);
  ok(window.bytes >= FIRST_BYTES && window.bytes < FIRST_BYTES + 3_000, `${window.bytes}`);
});

Deno.test("sampleRoundTrip() corrects clocks that drift apart", () => {
  const window = open();
  roundTrip(window);
  window.handleLoss();
  const before = window.bytes;
  for (let count = 0; count < 4; count++) window.sampleDelay(500_000, 0);
  window.sampleRoundTrip(20);
  window.handleAck(before, true);
  ok(window.bytes > before, "half a second cannot be a queue on a way of 20 ms");
});
