import { rejects, strictEqual } from "node:assert/strict";
import { untilAborted } from "../../src/base/until_aborted.ts";

Deno.test("untilAborted() gives what the work comes to when nothing ends it before", async () => {
  const { signal } = new AbortController();
  strictEqual(await untilAborted(Promise.resolve(7), signal), 7);
  await rejects(untilAborted(Promise.reject(new Error("broken")), signal), /broken/);
});

Deno.test("untilAborted() throws the reason of the signal when that is first", async () => {
  const ending = new AbortController();
  const waiting = untilAborted(Promise.withResolvers().promise, ending.signal);
  ending.abort(new Error("enough"));
  await rejects(waiting, /enough/);
  await rejects(untilAborted(Promise.reject(new Error("broken")), ending.signal), /enough/);
});
