import { deepStrictEqual, ok } from "node:assert/strict";
import { SeededRandom } from "../../../src/base/ambient.ts";
import { Output } from "../../../src/cli/output/output.ts";
import { RotatingLog } from "../../../src/cli/output/rotating_log.ts";
import { ManualClock } from "../../sim/manual_clock.ts";
import { FakeEnvironment } from "../fake_environment.ts";

const LIMITS = { maxFileBytes: 100, maxFiles: 4 };

/** A log in a fake folder, whose files are in `environment.logs`. */
async function open({ logs = {} as Record<string, string> } = {}) {
  const environment = new FakeEnvironment({});
  Object.assign(environment.logs, logs);
  const folder = await environment.openLogFolder("logs");
  const clock = new ManualClock();
  const log = await RotatingLog.open(folder, { clock, random: new SeededRandom(1), ...LIMITS });
  const output = new Output((bytes) => log.write(bytes), { clock });
  const texts = () =>
    Object.keys(environment.logs).toSorted().map((name) => environment.logs[name]!);
  return { environment, folder, clock, log, output, texts };
}

Deno.test("RotatingLog begins a new file before one is too large, at the end of a line", async () => {
  const { output, texts, environment } = await open();
  const lines = Array.from({ length: 12 }, (_, number) => `line ${number} ${"x".repeat(20)}`);
  for (const line of lines) {
    output.writeLine(line);
    if (line.length % 2 === 0) await output.flush();
  }
  await output.flush();
  deepStrictEqual(texts().length, 4);
  ok(texts().every((text) => text.length <= 100 && text.endsWith("\n")));
  deepStrictEqual(texts().join(""), lines.map((line) => `${line}\n`).join(""));
  for (const name of Object.keys(environment.logs)) {
    ok(/^logs\/starling-20231114T221320Z-[0-9a-f]{4}-00000\d\.log$/.test(name), name);
  }
});

Deno.test("RotatingLog keeps the newest files, of other runs and its own", async () => {
  const old = Array.from(
    { length: 5 },
    (_, day) => `logs/starling-2023010${day + 1}T000000Z-00ff-000000.log`,
  );
  const foreign = "logs/starling-notes.log";
  const logs = Object.fromEntries([...old, foreign].map((name) => [name, "old\n"]));
  const { output, environment } = await open({ logs });
  const present = () => old.filter((name) => environment.logs[name] !== undefined).length;
  deepStrictEqual(present(), 3);
  for (let line = 0; line < 60; line++) {
    output.writeLine(`${line} ${"y".repeat(40)}`);
    await output.flush();
    // The limit, and the file that is not ours.
    ok(Object.keys(environment.logs).length <= 5);
  }
  deepStrictEqual(present(), 0);
  deepStrictEqual(environment.logs[foreign], "old\n");
  ok(Object.values(environment.logs).some((text) => text.includes("59 y")));
});

Deno.test("RotatingLog names files so that they sort by time", async () => {
  const { output, environment, clock } = await open();
  for (let line = 0; line < 12; line++) {
    output.writeLine(`${String(line).padStart(2, "0")} ${"z".repeat(60)}`);
    await output.flush();
    await clock.run(() => false, 700);
  }
  const names = Object.keys(environment.logs);
  deepStrictEqual(names, names.toSorted());
});

Deno.test("RotatingLog cuts a line that no file has room for", async () => {
  const { output, texts } = await open();
  output.writeLine("w".repeat(250));
  await output.flush();
  deepStrictEqual(texts().map((text) => text.length), [100, 100, 51]);
});

Deno.test("RotatingLog counts its own files where it may not read the folder", async () => {
  const { folder, environment } = await open();
  const blind = { ...folder, names: () => Promise.reject(new Deno.errors.NotCapable("read")) };
  const clock = new ManualClock();
  const log = await RotatingLog.open(blind, { clock, random: new SeededRandom(2), ...LIMITS });
  const line = new TextEncoder().encode("v".repeat(90));
  for (let turn = 0; turn < 20; turn++) await log.write(line);
  deepStrictEqual(Object.keys(environment.logs).length, 1 + LIMITS.maxFiles);
});
