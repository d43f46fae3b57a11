import { deepStrictEqual, rejects } from "node:assert/strict";
import type { Audience, Notice } from "../../../src/cli/output/notice.ts";
import {
  type AudienceOptions,
  Audiences,
  gatherAudiences,
  gatherBesideData,
} from "../../../src/cli/tasks/audiences.ts";
import { FakeEnvironment } from "../fake_environment.ts";
import { FAILURE, makeView, SUBJECT } from "../snapshots.ts";

/** Writes down what it is told, under its name. */
function listener(
  name: string,
  told: string[],
  wishes: Pick<Audience, "wantsStandings" | "wantsPieces"> = {},
): Audience {
  return {
    ...wishes,
    hear: (_subject, notice) => told.push(`${name} hears ${notice.kind}`),
    show: (sources) => told.push(`${name} sees ${sources.length}`),
    close: () => Promise.resolve(void told.push(`${name} closes`)),
  };
}

Deno.test("Audiences tells all of them, in their order", async () => {
  const told: string[] = [];
  const audiences = new Audiences([listener("a", told), listener("b", told)]);
  audiences.hear(SUBJECT, { kind: "debug", message: "x" });
  audiences.show([makeView()], []);
  await audiences.close();
  deepStrictEqual(told, [
    "a hears debug",
    "b hears debug",
    "a sees 1",
    "b sees 1",
    "a closes",
    "b closes",
  ]);
});

Deno.test("Audiences hands on how a torrent stands to all who asked, else to those who want it", () => {
  const told: string[] = [];
  const audiences = new Audiences([
    listener("a", told),
    listener("b", told, { wantsStandings: true }),
  ]);
  const standing = { state: "ended", verdict: undefined, detail: "complete" } as const;
  const notice = (isAsked: boolean): Notice => ({ kind: "standing", standing, isAsked });
  audiences.hear(SUBJECT, notice(false));
  deepStrictEqual(told.splice(0), ["b hears standing"]);
  audiences.hear(SUBJECT, notice(true));
  deepStrictEqual(told.length, 2);
  deepStrictEqual(audiences.wantsStandings, true);
  deepStrictEqual(new Audiences([listener("a", told)]).wantsStandings, false);
});

Deno.test("Audiences hands on pieces to those who want them", () => {
  const told: string[] = [];
  const audiences = new Audiences([
    listener("a", told, { wantsStandings: true }),
    listener("b", told, { wantsPieces: true }),
  ]);
  audiences.hear(SUBJECT, { kind: "torrent", event: { kind: "piece", piece: 1 } });
  deepStrictEqual(told.splice(0), ["b hears torrent"]);
  audiences.hear(SUBJECT, { kind: "torrent", event: { kind: "piece-corrupt", piece: 1 } });
  deepStrictEqual(told.length, 2);
});

const PLAIN: AudienceOptions = { json: false, quiet: false, verbose: false, logDir: undefined };

Deno.test("gatherAudiences() has a log when one is wanted, and watches the outputs last", async () => {
  const names = async (changes: Partial<AudienceOptions>) => {
    const environment = new FakeEnvironment({ terminal: { columns: 80, rows: 24 } });
    const gathered = await gatherAudiences({ ...PLAIN, ...changes }, environment);
    return gathered.map((audience) => audience.constructor.name);
  };
  deepStrictEqual(await names({}), ["TerminalAudience", "OutputWatch"]);
  deepStrictEqual(await names({ quiet: true }), ["PlainAudience", "OutputWatch"]);
  deepStrictEqual(await names({ json: true, logDir: "logs" }), [
    "JsonReport",
    "PlainAudience",
    "LogAudience",
    "OutputWatch",
  ]);
  await rejects(names({ quiet: true, verbose: true }), /exclude each other/);
});

Deno.test("gatherBesideData() tells people on standard error: of failures, and of all with --verbose", async () => {
  const failed: Notice = { kind: "failed", failure: FAILURE };
  for (const verbose of [false, true]) {
    // On a terminal too there is no live view: it is that of the program that takes the data.
    const environment = new FakeEnvironment({ terminal: { columns: 80, rows: 24 } });
    const audiences = new Audiences(
      await gatherBesideData({ verbose, logDir: "logs" }, environment),
    );
    audiences.hear(SUBJECT, { kind: "warning", message: "mind the gap" });
    audiences.hear(SUBJECT, failed);
    await environment.clock.run(() => false, 31_000);
    audiences.show([makeView()], []);
    await audiences.close();
    await environment.stderr.flush();
    const lines = environment.err.trimEnd().split("\n");
    deepStrictEqual(environment.out, "");
    deepStrictEqual(lines.slice(0, verbose ? 2 : 1), [
      ...verbose ? ["starling: debian.iso: mind the gap"] : [],
      "starling: debian.iso: no peers are known",
    ]);
    deepStrictEqual(lines.length, verbose ? 3 : 1);
    const [log = ""] = Object.values(environment.logs);
    deepStrictEqual(log.trimEnd().split("\n").length, 2);
  }
});
