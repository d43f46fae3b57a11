import { deepStrictEqual, equal, ok, rejects } from "node:assert/strict";
import fc from "fast-check";
import { Channel } from "../../src/base/channel.ts";

async function collect<Item>(channel: Channel<Item>): Promise<Item[]> {
  const items: Item[] = [];
  for await (const item of channel) items.push(item);
  return items;
}

Deno.test("Channel hands over every item in order, whatever its capacity", async () => {
  await fc.assert(fc.asyncProperty(
    fc.integer({ min: 1, max: 5 }),
    fc.array(fc.nat(), { maxLength: 30 }),
    async (capacity, items) => {
      const channel = new Channel<number>(capacity);
      const received = collect(channel);
      for (const item of items) {
        ok(await channel.push(item));
        ok(channel.size <= capacity);
      }
      channel.close();
      deepStrictEqual(await received, items);
    },
  ));
});

Deno.test("Channel serves several senders that wait at once, each item once", async () => {
  const channel = new Channel<number>(2);
  const sent = Array.from({ length: 50 }, (_, item) => channel.push(item));
  const received: number[] = [];
  for await (const item of channel) {
    ok(channel.size <= 2);
    received.push(item);
    if (received.length === 50) channel.close();
  }
  deepStrictEqual(received.sort((a, b) => a - b), Array.from({ length: 50 }, (_, item) => item));
  ok((await Promise.all(sent)).every((wasSent) => wasSent));
});

Deno.test("tryPush() refuses when the channel is full or closed", async () => {
  const channel = new Channel<number>(1);
  equal(channel.tryPush(1), true);
  equal(channel.tryPush(2), false);
  channel.close();
  deepStrictEqual(await collect(channel), [1]);
  equal(channel.tryPush(3), false);
});

Deno.test("close() lets the consumer have what is queued and ends waiting senders", async () => {
  const channel = new Channel<number>(2);
  channel.tryPush(1);
  channel.tryPush(2);
  const waiting = channel.push(3);
  equal(channel.isClosed, false);
  channel.close();
  channel.close();
  equal(channel.isClosed, true);
  equal(await waiting, false);
  deepStrictEqual(await collect(channel), [1, 2]);
  equal(await channel.push(4), false);
});

Deno.test("close() ends a consumer that waits for an item", async () => {
  const channel = new Channel<number>(1);
  const received = collect(channel);
  await Promise.resolve();
  channel.close();
  deepStrictEqual(await received, []);
});

Deno.test("fail() gives the consumer what is queued, then the error; the first end counts", async () => {
  const channel = new Channel<number>(2);
  channel.tryPush(1);
  channel.fail(new Error("first"));
  channel.fail(new Error("second"));
  equal(channel.tryPush(2), false);
  const received: number[] = [];
  await rejects(async () => {
    for await (const item of channel) received.push(item);
  }, /first/);
  deepStrictEqual(received, [1]);
  const closed = new Channel<number>(1);
  closed.close();
  closed.fail(new Error("late"));
  deepStrictEqual(await collect(closed), []);
});

Deno.test("fail() ends a consumer that waits for an item", async () => {
  const channel = new Channel<number>(1);
  const received = collect(channel);
  await Promise.resolve();
  channel.fail(new Error("gone"));
  await rejects(received, /gone/);
});
