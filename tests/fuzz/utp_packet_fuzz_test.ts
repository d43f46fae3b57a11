import { deepStrictEqual, ok } from "node:assert/strict";
import { concatBytes } from "../../src/base/bytes.ts";
import { encodePacket, parsePacket } from "../../src/utp/packet.ts";
import { LinkedPair } from "../utp/linked_pair.ts";
import { fuzz } from "./mutation.ts";

const CORPUS = "utp_packet";
/** Packets that one datagram can make us send at once: what was lost, within the window. */
const MAX_ANSWERS = 512;

Deno.test("fuzz: parsePacket() never throws, and what it takes can be written and read again", () => {
  fuzz({
    corpus: CORPUS,
    runs: 10_000,
    check(input) {
      const packet = parsePacket(input);
      if (packet === undefined) return;
      const { payload, selectiveAck } = packet;
      ok(payload.length + selectiveAck.length + 20 <= input.length);
      deepStrictEqual(parsePacket(concatBytes(encodePacket(packet), payload)), packet);
    },
  });
});

Deno.test("fuzz: Multiplexer survives any packet to a connection, and answers within bounds", () => {
  const pair = new LinkedPair({ link: { latencyMs: 1 } });
  let shownUs = 0; // The last that b's clock showed to a: whoever does not know it is not heard.
  pair.onPacket = (bytes, from) => {
    if (from === pair.b) shownUs = parsePacket(bytes)!.timestampUs;
    return true;
  };
  let { ours, theirs } = pair.open();
  fuzz({
    corpus: CORPUS,
    runs: 10_000,
    check(input, random) {
      // Most are to the connection, and fit it but for what was changed in them.
      const datagram = input.slice();
      if (datagram.length >= 20 && random.below(8) > 0) {
        const view = new DataView(datagram.buffer);
        view.setUint16(2, theirs.receiveId);
        view.setUint32(4, shownUs + view.getUint32(8));
        view.setUint16(16, view.getUint16(16) + random.below(40));
      }
      if (theirs.isWritable && theirs.isWritten) theirs.write(random.bytes(random.below(5_000)));
      pair.b.multiplexer.touch(theirs, pair.now);
      const { sent } = pair.b;
      pair.spoof(datagram, pair.a.endpoint);
      pair.run(() => true, 0);
      ok(pair.b.sent - sent <= MAX_ANSWERS);
      ok(pair.b.multiplexer.size <= 500 && theirs.unreadBytes <= 2 * 1024 * 1024);
      pair.run(() => false, random.below(30));
      if (theirs.end === undefined && ours.end === undefined) return;
      pair.b.opened.length = 0;
      ({ ours, theirs } = pair.open());
    },
  });
});
