import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { type Acknowledged, MAX_PACKETS_UNDER_WAY, SendWindow } from "../../src/utp/send_window.ts";
import { bits, NOTHING } from "./samples.ts";

const PAYLOAD_LENGTH = 100;

class Sender {
  readonly window: SendWindow;
  now = 0;

  /** So many packets, a millisecond after each other, from sequence number 1. */
  constructor(count: number) {
    this.window = new SendWindow(1);
    for (; count > 0; count--) this.sendNext();
  }

  sendNext(): void {
    this.window.add("data", new Uint8Array(120), PAYLOAD_LENGTH, this.now++);
  }

  ack(ackNumber: number, selectiveAck: Uint8Array = NOTHING, isBare = true): Acknowledged {
    return this.window.handleAck(ackNumber, selectiveAck, { isBare, now: this.now });
  }

  /** Sends all that is lost again, and says what that was. */
  repeatAll(): number[] {
    const repeated: number[] = [];
    while (this.window.lostLength !== undefined) {
      repeated.push(this.window.repeat(this.now++).sequence);
    }
    return repeated;
  }
}

Deno.test("handleAck() takes what has arrived out of the window, in order or not", () => {
  const sender = new Sender(8);
  strictEqual(sender.window.bytesUnderWay, 800);
  deepStrictEqual(sender.ack(2), {
    bytes: 200,
    roundTripMs: 7,
    isLossNew: false,
    hasProgress: true,
  });
  deepStrictEqual(sender.ack(2, bits(0, 1)).bytes, 200);
  deepStrictEqual(sender.ack(2, bits(0, 1)).hasProgress, false);
  deepStrictEqual([sender.window.acknowledged, sender.window.bytesUnderWay], [2, 400]);
  sender.ack(8);
  deepStrictEqual([sender.window.isEmpty, sender.window.bytesUnderWay], [true, 0]);
  strictEqual(sender.window.oldestSentAt, Infinity);
});

Deno.test("P33 handleAck() ignores bits for what was never sent", () => {
  const sender = new Sender(3);
  const { bytes } = sender.ack(0, new Uint8Array(64).fill(255));
  strictEqual(bytes, 200);
  sender.sendNext();
  strictEqual(sender.window.bytesUnderWay, 200);
});

Deno.test("a packet is lost when one sent three packets later has arrived", () => {
  const sender = new Sender(10);
  strictEqual(sender.ack(2, bits(0)).isLossNew, false);
  deepStrictEqual(sender.ack(2, bits(0, 1)).isLossNew, false);
  strictEqual(sender.ack(2, bits(0, 1, 2)).isLossNew, true);
  deepStrictEqual(sender.repeatAll(), [3]);
});

Deno.test("losses of one round trip are told once", () => {
  const sender = new Sender(20);
  strictEqual(sender.ack(0, bits(4, 5, 6)).isLossNew, true);
  deepStrictEqual(sender.repeatAll(), [1, 2, 3, 4, 5]);
  strictEqual(
    sender.ack(0, bits(4, 5, 6, 12, 13)).isLossNew,
    false,
    "sent before the first was told",
  );
  deepStrictEqual(sender.repeatAll(), [9, 10, 11, 12]);
  for (let count = 0; count < 8; count++) sender.sendNext();
  strictEqual(sender.ack(20, bits(4, 5, 6)).isLossNew, true);
});

Deno.test("a loss is new of what was sent after the last one was told, from the first packet on", () => {
  const rows: [sentLater: number, arrived: number[], isLossNew: boolean][] = [
    [3, [2, 3, 4, 5, 6, 7, 9, 10, 11], false],
    [4, [2, 3, 4, 5, 6, 7, 8, 10, 11, 12], true],
  ];
  for (const [sentLater, arrived, isLossNew] of rows) {
    const sender = new Sender(8);
    strictEqual(sender.ack(0, bits(0, 1, 2)).isLossNew, true);
    for (let count = 0; count < sentLater; count++) sender.sendNext();
    const selectiveAck = bits(...arrived.map((sequence) => sequence - 2));
    strictEqual(sender.ack(0, selectiveAck).isLossNew, isLossNew, `${sentLater} more`);
    deepStrictEqual(sender.repeatAll(), [1, 8 + sentLater - 3]);
  }
});

Deno.test("what was sent again can be lost again", () => {
  const sender = new Sender(4);
  sender.ack(0, bits(0, 1, 2));
  deepStrictEqual(sender.repeatAll(), [1]);
  strictEqual(sender.window.bytesUnderWay, 100);
  for (let count = 0; count < 3; count++) sender.sendNext();
  sender.ack(0, bits(0, 1, 2, 3, 4));
  strictEqual(sender.window.lostLength, undefined);
  sender.ack(0, bits(0, 1, 2, 3, 4, 5));
  deepStrictEqual(sender.repeatAll(), [1]);
});

Deno.test("three answers that tell nothing new are enough of a peer without selective acks", () => {
  const sender = new Sender(6);
  sender.ack(2);
  for (let count = 1; count <= 2; count++) strictEqual(sender.ack(2).isLossNew, false);
  sender.ack(2, NOTHING, false); // That was data.
  for (let count = 1; count <= 2; count++) strictEqual(sender.ack(2).isLossNew, false);
  strictEqual(sender.ack(2).isLossNew, true);
  deepStrictEqual(sender.repeatAll(), [3]);
  strictEqual(sender.ack(2).isLossNew, false, "it was sent again already");
  strictEqual(sender.window.lostLength, undefined);
});

Deno.test("on a way where packets overtake each other, they are waited for longer", () => {
  const sender = new Sender(60);
  sender.ack(10);
  sender.ack(10, bits(0, 1, 2, 3, 4, 5, 6));
  strictEqual(sender.window.lostLength, 100);
  sender.ack(18); // It was not lost: seven others had overtaken it.
  strictEqual(sender.window.lostLength, undefined);
  sender.ack(18, bits(0, 1, 2, 3, 4, 5, 6));
  strictEqual(sender.window.lostLength, undefined);
  sender.ack(18, bits(0, 1, 2, 3, 4, 5, 6, 7));
  deepStrictEqual(sender.repeatAll(), [19]);
});

Deno.test("after silence nothing is known of how packets overtake each other", () => {
  const sender = new Sender(20);
  sender.ack(0, bits(0, 1, 2, 3, 4, 5, 6));
  sender.ack(8);
  sender.window.handleTimeout();
  sender.repeatAll();
  for (let count = 0; count < 10; count++) sender.sendNext();
  sender.ack(8, bits(0, 1, 2));
  strictEqual(sender.window.lostLength, 100);
});

Deno.test("an answer that comes sooner than any can was to the first time", () => {
  const sender = new Sender(40);
  sender.now += 50;
  sender.ack(1);
  sender.ack(1, bits(0, 1, 2, 3));
  deepStrictEqual(sender.repeatAll(), [2]);
  sender.ack(6); // Four others had overtaken it.
  sender.ack(6, bits(0, 1, 2, 3));
  strictEqual(sender.window.lostLength, undefined);
  sender.ack(6, bits(0, 1, 2, 3, 4));
  deepStrictEqual(sender.repeatAll(), [7]);
});

Deno.test("handleAck() measures no packet that was sent more than once", () => {
  const sender = new Sender(4);
  sender.window.handleTimeout();
  sender.repeatAll();
  strictEqual(sender.ack(4).roundTripMs, undefined);
});

Deno.test("handleTimeout() takes all for lost, and in order", () => {
  const sender = new Sender(6);
  sender.ack(0, bits(2, 3));
  deepStrictEqual(sender.repeatAll().slice(0, 1), [1]);
  sender.window.handleTimeout();
  deepStrictEqual([sender.window.bytesUnderWay, sender.window.oldestSentAt], [0, Infinity]);
  deepStrictEqual(sender.repeatAll(), [1, 2, 3, 6]);
  sender.ack(6);
  ok(sender.window.isEmpty);
});

Deno.test("hasRoom: so many packets that libtorrent keeps the last of them", () => {
  const sender = new Sender(0);
  for (; sender.window.hasRoom; sender.sendNext());
  strictEqual(sender.window.next - 1, MAX_PACKETS_UNDER_WAY);
  sender.ack(0, bits(...Array(300).keys()));
  strictEqual(sender.window.hasRoom, false, "the first one is missing still");
  sender.ack(1);
  strictEqual(sender.window.hasRoom, true);
});
