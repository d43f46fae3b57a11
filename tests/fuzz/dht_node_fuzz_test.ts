import { ok } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import type { InfoHash } from "../../src/base/ids.ts";
import { DhtNode } from "../../src/dht/node.ts";
import { fuzz } from "./mutation.ts";

const ROUTER = { host: "203.0.113.1", port: 6881 };
/** Of one search and its upkeep, some seconds long. */
const MAX_SENT_AT_ONCE = 64;

Deno.test("fuzz: DhtNode takes any datagram, as an answer too, and sends a bounded lot", () => {
  const random = new SeededRandom(1);
  const options = { families: ["ipv4", "ipv6"] as const, random, now: 0, isReachable: () => true };
  const node = new DhtNode(options);
  node.addContacts([ROUTER], 0);
  const wants = { portFor: () => 7_000, isSeed: () => false, isHungry: () => true };
  node.search(new Uint8Array(20).fill(7) as InfoHash, wants, 0);
  let now = 0;
  let asked: { bytes: Uint8Array; to: { host: string; port: number } } | undefined;
  fuzz({
    corpus: "krpc",
    runs: 10_000,
    check(input) {
      now += 50;
      const from = asked?.to ?? ROUTER;
      node.handleDatagram(asked === undefined ? input : answering(input, asked.bytes), from, now);
      if (now >= node.deadline()) node.handleTimeout(now);
      const sent = node.drain().filter((effect) => effect.kind === "send");
      ok(sent.length <= MAX_SENT_AT_ONCE, `${sent.length} datagrams at once`);
      ok(sent.every(({ bytes }) => bytes.length <= 1_400));
      asked = sent.at(-1);
    },
  });
});

/** The input with the transaction of a query in the place of its own, where it is as long. */
function answering(input: Uint8Array, query: Uint8Array): Uint8Array {
  const text = (bytes: Uint8Array) => String.fromCharCode(...bytes);
  const transaction = /1:t4:([\s\S]{4})/.exec(text(query))?.[1];
  if (transaction === undefined) return input;
  const changed = text(input).replace(/1:t\d+:[\s\S]*?1:y/, `1:t4:${transaction}1:y`);
  return Uint8Array.from(changed, (character) => character.charCodeAt(0));
}
