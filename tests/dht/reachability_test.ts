import { strictEqual } from "node:assert/strict";
import { Reachability } from "../../src/dht/reachability.ts";

const MINUTE = 60_000;
const ASKED = { host: "198.51.100.1", port: 6881 };
const STRANGER = { host: "203.0.113.1", port: 6881 };
const NEIGHBOUR = { host: "192.168.1.2", port: 6881 };

function create(isKnown = () => false): Reachability {
  return new Reachability({ now: 0, isKnown });
}

Deno.test("isReadOnly() is true but for trials of three minutes every half hour (BEP 43)", () => {
  const reachability = create();
  for (
    const [minutes, expected] of [
      [0, true],
      [1.9, true],
      [2, false],
      [4.9, false],
      [5, true],
      [31.9, true],
      [32, false],
      [35, true],
      [62, false],
    ] as const
  ) strictEqual(reachability.isReadOnly(minutes * MINUTE), expected, `after ${minutes} min`);
});

Deno.test("handleQuery() takes a query of a stranger as proof for half an hour", () => {
  const reachability = create();
  reachability.handleQuery(STRANGER, 10 * MINUTE);
  strictEqual(reachability.isReadOnly(10 * MINUTE), false);
  strictEqual(reachability.isReadOnly(39.9 * MINUTE), false);
  strictEqual(reachability.isReadOnly(40 * MINUTE), true);
});

Deno.test("handleQuery() takes nothing for proof that a NAT may have let in as an answer", () => {
  const reachability = create();
  reachability.handleSent(ASKED, 0);
  reachability.handleQuery({ ...ASKED, port: 1_024 }, 9.9 * MINUTE);
  strictEqual(reachability.isReadOnly(9.9 * MINUTE), true);
  reachability.handleQuery(ASKED, 10 * MINUTE);
  strictEqual(reachability.isReadOnly(10 * MINUTE), false);
});

Deno.test("handleQuery() takes neighbours for proof while nobody else has answered", () => {
  const alone = create();
  alone.handleSent(NEIGHBOUR, 0);
  alone.handleQuery(NEIGHBOUR, 1_000);
  strictEqual(alone.isReadOnly(1_000), true);
  alone.handleQuery({ ...NEIGHBOUR, port: 6882 }, 1_000);
  strictEqual(alone.isReadOnly(1_000), false);
  const online = create();
  online.handleAnswer(NEIGHBOUR);
  online.handleAnswer(ASKED);
  online.handleQuery(NEIGHBOUR, 1_000);
  strictEqual(online.isReadOnly(1_000), true);
});

Deno.test("isReadOnly() is false as long as the program knows that we can be reached", () => {
  let isKnown = false;
  const reachability = create(() => isKnown);
  strictEqual(reachability.isReadOnly(0), true);
  isKnown = true;
  strictEqual(reachability.isReadOnly(0), false);
});

Deno.test("handleSent() remembers 4,096 hosts, and then trusts no query for a while", () => {
  const reachability = create();
  for (let n = 0; n < 4_097; n++) {
    reachability.handleSent({ host: `198.51.${n >> 8}.${n & 255}`, port: 6881 }, n);
  }
  reachability.handleQuery({ host: "198.51.0.0", port: 6881 }, 9 * MINUTE);
  strictEqual(reachability.isReadOnly(9 * MINUTE), true);
  reachability.handleQuery(STRANGER, 10 * MINUTE);
  strictEqual(reachability.isReadOnly(10 * MINUTE), false);
});
