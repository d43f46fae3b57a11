import { deepStrictEqual, ok } from "node:assert/strict";
import fc from "fast-check";
import type { BlockIndex, PieceIndex } from "../../src/base/ids.ts";
import { BLOCK_LENGTH, type BlockSpan } from "../../src/metainfo/layout.ts";
import { RequestWindow } from "../../src/peer/request_window.ts";

function span(key: number): BlockSpan {
  return { piece: key as PieceIndex, block: 0 as BlockIndex, begin: 0, length: BLOCK_LENGTH };
}

function newWindow(keys: readonly number[] = [], now = 0): RequestWindow {
  const window = new RequestWindow();
  for (const key of keys) window.add(key, span(key), now);
  return window;
}

const NONE_KEPT = () => false;

Deno.test("receive() tells what was requested from what was not", () => {
  const window = newWindow([1, 2]);
  deepStrictEqual(window.receive(1, 10), "requested");
  deepStrictEqual(window.receive(1, 20), "unrequested");
  deepStrictEqual(window.receive(3, 20), "unrequested");
  deepStrictEqual(window.count, 1);
});

Deno.test("room() is what the depth leaves", () => {
  const window = newWindow();
  deepStrictEqual(window.room(0), 4);
  for (const key of [1, 2, 3, 4]) window.add(key, span(key), 0);
  deepStrictEqual(window.room(0), 0);
  window.setStatedDepth(2);
  deepStrictEqual(window.room(0), 0);
});

Deno.test("room() does not shrink for the time in which nothing was asked for", () => {
  const window = newWindow([1], 0);
  window.receive(1, 10);
  for (const key of [2, 3, 4, 5]) window.add(key, span(key), 100_000);
  for (const key of [2, 3, 4, 5]) window.receive(key, 100_010);
  ok(window.room(100_010) >= 40);
});

Deno.test("P14 receive() knows what was abandoned, freed or overdue as late, once", () => {
  const window = newWindow([1, 2, 3]);
  deepStrictEqual(window.abandon(1, 0), span(1));
  deepStrictEqual(window.abandon(1, 0), undefined);
  deepStrictEqual(window.choked(({ piece }) => piece === 3, 0), [span(2)]);
  deepStrictEqual(window.expire(10_000), [span(3)]);
  for (const key of [1, 2, 3]) {
    deepStrictEqual(window.receive(key, 20_000), "late");
    deepStrictEqual(window.receive(key, 20_000), "unrequested");
  }
});

Deno.test("expire() frees what a peer forgot, once it answers what was asked 2 s later", () => {
  const window = newWindow([1, 2]);
  window.add(3, span(3), 1_999);
  window.receive(2, 2_500);
  window.receive(3, 2_500);
  deepStrictEqual(window.expire(3_000), []);
  window.add(4, span(4), 2_000);
  window.add(5, span(5), 3_500);
  window.receive(4, 3_600);
  deepStrictEqual(window.expire(3_600), [span(1)]);
  deepStrictEqual(window.receive(1, 4_000), "late");
  deepStrictEqual(window.receive(5, 4_000), "requested");
});

Deno.test("P14 receive() does not know a request that was given up a minute ago", () => {
  const window = newWindow([1]);
  window.abandon(1, 0);
  deepStrictEqual(window.receive(1, 60_000), "unrequested");
});

Deno.test("refuse() frees a request and expects no block of it", () => {
  const window = newWindow([1, 2]);
  window.abandon(2, 0);
  deepStrictEqual(window.refuse(1, 0), span(1));
  deepStrictEqual(window.refuse(2, 0), undefined);
  deepStrictEqual(window.refuse(3, 0), undefined);
  for (const key of [1, 2]) deepStrictEqual(window.receive(key, 10), "unrequested");
});

Deno.test("refuse() makes us pause, longer each time, until a block comes", () => {
  const window = newWindow([0]);
  const pauses: number[] = [];
  for (let key = 1, now = 0; key <= 12; key++) {
    window.add(key, span(key), now);
    window.refuse(key, now);
    const start = now;
    while (window.room(now) === 0) now += 100;
    pauses.push(now - start);
  }
  deepStrictEqual(pauses.slice(0, 4), [100, 200, 400, 800]);
  deepStrictEqual(pauses.at(-1), 60_000);
  window.receive(0, 1_000_000);
  ok(window.room(1_000_000) > 0);
});

Deno.test("choked() ends the pause of a peer that refuses everything before it chokes", () => {
  const window = newWindow();
  for (let key = 1; key <= 12; key++) window.add(key, span(key), 0);
  for (let key = 1; key <= 12; key++) window.refuse(key, 0);
  deepStrictEqual(window.room(0), 0);
  window.choked(() => false, 0);
  deepStrictEqual(window.room(0), 4);
  window.add(20, span(20), 0);
  window.refuse(20, 0);
  ok(window.room(100) > 0, "the next pause is the shortest again");
});

Deno.test("P14 receive() knows a block that was given up twice and refused as often, asked for once more", () => {
  const window = newWindow();
  for (const at of [0, 10_000]) {
    window.add(1, span(1), at);
    window.abandon(1, at);
  }
  window.add(1, span(1), 20_000);
  window.refuse(1, 25_000);
  window.refuse(1, 25_000);
  deepStrictEqual(window.receive(1, 25_000), "late");
  deepStrictEqual(window.receive(1, 25_000), "unrequested");
});

Deno.test("refuse() shows how many requests the peer takes", () => {
  const window = newWindow();
  window.setStatedDepth(1_000);
  let key = 0;
  for (; key < 500; key++) {
    window.add(key, span(key), key);
    window.receive(key, key + 1);
  }
  const ask = (count: number) => {
    for (; count > 0; count--, key++) window.add(key, span(key), 1_000);
  };
  ok(window.room(1_000) > 40);
  ask(40);
  const first = key;
  ask(1);
  window.refuse(first, 1_000);
  window.receive(first - 1, 1_001);
  deepStrictEqual(window.room(1_001), 1);
});

Deno.test("room() is one block for a silent peer of which all has been asked of others", () => {
  const window = newWindow([1, 2, 3], 1_000);
  window.receive(1, 1_030);
  window.abandon(2, 1_090);
  ok(window.room(1_090) > 1, "it still owes one");
  window.abandon(3, 1_090);
  deepStrictEqual(window.room(1_090), 1);
  deepStrictEqual(window.receive(2, 1_400), "late");
  ok(window.room(1_400) >= 4);
});

Deno.test("room() does not shrink when all that a peer owes was asked of others too soon", () => {
  for (const [latencyMs, silentMs] of [[1, 49], [30, 59]] as const) {
    const window = newWindow([1, 2], 1_000);
    window.receive(1, 1_000 + latencyMs);
    window.abandon(2, 1_000 + latencyMs + silentMs);
    ok(window.room(1_100) >= 4);
  }
  const window = newWindow([1], 1_000);
  window.abandon(1, 2_000);
  ok(window.room(2_000) >= 4, "it may be far away");
});

Deno.test("P20 expire() takes a peer for snubbing that is asked for one block after the other", () => {
  const window = newWindow([1, 2], 1_000);
  window.receive(1, 1_001);
  window.abandon(2, 1_100);
  for (let key = 3; key < 30; key++) {
    const now = 1_000 + key * 500;
    window.add(key, span(key), now);
    window.expire(now);
    window.abandon(key, now + 100);
  }
  ok(window.isSnubbed);
});

Deno.test("P20 expire() frees everything when no block came for 10 s, and asks for one", () => {
  const window = newWindow([1, 2, 3], 5_000);
  window.receive(1, 8_000);
  deepStrictEqual(window.expire(17_999), []);
  ok(!window.isSnubbed);
  deepStrictEqual(window.expire(18_000), [span(2), span(3)]);
  ok(window.isSnubbed);
  deepStrictEqual([window.count, window.room(18_000)], [0, 1]);
  window.add(4, span(4), 20_000);
  deepStrictEqual(window.room(20_000), 0);
  deepStrictEqual(window.expire(29_999), []);
  deepStrictEqual(window.expire(30_000), [span(4)]);
  window.receive(4, 31_000);
  ok(!window.isSnubbed);
  ok(window.room(31_000) >= 4);
});

Deno.test("P20 expire() does not count the time in which nothing was asked for", () => {
  const window = newWindow([1], 0);
  window.receive(1, 1_000);
  window.add(2, span(2), 60_000);
  deepStrictEqual(window.expire(69_999), []);
  deepStrictEqual(window.expire(70_000), [span(2)]);
});

Deno.test("expire() frees a request after 60 s even if others of its time are answered", () => {
  const window = newWindow([0]);
  for (let key = 1; key < 8; key++) window.add(key, span(key), 1_000);
  for (let key = 1; key < 8; key++) {
    deepStrictEqual(window.receive(key, key * 8_000), "requested");
    deepStrictEqual(window.expire(key * 8_000), []);
  }
  deepStrictEqual(window.expire(59_999), []);
  deepStrictEqual(window.expire(60_000), [span(0)]);
  ok(!window.isSnubbed);
});

Deno.test("P20 expire() takes a peer for snubbing that chokes or refuses whenever it is asked", () => {
  const flaps = (window: RequestWindow, now: number) => window.choked(NONE_KEPT, now + 2_000);
  const refuses = (window: RequestWindow, now: number) => window.refuse(now, now + 2_000);
  for (const free of [flaps, refuses]) {
    const window = newWindow();
    for (let now = 0; now <= 30_000; now += 3_000) {
      window.add(now, span(0), now);
      ok(window.isSnubbed === now > 15_000, `${now}: two seconds of three are its own`);
      window.expire(now + 1_999);
      free(window, now);
    }
  }
});

Deno.test("expire() begins anew once a block came, whatever a peer has owed before", () => {
  const window = newWindow([1, 2], 0);
  window.choked(NONE_KEPT, 9_000);
  deepStrictEqual(window.receive(1, 9_500), "late");
  window.add(3, span(3), 20_000);
  deepStrictEqual(window.expire(29_999), []);
});

Deno.test("awaitedSince is renewed by a block, and by nothing else that a peer does", () => {
  const window = newWindow();
  deepStrictEqual(window.awaitedSince, undefined);
  for (const key of [1, 2, 3]) window.add(key, span(key), 1_000 * key);
  window.refuse(1, 4_000);
  window.choked(NONE_KEPT, 5_000);
  window.add(4, span(4), 6_000);
  window.expire(60_000);
  deepStrictEqual(window.awaitedSince, 1_000);
  for (const key of [5, 6]) window.add(key, span(key), 61_000);
  window.receive(5, 62_000);
  deepStrictEqual(window.awaitedSince, 62_000);
  window.receive(6, 63_000);
  deepStrictEqual(window.awaitedSince, undefined);
});

Deno.test("awaitedSince blames nobody for what others gave at once", () => {
  const window = newWindow([1], 1_000);
  window.abandon(1, 1_001);
  deepStrictEqual(window.awaitedSince, undefined);
});

Deno.test("choked() makes us pause when a peer does it again, and sent no block in between", () => {
  const window = newWindow();
  const pauses: number[] = [];
  for (let round = 0, now = 0; round < 12; round++) {
    window.add(round, span(0), now);
    window.choked(NONE_KEPT, now);
    const start = now;
    while (window.room(now) === 0) now += 100;
    pauses.push(now - start);
  }
  deepStrictEqual(pauses.slice(0, 4), [0, 100, 200, 400]);
  deepStrictEqual(pauses.at(-1), 60_000);
  window.add(100, span(0), 1_000_000);
  window.receive(100, 1_000_000);
  window.add(101, span(0), 1_000_000);
  window.choked(NONE_KEPT, 1_000_000);
  ok(window.room(1_000_000) > 0);
});

Deno.test("choked() starts anew: the next unchoke asks for four", () => {
  const window = newWindow();
  window.setStatedDepth(1_000);
  for (let key = 0; key < 500; key++) {
    window.add(key, span(key), key);
    window.receive(key, key + 1);
  }
  ok(window.room(500) > 4);
  window.choked(NONE_KEPT, 500);
  deepStrictEqual(window.room(500), 4);
});

Deno.test("every request ends once, and has a deadline until then", () => {
  const step = fc.record({
    action: fc.constantFrom(
      "add",
      "add",
      "add",
      "receive",
      "receive",
      "refuse",
      "abandon",
      "choked",
      "expire",
    ),
    key: fc.nat(30),
    passMs: fc.oneof(fc.nat(50), fc.nat(20_000)),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const window = newWindow();
      const ended = { requested: 0, received: 0, freed: 0, cancelled: 0 };
      /** When each was asked for. */
      const open = new Map<number, number>();
      let now = 0;
      const free = (spans: readonly BlockSpan[]) => {
        for (const { piece } of spans) ok(open.delete(piece));
        ended.freed += spans.length;
      };
      for (const { action, key, passMs } of steps) {
        now += passMs;
        switch (action) {
          case "add":
            if (open.has(key)) break;
            window.add(key, span(key), now);
            open.set(key, now);
            ended.requested++;
            break;
          case "receive": {
            const isRequested = window.receive(key, now) === "requested";
            deepStrictEqual(isRequested, open.delete(key));
            if (isRequested) ended.received++;
            break;
          }
          case "refuse":
            free([window.refuse(key, now)].filter((freed) => freed !== undefined));
            break;
          case "abandon": {
            const isCancelled = window.abandon(key, now) !== undefined;
            deepStrictEqual(isCancelled, open.delete(key));
            if (isCancelled) ended.cancelled++;
            break;
          }
          case "choked":
            free(window.choked(({ piece }) => piece % 2 === 0, now));
            break;
          default:
            free(window.expire(now));
            for (const sentAt of open.values()) ok(now - sentAt < 60_000);
        }
        const { requested, received, freed, cancelled } = ended;
        deepStrictEqual(received + freed + cancelled + window.count, requested);
        ok(window.room(now) >= 0);
        deepStrictEqual(window.count, open.size);
      }
      free(window.expire(now + 60_000));
      deepStrictEqual([open.size, window.count], [0, 0]);
    }),
  );
});
