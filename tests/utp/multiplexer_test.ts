import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import type { Endpoint } from "../../src/base/endpoint.ts";
import { MAX_STREAMS, Multiplexer } from "../../src/utp/multiplexer.ts";
import { type Packet, parsePacket } from "../../src/utp/packet.ts";
import type { Stream } from "../../src/utp/stream.ts";
import { LinkedPair } from "./linked_pair.ts";
import { bytesOf, packetOf } from "./samples.ts";

const PEER: Endpoint = { host: "192.0.2.1", port: 6881 };
const SYN = packetOf({ type: "syn", connectionId: 500, sequenceNumber: 40, timestampUs: 7 });

class Room {
  now = 1_000;
  isAccepting = true;
  readonly multiplexer = new Multiplexer({
    random: new SeededRandom(1),
    now: this.now,
    isAccepting: () => this.isAccepting,
  });

  /** Gives it a packet, and says what it sends for it. */
  take(packet: Packet, from = PEER): Packet[] {
    this.multiplexer.handleDatagram(bytesOf(packet), from, this.now);
    return this.drain().sent;
  }

  drain(): { sent: Packet[]; opened: Stream[] } {
    const effects = this.multiplexer.drain();
    return {
      sent: effects.flatMap((effect) => effect.kind === "send" ? [parsePacket(effect.bytes)!] : []),
      opened: effects.flatMap((effect) => effect.kind === "opened" ? [effect.stream] : []),
    };
  }

  /** The data with which a peer opens a connection. */
  firstData(syn = SYN, from = PEER): Packet {
    const [answer] = this.take(syn, from);
    return packetOf({
      type: "data",
      connectionId: syn.connectionId + 1,
      sequenceNumber: syn.sequenceNumber + 1,
      ackNumber: answer!.sequenceNumber - 1,
      timestampUs: answer!.timestampUs,
      payload: Uint8Array.of(1, 2, 3),
    });
  }

  open(syn = SYN, from = PEER): Stream {
    const data = this.firstData(syn, from);
    this.multiplexer.handleDatagram(bytesOf(data), from, this.now);
    const [stream] = this.drain().opened;
    return stream!;
  }
}

Deno.test("a SYN is answered with STATE, and the first data opens the connection", () => {
  const room = new Room();
  const [answer, ...others] = room.take(SYN);
  deepStrictEqual([answer?.type, answer?.connectionId, answer?.ackNumber], ["state", 500, 40]);
  strictEqual(answer?.timestampDifferenceUs, (answer!.timestampUs - 7) >>> 0);
  strictEqual(others.length, 0);
  const stream = room.open();
  deepStrictEqual([stream.remote, stream.receiveId, stream.sendId], [PEER, 501, 500]);
  const buffer = new Uint8Array(9);
  deepStrictEqual([stream.read(buffer, room.now), buffer[2]], [3, 3]);
});

Deno.test("P33 a flood of SYNs leaves nothing behind, and is answered no more than it asks", () => {
  const room = new Room();
  let answers = 0;
  for (let count = 0; count < 5_000; count++) {
    const from = { host: `198.51.100.${count % 256}`, port: 1 + count };
    for (const answer of room.take({ ...SYN, connectionId: count & 0xffff }, from)) {
      strictEqual(bytesOf(answer).length, bytesOf(SYN).length);
      answers++;
    }
  }
  strictEqual(room.multiplexer.size, 0);
  ok(answers > 50 && answers <= 500, `${answers} answers in no time`);
  strictEqual(room.multiplexer.deadline(), Infinity);
});

Deno.test("P33 data that answers nothing of ours opens nothing", () => {
  const rows: [name: string, fields: Partial<Packet>, from?: Endpoint][] = [
    ["another sequence number of ours", { ackNumber: 12_345 }],
    ["another connection id", { connectionId: 777 }],
    ["far from the SYN", { sequenceNumber: 90 }],
    ["no time of ours", { timestampUs: 12_345 }],
    ["another port", {}, { ...PEER, port: 6882 }],
    ["another host", {}, { ...PEER, host: "192.0.2.77" }],
  ];
  for (const [name, fields, from = PEER] of rows) {
    const room = new Room();
    const data = { ...room.firstData(), ...fields };
    deepStrictEqual(room.take(data, from).map(({ type }) => type), ["reset"], name);
    strictEqual(room.multiplexer.size, 0, name);
  }
});

Deno.test("a connection opens although its first packet is late or lost", () => {
  const room = new Room();
  const first = room.firstData();
  const second = { ...first, sequenceNumber: first.sequenceNumber + 1 };
  const [state] = room.take(second);
  deepStrictEqual([state?.type, state?.ackNumber, state?.selectiveAck[0]], ["state", 40, 1]);
  room.take(first);
  strictEqual(room.multiplexer.size, 1);
});

Deno.test("P33 of a SYN beyond those that are answered not even its sender is looked at", () => {
  const room = new Room();
  while (room.take(SYN).length > 0);
  let looks = 0;
  const from = {
    port: 1,
    get host() {
      looks++;
      return PEER.host;
    },
  };
  deepStrictEqual([room.take(SYN, from), looks], [[], 0]);
  room.now += 1_000;
  strictEqual(room.take(SYN, from).length, 1);
  strictEqual(looks > 0, true);
});

Deno.test("P33 a flood of packets of no connection costs no more than so many hashes", () => {
  const room = new Room();
  const data = room.firstData();
  for (let count = 0; count < 50; count++) room.take(packetOf({ type: "data" }));
  deepStrictEqual([room.take(data), room.multiplexer.size], [[], 0], "it is not even looked at");
  room.now += 1_000;
  room.take(data);
  strictEqual(room.multiplexer.size, 1, "it comes again, as all data does");
});

Deno.test("STATE before any data opens nothing, and is no reason for RESET; FIN is", () => {
  const room = new Room();
  const data = room.firstData();
  deepStrictEqual(room.take({ ...data, type: "state" }), []);
  deepStrictEqual(room.take({ ...data, type: "fin" }).map(({ type }) => type), ["reset"]);
  strictEqual(room.multiplexer.size, 0);
});

Deno.test("packets of no connection are answered with RESET, at a limited rate, RESET never", () => {
  const room = new Room();
  const stray = packetOf({ type: "data", connectionId: 9, sequenceNumber: 77 });
  const [reset] = room.take(stray);
  deepStrictEqual([reset?.type, reset?.connectionId, reset?.ackNumber], ["reset", 9, 77]);
  ok(bytesOf(reset!).length <= bytesOf(stray).length);
  deepStrictEqual(room.take({ ...stray, type: "reset" }), []);
  let resets = 0;
  for (let count = 0; count < 2_000; count++) resets += room.take(stray).length;
  ok(resets <= 50, `${resets} in no time`);
  room.now += 1_000;
  strictEqual(room.take(stray).length, 1);
});

Deno.test("whoever comes when there is no room hears RESET", () => {
  const room = new Room();
  const data = room.firstData();
  room.isAccepting = false;
  deepStrictEqual(room.take(SYN).map(({ type }) => type), ["reset"]);
  deepStrictEqual(room.take(data).map(({ type }) => type), ["reset"]);
  strictEqual(room.multiplexer.size, 0);
});

Deno.test("there are no more connections than MAX_STREAMS, ours and theirs", () => {
  const room = new Room();
  for (let count = 1; count < MAX_STREAMS; count++) {
    ok(room.multiplexer.connect({ ...PEER, port: count }, 3_000, room.now));
  }
  room.drain();
  room.open({ ...SYN, connectionId: 3 }, { ...PEER, host: "192.0.2.9" });
  strictEqual(room.multiplexer.size, MAX_STREAMS);
  strictEqual(room.multiplexer.connect(PEER, 3_000, room.now), undefined);
  deepStrictEqual(room.take(SYN).map(({ type }) => type), ["reset"]);
});

Deno.test("a SYN that comes again to an open connection changes nothing", () => {
  const room = new Room();
  const stream = room.open();
  deepStrictEqual(room.take(SYN), []);
  deepStrictEqual([stream.end, room.multiplexer.size], [undefined, 1]);
});

Deno.test("RESET ends the connection that has its id, whichever of the two it is", () => {
  for (const connectionId of [500, 501]) {
    const room = new Room();
    const stream = room.open();
    room.now += 30;
    room.multiplexer.handleTimeout(room.now);
    const [state] = room.drain().sent;
    room.take(packetOf({ type: "reset", connectionId, ackNumber: state!.sequenceNumber }));
    deepStrictEqual([stream.end, room.multiplexer.size], ["reset", 0], `${connectionId}`);
  }
});

Deno.test("P33 a RESET of a wrong id, port or number ends nothing", () => {
  const room = new Room();
  const stream = room.open();
  room.now += 30;
  room.multiplexer.handleTimeout(room.now);
  const ackNumber = room.drain().sent[0]!.sequenceNumber;
  const right = { type: "reset", connectionId: 500, ackNumber } as const;
  const rows: [packet: Partial<Packet>, from: Endpoint][] = [
    [{ ...right, connectionId: 499 }, PEER],
    [{ ...right, connectionId: 502 }, PEER],
    [{ ...right, ackNumber: ackNumber + 2 }, PEER],
    [{ ...right, ackNumber: ackNumber - 2 }, PEER],
    [right, { ...PEER, port: 1 }],
  ];
  for (const [packet, from] of rows) room.take(packetOf(packet), from);
  strictEqual(stream.end, undefined);
  room.take(packetOf(right));
  strictEqual(stream.end, "reset");
});

Deno.test("connect() is refused by a RESET that answers the SYN", () => {
  const room = new Room();
  const stream = room.multiplexer.connect(PEER, 3_000, room.now)!;
  const [syn] = room.drain().sent;
  deepStrictEqual([syn?.type, syn?.connectionId], ["syn", stream.receiveId]);
  const reset = packetOf({ type: "reset", connectionId: syn!.connectionId });
  room.take({ ...reset, ackNumber: (syn!.sequenceNumber + 1) & 0xffff });
  room.take({ ...reset, ackNumber: (syn!.sequenceNumber - 2) & 0xffff });
  strictEqual(stream.end, undefined);
  room.take({ ...reset, ackNumber: syn!.sequenceNumber });
  deepStrictEqual([stream.end, room.multiplexer.size], ["refused", 0]);
});

Deno.test("datagrams that are no packets are ignored", () => {
  const room = new Room();
  for (const text of ["", "d1:y1:qe", "\x21short", "x".repeat(100)]) {
    room.multiplexer.handleDatagram(new TextEncoder().encode(text), PEER, room.now);
    deepStrictEqual(room.multiplexer.drain(), [], text);
  }
});

Deno.test("handleTimeout() of one connection forgets no deadline of another, in either order", () => {
  for (const firstMs of [1_000, 1_400]) {
    const { multiplexer } = new Room();
    const secondMs = 2_400 - firstMs;
    multiplexer.connect(PEER, 15_000, firstMs);
    multiplexer.connect({ ...PEER, port: 6882 }, 15_000, secondMs);
    strictEqual(multiplexer.deadline(), 2_000);
    multiplexer.handleTimeout(2_000);
    strictEqual(multiplexer.deadline(), 2_400);
  }
});

Deno.test("close() says goodbye to all", () => {
  const pair = new LinkedPair({ link: { latencyMs: 5 } });
  const { theirs } = pair.open();
  pair.a.multiplexer.close(pair.now);
  ok(pair.run(() => theirs.hasEnded, 100));
});

Deno.test("no packet is longer than what every way takes, except on this machine", () => {
  const rows: [host: string, headersLength: number, longest: number][] = [
    ["192.0.2.1", 28, 1_280],
    ["10.0.0.1", 28, 1_280],
    ["2001:db8::1", 48, 1_280],
    ["127.0.0.1", 28, 1_428],
    ["::1", 48, 1_448],
  ];
  for (const [host, headersLength, longest] of rows) {
    const room = new Room();
    const stream = room.open(SYN, { host, port: 6881 });
    stream.write(new Uint8Array(5_000));
    const lengths = stream.drain(room.now).map((bytes) => bytes.length);
    strictEqual(Math.max(...lengths) + headersLength, longest, host);
  }
});

Deno.test("two connections between the same sockets are apart", () => {
  const pair = new LinkedPair({ link: { latencyMs: 5 } });
  const streams = [pair.connect(), pair.connect()];
  for (const [index, stream] of streams.entries()) {
    pair.send(pair.a, stream, new Uint8Array(10_000).fill(index));
  }
  ok(
    pair.run(
      () => pair.b.opened.length === 2 && pair.b.opened.every((s) => s.unreadBytes === 10_000),
      1_000,
    ),
  );
  const firsts = pair.b.opened.map((stream) => {
    const buffer = new Uint8Array(10_000);
    stream.read(buffer, pair.now);
    return new Set(buffer);
  });
  deepStrictEqual(firsts, [new Set([0]), new Set([1])]);
});

Deno.test("P33 whoever guesses what opens a connection does not in an hour", () => {
  const room = new Room();
  const random = new SeededRandom(2);
  room.take(SYN);
  for (let count = 0; count < 200_000; count++) {
    room.now += 18; // As often as one is looked at.
    room.take(packetOf({
      type: "data",
      connectionId: SYN.connectionId + 1,
      sequenceNumber: random.below(0x1_0000),
      ackNumber: random.below(0x1_0000),
      timestampUs: random.below(0x1_0000_0000),
    }));
  }
  strictEqual(room.multiplexer.size, 0);
});
