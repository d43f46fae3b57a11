/**
 * What uTP costs beside the system's part (some 7 µs to send a datagram of 1,400 bytes, as much to
 * receive it): each packet passes the codec and a stream at either end.
 */
import { ok as assert } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import { Multiplexer } from "../../src/utp/multiplexer.ts";
import { encodePacket, parsePacket } from "../../src/utp/packet.ts";
import type { Stream } from "../../src/utp/stream.ts";

const HERE = { host: "192.0.2.1", port: 1 }, THERE = { host: "192.0.2.2", port: 2 };
const PACKET_COUNT = 4_096;
const PAYLOAD_LENGTH = 1_380;

const header = {
  type: "data",
  connectionId: 1,
  timestampUs: 2,
  timestampDifferenceUs: 3,
  windowBytes: 4,
  sequenceNumber: 5,
  ackNumber: 6,
  selectiveAck: new Uint8Array(0),
} as const;
const datagram = new Uint8Array(20 + PAYLOAD_LENGTH);
datagram.set(encodePacket(header));
const noise = new Uint8Array(1_400).fill(0x64);

Deno.bench("parsePacket: data", () => {
  parsePacket(datagram);
});

Deno.bench("parsePacket: noise", () => {
  parsePacket(noise);
});

Deno.bench("encodePacket: a selective ack", () => {
  encodePacket({ ...header, type: "state", selectiveAck: noise.subarray(0, 32) });
});

/** Hands over what each has to send to the other, until both are silent. */
function exchange(a: Multiplexer, b: Multiplexer, now: number): Stream | undefined {
  let opened: Stream | undefined;
  for (let isBusy = true; isBusy;) {
    isBusy = false;
    for (const [from, to, address] of [[a, b, HERE], [b, a, THERE]] as const) {
      for (const effect of from.drain()) {
        if (effect.kind === "opened") opened = effect.stream;
        if (effect.kind !== "send") continue;
        to.handleDatagram(effect.bytes, address, now);
        isBusy = true;
      }
    }
  }
  return opened;
}

Deno.bench(`${PACKET_COUNT} packets from one stream to another, in memory`, () => {
  let now = 0;
  const options = { random: new SeededRandom(1), now, isAccepting: () => true };
  const a = new Multiplexer(options), b = new Multiplexer(options);
  const ours = a.connect(THERE, 3_000, now)!;
  exchange(a, b, now);
  const bytes = new Uint8Array(PACKET_COUNT * PAYLOAD_LENGTH), buffer = new Uint8Array(65_536);
  ours.write(bytes);
  a.touch(ours, now);
  let theirs: Stream | undefined, received = 0;
  while (received < bytes.length) {
    theirs = exchange(a, b, now) ?? theirs;
    for (let length; (length = theirs!.read(buffer, now)) > 0;) received += length;
    now += 1;
    for (const end of [a, b]) if (end.deadline() <= now) end.handleTimeout(now);
  }
  assert(received === bytes.length);
});
