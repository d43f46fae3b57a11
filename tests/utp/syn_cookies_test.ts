import { deepStrictEqual, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import { SynCookies } from "../../src/utp/syn_cookies.ts";
import { packetOf } from "./samples.ts";

const PEER = { host: "192.0.2.1", port: 6881 };
const SYN = packetOf({ type: "syn", connectionId: 0xffff, sequenceNumber: 0xfffe });
const synCookies = new SynCookies({ random: new SeededRandom(1) });

/** The packet of data `place` after the SYN that was answered with `firstSequence`. */
function dataOf(firstSequence: number, place = 1, now = 0) {
  return packetOf({
    timestampUs: synCookies.clock(SYN.connectionId, PEER).at(now),
    type: "data",
    connectionId: (SYN.connectionId + 1) & 0xffff,
    sequenceNumber: (SYN.sequenceNumber + place) & 0xffff,
    ackNumber: (firstSequence - 1) & 0xffff,
  });
}

Deno.test("openedBy() knows the first packets after a SYN, and what the SYN said", () => {
  const firstSequence = synCookies.firstSequence(SYN, PEER, 0);
  const clock = synCookies.clock(SYN.connectionId, PEER);
  const opened = { synSequence: SYN.sequenceNumber, firstSequence, clock };
  const rows: [place: number, opened: unknown][] = [
    [0, undefined],
    [1, opened],
    [2, opened],
    [3, undefined],
    [-1, undefined],
  ];
  for (const [place, expected] of rows) {
    deepStrictEqual(
      synCookies.openedBy(dataOf(firstSequence, place), PEER, 0),
      expected,
      `place ${place}`,
    );
  }
});

Deno.test("openedBy() knows nobody else, and nobody for long", () => {
  const firstSequence = synCookies.firstSequence(SYN, PEER, 9_999);
  const data = dataOf(firstSequence, 1, 10_000);
  ok(synCookies.openedBy(data, PEER, 19_999));
  strictEqual(synCookies.openedBy(data, PEER, 20_000), undefined);
  strictEqual(synCookies.openedBy(data, { ...PEER, port: 6882 }, 9_999), undefined);
  strictEqual(synCookies.openedBy(data, { ...PEER, host: "192.0.2.9" }, 9_999), undefined);
  strictEqual(synCookies.openedBy({ ...data, connectionId: 5 }, PEER, 9_999), undefined);
  const others = new SynCookies({ random: new SeededRandom(2) });
  strictEqual(others.openedBy(data, PEER, 9_999), undefined);
});

Deno.test("P33 whoever guesses opens next to nothing", () => {
  let opened = 0;
  for (let guess = 0; guess < 0x1_0000; guess += 16) {
    if (synCookies.openedBy(dataOf(guess), PEER, 0) !== undefined) opened++;
  }
  ok(opened <= 2, `${opened} of 4,096`);
});

Deno.test("P33 openedBy() knows nobody who does not know our clock", () => {
  const firstSequence = synCookies.firstSequence(SYN, PEER, 0);
  const data = dataOf(firstSequence);
  const others = synCookies.clock(SYN.connectionId, { ...PEER, port: 6882 });
  for (const timestampUs of [0, others.at(0), (data.timestampUs + 2_000_000) >>> 0]) {
    strictEqual(synCookies.openedBy({ ...data, timestampUs }, PEER, 0), undefined);
  }
});

Deno.test("firstSequence() follows the SYN, so that each has its own", () => {
  const first = synCookies.firstSequence(SYN, PEER, 0);
  const next = { ...SYN, sequenceNumber: 0xffff };
  strictEqual(synCookies.firstSequence(next, PEER, 0), (first + 1) & 0xffff);
  notStrictEqual(synCookies.firstSequence({ ...SYN, connectionId: 1 }, PEER, 0), first);
});
