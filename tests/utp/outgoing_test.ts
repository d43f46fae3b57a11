import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import type { Bytes } from "../../src/base/bytes.ts";
import { Outgoing } from "../../src/utp/outgoing.ts";
import { HEADER_LENGTH } from "../../src/utp/packet.ts";
import { bits, packetOf } from "./samples.ts";

const MAX_PAYLOAD = 100;
const FIRST = 5;

class Sender {
  readonly outgoing = new Outgoing({
    maxPacketLength: HEADER_LENGTH + MAX_PAYLOAD,
    firstSequence: FIRST,
  });
  now = 0;

  constructor(windowBytes = 1_000_000) {
    this.ack(FIRST - 1, { windowBytes });
  }

  ack(ackNumber: number, fields = {}): void {
    this.outgoing.handleAck(packetOf({ ackNumber, ...fields }), this.now);
  }

  /** What is sent now: type, sequence number, length of the payload. */
  send(): string[] {
    const packets: Bytes[] = [], sent: string[] = [];
    this.outgoing.send(packets, (packet, type, sequence) => {
      sent.push(`${type} ${sequence} ${packet.length - HEADER_LENGTH}`);
    }, this.now);
    strictEqual(packets.length, sent.length);
    return sent;
  }
}

Deno.test("send() cuts what is written into packets, and lets go of it when all are sent", () => {
  const sender = new Sender();
  strictEqual(sender.outgoing.isWritten, true);
  sender.outgoing.write(new Uint8Array(250));
  strictEqual(sender.outgoing.isWritten, false);
  throws(() => sender.outgoing.write(new Uint8Array(1)), { name: "BugError" });
  deepStrictEqual(sender.send(), ["data 5 100", "data 6 100", "data 7 50"]);
  deepStrictEqual([sender.outgoing.isWritten, sender.send()], [true, []]);
});

Deno.test("send() has no more under way than the congestion window, and goes on with each answer", () => {
  const sender = new Sender();
  sender.outgoing.write(new Uint8Array(10_000));
  strictEqual(sender.send().length, 10);
  strictEqual(sender.outgoing.isWritten, false);
  sender.ack(FIRST + 1);
  strictEqual(sender.send().length, 4, "two have arrived, and the window is two larger");
});

Deno.test("send() keeps to what the peer can take", () => {
  const sender = new Sender(250);
  sender.outgoing.write(new Uint8Array(10_000));
  deepStrictEqual(sender.send(), ["data 5 100", "data 6 100"]);
  sender.ack(FIRST + 1, { windowBytes: 30 });
  deepStrictEqual(sender.send(), ["data 7 30"], "nothing else would come back");
  sender.ack(FIRST + 2, { windowBytes: 130 });
  deepStrictEqual(sender.send(), ["data 8 100"], "the rest waits for room for a whole packet");
});

Deno.test("a peer without room is asked with one byte, when its word does not come", () => {
  const sender = new Sender(0);
  sender.outgoing.write(new Uint8Array(500));
  deepStrictEqual([sender.send(), sender.outgoing.probeAt], [[], 1_000]);
  sender.now = 999;
  deepStrictEqual(sender.send(), []);
  sender.now = 1_000;
  deepStrictEqual(sender.send(), ["data 5 1"]);
  deepStrictEqual([sender.send(), sender.outgoing.answerBy], [[], 2_000]);
  sender.ack(FIRST, { windowBytes: 1_000 });
  deepStrictEqual(sender.send().length, 5);
  strictEqual(sender.outgoing.probeAt, Infinity);
});

Deno.test("send() sends what was lost before anything new", () => {
  const sender = new Sender();
  sender.outgoing.write(new Uint8Array(2_000));
  sender.send();
  sender.ack(FIRST, { selectiveAck: bits(0, 1, 2, 3) });
  strictEqual(sender.send()[0], "data 6 100");
  sender.outgoing.handleTimeout();
  strictEqual(sender.outgoing.timeoutCount, 1);
  deepStrictEqual(sender.send(), ["data 6 100"], "after silence, one packet");
  sender.ack(FIRST + 20);
  strictEqual(sender.outgoing.timeoutCount, 0);
});

Deno.test("send() has half as much under way once something is lost", () => {
  const sender = new Sender();
  sender.outgoing.write(new Uint8Array(10_000));
  strictEqual(sender.send().length, 10);
  sender.ack(FIRST - 1, { selectiveAck: bits(0, 1, 2) });
  deepStrictEqual(sender.send(), [], "six are under way, and it was a window of 13 packets");
});

Deno.test("send() takes it for a clock that drifts when packets seem to wait for longer than they take", () => {
  const sender = new Sender();
  sender.outgoing.write(new Uint8Array(1_000_000));
  let acked = FIRST - 1, sent = 0;
  for (let roundTrip = 0; roundTrip < 6; roundTrip++) {
    acked += sent = sender.send().length;
    sender.now += 50;
    sender.ack(acked, { timestampDifferenceUs: roundTrip === 0 ? 1_000 : 501_000 });
  }
  strictEqual(sent, 10 * 2 ** 5, "it doubles as if nothing waited");
});

Deno.test("finish() ends with FIN, which is sent until it has arrived", () => {
  const sender = new Sender();
  sender.outgoing.write(new Uint8Array(5_000));
  strictEqual(sender.send().length, 10);
  sender.outgoing.finish();
  strictEqual(sender.outgoing.isWritten, true, "what was not sent is let go");
  throws(() => sender.outgoing.write(new Uint8Array(1)), { name: "BugError" });
  deepStrictEqual(sender.send(), ["fin 15 0"]);
  sender.ack(FIRST, { selectiveAck: bits(0, 1, 2, 3, 4, 5, 6, 7) });
  deepStrictEqual([sender.outgoing.isFinished, sender.send()], [false, ["data 6 100"]]);
  sender.outgoing.handleTimeout();
  deepStrictEqual(sender.send(), ["data 6 100", "fin 15 0"], "FIN takes no room");
  sender.ack(15);
  strictEqual(sender.outgoing.isFinished, true);
});

Deno.test("an answer that was overtaken says nothing", () => {
  const sender = new Sender();
  sender.outgoing.write(new Uint8Array(300));
  sender.send();
  sender.ack(FIRST + 2);
  sender.ack(FIRST, { windowBytes: 0 });
  sender.outgoing.write(new Uint8Array(100));
  deepStrictEqual(sender.send(), ["data 8 100"]);
});

Deno.test("send() has no more under way to a peer nearby than sockets hold", () => {
  const sender = new Sender(10_000_000);
  sender.outgoing.write(new Uint8Array(10_000_000));
  let acked = FIRST - 1;
  let underWay = 0;
  for (let roundTrip = 0; roundTrip < 10; roundTrip++) {
    underWay = sender.send().length;
    sender.now += 0.5;
    sender.ack(acked += underWay);
  }
  strictEqual(underWay, 511, "they are too small for more");
  const large = new Outgoing({ maxPacketLength: 1_400, firstSequence: FIRST });
  large.write(new Uint8Array(10_000_000));
  for (let roundTrip = 0, acked = FIRST - 1; roundTrip < 10; roundTrip++) {
    large.handleAck(packetOf({ ackNumber: acked, windowBytes: 10_000_000 }), roundTrip / 2);
    const packets: Bytes[] = [];
    large.send(packets, () => {}, roundTrip / 2);
    underWay = packets.length;
    acked += underWay;
  }
  strictEqual(underWay, Math.floor((96 + 16) * 1024 / 1_380));
});
