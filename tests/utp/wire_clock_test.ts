import { notStrictEqual, ok, strictEqual } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import { WireClock } from "../../src/utp/wire_clock.ts";
import { packetOf } from "./samples.ts";

/** A packet of a peer whose clock shows so much more than ours, 10 ms there and 20 ms back. */
function answerTo(clock: WireClock, sentAt: number, aheadUs: number, heldMs = 0) {
  return packetOf({
    timestampUs: (clock.at(sentAt + 10 + heldMs) + aheadUs) >>> 0,
    timestampDifferenceUs: (10_000 + aheadUs) >>> 0,
  });
}

Deno.test("isKnownTo() is true of whoever heard us, whatever its clock shows and ours", () => {
  for (const offsetUs of [0, 1, 2 ** 31, 2 ** 32 - 1]) {
    const clock = new WireClock(offsetUs);
    for (const aheadUs of [0, 5, 2 ** 31, 2 ** 32 - 20_000]) {
      for (const heldMs of [0, 25_000, 3_600_000]) {
        const packet = answerTo(clock, 1_000, aheadUs, heldMs);
        ok(clock.isKnownTo(packet, 1_030 + heldMs), `${offsetUs} ${aheadUs} ${heldMs}`);
      }
    }
  }
});

Deno.test("isKnownTo() is false of a packet that took over 30 seconds, or left in a second", () => {
  const clock = new WireClock(2 ** 32 - 1);
  const rows: [timestampMs: number, isKnown: boolean][] = [
    [100_000, true],
    [70_001, true],
    [69_999, false],
    [100_999, true],
    [101_001, false],
  ];
  for (const [timestampMs, isKnown] of rows) {
    const packet = packetOf({ timestampUs: clock.at(timestampMs) });
    strictEqual(clock.isKnownTo(packet, 100_000), isKnown, `${timestampMs}`);
  }
});

Deno.test("P33 isKnownTo() is true of few that guess", () => {
  const clock = new WireClock(123_456_789);
  let known = 0;
  for (let guess = 0; guess < 2 ** 32; guess += 2 ** 20) {
    if (clock.isKnownTo(packetOf({ timestampUs: guess }), 0)) known++;
  }
  ok(known < 4_096 / 128, `${known} of 4,096`);
});

Deno.test("WireClock.make() gives each its own", () => {
  const random = new SeededRandom(1);
  notStrictEqual(WireClock.make(random).at(0), WireClock.make(random).at(0));
});
