import { deepStrictEqual, ok } from "node:assert/strict";
import { LogAudience, PlainAudience, TerminalAudience } from "../../../src/cli/output/audience.ts";
import { Output } from "../../../src/cli/output/output.ts";
import { FakeEnvironment } from "../fake_environment.ts";
import { FAILURE, makePeer, makeView, SUBJECT } from "../snapshots.ts";
import { Terminal } from "../terminal.ts";

const NORMAL = { quiet: false, verbose: false };
const FAILED = { kind: "failed", failure: FAILURE } as const;
const WARNING = { kind: "warning", message: "mind the gap" } as const;
const DEBUG = { kind: "debug", message: "tick" } as const;

Deno.test("PlainAudience says as much as was asked for", async () => {
  const heard = async (loudness: { quiet: boolean; verbose: boolean }) => {
    const environment = new FakeEnvironment({});
    const audience = new PlainAudience(environment, loudness);
    for (const notice of [FAILED, WARNING, DEBUG]) audience.hear(SUBJECT, notice);
    await audience.close();
    await environment.stderr.flush();
    return environment.err.trimEnd().split("\n").map((line) => line.split(": ")[2]);
  };
  deepStrictEqual(await heard({ quiet: true, verbose: false }), ["no peers are known"]);
  deepStrictEqual(await heard(NORMAL), ["no peers are known", "mind the gap"]);
  deepStrictEqual(await heard({ quiet: false, verbose: true }), [
    "no peers are known",
    "mind the gap",
    "tick",
  ]);
});

Deno.test("PlainAudience keeps 30 s between its lines", async () => {
  const environment = new FakeEnvironment({});
  const audience = new PlainAudience(environment, NORMAL);
  for (let second = 0; second < 65; second++) {
    audience.show([makeView()]);
    await environment.clock.run(() => false, 1000);
  }
  await audience.close();
  deepStrictEqual(environment.out.trimEnd().split("\n").length, 2);
});

Deno.test("TerminalAudience writes sentences above the view, errors too", async () => {
  const environment = new FakeEnvironment({ terminal: { columns: 40, rows: 20 } });
  const audience = new TerminalAudience(environment, NORMAL);
  audience.show([makeView()], [makePeer()]);
  await environment.stdout.flush();
  audience.hear(SUBJECT, FAILED);
  audience.hear(SUBJECT, DEBUG);
  await environment.stdout.flush();
  const terminal = new Terminal();
  terminal.write(environment.out);
  deepStrictEqual(terminal.lines, [
    "starling: debian.iso: no peers are known",
    "debian.iso",
    "[===============   -           ]  50.0%",
    "down 12.3 MiB/s  ETA 4.0s",
    "peers 12 connected, 52 known, 3 chokin…",
  ]);
  deepStrictEqual(environment.err, "");
  await audience.close();
});

Deno.test("LogAudience writes everything with its time, then closes its file", async () => {
  const environment = new FakeEnvironment({});
  let text = "", isClosed = false;
  const output = new Output((bytes) => {
    text += new TextDecoder().decode(bytes);
    return Promise.resolve(bytes.length);
  }, { clock: environment.clock });
  const file = { close: () => isClosed = true };
  const audience = new LogAudience(output, environment.clock, file);
  for (const notice of [DEBUG, FAILED, WARNING]) audience.hear(SUBJECT, notice);
  audience.show();
  await audience.close();
  ok(isClosed);
  deepStrictEqual(text.split("\n"), [
    "2023-11-14T22:13:20.000Z debug debian.iso: tick",
    "2023-11-14T22:13:20.000Z error debian.iso: no peers are known",
    "2023-11-14T22:13:20.000Z warning debian.iso: mind the gap",
    "",
  ]);
});

Deno.test("PlainAudience answers on standard error, even when it is to be quiet", async () => {
  const environment = new FakeEnvironment({});
  const audience = new PlainAudience(environment, { quiet: true, verbose: false });
  const standing = { state: "preparing", verdict: undefined, detail: "waiting" } as const;
  audience.hear(SUBJECT, { kind: "standing", standing, isAsked: true });
  audience.hear(SUBJECT, { kind: "standing", standing, isAsked: false });
  await environment.stderr.flush();
  deepStrictEqual([environment.out, environment.err], ["", "starling: debian.iso: waiting\n"]);
});
