import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { Turns } from "../../src/storage/turns.ts";

Deno.test("take() runs one work at a time, in the order of asking", async () => {
  const turns = new Turns();
  const log: string[] = [];
  const work = (name: string) => async () => {
    log.push(`${name} starts`);
    await Promise.resolve();
    log.push(`${name} ends`);
    return name;
  };
  const results = await Promise.all([turns.take(work("a")), turns.take(work("b"))]);
  deepStrictEqual(results, ["a", "b"]);
  deepStrictEqual(log, ["a starts", "a ends", "b starts", "b ends"]);
});

Deno.test("take() goes on after work that failed", async () => {
  const turns = new Turns();
  const failed = turns.take(() => Promise.reject(new Error("no")));
  const after = turns.take(() => Promise.resolve(1));
  await rejects(failed, { message: "no" });
  strictEqual(await after, 1);
});

Deno.test("idle() waits for all work that was asked for before, also for what fails", async () => {
  const turns = new Turns();
  const log: string[] = [];
  const failed = turns.take(async () => {
    await Promise.resolve();
    log.push("failed");
    throw new Error("no");
  });
  void turns.take(() => Promise.resolve(log.push("done")));
  await Promise.all([turns.idle().then(() => log.push("idle")), rejects(failed)]);
  deepStrictEqual(log, ["failed", "done", "idle"]);
});
