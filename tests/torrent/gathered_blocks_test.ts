import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { GatheredBlocks } from "../../src/torrent/gathered_blocks.ts";

/** Bytes of sixteen blocks with their headers. */
const ROOM = 16 * (16_384 + 13);

Deno.test("messages are those of the first run itself while nothing is added", () => {
  const run = new Uint8Array(2 * ROOM);
  const gathered = new GatheredBlocks(run, undefined);
  strictEqual(gathered.messages, run);
  deepStrictEqual([gathered.roomBytes, gathered.copy], [-ROOM, undefined]);
});

Deno.test("add() puts copies behind each other, as long as there is room", () => {
  const first = Uint8Array.of(1, 2), second = Uint8Array.of(3), third = Uint8Array.of(4, 5);
  const gathered = new GatheredBlocks(first, undefined);
  gathered.add(second);
  gathered.add(third);
  for (const run of [first, second, third]) run.fill(0);
  deepStrictEqual([...gathered.messages], [1, 2, 3, 4, 5]);
  strictEqual(gathered.roomBytes, ROOM - 5);
  gathered.add(new Uint8Array(ROOM - 5));
  strictEqual(gathered.roomBytes, 0);
  throws(() => gathered.add(second), RangeError);
});

Deno.test("copy is used again, and what it held before is gone", () => {
  const gathered = new GatheredBlocks(Uint8Array.of(1, 2), undefined);
  gathered.add(Uint8Array.of(3));
  const { copy } = gathered;
  const next = new GatheredBlocks(Uint8Array.of(4), copy);
  deepStrictEqual([[...next.messages], next.copy], [[4], copy]);
  next.add(Uint8Array.of(5));
  deepStrictEqual([[...next.messages], next.messages.buffer], [[4, 5], copy!.buffer]);
});
