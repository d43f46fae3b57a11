/** Many connections at once, of which few are read. */
import { ok } from "node:assert/strict";
import { LEAST_WINDOW_BYTES, ReceiveBudget } from "../../src/utp/receive_budget.ts";
import type { Stream } from "../../src/utp/stream.ts";
import { LinkedPair } from "./linked_pair.ts";

/** What is shared beyond what is guaranteed. */
const SHARED_BYTES = new ReceiveBudget().left;
const MIB = 1024 * 1024;
const CROWD = 60;

/** Connections whose windows have become as large as they get, and that nobody reads any more. */
function gather(pair: LinkedPair): Stream[] {
  const buffer = new Uint8Array(MIB);
  for (let count = 0; count < CROWD; count++) {
    pair.send(pair.a, pair.connect(), new Uint8Array(4 * MIB));
  }
  const streams = pair.b.opened;
  const read = new Map<Stream, number>();
  ok(pair.run(() => streams.length === CROWD, 10_000));
  const isRead = () => {
    for (const stream of streams) {
      const before = read.get(stream) ?? 0;
      const length = before < 1.2 * MIB ? stream.read(buffer, pair.now) : 0;
      read.set(stream, before + length);
      if (length > 0) pair.b.multiplexer.touch(stream, pair.now);
    }
    return streams.every((stream) => read.get(stream)! >= 1.2 * MIB);
  };
  ok(pair.run(isRead, 60_000));
  return [...streams];
}

function unreadBytes(streams: readonly Stream[]): number {
  return streams.reduce((sum, stream) => sum + stream.unreadBytes, 0);
}

Deno.test("P33 connections that nobody reads hold no more than the budget, and others go on", () => {
  const pair = new LinkedPair({ link: { latencyMs: 20 } });
  const crowd = gather(pair);
  pair.run(() => false, 5_000);
  const most = SHARED_BYTES + CROWD * 2 * LEAST_WINDOW_BYTES;
  ok(unreadBytes(crowd) > SHARED_BYTES / 2 && unreadBytes(crowd) <= most, `${unreadBytes(crowd)}`);
  const ours = pair.connect();
  pair.send(pair.a, ours, new Uint8Array(2 * MIB));
  ok(pair.run(() => pair.b.opened.length > CROWD, 5_000));
  let length = 0;
  pair.receive(pair.b, pair.b.opened.at(-1)!, (bytes) => length += bytes.length);
  ok(pair.run(() => length === 2 * MIB, 10_000), `${length}: 32 KiB in 40 ms, at least`);
});

Deno.test("what was held of connections that are closed can be had by others", () => {
  const pair = new LinkedPair({ link: { latencyMs: 20 } });
  for (const stream of gather(pair)) {
    stream.close(pair.now);
    pair.b.multiplexer.touch(stream, pair.now);
  }
  pair.run(() => false, 10_000);
  const again = new LinkedPair({ link: { latencyMs: 20 } });
  ok(rateOf(pair) > 0.9 * rateOf(again), "a newcomer is as fast as if nobody had been there");
});

/** Bytes a second of one connection more, while it is read. */
function rateOf(pair: LinkedPair): number {
  const count = pair.b.opened.length;
  pair.send(pair.a, pair.connect(), new Uint8Array(64 * MIB));
  ok(pair.run(() => pair.b.opened.length > count, 5_000));
  let length = 0;
  pair.receive(pair.b, pair.b.opened.at(-1)!, (bytes) => length += bytes.length);
  pair.run(() => false, 2_000);
  return length / 2;
}
