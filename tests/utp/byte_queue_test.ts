import fc from "fast-check";
import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { ByteQueue } from "../../src/utp/byte_queue.ts";

Deno.test("ByteQueue gives bytes as they came, however they are cut", () => {
  const step = fc.oneof(
    fc.uint8Array({ maxLength: 9_000 }).map((bytes) => ({ bytes })),
    fc.nat(12_000).map((count) => ({ count })),
    fc.constant("clear" as const),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const queue = new ByteQueue(40_000);
      let expected: number[] = [];
      for (const step of steps) {
        if (step === "clear") {
          queue.clear();
          expected = [];
        } else if ("bytes" in step) {
          if (expected.length + step.bytes.length > 40_000) continue;
          queue.push(step.bytes);
          expected = expected.concat([...step.bytes]);
        } else {
          const into = new Uint8Array(step.count);
          const count = queue.take(into);
          strictEqual(count, Math.min(step.count, expected.length));
          deepStrictEqual([...into.subarray(0, count)], expected.splice(0, count));
        }
        strictEqual(queue.length, expected.length);
      }
    }),
    { numRuns: 50 },
  );
});

Deno.test("ByteQueue refuses what is beyond its limit, before it takes memory", () => {
  const queue = new ByteQueue(20_000);
  queue.push(new Uint8Array(20_000));
  throws(() => queue.push(Uint8Array.of(1)), { name: "BugError" });
  queue.clear();
  strictEqual(queue.length, 0);
  queue.push(Uint8Array.of(1, 2));
  const into = new Uint8Array(3);
  deepStrictEqual([queue.take(into), ...into], [2, 1, 2, 0]);
});

Deno.test("take() of the last bytes lets go of much memory, and keeps a little", () => {
  const queue = new ByteQueue(2_000_000);
  const into = new Uint8Array(1_500_000);
  queue.push(new Uint8Array(1_500_000));
  queue.take(into.subarray(1));
  ok(queue.capacity >= 1_500_000, "one byte is left");
  queue.take(into);
  strictEqual(queue.capacity, 0);
  queue.push(new Uint8Array(100_000));
  const { capacity } = queue;
  queue.take(into);
  strictEqual(queue.capacity, capacity);
});
