import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { AckSchedule } from "../../src/utp/ack_schedule.ts";

Deno.test("note() waits for a second packet, then for the end of a burst, and for 16 at most", () => {
  const acks = new AckSchedule();
  strictEqual(acks.dueAt, Infinity);
  acks.note(0);
  strictEqual(acks.dueAt, 20);
  acks.note(5);
  strictEqual(acks.dueAt, 6);
  for (let count = 3; count < 16; count++) acks.note(5.5);
  strictEqual(acks.dueAt, 6);
  acks.note(5.6);
  deepStrictEqual([acks.dueAt, acks.isAlone], [5.6, false]);
  acks.done();
  strictEqual(acks.dueAt, Infinity);
  acks.note(30);
  strictEqual(acks.dueAt, 50);
});

Deno.test("hurry() is due at once, and not by the way", () => {
  const acks = new AckSchedule();
  acks.note(0);
  acks.hurry(1);
  deepStrictEqual([acks.dueAt, acks.isAlone], [1, true]);
  acks.done();
  deepStrictEqual([acks.dueAt, acks.isAlone], [Infinity, false]);
});
