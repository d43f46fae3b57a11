import fc from "fast-check";
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { type Packet, parsePacket } from "../../src/utp/packet.ts";
import { ReceiveBudget } from "../../src/utp/receive_budget.ts";
import { Stream } from "../../src/utp/stream.ts";
import { WireClock } from "../../src/utp/wire_clock.ts";
import { type Link, LinkedPair } from "./linked_pair.ts";
import { bits, bytesOf, packetOf } from "./samples.ts";

const GOOD: Link = { latencyMs: 20 };
const MIB = 1024 * 1024;

/** Bytes that are elsewhere different. */
function content(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 2_654_435_761) >>> 24);
}

/** Collects what comes, and says whether it is the beginning of `expected`. */
class Reader {
  length = 0;
  isWrong = false;

  constructor(readonly expected: Uint8Array) {}

  take(bytes: Uint8Array): void {
    for (let index = 0; index < bytes.length; index++) {
      if (bytes[index] !== this.expected[this.length + index]) this.isWrong = true;
    }
    this.length += bytes.length;
  }

  get isDone(): boolean {
    return !this.isWrong && this.length === this.expected.length;
  }
}

/** Sends so much both ways over a link, and ends it. */
function exchange(pair: LinkedPair, length: number, limitMs: number): void {
  const { ours, theirs } = pair.open();
  const there = new Reader(content(length)), back = new Reader(content(length / 2));
  pair.receive(pair.b, theirs, (bytes) => there.take(bytes));
  pair.receive(pair.a, ours, (bytes) => back.take(bytes));
  pair.send(pair.a, ours, there.expected);
  pair.send(pair.b, theirs, back.expected);
  ok(pair.run(() => there.isDone && back.isDone, limitMs), `${there.length} and ${back.length}`);
  ours.close(pair.now);
  pair.a.multiplexer.touch(ours, pair.now);
  ok(pair.run(() => theirs.hasEnded, 30_000), "the end comes too");
  theirs.close(pair.now);
  pair.b.multiplexer.touch(theirs, pair.now);
  pair.run(() => false, 60_000);
  deepStrictEqual([pair.a.multiplexer.size, pair.b.multiplexer.size], [0, 0]);
}

Deno.test("bytes come out as they went in, over any link", () => {
  const link: fc.Arbitrary<Link> = fc.record({
    latencyMs: fc.constantFrom(0, 5, 150),
    jitterMs: fc.constantFrom(0, 3, 40),
    lossPercent: fc.constantFrom(0, 2, 10),
    duplicatePercent: fc.constantFrom(0, 5, 30),
    bytesPerSecond: fc.constantFrom(100_000, 1_000_000, Infinity),
    queueBytes: fc.constantFrom(20_000, 200_000),
  });
  fc.assert(
    fc.property(fc.nat(), link, link, (seed, there, back) => {
      exchange(new LinkedPair({ seed, link: there, back }), 60_000, 600_000);
    }),
    { numRuns: 60 },
  );
});

Deno.test("bytes come out as they went in, however seldom and however little is read", () => {
  const link: fc.Arbitrary<Link> = fc.record({
    latencyMs: fc.constantFrom(0, 5, 150),
    jitterMs: fc.constantFrom(0, 40),
    lossPercent: fc.constantFrom(0, 2, 10),
    bytesPerSecond: fc.constantFrom(1_000_000, Infinity),
  });
  const reads = fc.record({
    everyMs: fc.constantFrom(3, 37, 400, 3_000),
    maxLength: fc.constantFrom(5_000, 20_000, 300_000),
    startsAfterMs: fc.constantFrom(0, 20_000),
  });
  fc.assert(
    fc.property(fc.nat(), link, link, reads, (seed, there, back, reads) => {
      const pair = new LinkedPair({ seed, link: there, back });
      const { ours, theirs } = pair.open();
      // So much that the window closes, but no more than is read in some hundred times.
      const reader = new Reader(content(Math.min(3 * MIB, 200 * reads.maxLength)));
      const buffer = new Uint8Array(reads.maxLength);
      pair.send(pair.a, ours, reader.expected);
      pair.run(() => false, reads.startsAfterMs);
      while (!reader.isDone && !reader.isWrong && pair.now < 3_000_000) {
        pair.run(() => false, reads.everyMs);
        const length = theirs.read(
          buffer.subarray(0, 1 + pair.random.below(reads.maxLength)),
          pair.now,
        );
        reader.take(buffer.subarray(0, length));
        if (theirs.deadline() <= pair.now) pair.b.multiplexer.touch(theirs, pair.now);
      }
      ok(reader.isDone, `${reader.length} of ${reader.expected.length}, ${ours.end}`);
    }),
    { numRuns: 15 },
  );
});

Deno.test("a connection of 20 % loss is slow, and lasts", () => {
  for (let seed = 0; seed < 10; seed++) {
    const link = { latencyMs: 50, lossPercent: 20 };
    exchange(new LinkedPair({ seed, link }), 100_000, 600_000);
  }
});

Deno.test("sequence numbers wrap, and timestamps do", () => {
  const start = 2 ** 32 / 1_000 - 500; // Half a second before they do.
  const pair = new LinkedPair({ link: { latencyMs: 20, lossPercent: 1 }, start });
  pair.random.bytes = (length) => new Uint8Array(length).fill(0xff); // So they wrap at once.
  const sequences = new Set<number>();
  pair.onPacket = (bytes) => {
    sequences.add(parsePacket(bytes)!.sequenceNumber);
    return true;
  };
  exchange(pair, MIB, 600_000);
  ok([65_535, 0, 1].every((sequence) => sequences.has(sequence)));
});

/** Reads until the window is as large as it gets, and then no more. */
function readUntilWindowIsOpen(pair: LinkedPair, theirs: Stream, reader: Reader): void {
  const buffer = new Uint8Array(MIB);
  while (reader.length < MIB) {
    pair.run(() => theirs.unreadBytes > 0, 10_000);
    reader.take(buffer.subarray(0, theirs.read(buffer, pair.now)));
    pair.b.multiplexer.touch(theirs, pair.now);
  }
}

Deno.test("what comes in closes the window, until it is read", () => {
  const pair = new LinkedPair({ link: GOOD });
  const { ours, theirs } = pair.open();
  const reader = new Reader(content(4 * MIB));
  pair.send(pair.a, ours, reader.expected);
  readUntilWindowIsOpen(pair, theirs, reader);
  pair.run(() => false, 20_000);
  strictEqual(ours.end, undefined, "it is asked whether there is room, and answers");
  ok(theirs.unreadBytes <= MIB && theirs.unreadBytes > MIB / 2, `${theirs.unreadBytes}`);
  const sent = pair.a.sent;
  pair.run(() => false, 5_000);
  ok(pair.a.sent - sent <= 3, "it is asked now and then");
  pair.receive(pair.b, theirs, (bytes) => reader.take(bytes));
  ok(pair.run(() => reader.isDone, 10_000));
});

Deno.test("a peer whose bytes nobody has read yet is told of two blocks", () => {
  const pair = new LinkedPair({ link: GOOD });
  const { ours, theirs } = pair.open();
  const reader = new Reader(content(MIB));
  pair.send(pair.a, ours, reader.expected);
  pair.run(() => false, 20_000);
  const { unreadBytes } = theirs;
  ok(unreadBytes > 31 * 1024 && unreadBytes < 33 * 1024, `${unreadBytes}`);
  strictEqual(ours.end, undefined);
  const buffer = new Uint8Array(20 * 1024), sent = pair.b.sent;
  reader.take(buffer.subarray(0, theirs.read(buffer, pair.now)));
  pair.b.multiplexer.touch(theirs, pair.now);
  pair.run(() => true, 0);
  strictEqual(pair.b.sent, sent + 1, "it hears of this room at once");
  pair.receive(pair.b, theirs, (bytes) => reader.take(bytes));
  ok(pair.run(() => reader.isDone, 2_000));
});

Deno.test("room that was told and got lost is found by asking", () => {
  const pair = new LinkedPair({ link: GOOD });
  const { ours, theirs } = pair.open();
  const reader = new Reader(content(3 * MIB));
  pair.send(pair.a, ours, reader.expected);
  readUntilWindowIsOpen(pair, theirs, reader);
  pair.run(() => theirs.unreadBytes > MIB - 2_000, 10_000);
  ok(theirs.unreadBytes > MIB - 2_000, `${theirs.unreadBytes}`);
  pair.run(() => false, 300);
  pair.onPacket = (_, from) => from === pair.a;
  pair.receive(pair.b, theirs, (bytes) => reader.take(bytes));
  pair.run(() => false, 100);
  pair.onPacket = () => true;
  ok(pair.run(() => reader.isDone, 20_000), `${reader.length}`);
});

Deno.test("P33 a peer whose window is 0 for ever is dropped", () => {
  const pair = new LinkedPair({ link: GOOD });
  const { ours, theirs } = pair.open();
  const reader = new Reader(content(4 * MIB));
  pair.send(pair.a, ours, reader.expected);
  readUntilWindowIsOpen(pair, theirs, reader);
  pair.run(() => ours.end !== undefined, 120_000);
  strictEqual(ours.end, "timeout");
  ok(pair.now > 30_000 && pair.now < 60_000, `${pair.now}`);
});

Deno.test("a peer that vanishes is noticed", () => {
  const pair = new LinkedPair({ link: GOOD });
  const { ours } = pair.open();
  pair.onPacket = () => false;
  pair.send(pair.a, ours, content(10_000));
  ok(pair.run(() => ours.end !== undefined, 60_000));
  deepStrictEqual([ours.end, ours.hasEnded, ours.isWritable], ["timeout", true, false]);
  ok(pair.now > 30_000 && pair.a.sent < 40, `${pair.a.sent} packets in ${pair.now} ms`);
});

Deno.test("SYN is sent three times", () => {
  const pair = new LinkedPair({ link: GOOD });
  pair.onPacket = () => false;
  const stream = pair.connect(20_000);
  ok(pair.run(() => stream.end !== undefined, 30_000));
  deepStrictEqual([stream.end, pair.a.sent, pair.now], ["timeout", 3, 7_000]);
});

Deno.test("connect() gives up in time, and is refused by RESET", () => {
  const pair = new LinkedPair({ link: GOOD });
  pair.onPacket = () => false;
  const stream = pair.connect(2_500);
  pair.run(() => stream.end !== undefined, 30_000);
  deepStrictEqual([stream.end, pair.now], ["timeout", 2_500]);
});

Deno.test("close() brings what was sent, and FIN, although some of it gets lost", () => {
  for (let lost = 0; lost < 8; lost++) {
    const pair = new LinkedPair({ link: GOOD });
    const { ours, theirs } = pair.open();
    let count = 0;
    pair.onPacket = () => count++ !== lost;
    const reader = new Reader(content(5_000));
    pair.receive(pair.b, theirs, (bytes) => reader.take(bytes));
    ours.write(reader.expected);
    pair.a.multiplexer.touch(ours, pair.now);
    strictEqual(ours.isWritten, true);
    ours.close(pair.now);
    ours.close(pair.now);
    pair.a.multiplexer.touch(ours, pair.now);
    strictEqual(ours.hasEnded, true);
    ok(pair.run(() => theirs.hasEnded && reader.isDone, 4_000), `packet ${lost}`);
    strictEqual(theirs.isWritable, true, "our end is not theirs");
  }
});

Deno.test("close() acknowledges the FIN with which the peer acknowledges ours", () => {
  const stream = underWay();
  stream.handlePacket(packetOf({ sequenceNumber: 51, ackNumber: 101 }), 10);
  stream.close(10);
  const [fin] = stream.drain(10).map((bytes) => parsePacket(bytes)!);
  deepStrictEqual([fin?.type, fin?.sequenceNumber], ["fin", 102]);
  stream.handlePacket(packetOf({ type: "fin", sequenceNumber: 51, ackNumber: 102 }), 20);
  const [state] = stream.drain(20).map((bytes) => parsePacket(bytes)!);
  deepStrictEqual([state?.type, state?.ackNumber, stream.end], ["state", 51, "closed"]);
  deepStrictEqual([stream.drain(30), stream.deadline()], [[], Infinity]);
});

Deno.test("close() waits for nobody longer than 5 seconds", () => {
  const pair = new LinkedPair({ link: GOOD });
  const { ours } = pair.open();
  pair.onPacket = () => false;
  const closedAt = pair.now;
  ours.close(pair.now);
  pair.a.multiplexer.touch(ours, pair.now);
  ok(pair.run(() => ours.end !== undefined, 60_000));
  deepStrictEqual([ours.end, pair.now - closedAt], ["closed", 5_000]);
});

Deno.test("what comes after close() is acknowledged, and not kept", () => {
  const pair = new LinkedPair({ link: GOOD });
  const { ours, theirs } = pair.open();
  pair.send(pair.b, theirs, content(3 * MIB));
  pair.run(() => ours.unreadBytes > 10_000, 1_000);
  ours.close(pair.now);
  strictEqual(ours.unreadBytes, 0);
  pair.a.multiplexer.touch(ours, pair.now);
  pair.run(() => theirs.hasEnded, 1_000);
  strictEqual(ours.unreadBytes, 0);
});

Deno.test("after FIN of the peer, what we have is still written to it", () => {
  const pair = new LinkedPair({ link: GOOD });
  const { ours, theirs } = pair.open();
  theirs.close(pair.now);
  pair.b.multiplexer.touch(theirs, pair.now);
  pair.onPacket = (_, from) => from === pair.b; // So that it does not know that we know.
  ok(pair.run(() => ours.hasEnded, 1_000));
  deepStrictEqual([ours.isWritable, ours.read(new Uint8Array(9), pair.now)], [true, 0]);
});

Deno.test("an idle connection keeps its way through routers open, but not for ever", () => {
  const pair = new LinkedPair({ link: GOOD });
  pair.open();
  const { sent } = pair.a;
  pair.run(() => false, 100_000);
  strictEqual(pair.a.sent - sent, 3);
  pair.run(() => false, 3_500_000);
  ok(pair.a.sent - sent > 100, `${pair.a.sent - sent}: the peer keeps it open too`);
  const sentBefore = pair.a.sent;
  pair.onPacket = () => false;
  pair.run(() => false, 3_600_000);
  ok(pair.a.sent - sentBefore <= 11, `${pair.a.sent - sentBefore}`);
});

/** A stream that has sent sequence numbers 100 and 101, and has had 50 of the peer. */
function underWay(): Stream {
  const ids = { receiveId: 7, sendId: 8, remote: { host: "192.0.2.1", port: 1 } };
  const clock = new WireClock(0);
  const options = {
    ...ids,
    budget: new ReceiveBudget(),
    maxPacketLength: 120,
    firstSequence: 100,
    clock,
    now: 0,
  };
  const stream = Stream.accept(options, 49);
  stream.handlePacket(dataOf({ sequenceNumber: 50, ackNumber: 99 }), 0);
  stream.write(new Uint8Array(200));
  strictEqual(stream.drain(0).length, 2);
  return stream;
}

function dataOf(fields: Partial<Packet>): Packet {
  return packetOf({ type: "data", payload: Uint8Array.of(1, 2, 3), ...fields });
}

Deno.test("P33 packets that do not fit what is known change nothing", () => {
  const rows: [name: string, packet: Partial<Packet>][] = [
    ["an ack of what was never sent", { sequenceNumber: 51, ackNumber: 102 }],
    ["an ack from long ago", { sequenceNumber: 51, ackNumber: 65_536 - 1_000 }],
    ["data far ahead", { sequenceNumber: 51 + 1_025, ackNumber: 101 }],
    ["data far behind", { sequenceNumber: 65_536 - 1_000, ackNumber: 101 }],
    ["data of the other half", { sequenceNumber: 51 + 32_768, ackNumber: 101 }],
  ];
  for (const [name, packet] of rows) {
    const stream = underWay();
    stream.handlePacket(dataOf(packet), 10);
    strictEqual(stream.unreadBytes, 3, name);
    strictEqual(stream.deadline(), 1_000, `${name}: nothing is acknowledged, by either`);
  }
  const stream = underWay();
  stream.handlePacket(dataOf({ sequenceNumber: 51, ackNumber: 101 }), 10);
  strictEqual(stream.unreadBytes, 6);
});

Deno.test("P33 packets of whoever does not know our clock change nothing, but hear of it", () => {
  const unknown = { timestampUs: 40_000_000, sequenceNumber: 51, ackNumber: 101 };
  const stream = underWay();
  stream.handlePacket(packetOf(unknown), 10);
  strictEqual(stream.deadline(), 1_000, "a bare acknowledgement is not answered");
  stream.handlePacket(dataOf(unknown), 10);
  strictEqual(stream.unreadBytes, 3);
  const [state, ...others] = stream.drain(10).map((bytes) => parsePacket(bytes)!);
  deepStrictEqual([state?.type, state?.ackNumber, others.length], ["state", 50, 0]);
  strictEqual(stream.deadline(), 1_000, "what we sent is not acknowledged");
});

/** One whose SYN, number 500, is under way. */
function connecting(clock: WireClock): Stream {
  const stream = Stream.connect({
    receiveId: 7,
    sendId: 8,
    remote: { host: "192.0.2.1", port: 1 },
    budget: new ReceiveBudget(),
    maxPacketLength: 120,
    firstSequence: 500,
    clock,
    now: 0,
  }, 3_000);
  stream.drain(0);
  return stream;
}

Deno.test("P33 a peer that we connect to may say nothing of our clock, until it has once", () => {
  const rows: [packet: Partial<Packet>, unreadBytes: number][] = [
    [{ sequenceNumber: 8, timestampUs: 1_977_000_000 }, 3],
    [{ sequenceNumber: 9, timestampUs: 1_000_000 + 77, timestampDifferenceUs: 77 }, 6],
    [{ sequenceNumber: 10, timestampUs: 1_977_000_000 }, 6],
  ];
  const stream = connecting(new WireClock(1_000_000));
  const wrong = { timestampUs: 1_977_000_000, timestampDifferenceUs: 1 };
  stream.handlePacket(packetOf({ sequenceNumber: 8, ackNumber: 500, ...wrong }), 1);
  strictEqual(stream.isConnected, false);
  stream.handlePacket(packetOf({ sequenceNumber: 8, ackNumber: 500, timestampUs: 7 }), 1);
  strictEqual(stream.isConnected, true);
  for (const [fields, unreadBytes] of rows) {
    stream.handlePacket(dataOf({ ackNumber: 500, ...fields }), 2);
    strictEqual(stream.unreadBytes, unreadBytes, JSON.stringify(fields));
  }
});

Deno.test("P33 a RESET must answer what is under way", () => {
  const rows: [ackNumber: number, end: string | undefined][] = [
    [98, undefined],
    [99, "reset"],
    [101, "reset"],
    [102, "reset"], // Of STATE, which has the next number.
    [103, undefined],
    [0, undefined],
    [40_000, undefined],
  ];
  for (const [ackNumber, end] of rows) {
    const stream = underWay();
    stream.handleReset(ackNumber);
    strictEqual(stream.end, end, `${ackNumber}`);
    strictEqual(stream.read(new Uint8Array(9), 0), 3, "what came before can be read");
  }
});

Deno.test("P33 only STATE with the number of our SYN connects", () => {
  const rows: [packet: Partial<Packet>, isConnected: boolean][] = [
    [{ ackNumber: 499 }, false],
    [{ ackNumber: 501 }, false],
    [{ ackNumber: 500, type: "data" }, false],
    [{ ackNumber: 500, type: "fin" }, false],
    [{ ackNumber: 500 }, true],
  ];
  for (const [packet, isConnected] of rows) {
    const stream = connecting(new WireClock(0));
    stream.handlePacket(packetOf({ sequenceNumber: 9, ...packet }), 1);
    strictEqual(stream.isConnected, isConnected, JSON.stringify(packet));
  }
});

Deno.test("drain() acknowledges out of order at once, with a selective ack", () => {
  const stream = underWay();
  stream.handlePacket(dataOf({ sequenceNumber: 53, ackNumber: 99 }), 5);
  const [state] = stream.drain(5).map((bytes) => parsePacket(bytes)!);
  deepStrictEqual(
    [state?.type, state?.ackNumber, state?.selectiveAck, state?.connectionId],
    ["state", 50, bits(1), 8],
  );
  stream.handlePacket(dataOf({ sequenceNumber: 50, ackNumber: 99 }), 6);
  strictEqual(stream.drain(6).length, 1, "what came twice too: our answer may have got lost");
});

Deno.test("drain() acknowledges by the way where it can", () => {
  const stream = underWay();
  stream.handlePacket(dataOf({ sequenceNumber: 51, ackNumber: 101 }), 5);
  deepStrictEqual([stream.drain(5), stream.deadline()], [[], 25]);
  stream.write(new Uint8Array(10));
  const [data] = stream.drain(6).map((bytes) => parsePacket(bytes)!);
  deepStrictEqual([data?.type, data?.ackNumber], ["data", 51]);
  ok(stream.deadline() > 100);
  ok(bytesOf(data!).length === 30);
});

Deno.test("read() tells the peer at once of room that it may wait for", () => {
  const stream = underWay();
  const payload = new Uint8Array(1_000);
  for (let sequence = 51; sequence < 151; sequence++) {
    stream.handlePacket(dataOf({ sequenceNumber: sequence, ackNumber: 101, payload }), 0);
  }
  const [told] = stream.drain(1).map((bytes) => parsePacket(bytes)!);
  ok(told!.windowBytes < 96 * 1024, "the peer is near: it has less room than that");
  stream.read(new Uint8Array(10_000), 2);
  strictEqual(stream.drain(2).length, 0, "a little is not worth a packet");
  stream.read(new Uint8Array(100_000), 3);
  const [again] = stream.drain(3).map((bytes) => parsePacket(bytes)!);
  strictEqual(again!.windowBytes, 96 * 1024);
});
