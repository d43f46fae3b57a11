import { deepStrictEqual, ok } from "node:assert/strict";
import { HashProgress } from "../../../src/cli/output/hash_progress.ts";
import { FakeEnvironment } from "../fake_environment.ts";
import { Terminal } from "../terminal.ts";

const OPTIONS = { verb: "hashed", isShown: true };

Deno.test("HashProgress draws at most a few times a second, and leaves nothing", async () => {
  const environment = new FakeEnvironment({ terminal: { columns: 60, rows: 10 } });
  const progress = new HashProgress("x", environment, OPTIONS);
  for (let bytes = 0; bytes <= 1000; bytes++) progress.show(bytes, 1000);
  await environment.stdout.flush();
  const terminal = new Terminal();
  terminal.write(environment.out);
  deepStrictEqual(terminal.lines[0], "x");
  deepStrictEqual(terminal.lines[2], "hashed 0 B of 1000 B");
  ok(environment.out.length < 200);
  progress.end();
  progress.end();
  await environment.stdout.flush();
  terminal.write(environment.out.slice(terminal.written.length));
  deepStrictEqual(terminal.lines, [""]);
  ok(terminal.isCursorShown);
});

Deno.test("HashProgress is silent without a terminal, and when it is not wanted", async () => {
  for (
    const [terminal, isShown] of [[undefined, true], [{ columns: 60, rows: 9 }, false]] as const
  ) {
    const environment = new FakeEnvironment(terminal === undefined ? {} : { terminal });
    const progress = new HashProgress("x", environment, { verb: "checked", isShown });
    progress.show(1, 2);
    progress.end();
    await environment.stdout.flush();
    deepStrictEqual(environment.out, "");
  }
});
