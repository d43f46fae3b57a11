import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { SeededRandom } from "../../src/base/ambient.ts";
import type { NodeId } from "../../src/base/ids.ts";
import type { NodeInfo } from "../../src/dht/compact_node.ts";
import type { Candidate } from "../../src/dht/ladder.ts";
import { Lookup } from "../../src/dht/lookup.ts";
import { compareDistance, createNodeId } from "../../src/dht/node_id.ts";

const TARGET = new Uint8Array(20);

/** A node on this machine, farther from the target the larger `distance` (below 65,536) is. */
function node(distance: number, host = "127.0.0.1"): NodeInfo {
  const id = new Uint8Array(20) as NodeId;
  id[0] = distance >> 8;
  id[1] = distance & 255;
  return { id, endpoint: { host, port: 10_000 + distance } };
}

function distanceOf({ id }: NodeInfo): number {
  return id[0]! * 256 + id[1]!;
}

/** Asks all that may be asked now. */
function askAll(lookup: Lookup): Candidate[] {
  const asked: Candidate[] = [];
  for (let next = lookup.next(); next !== undefined; next = lookup.next()) asked.push(next);
  return asked;
}

Deno.test("next() gives the closest eight at first, and four at a time once some have answered", () => {
  const lookup = new Lookup(TARGET, "ipv4");
  lookup.add(Array.from({ length: 20 }, (_, n) => node(20 - n)));
  const first = askAll(lookup);
  deepStrictEqual(first.map(distanceOf), [1, 2, 3, 4, 5, 6, 7, 8]);
  for (const candidate of first.slice(0, 3)) lookup.handleAnswer(candidate, undefined);
  deepStrictEqual(askAll(lookup), []);
  for (const candidate of first.slice(3, 6)) lookup.handleSlow(candidate);
  deepStrictEqual(askAll(lookup).map(distanceOf), [9, 10]);
});

Deno.test("a lookup is done when the closest eight have answered, and announces to them", () => {
  const lookup = new Lookup(TARGET, "ipv4");
  lookup.add(Array.from({ length: 20 }, (_, n) => node(n + 1)));
  for (const candidate of askAll(lookup)) {
    strictEqual(lookup.isDone, false);
    lookup.handleAnswer(candidate, Uint8Array.of(distanceOf(candidate)));
  }
  strictEqual(lookup.isDone, true);
  deepStrictEqual(askAll(lookup), []);
  deepStrictEqual(lookup.announceTargets().map(({ token }) => token[0]), [1, 2, 3, 4, 5, 6, 7, 8]);
});

Deno.test("who is slow is asked once more, when nobody else is left, and then given up", () => {
  const lookup = new Lookup(TARGET, "ipv4");
  lookup.add([node(1), node(2)]);
  const [first, second] = askAll(lookup);
  lookup.handleSlow(first!);
  lookup.handleAnswer(second!, undefined);
  deepStrictEqual(askAll(lookup), [first]);
  lookup.handleSlow(first!);
  deepStrictEqual(askAll(lookup), []);
  strictEqual(lookup.isDone, true);
  lookup.handleLost(first!);
  lookup.handleAnswer(first!, Uint8Array.of(1));
  strictEqual(lookup.answered, 2);
});

Deno.test("H8 nodes named by a misleader wait behind all others", () => {
  const lookup = new Lookup(TARGET, "ipv4");
  lookup.add([node(500), node(600)]);
  const [liar, honest] = askAll(lookup);
  lookup.handleAnswer(liar!, undefined);
  lookup.add(Array.from({ length: 20 }, (_, n) => node(n + 1)), liar);
  for (const invented of askAll(lookup)) lookup.handleLost(invented);
  lookup.handleAnswer(honest!, undefined);
  lookup.add([node(400)], honest);
  const asked = askAll(lookup).map(distanceOf);
  ok(asked.includes(400), `asked ${asked}`);
  const before = asked.indexOf(400);
  ok(before <= 1, `asked ${asked}`);
});

Deno.test("H8 an id does not belong to who names it first", () => {
  const lookup = new Lookup(TARGET, "ipv4");
  const real = node(1), false_ = { ...real, endpoint: { host: "127.0.0.9", port: 9 } };
  lookup.add([false_, real, real]);
  strictEqual(askAll(lookup).length, 2);
});

Deno.test("H5 made-up ids neither keep a lookup from its end nor get what is announced", () => {
  const random = new SeededRandom(4);
  const lookup = new Lookup(TARGET, "ipv4");
  const proper = Array.from({ length: 12 }, (_, n) => {
    const host = `20.${n}.3.4`;
    return { id: createNodeId(host, random), endpoint: { host, port: 6881 } };
  });
  const madeUp = Array.from({ length: 30 }, (_, n) => node(n + 1, `30.${n}.3.4`));
  lookup.add([...madeUp, ...proper]);
  const token = Uint8Array.of(1);
  for (let round = 0; round < 10; round++) {
    for (const candidate of askAll(lookup)) {
      if (candidate.endpoint.host.startsWith("20.")) lookup.handleAnswer(candidate, token);
    }
  }
  strictEqual(lookup.isDone, true);
  ok(lookup.announceTargets().every(({ endpoint }) => endpoint.host.startsWith("20.")));
  strictEqual(lookup.announceTargets().length, 8);
});

Deno.test("a lookup asks 120 nodes at most, whatever it is told", () => {
  const lookup = new Lookup(TARGET, "ipv4");
  lookup.add([node(60_000)]);
  let asked = 0, nearer = 50_000;
  while (!lookup.isDone) {
    const candidates = askAll(lookup);
    asked += candidates.length;
    ok(candidates.length > 0 && asked <= 120);
    for (const candidate of candidates) {
      lookup.handleAnswer(candidate, undefined);
      lookup.add(Array.from({ length: 8 }, () => node(nearer--)), candidate);
    }
  }
  strictEqual(asked, 120);
});

Deno.test("a lookup ends, having asked nobody thrice, with the closest of those that answer", () => {
  const fate = fc.constantFrom("answers", "answers", "late", "lost");
  fc.assert(fc.property(fc.uniqueArray(fc.nat(9_999), { maxLength: 80 }), fc.infiniteStream(fate), (
    distances,
    fates,
  ) => {
    const lookup = new Lookup(TARGET, "ipv4");
    lookup.add(distances.map((distance) => node(distance)));
    const tries = new Map<number, number>();
    const answered = new Set<number>();
    for (let turns = 0; !lookup.isDone; turns++) {
      ok(turns < 1_000, "it ends");
      for (const candidate of askAll(lookup)) {
        const distance = distanceOf(candidate);
        tries.set(distance, (tries.get(distance) ?? 0) + 1);
        const { value } = fates.next();
        if (value !== "answers") lookup.handleSlow(candidate);
        if (value === "lost") lookup.handleLost(candidate);
        else if (value === "answers") {
          lookup.handleAnswer(candidate, Uint8Array.of(1));
          answered.add(distance);
        }
      }
    }
    ok([...tries.values()].every((count) => count <= 2));
    strictEqual(lookup.answered, answered.size);
    const expected = [...answered].toSorted((a, b) => a - b).slice(0, 8);
    deepStrictEqual(lookup.announceTargets().map(distanceOf), expected);
    const sorted = lookup.announceTargets().toSorted((a, b) => compareDistance(TARGET, a.id, b.id));
    deepStrictEqual(lookup.announceTargets(), sorted);
  }));
});
