import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import { type ChokeChange, Choker } from "../../src/peer/choker.ts";

const TICK_MS = 500;
const ROUND_MS = 10_000;

/** What a simulated peer does; bytes a second. */
interface Conduct {
  gives?: number;
  takes?: number;
  isInterested?: boolean;
  isSnubbing?: boolean;
  hasRequests?: boolean;
}

/** A choker among peers that behave steadily; it checks the rules at every step. */
class Room {
  readonly choker: Choker;
  readonly #slots: number;
  readonly #conduct = new Map<number, Conduct>();
  readonly #joinedAt = new Map<number, number>();
  readonly #changedAt = new Map<number, number>();
  readonly unchoked = new Set<number>();
  /** Milliseconds that each peer was unchoked. */
  readonly time = new Map<number, number>();
  isSeed = false;
  now = 0;

  constructor(slots: number, seed = 1) {
    this.#slots = slots;
    this.choker = new Choker({ slots, random: new SeededRandom(seed) });
  }

  join(key: number, conduct: Conduct = {}): this {
    this.choker.join(key, this.now);
    this.#joinedAt.set(key, this.now);
    return this.set(key, conduct);
  }

  set(key: number, conduct: Conduct): this {
    this.#conduct.set(key, conduct);
    this.#apply(this.choker.setInterested(key, conduct.isInterested ?? true, this.now));
    return this;
  }

  leave(key: number): void {
    this.choker.leave(key);
    this.#conduct.delete(key);
    this.unchoked.delete(key);
  }

  pass(durationMs: number): this {
    for (const end = this.now + durationMs; this.now < end; this.now += TICK_MS) {
      const facts = [...this.#conduct].map(([key, conduct]) => {
        const seconds = (this.now - this.#joinedAt.get(key)!) / 1000;
        return {
          key,
          downloadedBytes: (conduct.gives ?? 0) * seconds,
          uploadedBytes: (conduct.takes ?? 0) * seconds,
          isSnubbing: conduct.isSnubbing ?? false,
          hasRequests: conduct.hasRequests ?? false,
        };
      });
      this.#apply(this.choker.tick(facts, this.isSeed, this.now));
      this.#checkNobodyWaits();
      for (const key of this.unchoked) this.time.set(key, (this.time.get(key) ?? 0) + TICK_MS);
    }
    return this;
  }

  get sorted(): number[] {
    return [...this.unchoked].toSorted((a, b) => a - b);
  }

  #apply(changes: readonly ChokeChange[]): void {
    for (const { key, choke } of changes) {
      ok(this.#conduct.has(key), `${key} is gone`);
      ok(this.now - (this.#changedAt.get(key) ?? -Infinity) >= ROUND_MS, `${key} changed too soon`);
      strictEqual(this.unchoked.has(key), choke, "every change is one");
      this.#changedAt.set(key, this.now);
      if (choke) this.unchoked.delete(key);
      else this.unchoked.add(key);
    }
    ok(this.#servedCount <= this.#slots, `${this.#servedCount} of ${this.#slots} slots`);
  }

  get #servedCount(): number {
    return [...this.unchoked].filter((key) => this.#isInterested(key)).length;
  }

  #isInterested(key: number): boolean {
    return this.#conduct.get(key)!.isInterested ?? true;
  }

  #checkNobodyWaits(): void {
    const mayChange = (key: number) =>
      this.now - (this.#changedAt.get(key) ?? -Infinity) >= ROUND_MS;
    const isReserved = [...this.unchoked].some((key) =>
      !this.#isInterested(key) && !mayChange(key)
    );
    if (this.#servedCount === this.#slots || isReserved) return;
    for (const key of this.#conduct.keys()) {
      const waits = this.#isInterested(key) && !this.unchoked.has(key) && mayChange(key);
      ok(!waits, `${key} waits, and a slot is free`);
    }
  }
}

Deno.test("setInterested() gives a free slot at once", () => {
  const room = new Room(2).join(1, { isInterested: false }).join(2).join(3);
  deepStrictEqual(room.sorted, [2, 3]);
});

Deno.test("setInterested() gives nothing when there are no slots", () => {
  deepStrictEqual(new Room(0).join(1).pass(60_000).sorted, []);
});

Deno.test("a slot that becomes free is given to whoever waits", () => {
  const room = new Room(1).join(1).join(2);
  deepStrictEqual(room.sorted, [1]);
  room.leave(1);
  deepStrictEqual(room.pass(TICK_MS).sorted, [2]);
});

Deno.test("tick() serves the fastest, and one more, while we download", () => {
  const room = new Room(4);
  for (let key = 1; key <= 10; key++) room.join(key, { gives: key <= 7 ? key * 1000 : 0 });
  room.pass(120_000);
  const before = new Map(room.time);
  room.pass(3_000_000);
  const gained = (key: number) => (room.time.get(key) ?? 0) - (before.get(key) ?? 0);
  for (const best of [5, 6, 7]) ok(gained(best) === 3_000_000, `${best}: ${gained(best)}`);
  for (const other of [1, 2, 3, 4, 8, 9, 10]) ok(gained(other) > 0, `${other} gets its turn`);
  for (const other of [1, 2, 3, 4, 8, 9, 10]) {
    ok(gained(other) < 1_000_000, `${other} has turns only`);
  }
});

Deno.test("tick() gives free riders the optimistic slot, and no other", () => {
  const room = new Room(4);
  for (let giver = 1; giver <= 6; giver++) room.join(giver, { gives: giver * 10_000 });
  const riders = [11, 12, 13];
  for (const rider of riders) room.join(rider);
  room.pass(3 * ROUND_MS); // slots that nobody had earned yet were anybody's
  for (let passedMs = 0; passedMs < 60 * ROUND_MS; passedMs += TICK_MS) {
    room.pass(TICK_MS);
    ok(riders.filter((rider) => room.unchoked.has(rider)).length <= 1);
  }
  ok(riders.some((rider) => room.time.get(rider)! > 0));
});

Deno.test("tick() moves the optimistic slot every 30 seconds", () => {
  for (const slots of [2, 4]) { // Of four, two are nobody's by right: they stay as long.
    const room = new Room(slots).join(1, { gives: 1000 });
    for (let key = 2; key <= 8; key++) room.join(key);
    room.pass(90_000);
    const seen: string[] = [];
    for (let round = 0; round < 12; round++) seen.push(`${room.pass(ROUND_MS).sorted}`);
    const changes = seen.filter((who, index) => index > 0 && who !== seen[index - 1]).length;
    ok(changes >= 3 && changes <= 4, seen.join(" "));
  }
});

Deno.test("tick() chokes no more peers than wait, whatever they give", () => {
  const gifts = [[0], [0, 0, 0], [1000, 0, 0], [1000, 2000, 0, 0]];
  for (const [count, gives] of gifts.entries()) {
    const idle = new Room(4);
    for (const [key, bytes] of gives.entries()) idle.join(key, { gives: bytes });
    idle.pass(300_000);
    deepStrictEqual([...idle.time.values()], gives.map(() => 300_000), `nobody waits: ${count}`);
  }
  const busy = new Room(4);
  for (let key = 1; key <= 5; key++) busy.join(key);
  busy.pass(TICK_MS);
  for (let steps = 0; steps < 600; steps++) strictEqual(busy.pass(TICK_MS).sorted.length, 4);
  for (let key = 1; key <= 5; key++) ok(busy.time.get(key)! > 120_000, `${key} has its turns`);
});

Deno.test("tick() draws a newcomer three times as often", () => {
  let newcomers = 0;
  const runs = 600;
  for (let seed = 1; seed <= runs; seed++) {
    const room = new Room(1, seed).join(0);
    for (let key = 1; key <= 3; key++) room.join(key);
    room.pass(65_000); // the four are old now
    room.join(9);
    const before = room.sorted[0];
    for (let step = 0; step < 60 && room.sorted[0] === before; step++) room.pass(TICK_MS);
    if (room.unchoked.has(9)) newcomers++;
  }
  // Three or so waiting, old; the newcomer has three tickets of six.
  ok(newcomers > runs * 0.4 && newcomers < runs * 0.6, `${newcomers} of ${runs}`);
});

Deno.test("P20 tick() gives no regular slot to a peer that snubs us", () => {
  const room = new Room(2).join(1, { gives: 9000, isSnubbing: true }).join(2, { gives: 10 });
  for (let key = 3; key <= 6; key++) room.join(key);
  room.pass(300_000);
  ok(room.time.get(2)! > 250_000);
  ok((room.time.get(1) ?? 0) < 150_000);
});

Deno.test("tick() unchokes a better peer before it is interested, and it displaces the worst", () => {
  const room = new Room(3).join(1).join(2, { gives: 200 }).join(3, { gives: 100 });
  room.join(4, { gives: 900, isInterested: false }).join(5, { gives: 50, isInterested: false });
  room.pass(40_000);
  deepStrictEqual(room.sorted, [1, 2, 3, 4], "it takes nobody's slot, and the slow one waits");
  room.set(4, { gives: 900 });
  deepStrictEqual(room.sorted, [2, 3, 4], "now it is interested, and has its slot");
});

/** Who makes way at a seed for peer 9, of three that came 5 s after each other. */
const WAYS: readonly (readonly [string, number, readonly Conduct[]])[] = [
  ["the slowest", 2, [{ takes: 300 }, { takes: 100 }, { takes: 200 }]],
  ["the slowest that waits for nothing", 3, [
    { takes: 300 },
    { takes: 100, hasRequests: true },
    { takes: 200 },
  ]],
  ["who was served for longest when all wait for blocks", 1, [
    { takes: 300, hasRequests: true },
    { takes: 100, hasRequests: true },
    { takes: 200, hasRequests: true },
  ]],
];

for (const [who, expected, conducts] of WAYS) {
  Deno.test(`tick() of a seed lets ${who} make way`, () => {
    const room = new Room(3);
    room.isSeed = true;
    for (const [index, conduct] of conducts.entries()) room.join(index + 1, conduct).pass(5_000);
    room.pass(45_000).join(9);
    for (let steps = 0; steps < 60 && !room.unchoked.has(9); steps++) room.pass(TICK_MS);
    deepStrictEqual(room.sorted, [1, 2, 3, 9].filter((key) => key !== expected));
  });
}

Deno.test("tick() of a seed lets whoever came in the last 20 seconds stay", () => {
  const room = new Room(2).join(1, { takes: 900 });
  room.isSeed = true;
  room.pass(55_000).join(2, { takes: 1 }).join(3).pass(6_000);
  ok(room.unchoked.has(2), "though it is the slowest");
  ok(!room.unchoked.has(1));
});

Deno.test("tick() of a seed lets one make way in two rounds of three", () => {
  const room = new Room(2);
  room.isSeed = true;
  for (let key = 1; key <= 8; key++) room.join(key);
  room.pass(60_000);
  const seen: string[] = [];
  for (let round = 0; round <= 30; round++) seen.push(`${room.pass(ROUND_MS).sorted}`);
  const changes = seen.filter((who, index) => index > 0 && who !== seen[index - 1]).length;
  strictEqual(changes, 20, seen.join(" "));
});

Deno.test("tick() lets all peers of a seed have their turns", () => {
  for (const hasRequests of [true, false]) {
    const room = new Room(4);
    room.isSeed = true;
    for (let key = 1; key <= 10; key++) room.join(key, { takes: key * 100, hasRequests });
    room.pass(1_200_000);
    for (let key = 1; key <= 10; key++) {
      ok((room.time.get(key) ?? 0) > 60_000, `${key}: ${room.time.get(key)}`);
    }
  }
});

Deno.test("tick() keeps the slots of a seed full, and lets them be when nobody waits", () => {
  const room = new Room(4);
  room.isSeed = true;
  for (let key = 1; key <= 4; key++) room.join(key);
  deepStrictEqual(room.pass(120_000).sorted, [1, 2, 3, 4]);
  deepStrictEqual([...room.time.values()], [120_000, 120_000, 120_000, 120_000]);
});

Deno.test("P19 a peer whose interest flaps is choked and unchoked no more than every ten seconds", () => {
  const room = new Room(1).join(1).join(2);
  for (let count = 0; count < 2_000; count++) {
    room.set(1 + count % 2, { isInterested: count % 3 === 0 });
    if (count % 4 === 0) room.pass(TICK_MS); // the room checks the rule
  }
});

Deno.test("the rules hold whatever peers do", () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = new SeededRandom(seed);
    const room = new Room(1 + random.below(5), seed);
    const present: number[] = [];
    for (let step = 0; step < 300; step++) {
      const conduct = {
        gives: random.below(3) * 1000,
        isInterested: random.below(3) > 0,
        isSnubbing: random.below(4) === 0,
        hasRequests: random.below(2) === 0,
      };
      const action = random.below(8);
      const at = random.below(Math.max(1, present.length));
      if (action === 0 || present.length === 0) {
        present.push(step);
        room.join(step, conduct);
      } else if (action === 1) room.leave(present.splice(at, 1)[0]!);
      else if (action < 5) room.set(present[at]!, conduct);
      else room.pass(random.below(20) * TICK_MS);
      if (action === 7) room.isSeed = true;
    }
  }
});
