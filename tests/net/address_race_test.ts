import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { raceAddresses } from "../../src/net/address_race.ts";
import { ManualClock } from "../sim/manual_clock.ts";

/** How long an address takes to answer, and whether it is a success. */
type Answers = Readonly<Record<string, readonly [afterMs: number, works: boolean]>>;

interface Outcome {
  readonly winner: string | undefined;
  readonly error: string | undefined;
  readonly endedAt: number;
  /** "address at time" of each attempt. */
  readonly tried: readonly string[];
  readonly discarded: readonly string[];
}

/** Runs a race; what hangs until it is aborted has no answer. */
async function race(addresses: readonly string[], answers: Answers, abortAtMs = Infinity) {
  const clock = new ManualClock();
  const controller = new AbortController();
  if (abortAtMs < 0) controller.abort();
  void clock.sleep(abortAtMs, controller.signal).then(() => controller.abort());
  const tried: string[] = [];
  const discarded: string[] = [];
  let outcome: Outcome | undefined;
  const attempt = async (address: string, signal: AbortSignal) => {
    tried.push(`${address} at ${clock.now()}`);
    const [afterMs, works] = answers[address] ?? [Infinity, false];
    await clock.sleep(afterMs, answers[address] === undefined ? signal : undefined);
    if (!works) throw new Error(`${address} failed`);
    return address;
  };
  const discard = (address: string) => discarded.push(address);
  const finish = (winner?: string, error?: Error) => {
    outcome = { winner, error: error?.message, endedAt: clock.now(), tried, discarded };
  };
  const { signal } = controller;
  raceAddresses({ addresses, attempt, discard, clock, signal }).then(finish, (error) => {
    finish(undefined, error);
  });
  await clock.run(() => outcome !== undefined, 10_000);
  const { winner, error, endedAt } = outcome!;
  await clock.run(() => false, 10_000);
  return { winner, error, endedAt, tried, discarded };
}

Deno.test("raceAddresses() gives the only address", async () => {
  const outcome = await race(["a"], { a: [30, true] });
  deepStrictEqual(outcome, {
    winner: "a",
    error: undefined,
    endedAt: 30,
    tried: ["a at 0"],
    discarded: [],
  });
});

Deno.test("raceAddresses() tries IPv6 first and the families by turns, 250 ms apart", async () => {
  const { tried, winner } = await race(["4a", "4b", "4c", ":6a", ":6b"], { "4c": [10, true] });
  deepStrictEqual(tried, [
    ":6a at 0",
    "4a at 250",
    ":6b at 500",
    "4b at 750",
    "4c at 1000",
  ]);
  strictEqual(winner, "4c");
});

Deno.test("raceAddresses() goes on at once when an attempt fails", async () => {
  const { tried, winner, endedAt } = await race(["4a", ":6a"], {
    ":6a": [20, false],
    "4a": [30, true],
  });
  deepStrictEqual(tried, [":6a at 0", "4a at 20"]);
  deepStrictEqual([winner, endedAt], ["4a", 50]);
});

Deno.test("raceAddresses() discards the success that comes second", async () => {
  const { winner, discarded, endedAt } = await race(["4a", ":6a"], {
    ":6a": [400, true],
    "4a": [300, true],
  });
  deepStrictEqual([winner, endedAt, discarded], [":6a", 400, ["4a"]]);
});

Deno.test("raceAddresses() rejects as the first failure, once all have failed", async () => {
  const { error, endedAt } = await race(["4a", "4b"], { "4a": [700, false], "4b": [10, false] });
  deepStrictEqual([error, endedAt], ["4b failed", 700]);
});

Deno.test("raceAddresses() tries at most eight addresses", async () => {
  const addresses = Array.from({ length: 20 }, (_, index) => `4-${index}`);
  const answers = Object.fromEntries(addresses.map((address) => [address, [1, false] as const]));
  const { tried, error } = await race(addresses, answers);
  deepStrictEqual([tried.length, error], [8, "4-0 failed"]);
});

Deno.test("raceAddresses() rejects when aborted, discards what still comes, tries no more", async () => {
  const { winner, error, discarded, tried } = await race(
    ["4a", "4b", "4c"],
    { "4a": [500, true] },
    300,
  );
  deepStrictEqual([winner, discarded], [undefined, ["4a"]]);
  deepStrictEqual(tried, ["4a at 0", "4b at 250"]);
  strictEqual(error, "4b failed");
});

Deno.test("raceAddresses() tries nothing once it is aborted", async () => {
  const { tried, error } = await race(["4a"], { "4a": [1, true] }, -1);
  deepStrictEqual([tried, error], [[], "The signal has been aborted"]);
});

Deno.test("raceAddresses() asserts that there is an address", async () => {
  const { signal } = new AbortController();
  const clock = new ManualClock();
  const nothing = { addresses: [], attempt: () => Promise.resolve(1), discard() {} };
  await rejects(raceAddresses({ ...nothing, clock, signal }), { name: "BugError" });
});
