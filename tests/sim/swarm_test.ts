import { simulate } from "./scenario.ts";

/** More with `deno task sim`. */
const SEEDS = 200;

Deno.test("download() completes, and bans liars only, under every fault of 200 seeds", async (t) => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      await simulate(seed);
    } catch (error) {
      throw new Error(`seed ${seed} failed; run it with: deno task sim ${seed} 1`, {
        cause: error,
      });
    }
  }
  await t.step(`${SEEDS} seeds`, () => {});
});
