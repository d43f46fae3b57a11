import { deepStrictEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { SeededRandom } from "../../src/base/ambient.ts";
import { PeerPool } from "../../src/tracker/peer_pool.ts";
import { peerId } from "./announce_samples.ts";

function endpoint(port: number) {
  return { host: "10.0.0.1", port };
}

function pooled(port: number, isSeeder = false, expiresAt = 100) {
  return { endpoint: endpoint(port), peerId, isSeeder, expiresAt };
}

function sample(pool: PeerPool, count: number, except = 0, leechersOnly = false): number[] {
  return pool.sample(count, { except: endpoint(except), leechersOnly }, new SeededRandom(1))
    .map((peer) => peer.endpoint.port).toSorted();
}

Deno.test("PeerPool keeps one peer an endpoint, and counts the seeders", () => {
  const pool = new PeerPool();
  equal(pool.put(pooled(1)), false);
  equal(pool.put(pooled(2, true)), false);
  equal(pool.put(pooled(1, true)), false);
  equal(pool.put(pooled(1, true)), true);
  deepStrictEqual([pool.size, pool.seederCount], [2, 2]);
  equal(pool.put(pooled(2)), true);
  deepStrictEqual([pool.size, pool.seederCount], [2, 1]);
  ok(pool.has(endpoint(2)) && !pool.has(endpoint(3)));
  equal(pool.remove(endpoint(3)), false);
  equal(pool.remove(endpoint(1)), true);
  deepStrictEqual([pool.size, pool.seederCount], [1, 0]);
});

Deno.test("PeerPool.sample() gives each peer at most once, and not who asks", () => {
  const pool = new PeerPool();
  for (let port = 1; port <= 10; port++) pool.put(pooled(port, port % 2 === 0));
  deepStrictEqual(sample(pool, 100, 3).length, 9);
  ok(!sample(pool, 100, 3).includes(3));
  equal(sample(pool, 4).length, 4);
  deepStrictEqual(sample(pool, 0), []);
  deepStrictEqual(sample(pool, 100, 0, true), [1, 3, 5, 7, 9]);
  deepStrictEqual(sample(new PeerPool(), 5), []);
});

Deno.test("PeerPool.sample() begins anywhere", () => {
  const pool = new PeerPool();
  for (let port = 1; port <= 100; port++) pool.put(pooled(port));
  const random = new SeededRandom(2);
  const seen = new Set<number>();
  for (let round = 0; round < 200; round++) {
    const options = { except: endpoint(1), leechersOnly: false };
    for (const peer of pool.sample(5, options, random)) seen.add(peer.endpoint.port);
  }
  equal(seen.size, 99);
});

Deno.test("PeerPool.expire() removes who is gone", () => {
  const pool = new PeerPool();
  for (let port = 1; port <= 10; port++) pool.put(pooled(port, true, port * 10));
  equal(pool.expire(50), 5);
  deepStrictEqual(sample(pool, 10), [10, 6, 7, 8, 9]);
  equal(pool.seederCount, 5);
});

Deno.test("PeerPool stays true to a plain Map whatever happens", () => {
  const step = fc.record({
    what: fc.constantFrom("put", "remove", "removeAny", "expire"),
    port: fc.integer({ min: 1, max: 8 }),
    isSeeder: fc.boolean(),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), fc.nat(), (steps, seed) => {
    const random = new SeededRandom(seed);
    const pool = new PeerPool();
    const model = new Map<number, { isSeeder: boolean; expiresAt: number }>();
    for (const [now, { what, port, isSeeder }] of steps.entries()) {
      if (what === "put") {
        pool.put(pooled(port, isSeeder, now + 20));
        model.set(port, { isSeeder, expiresAt: now + 20 });
      } else if (what === "remove") equal(pool.remove(endpoint(port)), model.delete(port));
      else if (what === "removeAny" && pool.size > 0) {
        pool.removeAny(random);
        for (const key of model.keys()) if (!pool.has(endpoint(key))) model.delete(key);
      } else if (what === "expire") {
        const gone = [...model].filter(([, peer]) => peer.expiresAt <= now);
        equal(pool.expire(now), gone.length);
        for (const [key] of gone) model.delete(key);
      }
      equal(pool.size, model.size);
      equal(pool.seederCount, [...model.values()].filter((peer) => peer.isSeeder).length);
      deepStrictEqual(sample(pool, 100), [...model.keys()].toSorted());
    }
  }));
});
