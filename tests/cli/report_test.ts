import { deepStrictEqual } from "node:assert/strict";
import { Output } from "../../src/cli/output.ts";
import { JsonReport } from "../../src/cli/report.ts";
import { ManualClock } from "../sim/manual_clock.ts";
import { FAILURE, makeView, SUBJECT } from "./snapshots.ts";

function open() {
  const clock = new ManualClock();
  let text = "";
  const output = new Output((bytes) => {
    text += new TextDecoder().decode(bytes);
    return Promise.resolve(bytes.length);
  }, { clock });
  return { clock, report: new JsonReport(output, clock), text: () => text };
}

Deno.test("JsonReport writes an object a line, with time, info-hash and source", async () => {
  const { report, text } = open();
  report.hear({ ...SUBJECT, infoHash: null }, { kind: "failed", failure: FAILURE });
  report.hear(SUBJECT, { kind: "warning", message: "mind the gap" });
  await report.close();
  deepStrictEqual(text().split("\n"), [
    '{"event":"failed","time":"2023-11-14T22:13:20.000Z","infoHash":null,"source":"x.torrent",' +
    '"verdict":"no-peers","exitCode":12,"retryable":true,"detail":"no peers are known",' +
    '"evidence":{"peersKnown":0}}',
    `{"event":"warning","time":"2023-11-14T22:13:20.000Z","infoHash":"${SUBJECT.infoHash}",` +
    '"source":"x.torrent","message":"mind the gap"}',
    "",
  ]);
});

Deno.test("JsonReport reports progress once a second, of torrents that run", async () => {
  const { clock, report, text } = open();
  const views = [
    makeView({ etaMs: undefined }),
    makeView({ state: "complete" }),
    { ...makeView(), torrent: undefined },
  ];
  for (let tick = 0; tick < 9; tick++) {
    report.show(views);
    await clock.run(() => false, 250);
  }
  await report.close();
  const lines = text().trimEnd().split("\n").map((line) => JSON.parse(line));
  deepStrictEqual(lines.map(({ event, eta }) => [event, eta]), Array(3).fill(["progress", null]));
});
