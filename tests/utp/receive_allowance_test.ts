import fc from "fast-check";
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { RECEIVE_WINDOW_BYTES, ReceiveAllowance } from "../../src/utp/receive_allowance.ts";
import { LEAST_WINDOW_BYTES, ReceiveBudget } from "../../src/utp/receive_budget.ts";

/** What is shared beyond what is guaranteed. */
const SHARED_BYTES = new ReceiveBudget().left;
const FAR_MS = 1_000;
/** No packet is on its way for longer. */
const LONGEST_WAY_MS = 10_000;

/** One whose window is as large as it gets, by what it has taken and read. */
function opened(budget: ReceiveBudget): ReceiveAllowance {
  const allowance = new ReceiveAllowance(budget, 0);
  for (let read = 0; read < RECEIVE_WINDOW_BYTES; read += LEAST_WINDOW_BYTES) {
    ok(allowance.take(LEAST_WINDOW_BYTES, false));
    allowance.read(LEAST_WINDOW_BYTES);
  }
  return allowance;
}

Deno.test("promise() tells a newcomer of little, and of as much more as it has read", () => {
  const allowance = new ReceiveAllowance(new ReceiveBudget(), 0);
  strictEqual(allowance.promise(FAR_MS, 0), LEAST_WINDOW_BYTES);
  allowance.take(20_000, false);
  strictEqual(allowance.promise(FAR_MS, 1), LEAST_WINDOW_BYTES - 20_000);
  allowance.read(20_000);
  strictEqual(allowance.promise(FAR_MS, 2), LEAST_WINDOW_BYTES + 20_000);
});

Deno.test("promise() tells whoever does not use its window of ever less", () => {
  const budget = new ReceiveBudget();
  const allowance = opened(budget);
  const rooms = [0, 10, 20, 30, 40, 50, 60].map((s) => allowance.promise(FAR_MS, s * 1_000));
  deepStrictEqual(rooms.map((room) => room / 1024), [1024, 1024, 512, 256, 128, 64, 32]);
  strictEqual(budget.left, SHARED_BYTES);
});

Deno.test("promise() of less gives back nothing of what was told in the last ten seconds", () => {
  const budget = new ReceiveBudget();
  const allowance = opened(budget);
  for (const now of [0, 10_000, 19_999]) allowance.promise(FAR_MS, now);
  strictEqual(allowance.promise(FAR_MS, 20_000), RECEIVE_WINDOW_BYTES / 2);
  const { left } = budget;
  allowance.promise(FAR_MS, 29_999);
  strictEqual(budget.left, left);
  allowance.promise(FAR_MS, 30_000);
  strictEqual(budget.left, left + RECEIVE_WINDOW_BYTES / 2);
});

Deno.test("promise() tells whoever uses its window of all of it", () => {
  const allowance = opened(new ReceiveBudget());
  for (let now = 0; now < 100_000; now += 5_000) {
    strictEqual(allowance.promise(FAR_MS, now), RECEIVE_WINDOW_BYTES);
    ok(allowance.take(RECEIVE_WINDOW_BYTES, false));
    allowance.read(RECEIVE_WINDOW_BYTES);
  }
});

Deno.test("take() is true of more than was told while there is room, up to the window", () => {
  const allowance = new ReceiveAllowance(new ReceiveBudget(), 0);
  ok(allowance.take(RECEIVE_WINDOW_BYTES, false));
  strictEqual(allowance.take(1, false), false);
  ok(allowance.take(RECEIVE_WINDOW_BYTES, true), "it completes what is held");
  strictEqual(allowance.take(1, true), false);
});

Deno.test("take() is true of what was promised when others have all the rest, and of no more", () => {
  const budget = new ReceiveBudget();
  const allowance = opened(budget);
  const room = allowance.promise(FAR_MS, 0);
  const greedy = Array.from({ length: 200 }, () => opened(budget));
  for (let more = true; more;) {
    more = false;
    for (const other of greedy) more = other.take(4_096, false) || more;
  }
  for (let taken = 0; taken < room; taken += 4_096) ok(allowance.take(4_096, false), `${taken}`);
  strictEqual(allowance.take(4_096, false), false);
  const late = new ReceiveAllowance(budget, 0);
  ok(late.promise(FAR_MS, 0) >= LEAST_WINDOW_BYTES, "nobody is left with nothing");
});

Deno.test("end() and drop() give everything back, whatever was told", () => {
  const budget = new ReceiveBudget();
  const allowance = opened(budget);
  allowance.promise(FAR_MS, 0);
  allowance.take(500_000, false);
  allowance.end();
  ok(budget.left < SHARED_BYTES, "what waits to be read is still there");
  allowance.drop(500_000);
  strictEqual(budget.left, SHARED_BYTES);
});

/** A peer that sends no more than what it was told of, even if it heard that late. */
class HonestPeer {
  readonly allowance: ReceiveAllowance;
  /** Up to which byte it may send, as it heard at a time. */
  #told: { readonly at: number; readonly edge: number }[] = [];
  #came = 0;
  held = 0;

  constructor(budget: ReceiveBudget, now: number) {
    this.allowance = new ReceiveAllowance(budget, now);
    this.#told.push({ at: now, edge: LEAST_WINDOW_BYTES });
  }

  hear(now: number): void {
    const room = this.allowance.promise(FAR_MS, now);
    if (this.held === 0) ok(room >= LEAST_WINDOW_BYTES, "nobody starves");
    this.#told.push({ at: now, edge: this.#came + room });
  }

  /** Sends a part of what it may; false when that was refused. */
  send(part: number, now: number): boolean {
    this.#told = this.#told.filter(({ at }) => now - at <= LONGEST_WAY_MS);
    const edge = Math.max(this.#came, ...this.#told.map(({ edge }) => edge));
    const length = Math.floor(part * (edge - this.#came));
    this.#came += length;
    this.held += length;
    return this.allowance.take(length, false);
  }

  /** Sends what it may or may not: what is taken of that is not promised any more. */
  exceed(length: number, completes: boolean): void {
    if (!this.allowance.take(length, completes)) return;
    this.#came += length;
    this.held += length;
  }

  read(part: number): void {
    const length = Math.ceil(part * this.held);
    this.held -= length;
    this.allowance.read(length);
  }
}

Deno.test("take() breaks no promise, and all together hold no more than the budget", () => {
  const COUNT = 80;
  const step = fc.record({
    /** So many neighbours do the same: one alone would never feel what the others hold. */
    first: fc.nat(COUNT - 1),
    count: fc.constantFrom(1, 1, 10, COUNT),
    what: fc.constantFrom("hear", "send", "read", "wait", "exceed"),
    part: fc.constantFrom(0.1, 0.5, 1),
  });
  const most = SHARED_BYTES + COUNT * 2 * LEAST_WINDOW_BYTES;
  fc.assert(
    fc.property(fc.array(step, { minLength: 50, maxLength: 500 }), (steps) => {
      const budget = new ReceiveBudget();
      const peers = Array.from({ length: COUNT }, () => new HonestPeer(budget, 0));
      let now = 0;
      for (const { first, count, what, part } of steps) {
        if (what === "wait") now += part * 3_000;
        for (const peer of peers.slice(first, first + count)) {
          if (what === "hear") peer.hear(now);
          else if (what === "send") ok(peer.send(part, now), "what was promised is taken");
          else if (what === "read") peer.read(part);
          else if (what === "exceed") peer.exceed(100_000, part === 1);
        }
        ok(peers.reduce((sum, { held }) => sum + held, 0) <= most);
      }
    }),
    { numRuns: 200 },
  );
});
