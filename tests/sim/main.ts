/** `deno task sim [FIRST [COUNT]]`: many seeds; throws for the first that fails, or sums up. */
import { simulate } from "./scenario.ts";

const first = Number(Deno.args[0] ?? 1);
const count = Number(Deno.args[1] ?? 5000);
let simulatedMs = 0, wastedBytes = 0, banned = 0;
for (let seed = first; seed < first + count; seed++) {
  const outcome = await simulate(seed);
  simulatedMs += outcome.simulatedMs;
  wastedBytes += outcome.wastedBytes;
  banned += outcome.banned;
}
const summary = `${count} seeds from ${first}: ${Math.round(simulatedMs / 60_000)} simulated ` +
  `minutes, ${banned} liars banned, ${Math.round(wastedBytes / 2 ** 20)} MiB wasted\n`;
await Deno.stdout.write(new TextEncoder().encode(summary));
