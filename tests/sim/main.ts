/** `deno task sim [FIRST [COUNT]]`: many seeds; prints the first that fails, and a summary. */
import { simulate } from "./scenario.ts";

const first = Number(Deno.args[0] ?? 1);
const count = Number(Deno.args[1] ?? 5000);
let simulatedMs = 0, wastedBytes = 0, banned = 0;
for (let seed = first; seed < first + count; seed++) {
  try {
    const outcome = await simulate(seed);
    simulatedMs += outcome.simulatedMs;
    wastedBytes += outcome.wastedBytes;
    banned += outcome.banned;
  } catch (error) {
    console.error(`seed ${seed} failed; run it again with: deno task sim ${seed} 1`);
    console.error(error);
    Deno.exit(1);
  }
}
console.log(
  `${count} seeds from ${first}: ${Math.round(simulatedMs / 3_600_000)} simulated hours, ` +
    `${banned} liars banned, ${Math.round(wastedBytes / 2 ** 20)} MiB wasted`,
);
