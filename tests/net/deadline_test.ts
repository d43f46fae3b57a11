import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { withDeadline } from "../../src/net/deadline.ts";
import { ManualClock } from "../sim/manual_clock.ts";

function explain(reason: string, why: string): Error {
  return new Error(`${reason}: ${why}`);
}

Deno.test("withDeadline() gives what run gives, and then aborts its signal", async () => {
  const clock = new ManualClock();
  const { signal } = new AbortController();
  let inner: AbortSignal | undefined;
  const result = await withDeadline({ clock, timeoutMs: 10, signal }, (given) => {
    inner = given;
    ok(!given.aborted);
    return Promise.resolve(7);
  }, explain);
  strictEqual(result, 7);
  ok(inner?.aborted);
});

Deno.test("withDeadline() rejects as run does", async () => {
  const clock = new ManualClock();
  const { signal } = new AbortController();
  const run = () => Promise.reject(new Error("own"));
  await rejects(withDeadline({ clock, timeoutMs: 10, signal }, run, explain), /own/);
});

Deno.test("withDeadline() rejects when time is up, even if run never ends", async () => {
  const clock = new ManualClock();
  const { signal } = new AbortController();
  const seen: string[] = [];
  const running = withDeadline({ clock, timeoutMs: 10, signal }, (inner) => {
    inner.addEventListener("abort", () => seen.push(`aborted at ${clock.now()}`));
    return new Promise<never>(() => {});
  }, explain).catch((error: Error) => seen.push(error.message));
  await clock.run(() => seen.length > 1, 1_000);
  await running;
  deepStrictEqual(seen, ["aborted at 10", "timeout: no answer in 10 ms"]);
});

Deno.test("withDeadline() rejects when its signal aborts, before or while it runs", async () => {
  const clock = new ManualClock();
  const controller = new AbortController();
  const deadline = { clock, timeoutMs: 10, signal: controller.signal };
  const running = withDeadline(deadline, () => new Promise<never>(() => {}), explain);
  controller.abort();
  await rejects(running, /aborted: cancelled/);
  let hasRun = false;
  const late = withDeadline(deadline, () => Promise.resolve(hasRun = true), explain);
  await rejects(late, /aborted: cancelled/);
  ok(!hasRun);
});
