/** What a connection makes of a link, and what it leaves of it to others. */
import { ok } from "node:assert/strict";
import { type Link, LinkedPair } from "./linked_pair.ts";

const MBIT = 125_000;

interface Use {
  /** The part of the bottleneck that payload takes. */
  readonly part: number;
  /** What waits before the bottleneck, in milliseconds: the mean and the most. */
  readonly meanQueueMs: number;
  readonly maxQueueMs: number;
}

/** Sends without end, and looks on from the second `from` for 30 seconds. */
function useOf(link: Link, { from = 20, back = { latencyMs: link.latencyMs } } = {}): Use {
  const pair = new LinkedPair({ link, back });
  const { ours, theirs } = pair.open();
  const bytesPerSecond = link.bytesPerSecond!;
  pair.send(pair.a, ours, new Uint8Array(bytesPerSecond * (from + 30)));
  let length = 0;
  pair.receive(pair.b, theirs, (bytes) => length += bytes.length);
  pair.run(() => false, from * 1_000);
  const before = length, queues: number[] = [];
  for (let time = 0; time < 30_000; time += 50) {
    pair.run(() => false, 50);
    queues.push(Math.max(0, pair.a.linkFreeAt - pair.now));
  }
  return {
    part: (length - before) / (30 * bytesPerSecond),
    meanQueueMs: queues.reduce((sum, ms) => sum + ms, 0) / queues.length,
    maxQueueMs: Math.max(...queues),
  };
}

Deno.test("a link is filled, and its queue stays at 100 ms or below", () => {
  const rows: [name: string, link: Link, least: number][] = [
    ["10 Mbit/s, 100 ms", { latencyMs: 50, bytesPerSecond: 10 * MBIT, queueBytes: 1e6 }, 0.9],
    ["10 Mbit/s, 300 ms", { latencyMs: 150, bytesPerSecond: 10 * MBIT, queueBytes: 1e6 }, 0.9],
    ["1 Mbit/s, 30 ms", { latencyMs: 15, bytesPerSecond: MBIT, queueBytes: 1e6 }, 0.9],
    ["50 Mbit/s, 20 ms", { latencyMs: 10, bytesPerSecond: 50 * MBIT, queueBytes: 1e6 }, 0.9],
    ["a short queue", { latencyMs: 50, bytesPerSecond: 10 * MBIT, queueBytes: 32_000 }, 0.7],
    ["jitter", { latencyMs: 50, jitterMs: 20, bytesPerSecond: 10 * MBIT, queueBytes: 1e6 }, 0.8],
  ];
  for (const [name, link, least] of rows) {
    const { part, meanQueueMs, maxQueueMs } = useOf(link);
    ok(part >= least, `${name}: ${part}`);
    ok(
      meanQueueMs <= 115 && maxQueueMs <= 140,
      `${name}: ${meanQueueMs}, at most ${maxQueueMs} ms`,
    );
  }
});

Deno.test("what is lost by chance slows it down, and does not stop it", () => {
  const rows: [lossPercent: number, least: number][] = [[1, 0.25], [5, 0.1], [10, 0.04]];
  for (const [lossPercent, least] of rows) {
    const link = { latencyMs: 25, bytesPerSecond: 10 * MBIT, queueBytes: 1e6, lossPercent };
    const { part } = useOf(link, { from: 5 });
    ok(part >= least, `${lossPercent} %: ${part}`);
  }
});

Deno.test("lost answers do not slow it down", () => {
  const link = { latencyMs: 50, bytesPerSecond: 10 * MBIT, queueBytes: 1e6 };
  const { part } = useOf(link, { back: { latencyMs: 50, lossPercent: 20 } as Link });
  ok(part >= 0.9, `${part}`);
});

Deno.test("it gives way to who fills the queue, and comes back", () => {
  const pair = new LinkedPair({
    link: { latencyMs: 50, bytesPerSecond: 10 * MBIT, queueBytes: 1e6 },
  });
  const { ours, theirs } = pair.open();
  pair.send(pair.a, ours, new Uint8Array(100 * 10 * MBIT));
  let length = 0;
  pair.receive(pair.b, theirs, (bytes) => length += bytes.length);
  const rateIn = (durationMs: number, queueMs: number) => {
    const before = length, end = pair.now + durationMs;
    while (pair.now < end) {
      // Another program keeps so much waiting, whatever we do.
      pair.a.linkFreeAt = Math.max(pair.a.linkFreeAt, pair.now + queueMs);
      pair.run(() => false, 10);
    }
    return (length - before) / durationMs;
  };
  const alone = rateIn(20_000, 0);
  rateIn(10_000, 300);
  const beside = rateIn(10_000, 300);
  rateIn(10_000, 0);
  const again = rateIn(10_000, 0);
  ok(beside < alone / 5, `${beside} of ${alone} bytes a millisecond`);
  ok(again > 0.8 * alone, `${again} of ${alone}`);
});

Deno.test("it acknowledges every second packet, or fewer on a fast link", () => {
  for (const [bytesPerSecond, most] of [[10 * MBIT, 0.55], [100 * MBIT, 0.2]] as const) {
    const link = { latencyMs: 25, bytesPerSecond, queueBytes: 1e6 };
    const pair = new LinkedPair({ link, back: { latencyMs: 25 } });
    const { ours, theirs } = pair.open();
    pair.send(pair.a, ours, new Uint8Array(bytesPerSecond * 10));
    pair.receive(pair.b, theirs, () => {});
    pair.run(() => false, 5_000);
    ok(pair.b.sent / pair.a.sent < most, `${pair.b.sent} for ${pair.a.sent}`);
  }
});
