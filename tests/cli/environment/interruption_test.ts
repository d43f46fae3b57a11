import { deepStrictEqual, ok } from "node:assert/strict";
import { Interruption } from "../../../src/cli/environment/interruption.ts";
import { FakeEnvironment } from "../fake_environment.ts";

Deno.test("S1 Interruption asks to stop at the first signal, with the code of its number", () => {
  for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const) {
    const environment = new FakeEnvironment({});
    const interruption = new Interruption(environment);
    ok(!interruption.signal.aborted);
    environment.signal(signal);
    ok(interruption.signal.aborted);
    deepStrictEqual([interruption.exitCode, environment.exits], [code, []]);
    interruption.close();
  }
});

Deno.test("S1 Interruption ends the process at the second signal", () => {
  const environment = new FakeEnvironment({});
  const interruption = new Interruption(environment);
  environment.signal("SIGINT");
  environment.signal("SIGTERM");
  deepStrictEqual([interruption.exitCode, environment.exits], [130, [143]]);
  interruption.close();
});

Deno.test("S1 Interruption ends the process when the command takes longer than 5 s", async () => {
  const environment = new FakeEnvironment({});
  const interruption = new Interruption(environment);
  environment.signal("SIGTERM");
  await environment.clock.run(() => environment.exits.length > 0, 60_000);
  deepStrictEqual(environment.exits, [143]);
  ok(environment.clock.now() < 5_000);
  interruption.close();
});

Deno.test("Interruption leaves a command alone that has ended in time", async () => {
  const environment = new FakeEnvironment({});
  const interruption = new Interruption(environment);
  environment.signal("SIGTERM");
  interruption.close();
  await environment.clock.run(() => false, 60_000);
  deepStrictEqual([environment.exits, environment.isListeningToSignals], [[], false]);
});

Deno.test("stop() is as good as a signal, and only the first reason counts", () => {
  const environment = new FakeEnvironment({});
  const interruption = new Interruption(environment);
  interruption.stop(1);
  interruption.stop(2);
  deepStrictEqual([interruption.exitCode, interruption.signal.aborted], [1, true]);
  interruption.close();
});
