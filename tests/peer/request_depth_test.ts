import { deepStrictEqual, ok } from "node:assert/strict";
import { BLOCK_LENGTH } from "../../src/metainfo/layout.ts";
import { RequestDepth } from "../../src/peer/request_depth.ts";
import { RequestWindow } from "../../src/peer/request_window.ts";
import { type Link, runLink, type Sample, SLOT_MS } from "./link_model.ts";

const KB = 1_000, MB = 1_000_000;
const SECONDS = 1_000;

function steady(latencyMs: number, rate: number): Link {
  return { latencyMs: () => latencyMs, rate: () => rate };
}

function run(link: Link, untilMs: number, reqq = 10_000): Sample[] {
  const window = new RequestWindow();
  window.setStatedDepth(reqq);
  return runLink(window, link, untilMs);
}

/** Share of `rate` that came from slot `from` to slot `to`. */
function utilisation(samples: readonly Sample[], rate: number, from: number, to?: number): number {
  const part = samples.slice(from, to);
  const bytes = part.reduce((sum, { received }) => sum + received, 0);
  return bytes / (part.length * SLOT_MS * rate / 1000);
}

function maxQueueSeconds(samples: readonly Sample[], rate: number): number {
  return Math.max(...samples.map(({ outstanding }) => outstanding)) * BLOCK_LENGTH / rate;
}

/** Rates that 8000 requests can keep up at this distance, and the time until they are reached. */
const LINKS: readonly { latencyMs: number; rates: readonly number[]; rampMs: number }[] = [
  { latencyMs: 1, rates: [100 * KB, MB, 10 * MB, 100 * MB, 500 * MB], rampMs: 200 },
  { latencyMs: 100, rates: [100 * KB, MB, 10 * MB, 100 * MB, 500 * MB], rampMs: 1_000 },
  { latencyMs: 500, rates: [100 * KB, MB, 10 * MB, 100 * MB, 200 * MB], rampMs: 5_000 },
];

for (const { latencyMs, rates, rampMs } of LINKS) {
  for (const rate of rates) {
    const name = `${rate / MB} MB/s at ${latencyMs} ms`;
    // Long enough to see the latency measured anew, where that does not take the test too long.
    const untilMs = (rate <= 10 * MB ? 65 : 10) * SECONDS;
    Deno.test(`the window keeps a peer of ${name} busy, and holds little more`, () => {
      const samples = run(steady(latencyMs, rate), untilMs);
      const used = utilisation(samples, rate, rampMs / SLOT_MS);
      ok(used >= 0.95, `utilisation ${used}`);
      const queueSeconds = maxQueueSeconds(samples, rate);
      ok(queueSeconds <= 2, `${queueSeconds} s of its rate`);
    });
  }
}

Deno.test("the window asks a peer of 10 KB/s for four blocks", () => {
  for (const latencyMs of [1, 100, 500]) {
    const samples = run(steady(latencyMs, 10 * KB), 100 * SECONDS);
    ok(samples.every(({ outstanding }) => outstanding <= 4));
    ok(utilisation(samples, 10 * KB, 50) >= 0.95);
  }
});

Deno.test("the window takes a peer at 100 ms to 100 MB/s within half a second", () => {
  const samples = run(steady(100, 100 * MB), SECONDS);
  ok(utilisation(samples, 100 * MB, 5) >= 0.95);
});

Deno.test("the window keeps a peer busy that sends in bursts", () => {
  // Half a second's worth, 5 MB, at 100 MB/s; then nothing until the half second is over.
  const sendsAt = (at: number) => at % 500 < 50 ? at : Math.ceil(at / 500) * 500;
  const samples = run({ ...steady(20, 100 * MB), sendsAt }, 30 * SECONDS);
  ok(utilisation(samples, 10 * MB, 20) >= 0.95);
  ok(maxQueueSeconds(samples, 10 * MB) <= 2);
});

Deno.test("the window takes no burst for a rate", () => {
  const sendsAt = (at: number) => at % 500 < 5 ? at : Math.ceil(at / 500) * 500;
  const samples = run({ ...steady(1, 100 * MB), sendsAt }, 30 * SECONDS);
  ok(utilisation(samples, MB, 20) >= 0.95);
  ok(maxQueueSeconds(samples, MB) <= 2);
});

Deno.test("the window keeps a peer busy that is 2.5 s away", () => {
  const samples = run(steady(2_500, MB), 80 * SECONDS);
  ok(utilisation(samples, MB, 300) >= 0.9);
});

Deno.test("within() leaves out slack alone: twice what is on its way is asked for even so", () => {
  const depth = new RequestDepth();
  deepStrictEqual(depth.within(0), 4);
  // 100 blocks in 100 ms, each 10 ms after it was asked for.
  for (let block = 0; block < 100; block++) {
    const sentAt = 100_000 + block - 10;
    depth.delivered(BLOCK_LENGTH, { sentAt, deliveredBytes: 0 }, 100_000 + block);
  }
  const pipeBlocks = depth.within(0);
  ok(pipeBlocks >= 20 && pipeBlocks <= 22, `${pipeBlocks} blocks`);
  deepStrictEqual(depth.within(10 * BLOCK_LENGTH), pipeBlocks + 10);
  ok(depth.within(Infinity) > pipeBlocks + 10);
});

Deno.test("the depth is no more than 4 s of the rate, however long the peer takes", () => {
  const depth = new RequestDepth();
  const request = { sentAt: 0, deliveredBytes: 0 };
  for (let block = 0; block < 1_000; block++) depth.delivered(16_384, request, 20_000);
  deepStrictEqual(depth.within(Infinity), 1_000 / 20 * 4);
});

Deno.test("the window follows a peer that becomes slow, and fast again", () => {
  const rate = (now: number) => now >= 10_000 && now < 30_000 ? 200 * KB : 10 * MB;
  const samples = run({ latencyMs: () => 50, rate }, 40 * SECONDS);
  ok(utilisation(samples, 10 * MB, 10, 100) >= 0.95);
  const outstanding = samples.slice(250, 300).map((sample) => sample.outstanding);
  ok(Math.max(...outstanding) * BLOCK_LENGTH <= 2 * 200 * KB, `${Math.max(...outstanding)}`);
  ok(utilisation(samples, 10 * MB, 310) >= 0.95);
});

Deno.test("the window finds out within 40 s that its peer has become far", () => {
  const latencyMs = (now: number) => now < 20_000 ? 10 : 300;
  const samples = run({ latencyMs, rate: () => 50 * MB }, 70 * SECONDS);
  ok(utilisation(samples, 50 * MB, 5, 200) >= 0.95);
  ok(utilisation(samples, 50 * MB, 600) >= 0.95);
});

Deno.test("within() asks for no more than the depth while the latency is measured anew", () => {
  const depth = new RequestDepth();
  const deliver = (latencyMs: number, now: number) => {
    const request = { sentAt: now - latencyMs, deliveredBytes: depth.deliveredBytes };
    for (let block = 0; block < 100; block++) depth.delivered(BLOCK_LENGTH, request, now);
  };
  deliver(100, 1_000);
  deliver(110, 1_000 + 30_000);
  const probing = depth.within(Infinity);
  deepStrictEqual(depth.within(0), probing);
});

/** Round trips of 100 ms in which all that was asked for comes. */
function runRounds(depth: RequestDepth, count: number, startAt: number): void {
  for (let round = 1; round <= count; round++) {
    const now = startAt + round * 100;
    const request = { sentAt: now - 100, deliveredBytes: depth.deliveredBytes };
    for (let block = depth.within(Infinity); block > 0; block--) {
      depth.delivered(16_384, request, now);
    }
  }
}

Deno.test("the depth starts at 4 and ends at 500, or where the peer says, or at 8000", () => {
  const depth = new RequestDepth();
  deepStrictEqual(depth.within(Infinity), 4);
  runRounds(depth, 20, 0);
  deepStrictEqual(depth.within(Infinity), 500);
  depth.setStated(10_000);
  runRounds(depth, 20, 2_000);
  deepStrictEqual(depth.within(Infinity), 8_000);
  for (const reqq of [250, 2, 1]) {
    depth.setStated(reqq);
    deepStrictEqual(depth.within(Infinity), reqq);
  }
});

Deno.test("the depth does not count the time in which nothing was asked for", () => {
  const depth = new RequestDepth();
  depth.started(100_000);
  const request = { sentAt: 100_000, deliveredBytes: 0 };
  for (let block = 0; block < 4; block++) depth.delivered(16_384, request, 100_010);
  // 64 KiB within at most 50 ms, and half a second of that.
  ok(depth.within(Infinity) >= 40, `${depth.within(Infinity)}`);
});

Deno.test("P26 the depth ignores a reqq that is no number of requests", () => {
  const depth = new RequestDepth();
  for (const reqq of [0, -1, 0.5, NaN, Infinity, -(2 ** 31)]) depth.setStated(reqq);
  deepStrictEqual(depth.within(Infinity), 4);
});

Deno.test("the depth keeps to what a peer did not refuse, until it starts anew", () => {
  const depth = new RequestDepth();
  depth.refused(100);
  const request = { sentAt: 0, deliveredBytes: 0 };
  for (let block = 0; block < 1_000; block++) depth.delivered(16_384, request, 10);
  deepStrictEqual(depth.within(Infinity), 100);
  depth.refused(1);
  deepStrictEqual(depth.within(Infinity), 4);
  depth.reset();
  for (let block = 0; block < 1_000; block++) depth.delivered(16_384, request, 10);
  ok(depth.within(Infinity) > 100);
});
