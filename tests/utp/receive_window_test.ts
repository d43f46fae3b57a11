import fc from "fast-check";
import { deepStrictEqual, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import { RECEIVE_WINDOW_BYTES } from "../../src/utp/receive_allowance.ts";
import { ReceiveBudget } from "../../src/utp/receive_budget.ts";
import { ReceiveWindow } from "../../src/utp/receive_window.ts";
import { bits, NOTHING } from "./samples.ts";

const FAR_MS = 1_000;
/** Packets beyond the next one, as many as libutp has under way. */
const MAX_EARLY_PACKETS = 1_024;

/** A window that has all up to `last`, of which so many bytes were read. */
function windowAfter(last: number, readBytes = 0): ReceiveWindow {
  const window = new ReceiveWindow(last - 1, { budget: new ReceiveBudget(), now: 0 });
  window.take(last, new Uint8Array(readBytes));
  strictEqual(window.read(new Uint8Array(readBytes)), readBytes);
  return window;
}

function payload(sequence: number): Uint8Array {
  return Uint8Array.of(sequence);
}

function readAll(window: ReceiveWindow): number[] {
  const buffer = new Uint8Array(4_096);
  return [...buffer.subarray(0, window.read(buffer))];
}

Deno.test("take() puts packets back into order, and says what became of each", () => {
  const window = windowAfter(10);
  const rows: [sequence: number, arrival: string, selectiveAck: Uint8Array, last: number][] = [
    [11, "next", NOTHING, 11],
    [11, "old", NOTHING, 11],
    [13, "early", bits(0), 11],
    [13, "old", bits(0), 11],
    [16, "early", bits(0, 3), 11],
    [12, "next", bits(1), 13],
    [14, "next", bits(0), 14],
    [15, "next", NOTHING, 16],
    [10, "old", NOTHING, 16],
    [-50, "old", NOTHING, 16],
  ];
  for (const [sequence, arrival, selectiveAck, last] of rows) {
    strictEqual(window.take(sequence, payload(sequence)), arrival, `${sequence}`);
    deepStrictEqual([window.selectiveAck(), window.last], [selectiveAck, last], `${sequence}`);
  }
  deepStrictEqual(readAll(window), [11, 12, 13, 14, 15, 16]);
});

Deno.test("take() gives the same bytes in whatever order packets come, and however often", () => {
  const order = fc.shuffledSubarray([...Array(40).keys()], { minLength: 40 });
  fc.assert(
    fc.property(order, order, (first, second) => {
      const window = windowAfter(-1);
      for (const sequence of [...first.slice(0, 25), ...second]) {
        window.take(sequence, payload(sequence));
      }
      strictEqual(window.takeEnd(40), "next");
      deepStrictEqual(readAll(window), [...Array(40).keys()]);
    }),
    { numRuns: 50 },
  );
});

Deno.test("P33 take() refuses what is far outside the window", () => {
  const window = windowAfter(0);
  strictEqual(window.take(MAX_EARLY_PACKETS + 1, payload(1)), "refused");
  strictEqual(window.take(MAX_EARLY_PACKETS, payload(1)), "early");
  strictEqual(window.selectiveAck().length, 64, "of what it does not reach, nothing is said");
});

Deno.test("take() holds no more than the window, whoever does not read", () => {
  const window = windowAfter(0, RECEIVE_WINDOW_BYTES);
  const block = new Uint8Array(RECEIVE_WINDOW_BYTES / 4);
  for (let sequence = 1; sequence <= 4; sequence++) {
    strictEqual(window.take(sequence, block), "next");
  }
  strictEqual(window.roomFor(FAR_MS), 0);
  strictEqual(window.take(5, payload(5)), "refused");
  strictEqual(window.last, 4);
  window.read(new Uint8Array(1));
  strictEqual(window.roomFor(FAR_MS), 1);
  strictEqual(window.take(5, payload(5)), "next");
});

Deno.test("take() has room for what completes early packets that fill the window", () => {
  const window = windowAfter(0);
  const block = new Uint8Array(RECEIVE_WINDOW_BYTES / 4);
  for (const sequence of [2, 3, 4, 6]) strictEqual(window.take(sequence, block), "early");
  strictEqual(window.take(7, payload(7)), "refused");
  strictEqual(window.take(1, block), "next");
  strictEqual(window.take(5, block), "next");
  deepStrictEqual([window.last, window.unreadBytes], [6, 6 * block.length]);
  strictEqual(window.take(7, block), "refused");
});

Deno.test("take() keeps copies: datagrams are read into the same buffer again", () => {
  const window = windowAfter(0);
  const buffer = Uint8Array.of(2);
  window.take(2, buffer);
  buffer[0] = 1;
  window.take(1, buffer);
  buffer[0] = 99;
  deepStrictEqual(readAll(window), [1, 2]);
});

Deno.test("takeEnd() is the end once everything before it has come, and of nothing else", () => {
  const window = windowAfter(0);
  window.take(1, payload(1));
  strictEqual(window.takeEnd(3), "early");
  deepStrictEqual([window.isComplete, window.hasGap, window.selectiveAck()], [
    false,
    true,
    bits(0),
  ]);
  strictEqual(window.takeEnd(3), "old");
  strictEqual(window.takeEnd(2), "refused", "there is one end");
  strictEqual(window.take(4, payload(4)), "refused", "nothing comes after it");
  strictEqual(window.take(2, payload(2)), "next");
  deepStrictEqual([window.isComplete, window.hasGap, window.last], [true, false, 3]);
  deepStrictEqual(readAll(window), [1, 2]);
  strictEqual(window.takeEnd(3), "old");
});

Deno.test("takeEnd() refuses an end before what came, and one far outside the window", () => {
  const window = windowAfter(0);
  window.take(5, payload(5));
  strictEqual(window.takeEnd(5), "refused");
  strictEqual(window.takeEnd(4), "refused");
  strictEqual(window.takeEnd(MAX_EARLY_PACKETS + 1), "refused");
  strictEqual(window.hasGap, true);
});

Deno.test("roomFor() tells a peer nearby of less", () => {
  const window = windowAfter(0, RECEIVE_WINDOW_BYTES);
  strictEqual(window.roomFor(0), 96 * 1024);
  strictEqual(window.roomFor(Infinity), RECEIVE_WINDOW_BYTES);
  window.take(1, new Uint8Array(100 * 1024));
  strictEqual(window.roomFor(0), 0);
  window.discard();
  strictEqual(window.roomFor(0), 96 * 1024);
});

Deno.test("end() and discard() give back what waited, early packets too, and what was promised", () => {
  const block = new Uint8Array(100 * 1024);
  const rows: [name: string, sequences: number[], givesBack: ("end" | "discard")[]][] = [
    ["nothing waits", [], ["end"]],
    ["nothing but early packets", [2, 3, 5], ["end"]],
    ["some can be read", [1, 3], ["end", "discard"]],
    ["nobody reads any more", [1, 3], ["discard", "end"]],
    ["packets that were early", [2, 1, 4], ["end", "discard"]],
  ];
  for (const [name, sequences, givesBack] of rows) {
    const budget = new ReceiveBudget(), whole = budget.left;
    const window = new ReceiveWindow(-1, { budget, now: 0 });
    window.take(0, block);
    window.read(new Uint8Array(block.length));
    ok(window.promise(FAR_MS, 0) > block.length, name);
    for (const sequence of sequences) notStrictEqual(window.take(sequence, block), "refused", name);
    notStrictEqual(budget.left, whole, name);
    for (const method of givesBack) window[method]();
    strictEqual(budget.left, whole, name);
  }
});
