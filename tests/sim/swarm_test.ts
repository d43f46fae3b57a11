import { simulate } from "./scenario.ts";

/** More of them with `deno task sim`. */
const SEEDS = 250;

Deno.test("download() completes, bans liars only, and keeps its budget under every fault of 250 seeds", async () => {
  for (let seed = 1; seed <= SEEDS; seed++) await simulate(seed);
});
