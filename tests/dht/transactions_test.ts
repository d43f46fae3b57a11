import { deepStrictEqual, notDeepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { type Random, SeededRandom } from "../../src/base/ambient.ts";
import { Transactions } from "../../src/dht/transactions.ts";

const ASKED = { host: "192.0.2.1", port: 6881 };

function create(): Transactions<string> {
  return new Transactions({ random: new SeededRandom(1) });
}

Deno.test("H2 take() gives a query to the answer with its id from the endpoint asked, once", () => {
  const transactions = create();
  const { id } = transactions.begin(ASKED, "ping", 0);
  for (const length of [0, 1, 3, 5, 20]) {
    strictEqual(transactions.take(new Uint8Array(length), ASKED, 10), undefined);
  }
  strictEqual(transactions.take(id.map((byte) => byte ^ 1), ASKED, 10), undefined);
  for (const other of [{ ...ASKED, port: 6882 }, { ...ASKED, host: "192.0.2.2" }]) {
    strictEqual(transactions.take(id, other, 10), undefined);
  }
  strictEqual(transactions.take(id, ASKED, 10), "ping");
  strictEqual(transactions.take(id, ASKED, 10), undefined);
  strictEqual(transactions.size, 0);
});

Deno.test("begin() never uses the id of a query under way", () => {
  const random: Random = new SeededRandom(3);
  const drawn = [Uint8Array.of(0, 0, 0, 7), Uint8Array.of(0, 0, 0, 7), Uint8Array.of(0, 0, 0, 8)];
  random.bytes = () => drawn.shift()!;
  const transactions = new Transactions<number>({ random });
  notDeepStrictEqual(transactions.begin(ASKED, 1, 0).id, transactions.begin(ASKED, 2, 0).id);
});

Deno.test("expire() tells of a query first that it is slow, then that it is lost", () => {
  const transactions = create();
  const { id } = transactions.begin(ASKED, "a", 1_000);
  strictEqual(transactions.deadline(), 1_600);
  deepStrictEqual(transactions.expire(1_599), { slow: [], lost: [] });
  deepStrictEqual(transactions.expire(1_600), { slow: ["a"], lost: [] });
  deepStrictEqual(transactions.expire(1_601), { slow: [], lost: [] });
  strictEqual(transactions.deadline(), 9_000);
  deepStrictEqual(transactions.expire(9_000), { slow: [], lost: ["a"] });
  strictEqual(transactions.take(id, ASKED, 9_001), undefined);
  strictEqual(transactions.deadline(), undefined);
});

Deno.test("take() accepts the answer to a slow query", () => {
  const transactions = create();
  const { id } = transactions.begin(ASKED, "a", 0);
  transactions.expire(5_000);
  strictEqual(transactions.take(id, ASKED, 7_999), "a");
});

Deno.test("expire() calls slow what takes three usual round trips, within bounds", () => {
  for (const [roundTripMs, slowAfterMs] of [[1, 150], [100, 300], [5_000, 1_000]] as const) {
    const transactions = create();
    for (let n = 0; n < 100; n++) {
      const { id } = transactions.begin(ASKED, "a", 0);
      transactions.take(id, ASKED, roundTripMs);
    }
    transactions.begin(ASKED, "b", 0);
    ok(Math.abs(transactions.deadline()! - slowAfterMs) < 2, `${transactions.deadline()}`);
  }
});

Deno.test("begin() has room for 512 queries", () => {
  const transactions = create();
  for (let n = 0; n < 512; n++) {
    strictEqual(transactions.isFull, false);
    transactions.begin({ ...ASKED, port: n + 1 }, "a", n);
  }
  strictEqual(transactions.isFull, true);
  throws(() => transactions.begin(ASKED, "a", 512), /no more queries/);
  strictEqual(transactions.deadline(), 600);
});
