import { deepStrictEqual, ok } from "node:assert/strict";
import { SeededRandom } from "../../../src/base/ambient.ts";
import { openLogFolder } from "../../../src/cli/output/log_folder.ts";
import { Output } from "../../../src/cli/output/output.ts";
import { RotatingLog } from "../../../src/cli/output/rotating_log.ts";
import { ManualClock } from "../../sim/manual_clock.ts";
import { TemporaryFolder } from "../../workers/temporary_folder.ts";

const isWindows = Deno.build.os === "windows";

Deno.test("S14 openLogFolder() makes a folder and logs that only we may read", async () => {
  using temporary = new TemporaryFolder();
  const path = `${temporary.path}/a/logs`;
  const folder = await openLogFolder(path);
  const file = await folder.create("starling-x.log");
  await file.write(new TextEncoder().encode("line\n"));
  file.close();
  deepStrictEqual(await folder.names(), ["starling-x.log"]);
  if (isWindows) return;
  deepStrictEqual(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o700);
  Deno.mkdirSync(`${temporary.path}/usual`);
  const [above, usual] = ["a", "usual"].map((name) => Deno.statSync(`${temporary.path}/${name}`));
  deepStrictEqual(above!.mode, usual!.mode);
  deepStrictEqual(((await Deno.stat(`${path}/starling-x.log`)).mode ?? 0) & 0o777, 0o600);
});

Deno.test("LogFolder does not remove a log that is being written", async () => {
  using temporary = new TemporaryFolder();
  const folder = await openLogFolder(temporary.path);
  const file = await folder.create("busy.log");
  await folder.remove("busy.log");
  deepStrictEqual(await folder.names(), ["busy.log"]);
  file.close();
  await folder.remove("busy.log");
  deepStrictEqual(await folder.names(), []);
});

Deno.test("D2 RotatingLog never uses more of a disk than its limits allow", async () => {
  using temporary = new TemporaryFolder();
  const folder = await openLogFolder(temporary.path);
  const limits = { maxFileBytes: 4096, maxFiles: 3 };
  const clock = new ManualClock();
  for (let run = 0; run < 5; run++) {
    const log = await RotatingLog.open(folder, { clock, random: new SeededRandom(run), ...limits });
    const output = new Output((bytes) => log.write(bytes), { clock });
    for (let line = 0; line < 200; line++) {
      output.writeLine(`${line} ${"x".repeat(100)}`);
      if (line % 7 === 0) await output.flush();
    }
    await output.flush();
    log.close();
    await clock.run(() => false, 1_000);
    const names = await folder.names();
    deepStrictEqual(names.length, limits.maxFiles);
    for (const name of names) {
      ok((await Deno.stat(`${temporary.path}/${name}`)).size <= limits.maxFileBytes);
    }
    const last = await Deno.readTextFile(`${temporary.path}/${names.toSorted().at(-1)}`);
    ok(last.trimEnd().split("\n").at(-1)!.startsWith("199 "), last);
  }
});
