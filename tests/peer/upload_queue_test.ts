import { deepStrictEqual, ok } from "node:assert/strict";
import fc from "fast-check";
import type { PieceIndex } from "../../src/base/ids.ts";
import { Layout } from "../../src/metainfo/layout.ts";
import { UploadQueue, type UploadRequest } from "../../src/peer/upload_queue.ts";

const LAYOUT = new Layout({
  pieceLength: 2 ** 20,
  files: [{ length: 2 ** 30, isPadding: false }],
});

function request(piece: number, begin = 0, length = 16_384): UploadRequest {
  return { piece: piece as PieceIndex, begin, length };
}

function newQueue(...requests: UploadRequest[]): UploadQueue {
  const queue = new UploadQueue(LAYOUT);
  for (const request of requests) deepStrictEqual(queue.add(request), "queued");
  return queue;
}

function rest(queue: UploadQueue): UploadRequest[] {
  const requests: UploadRequest[] = [];
  for (let next = queue.next(); next; next = queue.next()) requests.push(next);
  return requests;
}

Deno.test("next() serves in the order of arrival, and can start again when empty", () => {
  const queue = newQueue(request(2), request(1), request(1, 16_384));
  deepStrictEqual([...queue], [request(2), request(1), request(1, 16_384)]);
  deepStrictEqual(queue.first, request(2));
  deepStrictEqual(rest(queue), [request(2), request(1), request(1, 16_384)]);
  deepStrictEqual([queue.size, queue.next(), queue.first], [0, undefined, undefined]);
  deepStrictEqual(queue.add(request(1)), "queued");
  deepStrictEqual(rest(queue), [request(1)]);
});

Deno.test("add() tells a repeated request from a conflicting one", () => {
  const queue = newQueue(request(1));
  deepStrictEqual(queue.add(request(1)), "duplicate");
  deepStrictEqual(queue.add(request(1, 0, 100)), "conflicting");
  deepStrictEqual(queue.size, 1);
});

Deno.test("P12 add() takes 2000 requests and no more", () => {
  const queue = new UploadQueue(LAYOUT);
  const admissions = Array.from({ length: 2_500 }, (_, index) => queue.add(request(0, index, 1)));
  deepStrictEqual(admissions.filter((admission) => admission === "queued").length, 2_000);
  deepStrictEqual(admissions.slice(2_000), new Array(500).fill("full"));
  queue.next();
  deepStrictEqual(queue.add(request(1)), "queued");
});

Deno.test("cancel() takes out exactly what was asked for", () => {
  const queue = newQueue(request(1), request(2), request(3));
  ok(!queue.cancel(request(2, 0, 5)));
  ok(!queue.cancel(request(4)));
  ok(queue.cancel(request(2)));
  ok(!queue.cancel(request(2)));
  deepStrictEqual(rest(queue), [request(1), request(3)]);
});

Deno.test("a request that was cancelled and asked for again waits at the end", () => {
  const queue = newQueue(request(1), request(2));
  queue.cancel(request(1));
  deepStrictEqual(queue.add(request(1)), "queued");
  deepStrictEqual(rest(queue), [request(2), request(1)]);
});

Deno.test("P13 request and cancel in a loop leave nothing behind", () => {
  const queue = newQueue(request(5));
  for (let turn = 0; turn < 200_000; turn++) {
    queue.add(request(1));
    queue.cancel(request(1));
  }
  deepStrictEqual(rest(queue), [request(5)]);
});

Deno.test("clear() gives what it takes out, and leaves what is kept in order", () => {
  const queue = newQueue(request(1), request(2), request(3), request(4));
  queue.cancel(request(1));
  deepStrictEqual(queue.clear(({ piece }) => piece % 2 === 0), [request(3)]);
  deepStrictEqual(rest(queue), [request(2), request(4)]);
});

Deno.test("UploadQueue behaves like a plain list", () => {
  const step = fc.record({
    action: fc.constantFrom("add", "add", "add", "cancel", "next", "clear"),
    begin: fc.nat(20),
    length: fc.integer({ min: 1, max: 2 }),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const queue = new UploadQueue(LAYOUT);
    let model: UploadRequest[] = [];
    for (const { action, begin, length } of steps) {
      const wanted = request(0, begin, length);
      const same = model.find((other) => other.begin === begin);
      switch (action) {
        case "add":
          if (queue.add(wanted) === "queued") model.push(wanted);
          else ok(same !== undefined);
          break;
        case "cancel":
          deepStrictEqual(queue.cancel(wanted), same?.length === length);
          if (same?.length === length) model = model.filter((other) => other !== same);
          break;
        case "next":
          deepStrictEqual(queue.next(), model.shift());
          break;
        default:
          deepStrictEqual(
            queue.clear((other) => other.begin > 10),
            model.filter((other) => other.begin <= 10),
          );
          model = model.filter((other) => other.begin > 10);
      }
      deepStrictEqual(queue.size, model.length);
    }
    deepStrictEqual(rest(queue), model);
  }));
});
