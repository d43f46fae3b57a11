import fc from "fast-check";
import { ok, strictEqual, throws } from "node:assert/strict";
import { RECEIVE_WINDOW_BYTES } from "../../src/utp/receive_allowance.ts";
import { LEAST_WINDOW_BYTES, ReceiveBudget } from "../../src/utp/receive_budget.ts";

/** What is shared beyond what is guaranteed. */
const SHARED_BYTES = new ReceiveBudget().left;

Deno.test("windowFor() gives a lone connection all that it may use", () => {
  ok(new ReceiveBudget().windowFor(LEAST_WINDOW_BYTES) > RECEIVE_WINDOW_BYTES);
});

Deno.test("windowFor() counts what a connection has already as what it may have", () => {
  const budget = new ReceiveBudget();
  const window = budget.windowFor(0);
  budget.change(0, window);
  strictEqual(budget.windowFor(window), window);
});

Deno.test("windowFor() leaves something to each of hundreds, and the least when all is gone", () => {
  const budget = new ReceiveBudget();
  const windows = Array.from({ length: 200 }, () => {
    const window = Math.min(RECEIVE_WINDOW_BYTES, budget.windowFor(0));
    budget.change(0, window);
    return window;
  });
  strictEqual(windows[0], RECEIVE_WINDOW_BYTES);
  ok(windows[50]! > 100 * 1024, `${windows[50]}`);
  ok(windows.every((window) => window >= LEAST_WINDOW_BYTES));
  ok(budget.left >= 0);
  for (const window of windows) budget.change(window, 0);
  strictEqual(budget.left, SHARED_BYTES);
});

Deno.test("windowFor() comes to the same for all that give back and take anew", () => {
  const budget = new ReceiveBudget();
  const windows = new Array<number>(100).fill(0);
  for (let round = 0; round < 30; round++) {
    for (const [index, window] of windows.entries()) {
      windows[index] = Math.min(RECEIVE_WINDOW_BYTES, budget.windowFor(window));
      budget.change(window, windows[index]!);
    }
  }
  const [least, most] = [Math.min(...windows), Math.max(...windows)];
  ok(least > 0.9 * most && least > SHARED_BYTES / 110, `${least} to ${most}`);
});

Deno.test("change() never takes more than there is, however often twice the window is reserved", () => {
  const steps = fc.array(
    fc.record({ who: fc.nat(60), part: fc.double({ min: 0, max: 2, noNaN: true }) }),
  );
  fc.assert(fc.property(steps, (steps) => {
    const budget = new ReceiveBudget();
    const reserved = new Array<number>(61).fill(0);
    for (const { who, part } of steps) {
      const to = Math.floor(part * budget.windowFor(reserved[who]!));
      budget.change(reserved[who]!, to);
      reserved[who] = to;
      ok(budget.left >= 0);
    }
  }));
});

Deno.test("change() of more than there is is a mistake", () => {
  throws(() => new ReceiveBudget().change(0, 2 * SHARED_BYTES), { name: "BugError" });
});
