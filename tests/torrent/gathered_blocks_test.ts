import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { CopyBuffers, GatheredBlocks } from "../../src/torrent/gathered_blocks.ts";

/** Bytes of sixteen blocks with their headers. */
const ROOM = 16 * (16_384 + 13);

Deno.test("messages are those of the first run itself while nothing is added", () => {
  const buffers = new CopyBuffers();
  const run = new Uint8Array(ROOM / 4);
  const gathered = new GatheredBlocks(run, buffers);
  deepStrictEqual([gathered.messages === run, gathered.roomBytes], [true, ROOM - ROOM / 4]);
  gathered.release();
  strictEqual(new GatheredBlocks(new Uint8Array(ROOM / 4 + 1), buffers).roomBytes, 0, "it is long");
});

Deno.test("add() puts copies behind each other, as long as there is room", () => {
  const first = Uint8Array.of(1, 2), second = Uint8Array.of(3), third = Uint8Array.of(4, 5);
  const gathered = new GatheredBlocks(first, new CopyBuffers());
  gathered.add(second);
  gathered.add(third);
  for (const run of [first, second, third]) run.fill(0);
  deepStrictEqual([...gathered.messages], [1, 2, 3, 4, 5]);
  strictEqual(gathered.roomBytes, ROOM - 5);
  gathered.add(new Uint8Array(ROOM - 5));
  strictEqual(gathered.roomBytes, 0);
  throws(() => gathered.add(second), RangeError);
});

Deno.test("release() frees the buffer for others, once", () => {
  const buffers = new CopyBuffers();
  const one = new GatheredBlocks(Uint8Array.of(1, 2), buffers);
  one.add(Uint8Array.of(3));
  const { buffer } = one.messages;
  one.release();
  one.release();
  const [next, other] = [4, 7].map((byte) => new GatheredBlocks(Uint8Array.of(byte), buffers));
  next!.add(Uint8Array.of(5));
  other!.add(Uint8Array.of(8));
  deepStrictEqual([[...next!.messages], [...other!.messages]], [[4, 5], [7, 8]]);
  strictEqual(next!.messages.buffer, buffer);
  ok(other!.messages.buffer !== buffer);
});

Deno.test("P25 roomBytes is 0 while sixteen copies are in use", () => {
  const buffers = new CopyBuffers();
  const begin = () => new GatheredBlocks(Uint8Array.of(1), buffers);
  const copies = Array.from({ length: 16 }, begin);
  const late = begin();
  for (const copy of copies) {
    strictEqual(late.roomBytes, ROOM - 1);
    copy.add(Uint8Array.of(2));
  }
  deepStrictEqual([late.roomBytes, copies[0]!.roomBytes], [0, ROOM - 2]);
  throws(() => late.add(Uint8Array.of(2)));
  copies[3]!.release();
  strictEqual(late.roomBytes, ROOM - 1);
});
