import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import type { InfoHash } from "../../src/base/ids.ts";
import { Search } from "../../src/dht/search.ts";

const MINUTE = 60_000;
const MANY = 20, FEW = 3;

function create(port: number | undefined, wants: { isHungry: boolean }): Search {
  return new Search(new Uint8Array(20) as InfoHash, {
    portFor: port === undefined ? undefined : () => port,
    isSeed: () => false,
    isHungry: () => wants.isHungry,
  });
}

/** When its rounds begin, in seconds, if each lasts a second and so many nodes answer it. */
function starts(search: Search, answered: number, untilMs: number): number[] {
  const random = new SeededRandom(1);
  const found: number[] = [];
  for (let now = 0; now <= untilMs; now += 1_000) {
    if ((search.dueAt ?? Infinity) > now) continue;
    search.begin(now);
    strictEqual(search.dueAt, undefined);
    search.end(answered, random, now + 1_000);
    found.push(now / 1_000);
  }
  return found;
}

Deno.test("dueAt begins at once, and again ever more rarely while peers are wanted", () => {
  const search = create(undefined, { isHungry: true });
  deepStrictEqual(starts(search, MANY, 20 * MINUTE), [0, 15, 45, 105, 225, 465, 765, 1_065]);
});

Deno.test("dueAt is every 15 to 25 minutes when we only announce ourselves", () => {
  const times = starts(create(7_000, { isHungry: false }), MANY, 120 * MINUTE);
  ok(times.length >= 5 && times.length <= 9, `${times}`);
  for (const [index, time] of times.slice(1).entries()) {
    const pause = time - times[index]!;
    ok(pause >= 15 * 60 && pause <= 25 * 60 + 2, `${times}`);
  }
});

Deno.test("dueAt is undefined when nothing is wanted, until it is", () => {
  const wants = { isHungry: false };
  const search = create(undefined, wants);
  strictEqual(search.dueAt, undefined);
  wants.isHungry = true;
  strictEqual(search.dueAt! <= 0, true);
});

Deno.test("dueAt comes sooner where few nodes answer, and at most every minute in the end", () => {
  const times = starts(create(7_000, { isHungry: true }), FEW, 10 * MINUTE);
  deepStrictEqual(times.slice(0, 6), [0, 4, 12, 28, 60, 120]);
  deepStrictEqual(times.at(-1)! - times.at(-2)!, 60);
});

Deno.test("H12 dueAt backs off to a minute when nobody answers, and hasten() ends that", () => {
  const search = create(undefined, { isHungry: true });
  deepStrictEqual(starts(search, 0, 5 * MINUTE), [0, 2, 5, 10, 19, 36, 69, 130, 191, 252]);
  ok(search.dueAt! > 5 * MINUTE);
  search.hasten(5 * MINUTE);
  strictEqual(search.dueAt, 5 * MINUTE);
});

Deno.test("news() leaves out what this round has told", () => {
  const search = create(undefined, { isHungry: true });
  const [a, b] = [{ host: "192.0.2.1", port: 1_000 }, { host: "192.0.2.1", port: 1_001 }];
  search.begin(0);
  deepStrictEqual(search.news([a!, a!, b!]), [a, b]);
  deepStrictEqual(search.news([b!]), []);
  search.end(MANY, new SeededRandom(1), 0);
  search.begin(0);
  deepStrictEqual(search.news([b!]), [b]);
});

Deno.test("asked and answered count every node once", () => {
  const search = create(undefined, { isHungry: true });
  const nodes = ["10.0.0.1", "10.0.0.2"].map((host) => ({ host, port: 6_881 }));
  for (const node of [...nodes, ...nodes]) search.handleAsked(node);
  search.handleAnswered(nodes[0]!);
  search.handleAnswered(nodes[0]!);
  deepStrictEqual([search.asked, search.answered], [2, 1]);
});
