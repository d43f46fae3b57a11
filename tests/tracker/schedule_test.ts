import { deepStrictEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { SeededRandom } from "../../src/base/ambient.ts";
import { AnnounceSchedule, type Ask, type AskFailure } from "../../src/tracker/schedule.ts";

const HALF_HOUR = 1_800_000;
const MINUTE = 60_000;

/** A schedule and its clock. Asks are told as `tracker:event`. */
class Harness {
  now = 0;
  wantsPeers = true;
  isAlone = true;
  readonly schedule: AnnounceSchedule;
  readonly #underWay = new Map<number, Ask>();

  constructor(tierSizes: readonly number[], seed = 1) {
    this.schedule = new AnnounceSchedule(tierSizes, new SeededRandom(seed));
  }

  take(): string[] {
    return this.schedule.take(this.now, this.wantsPeers, this.isAlone).map((ask) => {
      this.#underWay.set(ask.tracker, ask);
      return `${ask.tracker}:${ask.event ?? "interval"}`;
    });
  }

  deadline(): number | undefined {
    return this.schedule.deadline(this.now, this.wantsPeers);
  }

  /** Lets time pass until something is due, and what that is. */
  next(): string[] {
    this.now = this.deadline()!;
    return this.take();
  }

  answer(tracker = 0, intervalMs = HALF_HOUR, minIntervalMs: number | undefined = undefined): void {
    this.schedule.answered(this.end(tracker), { intervalMs, minIntervalMs }, this.now);
  }

  fail(tracker = 0, failure: AskFailure = "refused", retryInMs = 0): void {
    this.schedule.failed(this.end(tracker), failure, this.now, retryInMs);
  }

  /** Trackers whose answer is due. */
  get underWay(): number[] {
    return [...this.#underWay.keys()];
  }

  end(tracker: number): Ask {
    const ask = this.#underWay.get(tracker)!;
    this.#underWay.delete(tracker);
    return ask;
  }
}

Deno.test("AnnounceSchedule says started once, then announces on the interval", () => {
  const harness = new Harness([1]);
  harness.wantsPeers = false;
  deepStrictEqual(harness.take(), ["0:started"]);
  equal(harness.deadline(), undefined, "only its answer can change anything");
  harness.now = 500;
  harness.answer();
  for (let round = 1; round <= 3; round++) {
    deepStrictEqual(harness.take(), []);
    deepStrictEqual(harness.next(), ["0:interval"]);
    equal(harness.now, 500 + round * HALF_HOUR);
    harness.answer();
  }
});

Deno.test("AnnounceSchedule says started again only while it was not answered", () => {
  const harness = new Harness([1]);
  deepStrictEqual(harness.take(), ["0:started"]);
  harness.fail();
  deepStrictEqual(harness.next(), ["0:started"]);
  harness.answer();
  deepStrictEqual(harness.next(), ["0:interval"]);
  harness.fail();
  deepStrictEqual(harness.next(), ["0:interval"]);
});

Deno.test("AnnounceSchedule draws the order of a tier once, and keeps the order of tiers (BEP 12)", () => {
  const orders = new Set<string>();
  for (let seed = 1; seed <= 50; seed++) {
    const asked = new Harness([3, 2], seed).take().map((ask) => Number(ask.split(":")[0]));
    deepStrictEqual(asked.slice(0, 3).toSorted(), [0, 1, 2]);
    deepStrictEqual(asked.slice(3).toSorted(), [3, 4]);
    orders.add(asked.join());
  }
  ok(orders.size > 6, "all tiers are shuffled");
});

Deno.test("AnnounceSchedule promotes who answered to the front of its tier (BEP 12)", () => {
  const harness = new Harness([4, 1], 3);
  const order = harness.take().map((ask) => Number(ask.split(":")[0]));
  const last = order[3]!;
  for (const tracker of [0, 1, 2, 3, 4]) {
    if (tracker === last) harness.answer(tracker, HALF_HOUR, HALF_HOUR);
    else harness.fail(tracker);
  }
  harness.now = 2 * HALF_HOUR;
  const again = harness.take().map((ask) => Number(ask.split(":")[0]));
  deepStrictEqual(again, [last, ...order.slice(0, 3), 4]);
});

Deno.test("AnnounceSchedule asks many at once, at a pace, while peers are wanted", () => {
  const harness = new Harness([86]);
  let asked = harness.take().length;
  equal(asked, 16);
  while (asked < 86) asked += harness.next().length;
  ok(harness.now < 500, `all 86 are asked within half a second, not ${harness.now} ms`);
  equal(harness.deadline(), undefined);
});

Deno.test("AnnounceSchedule waits for at most 128 answers at once", () => {
  const harness = new Harness([300]);
  let asked = harness.take().length;
  while (harness.deadline() !== undefined) asked += harness.next().length;
  equal(asked, 128);
  harness.fail(harness.underWay[0]);
  equal(harness.next().length, 1);
});

Deno.test("AnnounceSchedule asks no further tracker once there are peers enough", () => {
  const harness = new Harness([16, 16]);
  equal(harness.take().length, 16);
  harness.answer(5);
  harness.wantsPeers = false;
  harness.now = 100;
  deepStrictEqual(harness.take(), []);
  equal(harness.deadline(), HALF_HOUR, "only the one that works, at its interval");
  harness.wantsPeers = true;
  equal(harness.take().length, 16);
});

Deno.test("AnnounceSchedule looks for one that works even without need of peers, a few at once", () => {
  const harness = new Harness([10]);
  harness.wantsPeers = false;
  const first = harness.take();
  equal(first.length, 4);
  const [dead, live] = first.map((ask) => Number(ask.split(":")[0]));
  harness.fail(dead);
  equal(harness.take().length, 1);
  harness.answer(live);
  harness.now = 10 * MINUTE;
  deepStrictEqual(harness.take(), [], "one that works is enough");
});

Deno.test("AnnounceSchedule asks sooner when peers are wanted, and ever later if that recurs", () => {
  const harness = new Harness([1]);
  harness.take();
  harness.answer();
  const gaps: number[] = [];
  for (let round = 0; round < 7; round++) {
    const before = harness.now;
    deepStrictEqual(harness.next(), ["0:interval"]);
    gaps.push((harness.now - before) / MINUTE);
    harness.answer();
  }
  deepStrictEqual(gaps, [1, 2, 4, 8, 16, 30, 30]);
});

Deno.test("AnnounceSchedule is early again when peers are wanted anew, never under the min interval", () => {
  const harness = new Harness([1]);
  harness.take();
  harness.answer(0, HALF_HOUR, 5 * MINUTE);
  for (let round = 0; round < 3; round++) {
    harness.next();
    harness.answer(0, HALF_HOUR, 5 * MINUTE);
  }
  const answeredAt = harness.now;
  equal(harness.deadline(), answeredAt + HALF_HOUR);
  harness.wantsPeers = false;
  harness.take();
  harness.wantsPeers = true;
  deepStrictEqual(harness.take(), []);
  equal(harness.deadline(), answeredAt + 5 * MINUTE);
  for (harness.now = answeredAt; harness.now < answeredAt + 5 * MINUTE; harness.now += 10_000) {
    harness.wantsPeers = !harness.wantsPeers;
    deepStrictEqual(harness.take(), []);
  }
});

/** Peers are not wanted, and then they are. */
function needAnew(harness: Harness): void {
  harness.wantsPeers = false;
  harness.take();
  harness.wantsPeers = true;
  deepStrictEqual(harness.take(), []);
}

Deno.test("AnnounceSchedule is early again after half an hour, however long the interval is", () => {
  for (const [rounds, isEarly] of [[2, false], [3, true]] as const) {
    const harness = new Harness([1]);
    harness.take();
    harness.answer(0, 8 * HALF_HOUR, 5 * MINUTE);
    needAnew(harness);
    for (let round = 0; round < rounds; round++) {
      harness.next();
      harness.answer(0, 8 * HALF_HOUR, 5 * MINUTE);
    }
    const late = 5 * MINUTE * 2 ** rounds;
    equal(harness.now, late - 5 * MINUTE);
    equal(harness.deadline(), harness.now + late);
    needAnew(harness);
    equal(harness.deadline(), harness.now + (isEarly ? 5 * MINUTE : late));
  }
});

Deno.test("AnnounceSchedule asks no more than a few times an interval when peers come and go", () => {
  const harness = new Harness([1]);
  let asked = 0;
  for (; harness.now < 12 * HALF_HOUR; harness.now += 5_000) {
    harness.wantsPeers = !harness.wantsPeers;
    for (const _ of harness.take()) {
      asked++;
      harness.answer();
    }
  }
  ok(asked > 12 && asked < 12 * 6, `${asked}`);
});

/** Somebody is here, and then nobody. */
function loseAllPeers(harness: Harness): void {
  harness.isAlone = false;
  harness.take();
  harness.isAlone = true;
  harness.take();
}

Deno.test("AnnounceSchedule asks five minutes after the last answer when all peers are lost, every time", () => {
  const harness = new Harness([1]);
  harness.take();
  harness.answer();
  for (let round = 0; round < 5; round++) {
    harness.next();
    harness.answer();
  }
  equal(
    harness.deadline(),
    harness.now + HALF_HOUR,
    "of those that never were here nobody is lost",
  );
  for (let loss = 0; loss < 3; loss++) {
    const answeredAt = harness.now;
    harness.now += MINUTE;
    loseAllPeers(harness);
    equal(harness.deadline(), answeredAt + 5 * MINUTE);
    harness.next();
    harness.answer();
    equal(harness.deadline(), harness.now + 10 * MINUTE, "ever later while nobody comes");
  }
});

Deno.test("AnnounceSchedule keeps to the min interval, and to a pace, when all peers are lost again and again", () => {
  for (const [minIntervalMs, most] of [[undefined, 12], [20 * MINUTE, 3]] as const) {
    const harness = new Harness([1]);
    let asked = 0;
    for (; harness.now < 600 * MINUTE; harness.now += 5_000) {
      harness.isAlone = !harness.isAlone;
      for (const _ of harness.take()) {
        asked++;
        harness.answer(0, HALF_HOUR, minIntervalMs);
      }
    }
    // The first few are those of the beginning.
    ok(asked <= 10 * most + 3 && asked >= 10 * most - 3, `${asked}`);
  }
});

Deno.test("AnnounceSchedule asks no sooner for peers that are lost when none are wanted", () => {
  const harness = new Harness([1]);
  harness.take();
  harness.answer();
  harness.wantsPeers = false;
  loseAllPeers(harness);
  equal(harness.deadline(), HALF_HOUR);
});

Deno.test("T9 AnnounceSchedule respects a min interval that is longer than the interval", () => {
  const harness = new Harness([1]);
  harness.take();
  harness.answer(0, 5 * MINUTE, 20 * MINUTE);
  equal(harness.deadline(), 20 * MINUTE);
  harness.wantsPeers = false;
  equal(harness.deadline(), 20 * MINUTE);
});

Deno.test("T16 AnnounceSchedule tries the failed again for ever, ever more seldom", () => {
  const harness = new Harness([1]);
  harness.take();
  const delays: number[] = [];
  for (let failure = 1; failure <= 30; failure++) {
    harness.fail(0, "refused");
    const before = harness.now;
    deepStrictEqual(harness.next(), ["0:started"]);
    delays.push((harness.now - before) / 1000);
  }
  deepStrictEqual(delays.slice(0, 4), [17.5, 55, 117.5, 205]);
  deepStrictEqual(delays.slice(16), new Array(14).fill(3600));
  harness.answer();
  harness.next();
  harness.fail();
  const before = harness.now;
  harness.next();
  equal(harness.now - before, MINUTE, "an answer ends the back-off; the min interval still holds");
});

Deno.test("S6 AnnounceSchedule tries one every minute when all are silent, and all when one answers", () => {
  const harness = new Harness([4]);
  harness.take();
  harness.fail(3, "gone"); // Nobody waits for its turn.
  for (let round = 0; round < 60; round++) {
    for (const tracker of harness.underWay) harness.fail(tracker, "silence");
    const before = harness.now;
    ok(harness.next().length >= 1);
    ok(harness.now - before <= MINUTE, `nothing for ${harness.now - before} ms`);
  }
  const tried = harness.underWay;
  harness.answer(tried[0]);
  equal(harness.take().length, 3 - tried.length, "the others' silence was the network's");
  ok(tried.length < 3);
});

Deno.test("AnnounceSchedule does not hurry trackers that refuse", () => {
  const harness = new Harness([1]);
  harness.take();
  for (let round = 0; round < 5; round++) {
    harness.fail(0, "refused");
    harness.next();
  }
  harness.fail(0, "refused");
  ok(harness.deadline()! - harness.now > 5 * MINUTE);
});

Deno.test("AnnounceSchedule leaves a tracker alone for as long as it says, not shorter (BEP 31)", () => {
  const harness = new Harness([1]);
  harness.take();
  harness.fail(0, "refused", 30 * MINUTE);
  equal(harness.deadline(), 30 * MINUTE);
  harness.wantsPeers = false;
  harness.now = 5 * MINUTE;
  deepStrictEqual(harness.take(), []);
  harness.wantsPeers = true;
  harness.now = 30 * MINUTE - 1;
  deepStrictEqual(harness.take(), [], "not for a new need either");
  deepStrictEqual(harness.next(), ["0:started"]);
  harness.fail(0, "refused", 1_000);
  equal(harness.deadline(), harness.now + 55_000, "nor sooner than any that failed");
});

Deno.test("AnnounceSchedule says stopped also to a tracker that wants to be left alone for a while", () => {
  const harness = new Harness([1]);
  harness.take();
  harness.answer();
  harness.next();
  harness.fail(0, "refused", 30 * MINUTE);
  harness.schedule.stop();
  deepStrictEqual(harness.take(), ["0:stopped"]);
});

Deno.test("T5 AnnounceSchedule never asks again who said that it is gone", () => {
  const harness = new Harness([1, 1]);
  harness.take();
  harness.answer(1);
  harness.fail(0, "gone");
  for (let round = 0; round < 50; round++) {
    deepStrictEqual(harness.next(), ["1:interval"]);
    harness.answer(1);
  }
  harness.schedule.stop();
  deepStrictEqual(harness.take(), ["1:stopped"]);
});

Deno.test("AnnounceSchedule with all trackers gone has nothing to do", () => {
  const harness = new Harness([1]);
  harness.take();
  harness.fail(0, "gone");
  equal(harness.deadline(), undefined);
  deepStrictEqual(harness.take(), []);
});

Deno.test("AnnounceSchedule without trackers has nothing to do", () => {
  const harness = new Harness([]);
  deepStrictEqual(harness.take(), []);
  equal(harness.deadline(), undefined);
  harness.schedule.stop();
  ok(harness.schedule.isStopped);
});

Deno.test("AnnounceSchedule says completed at once, once, to those that saw the beginning", () => {
  const harness = new Harness([2]);
  harness.take();
  harness.answer(0);
  harness.schedule.completed();
  deepStrictEqual(harness.take(), ["0:completed"]);
  harness.answer(1);
  deepStrictEqual(harness.take(), ["1:completed"], "its started was on the way");
  harness.answer(0);
  harness.answer(1);
  deepStrictEqual(harness.take(), []);
  deepStrictEqual(harness.next().toSorted(), ["0:interval", "1:interval"]);
});

Deno.test("AnnounceSchedule repeats completed until it is answered", () => {
  const harness = new Harness([1]);
  harness.take();
  harness.answer();
  harness.schedule.completed();
  harness.take();
  harness.fail();
  deepStrictEqual(harness.take(), []);
  deepStrictEqual(harness.next(), ["0:completed"]);
  harness.answer();
  deepStrictEqual(harness.next(), ["0:interval"]);
});

Deno.test("AnnounceSchedule says no completed to who heard of us only when we had all", () => {
  const harness = new Harness([1]);
  harness.schedule.completed();
  deepStrictEqual(harness.take(), ["0:started"]);
  harness.answer();
  deepStrictEqual(harness.next(), ["0:interval"]);
});

Deno.test("AnnounceSchedule.stop() says stopped to all that answered started, and to no one else", () => {
  const harness = new Harness([4]);
  harness.take();
  harness.answer(0);
  harness.answer(1);
  harness.fail(2);
  harness.schedule.stop();
  deepStrictEqual(harness.take().toSorted(), ["0:stopped", "1:stopped"]);
  ok(!harness.schedule.isStopped);
  harness.answer(0);
  harness.fail(1);
  ok(harness.schedule.isStopped, "a failed stopped is not repeated");
  equal(harness.deadline(), undefined);
});

Deno.test("AnnounceSchedule.stop() goes before intervals, back-off and questions under way", () => {
  const harness = new Harness([3]);
  harness.take();
  for (const tracker of [0, 1, 2]) harness.answer(tracker);
  harness.next();
  harness.fail(0);
  harness.answer(1);
  const dropped = harness.end(2);
  harness.schedule.stop();
  equal(harness.take().length, 3);
  harness.schedule.answered(dropped, { intervalMs: 1, minIntervalMs: 1 }, harness.now);
  for (const tracker of [0, 1, 2]) harness.answer(tracker);
  ok(harness.schedule.isStopped);
});

Deno.test("AnnounceSchedule.stop() goes before the pace", () => {
  const harness = new Harness([40]);
  harness.take();
  while (harness.underWay.length < 40) harness.next();
  for (const tracker of harness.underWay) harness.answer(tracker);
  harness.schedule.stop();
  equal(harness.take().length, 40);
});

Deno.test("AnnounceSchedule.stop() lets completed be said before stopped", () => {
  const harness = new Harness([3]);
  harness.take();
  for (const tracker of [0, 1, 2]) harness.answer(tracker);
  harness.schedule.completed();
  harness.take();
  harness.answer(0);
  harness.schedule.stop();
  deepStrictEqual(harness.take(), ["0:stopped"]);
  harness.answer(1);
  harness.fail(2);
  deepStrictEqual(harness.take().toSorted(), ["1:stopped", "2:stopped"]);
});

Deno.test("AnnounceSchedule.stop() just after completed() says both", () => {
  const harness = new Harness([1]);
  harness.take();
  harness.answer();
  harness.schedule.completed();
  harness.schedule.stop();
  deepStrictEqual(harness.take(), ["0:completed"]);
  harness.answer();
  deepStrictEqual(harness.take(), ["0:stopped"]);
});

Deno.test("AnnounceSchedule keeps its promises whatever the trackers do", () => {
  const outcome = fc.record({
    kind: fc.constantFrom("answer", "refused", "silence", "gone"),
    afterMs: fc.nat(200_000),
    minIntervalMs: fc.constantFrom(undefined, 10_000, 120_000),
    retryInMs: fc.constantFrom(0, 10_000, 600_000),
  });
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 4 }),
      fc.array(outcome, { maxLength: 200 }),
      fc.infiniteStream(fc.boolean()),
      fc.nat(),
      (tierSizes, outcomes, hunger, seed) => {
        const schedule = new AnnounceSchedule(tierSizes, new SeededRandom(seed));
        const underWay: Ask[] = [];
        const started = new Set<number>();
        const gone = new Set<number>();
        const notBefore = new Map<number, number>();
        let now = 0;
        for (const { kind, afterMs, minIntervalMs, retryInMs } of outcomes) {
          const wantsPeers = hunger.next().value;
          for (const ask of schedule.take(now, wantsPeers, hunger.next().value)) {
            ok(!underWay.some(({ tracker }) => tracker === ask.tracker), "asked twice at once");
            ok(!gone.has(ask.tracker), "asked though gone");
            equal(ask.event === "started", !started.has(ask.tracker));
            ok((notBefore.get(ask.tracker) ?? 0) <= now, "asked too soon");
            underWay.push(ask);
          }
          ok((schedule.deadline(now, wantsPeers) ?? Infinity) >= now);
          const ask = underWay.shift();
          now += ask === undefined ? MINUTE : afterMs;
          if (ask === undefined) continue;
          if (kind === "answer") {
            schedule.answered(ask, { intervalMs: 300_000, minIntervalMs }, now);
            started.add(ask.tracker);
            notBefore.set(ask.tracker, now + (minIntervalMs ?? MINUTE));
          } else {
            const waitMs = kind === "refused" ? retryInMs : 0;
            schedule.failed(ask, kind as AskFailure, now, waitMs);
            if (waitMs > 0) notBefore.set(ask.tracker, now + waitMs);
            if (kind === "gone") gone.add(ask.tracker);
          }
        }
        schedule.stop();
        const last = schedule.take(now, true, false);
        deepStrictEqual(
          last.map(({ tracker, event }) => `${tracker}:${event}`).toSorted(),
          [...started].filter((tracker) => !gone.has(tracker)).map((it) => `${it}:stopped`)
            .toSorted(),
        );
        for (const ask of last) schedule.failed(ask, "silence", now);
        ok(schedule.isStopped);
      },
    ),
  );
});
