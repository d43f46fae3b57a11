import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import { MIN_CHOKE_PERIOD_MS, type SlotPeer, UploadSlots } from "../../src/peer/upload_slots.ts";

function peer(key: number, isInterested = true): SlotPeer {
  return {
    key,
    isInterested,
    isUnchoked: false,
    joinedAt: 0,
    changedAt: -Infinity,
    downloadRate: 0,
    uploadRate: 0,
  };
}

Deno.test("unchoke() gives away as many slots as there are", () => {
  const slots = new UploadSlots(2);
  deepStrictEqual([0, 1, 2].map((key) => slots.unchoke(peer(key), 0)), [true, true, false]);
  strictEqual(slots.free(0), 0);
});

Deno.test("P19 choke() and unchoke() change a peer at most every ten seconds", () => {
  const slots = new UploadSlots(1);
  const only = peer(1);
  ok(slots.unchoke(only, 0));
  ok(!slots.choke(only, MIN_CHOKE_PERIOD_MS - 1));
  ok(slots.choke(only, MIN_CHOKE_PERIOD_MS));
  ok(!slots.unchoke(only, 2 * MIN_CHOKE_PERIOD_MS - 1));
  ok(slots.unchoke(only, 2 * MIN_CHOKE_PERIOD_MS));
});

Deno.test("free() keeps the place of a peer that lost interest and cannot be choked yet", () => {
  const slots = new UploadSlots(1);
  const fickle = peer(1);
  slots.unchoke(fickle, 0);
  fickle.isInterested = false;
  strictEqual(slots.free(1), 0);
  strictEqual(slots.free(MIN_CHOKE_PERIOD_MS), 1);
});

Deno.test("unchoke() takes an uninterested peer only if another could make way for it", () => {
  const slots = new UploadSlots(1);
  slots.unchoke(peer(1), 0);
  ok(!slots.unchoke(peer(2, false), MIN_CHOKE_PERIOD_MS - 1));
  ok(slots.unchoke(peer(2, false), MIN_CHOKE_PERIOD_MS));
  ok(!slots.unchoke(peer(3, false), MIN_CHOKE_PERIOD_MS));
});

Deno.test("no peers can make UploadSlots overfull so that nobody may be choked for it", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = new SeededRandom(seed);
    const count = 1 + random.below(4);
    const slots = new UploadSlots(count);
    const peers = Array.from({ length: 8 }, (_, key) => peer(key, random.below(2) === 0));
    for (let step = 0, now = 0; step < 200; step++, now += random.below(4_000)) {
      const chosen = peers[random.below(peers.length)]!;
      const action = random.below(4);
      if (action === 0) slots.unchoke(chosen, now);
      else if (action === 1) slots.choke(chosen, now);
      else chosen.isInterested = !chosen.isInterested;
      while (slots.isOverfull) {
        const victim = [...slots.unchoked].find((one) =>
          one.isInterested && slots.isChangeable(one, now)
        );
        ok(victim !== undefined && slots.choke(victim, now), `seed ${seed}, step ${step}`);
      }
      strictEqual([...slots.unchoked].filter((one) => one.isInterested).length <= count, true);
    }
  }
});
